"""`birads-zoo cache` lists what runs keep, and deletes only what birads-zoo wrote and no run has used for long."""

import os
import time

import pytest

import birads_zoo as bz
from birads_zoo.data.cache_entries import STORE_FILES

DAY = 24 * 60 * 60
OLD, NEW, FEATURES = "pixels/" + "a" * 40, "pixels/" + "b" * 40, f"features/{'c' * 40}.safetensors"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with two pixel stores and a file of features, of 30, 0 and 10 days ago, and files of the user's."""
    root = tmp_path / "cache"
    monkeypatch.setenv("BIRADS_ZOO_CACHE", str(root))
    for name, days in ((OLD, 30), (NEW, 0)):
        (root / name).mkdir(parents=True)
        for file in STORE_FILES:
            (root / name / file).write_bytes(bytes(500))
        os.utime(root / name / STORE_FILES[-1], (time.time() - days * DAY,) * 2)
    (root / "features").mkdir()
    (root / FEATURES).write_bytes(bytes(2_300_000))
    os.utime(root / FEATURES, (time.time() - 10 * DAY,) * 2)
    mine = [root / "pixels" / "d" / "mine.txt", root / "features" / "mine.safetensors", root / "mine.txt"]
    mine.append(root / "pixels" / ("e" * 40) / "mine.txt")
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    (root / "pixels" / ("f" * 40)).symlink_to(root / NEW)
    yield root
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert (root / "pixels" / ("f" * 40)).is_symlink()


def names(result, cache):
    return [line.rsplit(" ", 1)[1].removeprefix(f"{cache}/") for line in result.out.splitlines()]


def test_entries_are_listed_with_size_and_day_the_least_recently_used_first(zoo, cache):
    result = zoo("cache")
    assert (result.status, names(result, cache)) == (0, [OLD, FEATURES, NEW])
    assert result.out.splitlines()[0].startswith("   1.5 kB  used 20")
    assert result.out.splitlines()[1].startswith("   2.3 MB  used 20")
    assert result.err == f"3 entries of 2.3 MB kept in {cache}\n"
    assert [entry.bytes for entry in bz.list_cache()] == [1500, 2_300_000, 1500]


def test_what_was_not_used_for_long_is_deleted(zoo, cache):
    result = zoo("cache", "--prune", "20")
    assert (result.status, names(result, cache)) == (0, [OLD])
    assert result.err == f"1 entry of 1.5 kB deleted from {cache}\n"
    assert not (cache / OLD).exists()
    assert names(zoo("cache"), cache) == [FEATURES, NEW]
    assert [entry.path for entry in bz.prune_cache(0)] == [cache / FEATURES, cache / NEW]
    assert zoo("cache").out == ""


def test_a_negative_age_is_refused(zoo, cache):
    assert zoo("cache", "--prune", "-1").status == 2
    for days in (-1, float("nan")):
        with pytest.raises(bz.UserError, match="give a number of at least 0"):
            bz.prune_cache(days)
    assert len(bz.list_cache()) == 3


def test_what_cannot_be_deleted_is_one_sentence(zoo, cache, monkeypatch):
    def refuse(path, target):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.rename", refuse)
    result = zoo("cache", "--prune", "20")
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        f"birads-zoo: error: cannot delete {cache / OLD}: Permission denied; check who may write there\n"
    )


def test_a_run_that_uses_a_store_is_known(zoo, phantom_root, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("BIRADS_ZOO_CACHE", str(tmp_path / "own"))
    command = ["run", "--root", phantom_root, "--backbone", "baseline_cnn", "--image-size", "32x32", "--epochs", "1"]
    assert zoo(*command, "--folds", "2", "--device", "cpu", "--out", "runs").status == 0
    (store,) = (entry.path for entry in bz.list_cache())
    os.utime(store / STORE_FILES[-1], (time.time() - 50 * DAY,) * 2)
    assert zoo(*command, "--folds", "2", "--device", "cpu", "--out", "runs").status == 0
    assert bz.prune_cache(20) == ()
