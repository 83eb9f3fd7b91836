"""`birads_zoo.compare`, `ablate`, `leakage` and `list_backbones`; studies' values are tested with the command line."""

import pytest

import birads_zoo as bz
from birads_zoo.api.studies import started_as

SMALL = {"image_size": (32, 32), "epochs": 1, "folds": 2, "device": "cpu", "seeds": 1, "progress": False}


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures", "few_repeats")
def test_a_comparison_is_a_value_with_its_text_and_its_folder(folder, phantom_root, capfd):
    result = bz.compare(["baseline_cnn"], dataset="phantom", root=phantom_root, **SMALL, out="study")
    assert [entry.name for entry in result.values.entries] == ["baseline_cnn"]
    assert result.values.entries[0].score.low <= result.values.entries[0].score.value
    assert result.folder.resolve() == folder / "study"
    assert (result.folder / "leaderboard.html").is_file()
    assert str(result) == result.text
    assert result.text in (result.folder / "leaderboard.md").read_text()
    assert repr(result) == "<Leaderboard in study>"
    shown = result._repr_html_()
    assert shown.startswith("<pre>")
    assert "<script" not in shown
    assert set(result.figures) == {path.stem for path in (folder / "study" / "figures").glob("*.png")}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: bz.compare(["resnet"]), "unknown backbone 'resnet'; did you mean 'resnet50'"),
        (lambda: bz.compare(["resnet50"], metric="f1"), "unknown metric 'f1'; known: accuracy, "),
        (lambda: bz.compare(["resnet50"], seeds=0), "--seeds 0: a study needs one seed at least"),
        (lambda: bz.compare(["resnet50"], epoch=3), "unknown keyword 'epoch'; did you mean 'epochs'"),
        (lambda: bz.ablate("resnet50", ablations=["no-drop"]), "unknown ablation 'no-drop'; did you mean"),
        (lambda: bz.leakage("resnet50", set={"training.epoch": 1}), "did you mean 'training.epochs'"),
    ],
)
def test_a_mistake_is_one_sentence_and_starts_nothing(folder, call, sentence):
    with pytest.raises(bz.UserError, match=sentence):
        call()
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["/usr/bin/birads-zoo", "compare", "--seeds", "2"], "birads-zoo compare --seeds 2"),
        (["/site/birads_zoo/__main__.py", "compare"], "birads-zoo compare"),
        (["/home/me/study.py", "a b"], "python study.py 'a b'"),
        (["/site/ipykernel_launcher.py", "-f", "/run/kernel.json"], "birads_zoo.compare"),
        ([""], "birads_zoo.compare"),
        ([], "birads_zoo.compare"),
    ],
)
def test_a_study_says_how_it_was_started(arguments, command):
    assert started_as("compare", arguments) == command


FAMILY = """
from birads_zoo import BackboneFamily, hookimpl

@hookimpl
def birads_zoo_backbones():
    return [BackboneFamily(prefix="acme", summary="s", names=lambda: ["large", "small"], resolve={}.__getitem__)]
"""


def test_members_of_a_family_are_listed_for_a_pattern_with_its_prefix(folder):
    (folder / "acme.py").write_text(FAMILY)
    assert bz.list_backbones("acme/*", plugins=["acme.py"]) == ["acme/large", "acme/small"]
    assert bz.list_backbones("acme/s*", plugins=["acme.py"]) == ["acme/small"]
    assert bz.list_backbones("resnet*", plugins=["acme.py"]) == ["resnet50"]
    assert "acme/small" not in bz.list_backbones(plugins=["acme.py"])
    assert bz.list_backbones("no-such-*") == []
