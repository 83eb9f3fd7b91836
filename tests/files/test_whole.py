import errno
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from birads_zoo.errors import UserError
from birads_zoo.files import StorageError, make_folder, whole, whole_file, whole_folder, write_text
from birads_zoo.files.whole import NameTakenError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "metrics.json"
    write_text(path, "old")

    def write_half():
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_half()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.json"]


def test_a_failed_folder_leaves_nothing(tmp_path):
    def fill_half():
        with whole_folder(tmp_path / "store") as temporary:
            (temporary / "pixels.npy").write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fill_half()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_replaced_only_when_the_new_one_is_whole(tmp_path):
    path = tmp_path / "maps"

    def fill(name, error=None):
        with whole_folder(path, replaces=("old", "new")) as temporary:
            (temporary / name).touch()
            if error:
                raise error

    fill("old")
    with pytest.raises(RuntimeError, match="killed"):
        fill("half", RuntimeError("killed"))
    assert [file.name for file in path.iterdir()] == ["old"]
    fill("new")
    assert [file.name for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_another_process_has_taken_meanwhile_is_told_apart_from_a_disk_that_fails(tmp_path, monkeypatch):
    path = tmp_path / "run"

    def fill(meanwhile):
        with whole_folder(path) as temporary:
            (temporary / "mine").touch()
            meanwhile()

    def take():
        path.mkdir()
        (path / "theirs").touch()

    with pytest.raises(NameTakenError, match=f"^cannot write {path}: it exists already; choose another name"):
        fill(take)
    assert [file.name for file in path.iterdir()] == ["theirs"]
    shutil.rmtree(path)

    def fail(folder):
        if folder == tmp_path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(whole, "_flush_folder", fail)
    with pytest.raises(StorageError, match="Input/output error") as raised:
        fill(lambda: None)
    assert not isinstance(raised.value, NameTakenError), "the folder is there, but it is this process's own"


_FILLS_FOR_EVER = """
import sys, time
from pathlib import Path
from birads_zoo.files import whole_folder
with whole_folder(Path(sys.argv[1])) as temporary:
    (temporary / "half").touch()
    print(temporary, flush=True)
    time.sleep(600)
"""


def _make_old(folder):
    os.utime(folder, (time.time() - 120,) * 2)


def test_leftovers_of_a_killed_process_are_removed_and_those_of_a_running_one_stay(tmp_path):
    path, command = tmp_path / "maps", [sys.executable, "-c", _FILLS_FOR_EVER, str(tmp_path / "maps")]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as living,
    ):
        try:
            left, held = (Path(process.stdout.readline().strip()) for process in (killed, living))
            killed.kill()
            killed.wait()
            _make_old(left)
            _make_old(held)
            with whole_folder(path):
                pass
            assert not left.exists(), "what the killed process left is gone"
            assert (held / "half").exists(), "what the living process fills is still there"
        finally:
            living.kill()


def test_only_old_leftovers_with_our_names_are_removed(tmp_path):
    with whole_folder(tmp_path / "maps") as temporary:
        prefix = temporary.name[:-8]
    machine, process = prefix.removesuffix("-").rsplit("-", 2)[1:]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    young, gone = f"{prefix}aaaaaaaa", f"{prefix}bbbbbbbb".replace(process, "4194399")  # more than any process's number
    left = {f"{prefix}12345678", f".table.birads-zoo-{machine}-{process}-12345678.csv", gone}
    others = {
        ".maps-original",
        ".maps-20260101",
        f"{prefix}2026",
        f"{prefix}abcdefgh",
        f"x{prefix}12345678",
        f"{prefix}12345678".replace(machine, "00000000"),
    }
    for name in (*left, young, *others):
        (tmp_path / name).mkdir()
        if name not in (young, gone):
            _make_old(tmp_path / name)
    (tmp_path / f"{prefix}00000001").symlink_to(elsewhere)
    os.mkfifo(tmp_path / f"{prefix}00000002")
    _make_old(elsewhere)
    before = {entry.name for entry in tmp_path.iterdir()}
    with whole_folder(tmp_path / "maps", replaces=("*",)):
        pass
    assert {entry.name for entry in tmp_path.iterdir()} == before - left
    assert (elsewhere / "kept").exists()


def test_others_may_read_what_the_umask_allows(tmp_path):
    write_text(tmp_path / "a.txt", "a")
    with whole_folder(tmp_path / "b"):
        pass
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    plain_folder = tmp_path / "plain-folder"
    plain_folder.mkdir()
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == stat.S_IMODE(plain_folder.stat().st_mode)


def test_writing_does_not_touch_the_umask_of_other_threads(tmp_path, monkeypatch):
    monkeypatch.setattr("os.umask", lambda mask: pytest.fail("the umask is the whole process's"))
    write_text(tmp_path / "a.txt", "a")
    with whole_folder(tmp_path / "b"):
        pass


def test_a_place_that_is_no_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*file.*runs: Not a directory; give the name of a folder"):
        make_folder(tmp_path / "file" / "runs")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_place_that_takes_no_folders_is_named():
    with pytest.raises(UserError, match=r"cannot write /proc/runs: .*; choose another place to write to"):
        make_folder(Path("/proc/runs"))


@pytest.mark.parametrize("name", ["notes.txt", "maps/deep/a.png", "maps/a.txt", "a.png"])
def test_a_folder_with_other_files_is_never_replaced(tmp_path, name):
    path = tmp_path / "explanations"
    (path / name).parent.mkdir(parents=True)
    (path / name).write_text("mine")
    (path / "table.csv").touch()
    with (
        pytest.raises(UserError, match=rf"would be replaced, but it holds {name}, which is not birads-zoo's"),
        whole_folder(path, replaces=("table.csv", "maps/*.png")),
    ):
        pytest.fail("the work began")
    assert (path / name).read_text() == "mine"
    assert [inner.name for inner in tmp_path.iterdir()] == ["explanations"]


def test_a_file_that_is_put_there_meanwhile_is_kept(tmp_path):
    path = tmp_path / "explanations"
    path.mkdir()
    with pytest.raises(UserError, match=r"it holds notes\.txt"), whole_folder(path, replaces=("table.csv",)):
        (path / "notes.txt").write_text("mine")
    assert (path / "notes.txt").read_text() == "mine"


def test_a_file_that_cannot_be_written_is_named_as_it_would_be_called(tmp_path):

    def fill():
        with whole_folder(tmp_path / "maps") as temporary:
            (temporary / "below").touch()
            make_folder(temporary / "below")

    with pytest.raises(UserError, match=rf"cannot write {tmp_path}/maps/below: File exists"):
        fill()
