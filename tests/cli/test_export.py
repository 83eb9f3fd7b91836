"""`birads-zoo export`: it writes a folder and prints its path, or prints one sentence and writes nothing."""

import pytest


def test_export_makes_a_folder_and_says_what_it_is(zoo, finished, folder):
    result = zoo("export", finished[0], "--out", folder / "model", "--device", "cpu")
    assert result.status == 0, result.err
    assert {path.name for path in (folder / "model").iterdir()} >= {"manifest.json", "model_card.md"}
    assert "2 networks of baseline_cnn, compared with the trainer's: they agree" in result.err
    assert "Research use only." in result.err
    assert result.err.splitlines()[-1] == f"model: {folder / 'model'}"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere is not a run: it has no recipe.toml; give the folder of a run"),
        (["RUN", "--out", "."], ". exists already; remove it, or name another folder with --out"),
        (["RUN", "--format", "pickle"], "Invalid value for '--format': 'pickle' is not one of"),
        (["RUN", "--root", "elsewhere", "--out", "m"], "no such root: elsewhere"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(zoo, finished, folder, arguments, sentence):
    result = zoo("export", *[finished[0] if argument == "RUN" else argument for argument in arguments])
    assert result.status == 2
    assert result.err.splitlines()[-1].startswith(f"birads-zoo: error: {sentence}")
    assert list(folder.iterdir()) == []
