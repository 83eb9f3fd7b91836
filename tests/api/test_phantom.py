"""`birads_zoo.phantom`: the same arguments give the same files, in a named folder or once in the cache."""

import pytest

import birads_zoo as bz

SMALL = {"patients": 6, "size": (64, 48)}


def test_it_makes_a_folder_and_returns_it(tmp_path):
    folder = bz.phantom(str(tmp_path / "made"), **SMALL)
    assert folder == tmp_path / "made"
    assert (folder / "truth" / "lesions.csv").is_file()
    with pytest.raises(bz.UserError, match="made exists already: choose a new or empty folder"):
        bz.phantom(folder, **SMALL)


def test_without_a_folder_it_is_made_once_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BIRADS_ZOO_CACHE", str(tmp_path))
    first = bz.phantom(**SMALL)
    assert first.parent == tmp_path / "phantom"
    sheet = first / "correctSheetlast.xlsx"
    made = sheet.stat().st_mtime_ns
    assert bz.phantom(**SMALL) == first
    assert sheet.stat().st_mtime_ns == made
    assert bz.phantom(**SMALL, seed=9) != first


def test_invalid_values_are_one_sentence(tmp_path):
    with pytest.raises(bz.UserError, match="a phantom of 3 patients cannot hold every category"):
        bz.phantom(tmp_path / "made", patients=3)
    with pytest.raises(bz.UserError, match=r"size=64: give height and width in pixels, such as \(416, 320\)"):
        bz.phantom(tmp_path / "made", size=64)
    assert not list(tmp_path.iterdir())
