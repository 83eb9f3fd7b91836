"""What killed processes left is cleared, and nothing else is."""

import os
import re
import time

import pytest

from birads_zoo.files import abandoned, whole_file, whole_folder, write_text
from birads_zoo.files.abandoned import clear_abandoned, temporary_folder, temporary_name
from birads_zoo.files.locks import locked


def names(folder):
    return {path.name for path in folder.iterdir()}


def make_old(path):
    os.utime(path, (time.time() - 120,) * 2)


LONG = ("x" * 255, "乳" * 83 + ".json")  # in bytes of UTF-8; 255 is the limit


@pytest.mark.parametrize("name", ["metrics.json", "pixels", "a b.c.npy", ".hidden", *LONG], ids=lambda name: name[:9])
def test_every_name_that_a_file_can_have_gets_a_temporary_one(tmp_path, name):
    path = tmp_path / name
    temporary = path.with_name(temporary_name(path))
    assert temporary.name.endswith(path.suffix)
    assert temporary_name(path) != temporary.name, "each is another"
    write_text(path, "x")
    assert names(tmp_path) == {name}


def test_files_and_folders_of_a_process_that_is_dead_are_removed(tmp_path, left_behind):
    left_behind(tmp_path / "metrics.json").write_text("{")
    left_behind(tmp_path / "name without an ending").touch()
    folder = left_behind(tmp_path / "maps")
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a.npy").touch()
    (tmp_path / "kept.json").touch()
    clear_abandoned(tmp_path)
    assert names(tmp_path) == {"kept.json"}


def test_those_of_a_process_that_lives_stay_for_a_minute_even_if_it_has_not_locked_them_yet(tmp_path):
    path = tmp_path / temporary_name(tmp_path / "metrics.json")
    path.touch()
    clear_abandoned(tmp_path)
    assert names(tmp_path) == {path.name}
    make_old(path)
    clear_abandoned(tmp_path)
    assert names(tmp_path) == set(), "its number was given to another process"


def test_what_a_process_has_locked_stays_for_ever(tmp_path, left_behind):
    path = left_behind(tmp_path / "metrics.json")
    path.touch()
    make_old(path)
    with locked(path) as acquired:
        assert acquired
        clear_abandoned(tmp_path)
        assert path.exists()
    clear_abandoned(tmp_path)
    assert not path.exists()


@pytest.mark.parametrize("write", [whole_file, whole_folder])
def test_what_is_being_written_is_locked(tmp_path, write):
    with write(tmp_path / "a") as temporary:
        make_old(temporary)
        clear_abandoned(tmp_path)
        assert temporary.exists()


def test_similar_names_and_links_stay(tmp_path, left_behind, monkeypatch):
    ours = left_behind(tmp_path / "maps").name
    with monkeypatch.context() as patch:
        patch.setattr(abandoned.platform, "node", lambda: "another machine")
        elsewhere = left_behind(tmp_path / "maps").name
    others = {
        "maps",
        ".maps",
        ours[1:],
        ours[:-1],
        f"{ours}0",
        f"{ours}.a.b",
        re.sub("-[0-9]+-", "--", ours),
        elsewhere,
    }
    for name in others:
        (tmp_path / name).mkdir()
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").touch()
    link = left_behind(tmp_path / "link")
    link.symlink_to(target)
    clear_abandoned(tmp_path)
    assert names(tmp_path) == {*others, "target", link.name}
    assert (target / "kept").exists()


def test_a_folder_for_temporary_files_is_private_and_empty_and_goes_with_those_of_the_dead(
    tmp_path, left_behind, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left_behind(tmp_path / "serve").mkdir()
    with temporary_folder("serve") as folder, temporary_folder("serve") as another:
        assert names(tmp_path) == {folder.name, another.name}
        assert folder.stat().st_mode & 0o777 == 0o700
        assert names(folder) == set()
        (folder / "inner").mkdir()
    assert names(tmp_path) == set()


def test_a_folder_that_is_not_there_is_no_error(tmp_path):
    clear_abandoned(tmp_path / "gone")
    (tmp_path / "file").touch()
    clear_abandoned(tmp_path / "file")
    assert names(tmp_path) == {"file"}
