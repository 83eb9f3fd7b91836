"""The command line as a whole: help, exit statuses, and messages on stderr."""

import errno
import importlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import weakref

import click
import pytest

from birads_zoo import UserError, __version__, cli
from birads_zoo.errors import BiradsZooWarning

pytestmark = pytest.mark.usefixtures("folder")  # the working directory is an empty one


def test_help_names_every_command(zoo):
    result = zoo("--help")
    assert result.status == 0
    for name in cli.SUMMARIES:
        assert f"\n  {name} " in result.out
    assert "no medical device" in result.out.replace("\n  ", " ")
    assert zoo().out == result.out, "no arguments at all should show the help"


@pytest.mark.parametrize("name", cli.SUMMARIES)
def test_every_command_has_its_file_and_help(zoo, name):
    command = importlib.import_module(f"birads_zoo.cli.{name}").command
    assert command.name == name
    result = zoo(name, "--help")
    assert (result.status, result.err) == (0, "")


def test_version(zoo):
    assert zoo("--version").out == f"birads-zoo {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["lst"], "unknown command 'lst'; did you mean 'list'?"),
        (["list", "--jsn"], "No such option '--jsn'. Did you mean '--json'?"),
        (["list", "backbone"], "unknown kind 'backbone'; did you mean 'backbones'?"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(zoo, arguments, sentence):
    result = zoo(*arguments)
    assert (result.status, result.out) == (2, "")
    assert plain(result.err) == plain(f"birads-zoo: error: {sentence}\n")


def plain(said):
    """Return a message without the punctuation in which click before 8.4 differs."""
    return said.replace("option: ", "option ").replace("'", "").replace(".", "")


@pytest.fixture
def doing(monkeypatch):
    """Replace the command `list` by a command that calls `action`."""

    def replace(action):
        monkeypatch.setattr("birads_zoo.cli.list.command", click.Command("list", callback=action))

    return replace


def test_a_warning_is_shown_once_and_plainly(zoo, doing):
    def warn():
        for text in ("it leaks", "it leaks", "and more"):
            warnings.warn(text, BiradsZooWarning, stacklevel=1)

    doing(warn)
    result = zoo("list")
    assert (result.status, result.err) == (0, "birads-zoo: warning: it leaks\nbirads-zoo: warning: and more\n")


def test_an_interrupt_ends_with_130(zoo, doing):
    def interrupt():
        raise KeyboardInterrupt

    doing(interrupt)
    result = zoo("list")
    assert (result.status, result.err.strip()) == (130, "birads-zoo: interrupted")


def in_a_callback(action):
    """Call `action` where no exception can leave it: in the callback of a weak reference."""
    thing = threading.Event()
    reference = weakref.ref(thing, lambda _: action())
    del thing
    assert reference() is None


def test_a_signal_is_obeyed_also_where_python_cannot_raise_it(zoo, doing):
    former = sys.unraisablehook

    def work():
        in_a_callback(lambda: signal.raise_signal(signal.SIGTERM))
        time.sleep(5)

    doing(work)
    result = zoo("list")
    assert (result.status, result.err.strip()) == (143, "birads-zoo: interrupted by SIGTERM")
    assert sys.unraisablehook is former


def test_what_is_no_signal_and_cannot_be_raised_is_left_to_the_former_hook(zoo, doing, monkeypatch):
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: shown.append(repr(unraisable.exc_value)))
    doing(lambda: in_a_callback(lambda: 1 / 0))
    assert zoo("list").status == 0
    assert shown == ["ZeroDivisionError('division by zero')"]


def test_a_user_error_is_a_sentence(zoo, doing):
    def fail():
        raise UserError("there is no such root")

    doing(fail)
    assert zoo("list").err == "birads-zoo: error: there is no such root\n"


