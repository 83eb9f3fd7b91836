"""Standard streams that are closed, full, broken or of another encoding never cost a command's results."""

import contextlib
import io
import subprocess
import sys

import pytest

from birads_zoo.cli import main, streams

LIST = [sys.executable, "-m", "birads_zoo", "list"]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="it needs a shell")


@pytest.fixture
def picture(phantom_root):
    return next(path for path in sorted(phantom_root.rglob("*.jpg")) if path.stat().st_size > 1000)


def test_predictions_to_a_closed_stdout_are_no_bug(monkeypatch, exported, picture):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as stopped:
        main(["predict", str(exported), str(picture), "--device", "cpu"])
    sys.stdout.close()
    assert stopped.value.code == 0


@pytest.mark.usefixtures("no_figures")
def test_a_run_with_a_closed_stdout_is_finished(monkeypatch, few_repeats, folder, phantom_root):
    monkeypatch.setattr(sys, "stdout", None)
    small = ["--image-size", "32x32", "--epochs", "1", "--folds", "2", "--device", "cpu"]
    with contextlib.redirect_stderr(io.StringIO()) as err, pytest.raises(SystemExit) as stopped:
        main(["run", "--root", str(phantom_root), "--backbone", "baseline_cnn", *small])
    sys.stdout.close()
    assert stopped.value.code == 0, err.getvalue()
    assert (folder / "runs" / "baseline_cnn" / "complete.json").exists()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_characters_that_a_stream_does_not_have_are_escaped(monkeypatch, encoding):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    streams.make_usable()
    print("≤ 3 ‡ ok", flush=True)
    assert written.getvalue().decode(encoding).endswith(" ok\n")
    assert rb"\u2264 3 " in written.getvalue()


NEXT_FILE = """
import os, sys
from birads_zoo.cli import streams
streams.make_usable()
print("out")
print("error", file=sys.stderr)
sys.exit(0 if os.open(os.devnull, os.O_RDONLY) > 2 else 1)
"""


@POSIX
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_no_file_gets_the_number_of_a_closed_stream(closed):
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", NEXT_FILE])
    assert done.returncode == 0


@POSIX
def test_a_reader_that_stops_reading_is_no_error():
    with subprocess.Popen(LIST, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        error = process.stderr.read()
        assert process.wait() in (0, 1)
    assert error == b""
