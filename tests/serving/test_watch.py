"""The watch over changes of files, which the other tests here rely on, refuses what it must."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

# A folder outside the tests' own that does not exist: if the watch failed, there would be nothing to delete.
ABSENT = Path("/no-such-folder-of-birads-zoo")


@pytest.mark.parametrize(
    "delete",
    [
        os.unlink,
        os.remove,
        os.rmdir,
        shutil.rmtree,
        Path.unlink,
        Path.rmdir,
        lambda path: os.rename(path, path / "x"),  # noqa: PTH104
        lambda path: shutil.rmtree(path, ignore_errors=True),
        lambda path: shutil.rmtree(os.path.join("..", *[".."] * 40, *path.parts[1:])),  # noqa: PTH118
    ],
)
def test_a_deletion_outside_is_refused(delete, refused):
    try:
        delete(ABSENT)
    except OSError as error:
        assert "outside the tests' folder" in str(error)  # noqa: PT017
    assert [event.split()[1].startswith(str(ABSENT)) for event in refused()] == [True]


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.open("r+b"),
        lambda path: path.open("a"),
        lambda path: os.open(path, os.O_RDONLY | os.O_TRUNC),
        lambda path: os.truncate(path, 0),
        lambda path: path.chmod(0o777),
        lambda path: path.symlink_to("/dev/null"),
        lambda path: path.hardlink_to("/dev/null"),
        lambda path: shutil.copyfile("/dev/null", path),
    ],
)
def test_a_change_outside_is_refused(change, refused):
    with pytest.raises(PermissionError, match="outside the tests' folder"):
        change(ABSENT / "x")
    assert refused()[0].endswith(f" {ABSENT / 'x'}")


def test_reading_outside_is_allowed():
    assert Path("/dev/null").read_bytes() == b""
    assert Path(__file__).read_text()


def test_a_deletion_in_a_thread_is_seen(refused):
    with ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(shutil.rmtree, ABSENT).exception(), PermissionError)
    assert refused() == [f"shutil.rmtree {ABSENT}"]


def test_a_link_leads_outside(tmp_path, refused):
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(PermissionError):
        os.unlink(tmp_path / "link" / ABSENT.name)  # noqa: PTH108
    assert refused() == [f"os.remove {ABSENT}"]


def test_the_folder_above_the_tests_own_is_outside(own, tmp_path, refused):
    assert own in tmp_path.resolve().parents
    with pytest.raises(PermissionError):  # without the watch: another error, as the folder is not empty
        (own / "..").rmdir()
    assert refused() == [f"os.rmdir {own.parent}"]


def test_a_deletion_inside_is_allowed(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    shutil.rmtree(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
