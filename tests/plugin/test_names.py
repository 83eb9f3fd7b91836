"""Names of parts: clashes, and which characters are allowed."""

import dataclasses

import pytest

from birads_zoo import UserError
from birads_zoo.interfaces import BackboneSpec
from birads_zoo.plugin.host import load_host
from birads_zoo.plugin.kinds import KINDS, fault_of


def test_two_plugins_that_claim_a_name_are_both_named(install, write, stub):
    install(nets=stub("my-net"))
    path = write("my_net.py", stub("my-net"))
    with pytest.raises(
        UserError, match=r"two plugins claim the backbone name 'my-net': acme-zoo 0\.3 and .*my_net\.py"
    ):
        load_host([path])


def test_an_alias_clashes_with_a_name(write, one_of_each):
    text = one_of_each.replace('"my-other-name"', '"mini-mias"')
    with pytest.raises(
        UserError, match=r"two plugins claim the data set name 'mini-mias': birads-zoo .* and .*all\.py"
    ):
        load_host([write("all.py", text)])


def test_one_plugin_that_claims_a_name_twice(write, stub):
    text = stub("my-net") + "\nspec, = birads_zoo_backbones()\n"
    text += "@hookimpl\ndef birads_zoo_backbones():\n    return [spec, spec]\n"
    with pytest.raises(UserError, match=r"plugin .*twice\.py claims the backbone name 'my-net' twice"):
        load_host([write("twice.py", text)])


def test_parts_of_two_kinds_may_share_a_name(write, stub):
    assert load_host([write("net.py", stub("focal"))]).backbone("focal")


@pytest.mark.parametrize("name", ["No-Dropout", "no_dropout", "no--dropout", "-no", "no dropout"])
def test_an_ablation_whose_name_cannot_be_a_flag(write, name, one_of_each):
    with pytest.raises(UserError, match=r"cannot be a flag|whose name or alias"):
        load_host([write("all.py", one_of_each.replace("my-ablations", name))])


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "../a", "a+b", ".a", "-a", 3])
def test_a_name_that_cannot_be_part_of_a_folders_name(name):
    kind = next(kind for kind in KINDS if kind.name == "backbone")
    assert "whose name or alias" in fault_of(kind, [BackboneSpec(name=name, summary="s", build=print)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"summary": ""}, "summary is not one line"),
        ({"summary": "a\nb"}, "summary is not one line"),
        ({"build": None}, "`build` is None, not a function"),
        ({"pixel_mean": ()}, "`pixel_mean` is not a tuple of one number per channel"),
        ({"pixel_mean": (0.1, 0.2)}, "`pixel_mean` has 2 channels and whose `pixel_std` has 1"),
        ({"pixel_std": (0.0,)}, "`pixel_std` has a value that is not above 0"),
        ({"stages": "layer1"}, "`stages` is not a tuple"),
    ],
)
def test_a_spec_with_a_wrong_field(change, message):
    spec = BackboneSpec(name="x", summary="s", build=print)
    kind = next(kind for kind in KINDS if kind.name == "backbone")
    assert fault_of(kind, [spec]) == ""
    assert message in fault_of(kind, [dataclasses.replace(spec, **change)])


def test_unknown_names_get_the_nearest_ones(write, one_of_each):
    host = load_host([write("all.py", one_of_each)])
    with pytest.raises(UserError, match=r"unknown backbone 'resnet5'; did you mean 'resnet50'"):
        host.backbone("resnet5")
    with pytest.raises(UserError, match=r"unknown data set 'my-other-nam'; did you mean 'my-other-name'"):
        host.dataset("my-other-nam")
