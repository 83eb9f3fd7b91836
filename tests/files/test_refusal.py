"""Whatever the system refuses is one sentence that says what to do."""

import contextlib
import errno
import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from birads_zoo.files import StorageError, refusal, whole_file, whole_folder
from birads_zoo.files.refusal import error_number, refusal_of, refuse_if_passing, retried, writing


def os_error(number, path=None):
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space, or choose another place to write to"),
        (errno.EDQUOT, "free some of your quota, or choose another place to write to"),
        (errno.EFBIG, "raise the limit on the size of files (ulimit -f), or choose another place to write to"),
        (errno.EMFILE, "raise the limit on open files (ulimit -n)"),
        (errno.ENFILE, "close other programs, or raise the system's limit on open files"),
        (errno.ENOMEM, "free some memory"),
        (errno.ENAMETOOLONG, "choose a shorter name"),
        (errno.EIO, "check the disk or the network drive"),
        (errno.ESTALE, "check the network drive"),
        (errno.EACCES, "choose another place to write to"),
        (errno.EROFS, "choose another place to write to"),
        (errno.EISDIR, "give the name of a file"),
        (errno.ENOTDIR, "give the name of a folder"),
        (errno.EEXIST, "give the name of a folder"),
        (errno.ENOENT, "choose another place to write to"),
    ],
    ids=lambda value: errno.errorcode.get(value, ""),
)
def test_each_refusal_to_write_has_its_sentence(tmp_path, number, remedy):
    path = tmp_path / "metrics.json"
    for named in (None, str(path), str(tmp_path / ".metrics-temporary")):
        with pytest.raises(StorageError) as refused, writing(path):
            raise os_error(number, named)
        assert str(refused.value) == f"cannot write {path}: {os.strerror(number)}; {remedy}"


def test_a_lack_of_memory_is_one_too(tmp_path):
    with pytest.raises(StorageError, match="Cannot allocate memory; free some memory"), writing(tmp_path / "a"):
        raise MemoryError


@contextlib.contextmanager
def largest_file(size):
    """Let no file of this process become larger than `size` bytes."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


TOO_LARGE = "File too large; raise the limit on the size of files (ulimit -f)"


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: path.write_bytes(bytes(9000)), TOO_LARGE),
        (lambda path: save_file({"x": torch.ones(9000)}, path), TOO_LARGE),
        (lambda path: np.save(path, np.zeros(9000), allow_pickle=False), "No space left on device; free some space"),
    ],
    ids=["Python", "safetensors", "NumPy"],
)
def test_a_file_that_cannot_grow_is_one_whichever_library_writes(tmp_path, write, reason):
    path = tmp_path / "a.npy"
    with pytest.raises(StorageError) as refused, whole_file(path) as temporary, largest_file(4096):
        write(temporary)
    assert str(refused.value) == f"cannot write {path}: {reason}, or choose another place to write to"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error", [ValueError("x"), os_error(errno.ENOENT, "/elsewhere/picture.png"), KeyError("(os error)")], ids=repr
)
def test_an_error_of_something_else_stays_what_it_is(tmp_path, error):
    with pytest.raises(type(error)) as seen, writing(tmp_path / "metrics.json"):
        raise error
    assert seen.value is error


def test_the_innermost_file_is_named(tmp_path):
    with (
        pytest.raises(StorageError, match=r"cannot write .*inner"),
        writing(tmp_path / "outer"),
        writing(tmp_path / "inner"),
    ):
        raise os_error(errno.ENOSPC)


def attempt(write, path):
    """Return what the error says, or "" if there is none."""
    try:
        with write(path):
            pass
    except StorageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("time", [1, 2, 3])
@pytest.mark.parametrize("call", ["fsync", "replace", "rename", "mkdir", "open"])
@pytest.mark.parametrize("write", [whole_file, whole_folder])
def test_a_step_of_writing_that_fails_leaves_nothing_half_done(tmp_path, monkeypatch, write, call, time):
    calls, real, path = [], getattr(os, call), tmp_path / "a"

    def fail_once(*arguments, **options):
        calls.append(arguments)
        if len(calls) == time:
            raise os_error(errno.EIO)
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail_once)
        message = attempt(write, path)
    assert message in ("", f"cannot write {path}: Input/output error; check the disk or the network drive")
    assert message or path.exists()
    assert {entry.name for entry in tmp_path.iterdir()} <= {"a"}
    if (write, call, time) in [(whole_file, "fsync", 1), (whole_file, "replace", 1), (whole_folder, "rename", 1)]:
        assert message
        assert not path.exists()


def test_passing_trouble_is_found_in_what_caused_an_error(tmp_path):
    path = tmp_path / "a.png"
    for outer in (ValueError("x"), RuntimeError("x")):
        outer.__cause__ = os_error(errno.EIO)
        with pytest.raises(
            StorageError, match=rf"cannot read {path}: Input/output error; check the disk .*, and run again"
        ):
            refuse_if_passing(path, outer)
    circle, other = ValueError("x"), ValueError("y")
    circle.__cause__, other.__cause__ = other, circle
    refuse_if_passing(path, circle)


@pytest.mark.parametrize(
    "error", [ValueError("broken"), os_error(errno.ENOENT), os_error(errno.EACCES), os_error(errno.EISDIR)], ids=repr
)
def test_what_the_file_itself_causes_is_no_passing_trouble(tmp_path, error):
    assert refuse_if_passing(tmp_path / "a.png", error) is None, "it does not raise"


@pytest.mark.parametrize(("failures", "succeeds"), [(0, True), (3, True), (4, False)])
def test_a_file_is_read_again_three_times(tmp_path, monkeypatch, failures, succeeds):
    pauses, left = [], [StorageError("x")] * failures
    monkeypatch.setattr(refusal.time, "sleep", pauses.append)

    def read(path):
        if left:
            raise left.pop()
        return path

    if succeeds:
        assert retried(read)(tmp_path) == tmp_path
    else:
        with pytest.raises(StorageError):
            retried(read)(tmp_path)
    assert pauses == list(refusal._PAUSES[:failures])


def test_other_errors_are_not_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(refusal.time, "sleep", lambda seconds: pytest.fail("it waited"))

    def read(path):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        retried(read)(tmp_path)


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (os_error(errno.EIO), errno.EIO),
        (MemoryError(), errno.ENOMEM),
        (RuntimeError("I/O error: No space left on device (os error 28)"), errno.ENOSPC),
        (RuntimeError("IoError(Os { code: 27, kind: FileTooLarge })"), errno.EFBIG),
        (RuntimeError("os error 28"), None),
        (OSError("without a number"), None),
    ],
)
def test_the_systems_number_of_an_error(error, number):
    assert error_number(error) == number


def test_a_refusal_that_nobody_expected_is_a_sentence_too():
    assert str(refusal_of(os_error(errno.ENOSPC, "/a/b"))).startswith(
        "cannot read or write /a/b: No space left on device"
    )
    for error in (ValueError("x"), os_error(errno.ENOENT, "/a"), os_error(errno.EINVAL, "/a")):
        assert refusal_of(error) is None, "it may be a bug"
