"""Broken plugins: each is reported by name, and the others work."""

import sys

import pytest

from birads_zoo import UserError
from birads_zoo.plugin.host import load_host

EXTENDING = (
    "from birads_zoo import DatasetSpec, Target, hookimpl\n@hookimpl\ndef birads_zoo_datasets():\n"
    "    target = Target(name='t', column='c', classes=None)\n"
    "    named = dict(name='x', aliases=('y',), extends='{extends}')\n"
    "    return [DatasetSpec(**named, summary='s', load=print, targets=(target,))]"
)
BROKEN = {
    "raises": ("1 / 0", r"failed at import: ZeroDivisionError: division by zero"),
    "exits": ("raise SystemExit(3)", r"failed at import: SystemExit: 3"),
    "syntax": ("def :", r"failed at import: SyntaxError: .*line 1"),
    "lacks": ("import no_such_library", r"failed at import: ModuleNotFoundError: No module named 'no_such_library'"),
    "misspelt": (
        "from birads_zoo import hookimpl\n@hookimpl\ndef birads_zoo_backbone():\n    return []",
        r"has a hook that does not exist, 'birads_zoo_backbone': did you mean 'birads_zoo_backbones'\?",
    ),
    "foreign": (
        "from birads_zoo import hookimpl\n@hookimpl\ndef something():\n    return []",
        r"has a hook that does not exist, 'something': the hooks are birads_zoo_datasets, .* and birads_zoo_ablations",
    ),
    "unmarked": (
        "def birads_zoo_backbones():\n    return []",
        r"registers nothing: mark a function named .* @hookimpl",
    ),
    "arguments": (
        "from birads_zoo import hookimpl\n@hookimpl\ndef birads_zoo_losses(options):\n    return []",
        r"has hooks that do not fit: .*options",
    ),
    "hook": (
        "from birads_zoo import hookimpl\n@hookimpl\ndef birads_zoo_losses():\n    raise ValueError('no luck')",
        r"failed in birads_zoo_losses: ValueError: no luck",
    ),
    "none": (
        "from birads_zoo import hookimpl\n@hookimpl\ndef birads_zoo_losses():\n    pass",
        r"is broken: birads_zoo_losses returned None instead of a list of LossSpec",
    ),
    "type": (
        "from birads_zoo import BackboneSpec, hookimpl\n@hookimpl\ndef birads_zoo_losses():\n"
        "    return [BackboneSpec(name='x', summary='s', build=print)]",
        r"is broken: birads_zoo_losses returned a list with a value of type BackboneSpec in it instead of LossSpec",
    ),
    "name": (
        "from birads_zoo import BackboneSpec, hookimpl\n@hookimpl\ndef birads_zoo_backbones():\n"
        "    return [BackboneSpec(name='', summary='s', build=print)]",
        r"returned backbone '', whose name or alias is not made of letters",
    ),
    "newer": (
        "PLUGIN_API = 2",
        r"is written for plugin API 2, and birads-zoo \S+ has plugin API 1; update birads-zoo, or use an older",
    ),
    "older": (
        "PLUGIN_API = 0",
        r"is written for plugin API 0, and birads-zoo \S+ has plugin API 1; update the plugin, or use an older",
    ),
    "newer-import": (
        "from birads_zoo import HeadSpec\nPLUGIN_API: int = 2",
        r"is written for plugin API 2, and birads-zoo \S+ has plugin API 1; update birads-zoo",
    ),
    "same-import": (
        "from birads_zoo import HeadSpec\nPLUGIN_API = 1",
        r"failed at import: ImportError: cannot import name 'HeadSpec'",
    ),
    "no-number": ("PLUGIN_API = '1'", r"states PLUGIN_API = '1', which is not a whole number; write PLUGIN_API = 1"),
    "extends-itself": (
        EXTENDING.format(extends="y"),
        r"returned data set 'x', which extends itself: name another data set, or leave `extends` out",
    ),
    "extends-unknown": (
        EXTENDING.format(extends="kaumd"),
        r"is broken: its data set 'x' extends an unknown data set 'kaumd'; did you mean 'kaumds'\?",
    ),
    "positive": (
        "from birads_zoo import DatasetSpec, Target, hookimpl\n@hookimpl\ndef birads_zoo_datasets():\n"
        "    target = Target(name='t', column='c', classes={'a': ('1',), 'b': ('2',)}, positive=('B',))\n"
        "    return [DatasetSpec(name='x', summary='s', load=print, targets=(target,))]",
        r"whose target 't' calls a class positive that it does not have: 'B'",
    ),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_installed_plugin_is_named_and_the_rest_work(text, message, install, stub):
    install(broken=text, sound=stub("acme-net"))
    host = load_host()
    (problem,) = host.problems
    assert problem.startswith("plugin acme-zoo 0.3 (entry point 'broken') ")
    with pytest.raises(UserError, match=message):
        load_host(strict=True)
    assert host.backbone("acme-net")
    assert host.backbone("resnet50")
    assert "\n" not in problem


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_that_the_user_named_is_an_error(text, message, write):
    path = write("broken.py", text)
    with pytest.raises(UserError, match=message) as caught:
        load_host([path])
    assert str(path) in str(caught.value)


def test_an_error_in_a_file_is_shown_with_its_line(write):
    path = write("broken.py", "x = 1\n\n1 / 0\n")
    with pytest.raises(UserError, match=r"ZeroDivisionError: division by zero \(line 3\)") as caught:
        load_host([path])
    assert isinstance(caught.value.__cause__, ZeroDivisionError), "the cause is lost"


def test_a_missing_file_is_a_problem_if_registered_and_an_error_if_named(tmp_path):
    gone = tmp_path / "gone.py"
    assert load_host(registered_files=(gone,)).problems == (
        f"there is no plugin file {gone}; give the path of a Python file",
    )
    with pytest.raises(UserError, match=r"there is no plugin file .*gone\.py"):
        load_host([gone])


def test_a_good_hook_of_a_plugin_survives_a_bad_one(install, stub):
    install(mixed=stub("acme-net") + "\n@hookimpl\ndef birads_zoo_losses():\n    return 3\n")
    host = load_host()
    assert host.backbone("acme-net")
    assert "returned a value of type int instead of a list of LossSpec" in host.problems[0]


def test_an_error_in_a_plugins_function_names_the_plugin(write, stub):
    path = write("net.py", stub("my-net").replace("    from torch", "    context.no_such_field\n    from torch"))
    host = load_host([path])
    with pytest.raises(UserError) as caught, host.building("backbone", "my-net"):
        host.backbone("my-net").build(object())
    assert str(caught.value) == (
        f"backbone 'my-net' (plugin {path}) failed: "
        "AttributeError: 'object' object has no attribute 'no_such_field' (line 5)"
    )
    assert isinstance(caught.value.__cause__, AttributeError)


def test_user_errors_and_interrupts_pass_through():
    host = load_host()
    with pytest.raises(UserError, match=r"^as it was$"), host.building("loss", "focal"):
        raise UserError("as it was")
    with pytest.raises(KeyboardInterrupt), host.building("loss", "focal"):
        raise KeyboardInterrupt


def test_a_data_set_that_extends_an_unknown_one_can_still_be_used(install):
    install(data=EXTENDING.format(extends="kaumd"))
    assert load_host().dataset("x").extends == "kaumd"


def test_a_data_set_may_extend_one_of_a_plugin_that_is_loaded_later(install, write):
    install(data=EXTENDING.format(extends="later"))
    later = EXTENDING.format(extends="").replace("name='x'", "name='later'").replace("'y'", "'z'")
    assert load_host([write("later.py", later)], strict=True).problems == ()


def test_the_api_of_an_installed_plugin_that_fails_at_import_is_read_in_a_package_too(tmp_path, monkeypatch, install):
    install()
    package = tmp_path / "site" / "acme_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text("PLUGIN_API = 2\nfrom birads_zoo import HeadSpec")
    entry_points = tmp_path / "site" / "acme_zoo-0.3.dist-info" / "entry_points.txt"
    entry_points.write_text("[birads_zoo]\nnets = acme_package.nets")
    (problem,) = load_host().problems
    assert "is written for plugin API 2" in problem
    monkeypatch.delitem(sys.modules, "acme_package")
    (package / "__init__.py").write_text("1 / 0")
    (problem,) = load_host().problems
    assert "failed at import: ZeroDivisionError" in problem