@pytest.fixture
def buggy(doing, tmp_path, monkeypatch):
    """A command that ends with an exception that nobody expected; the folder for temporary files."""

    def fail():
        raise ZeroDivisionError("no\x1b[31m\nreason")

    doing(fail)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_bug_is_two_lines_and_a_file_with_its_trace(zoo, buggy):
    status, out, err = zoo("list")
    (file,) = buggy.iterdir()
    what, request = err.splitlines()
    assert (status, out) == (70, "")
    assert what.startswith("birads-zoo: bug: ZeroDivisionError: no\\x1b[31m (fail, ")
    assert request == f"birads-zoo: this is a bug: the full trace is in {file}, please report it"
    trace = file.read_text("utf-8")
    assert trace.startswith(f"birads-zoo {__version__}, Python ")
    assert "['list']" in trace
    assert "Traceback (most recent call last):" in trace
    assert "ZeroDivisionError: no" in trace


def test_a_bug_is_reported_after_the_command_report_was_used_too(zoo, buggy):
    importlib.import_module("birads_zoo.cli.report")
    assert zoo("list").status == 70


def test_a_bugs_traceback_is_shown_where_it_cannot_be_written(zoo, buggy, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(buggy / "gone"))
    result = zoo("list")
    assert result.status == 70
    assert "Traceback (most recent call last):" in result.err
    assert result.err.endswith("birads-zoo: this is a bug: the full trace is above, please report it\n")


def test_a_bugs_traceback_is_shown_on_request(buggy, monkeypatch):
    monkeypatch.setenv("BIRADS_ZOO_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["list"])
    assert list(buggy.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "the memory is too small (MemoryError); free some, or take a smaller training.batch_size or"),
        (RuntimeError("CUDA out of memory. Tried"), "the memory is too small (CUDA out of memory. Tried); free some"),
        (RuntimeError("could not create a primitive"), "the memory is too small (could not create a primitive); free"),
        (RuntimeError("can't start new thread"), "the system starts no more threads (can't start new thread); free"),
        (OSError(errno.ENOSPC, "No space left", "/a"), "cannot read or write /a: No space left on device; free some"),
        (OSError(errno.EMFILE, "x", "/a"), "cannot read or write /a: Too many open files; raise the limit on open"),
    ],
    ids=["memory", "device memory", "oneDNN", "threads", "full disk", "open files"],
)
def test_what_the_system_refuses_is_no_bug(zoo, doing, tmp_path, monkeypatch, error, sentence):
    def fail():
        raise error

    doing(fail)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = zoo("list")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"birads-zoo: error: {sentence}")
    assert list(tmp_path.iterdir()) == []


def test_python_m_is_the_same_command(folder):
    ran = subprocess.run([sys.executable, "-m", "birads_zoo", "--version"], capture_output=True, text=True)
    assert ran.stdout == f"birads-zoo {__version__}\n"


FAILING = """\
from birads_zoo import DatasetSpec, Target, hookimpl

def load(context):
    raise KeyError("no such sheet")

@hookimpl
def birads_zoo_datasets():
    return [DatasetSpec(name="mine", summary="s", load=load, targets=(Target(name="t", column="label", classes=None),))]
"""


def test_a_plugins_traceback_is_shown_on_request(zoo, folder, monkeypatch):
    (folder / "mine.py").write_text(FAILING)
    arguments = ["audit", "--plugin", "mine.py", "--dataset", "mine", "--root", folder]
    monkeypatch.delenv("BIRADS_ZOO_DEBUG", raising=False)
    plain = zoo(*arguments)
    assert "Traceback" not in plain.err
    monkeypatch.setenv("BIRADS_ZOO_DEBUG", "1")
    debugged = zoo(*arguments)
    assert debugged.status == plain.status == 2
    assert debugged.err.startswith("Traceback (most recent call last):\n")
    assert 'mine.py", line 4, in load\n' in debugged.err
    assert debugged.err.endswith(plain.err)


def test_help_works_after_the_command_list_was_imported(zoo):
    assert zoo("list", "losses").status == 0
    assert zoo("--help").status == 0
