import os

import pytest

from birads_zoo.files.regular import open_regular, read_regular


def test_a_regular_file_and_a_link_to_it_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"one\r\ntwo")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert read_regular(tmp_path / "a") == read_regular(tmp_path / "b") == b"one\r\ntwo"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a pipe or a device, not a regular file"):
        open_regular(tmp_path / "pipe")
    with pytest.raises(OSError, match="a pipe or a device, not a regular file"):
        open_regular(type(tmp_path)(os.devnull))


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_an_error_of_the_system_too(tmp_path, name):
    with pytest.raises(OSError, match="no file can have this name"):
        open_regular(tmp_path / name)


def test_folders_and_missing_files_keep_their_own_errors(tmp_path):
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "gone")


def test_no_refused_file_stays_open(tmp_path, monkeypatch):
    opened, closed = [], []
    system_open, system_close = os.open, os.close
    monkeypatch.setattr(os, "open", lambda *given: opened.append(system_open(*given)) or opened[-1])
    monkeypatch.setattr(os, "close", lambda number: closed.append(number) or system_close(number))
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    assert opened == closed != []
