"""`--jobs N` executes runs of a study at once, with the results of one after another, and outlives a run that dies."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from birads_zoo.errors import UserError
from birads_zoo.progress import Board
from birads_zoo.study.executors import processes
from birads_zoo.study.executors.processes import Processes, choose_count

PROCESSES = Path("/proc")
SMALL = ["--image-size", "32x32", "--folds", "2", "--device", "cpu"]


@pytest.fixture
def one_thread(monkeypatch):
    """Compute with one thread in this process, and give each worker one."""
    monkeypatch.setattr(processes, "_cores", lambda: 2)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_run_in_a_process_of_its_own_is_one_of_the_study(zoo, folder, phantom_root, write_net):
    write_net("good.py", "good-net")
    study = ["compare", "--root", phantom_root, "--plugin", "good.py", "--backbone", "good-net", *SMALL]
    result = zoo(*study, "--epochs", "1", "--seeds", "1", "--jobs", "2", "--out", "study")
    assert result.status == 0, result.err
    assert "[1/1] good-net@0 · macro_f1 " in result.err
    assert zoo("verify", "study").status == 0


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread", "no_figures")
def test_runs_at_once_have_the_results_of_one_after_another_and_a_run_that_dies_harms_no_other(
    zoo, folder, phantom_root, write_net
):
    write_net("good.py", "good-net")
    write_net("bad.py", "bad-net", "1 / 0")
    write_net("dying.py", "dying-net", "__import__('os').kill(__import__('os').getpid(), 9)")
    plugins = [part for name in ("good.py", "bad.py", "dying.py") for part in ("--plugin", name)]
    study = ["compare", "--root", phantom_root, *plugins, *SMALL, "--epochs", "1", "--seeds", "1"]
    names = ["dying-net", "baseline_cnn", "bad-net", "good-net"]
    at_once = zoo(*study, *(part for name in names for part in ("--backbone", name)), "--jobs", "2", "--out", "at-once")
    assert at_once.status == 0, at_once.err
    assert "[1/4] dying-net@0 · failed: seed 0: its process ended, killed by SIGKILL, perhaps because" in at_once.err
    assert "[3/4] bad-net@0 · failed: seed 0: backbone 'bad-net'" in at_once.err
    assert "division by zero" in (folder / "at-once" / "errors" / "bad-net@0.txt").read_text()
    alone = zoo(*study, "--backbone", "baseline_cnn", "--backbone", "good-net", "--out", "alone")
    assert alone.status == 0, alone.err
    for name in ("baseline_cnn@0", "good-net@0"):
        first, second = (folder / out / "runs" / name for out in ("at-once", "alone"))
        assert (first / "predictions.csv").read_bytes() == (second / "predictions.csv").read_bytes(), name
        weights = [load_file(run / "checkpoints" / "fold-1" / "best.safetensors") for run in (first, second)]
        assert all(torch.equal(tensor, weights[1][part]) for part, tensor in weights[0].items()), name


@pytest.fixture
def started(folder, phantom_root):
    """Start a study of two runs at once in a process of its own, and wait until both have a checkpoint."""
    command = [sys.executable, "-m", "birads_zoo", "compare", "--root", phantom_root, "--out", "study", *SMALL]
    command += ["--backbone", "baseline_cnn", "--epochs", "60", "--seeds", "2", "--jobs", "2"]

    @contextlib.contextmanager
    def start(*, ready=True):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                until = time.monotonic() + 120
                while ready and len(list((folder / "study").glob("runs/*/checkpoints/fold-0/last.safetensors"))) < 2:
                    assert process.poll() is None, process.stderr.read()
                    assert time.monotonic() < until, "no checkpoints"
                    time.sleep(0.1)
                yield process
            finally:
                process.kill()

    return start


def workers_of(folder):
    """The processes that are workers in a folder."""
    workers = []
    for place in PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"executors.worker" in (place / "cmdline").read_bytes() and (place / "cwd").readlink() == folder:
                workers.append(place.name)
    return workers


@pytest.mark.slow
@pytest.mark.skipif(not PROCESSES.is_dir(), reason="this system does not list processes as files")
def test_a_signal_stops_all_runs_after_their_step_and_the_same_command_goes_on(started, folder):
    with started() as process:
        sent = time.time()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    for run in (folder / "study" / "runs").iterdir():
        written = max(path.stat().st_mtime for path in run.glob("checkpoints/*/last.safetensors"))
        assert written > sent, f"{run.name} has no checkpoint of the step at which it was stopped"
    assert process.returncode == 128 + signal.SIGTERM
    assert "birads-zoo: interrupted by SIGTERM" in err
    assert "go on with the same command: birads-zoo compare" in err
    assert "Traceback" not in err
    assert workers_of(folder) == []
    with started(ready=False) as process:
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err


@pytest.mark.slow
@pytest.mark.skipif(not PROCESSES.is_dir(), reason="this system does not list processes as files")
def test_workers_end_when_the_study_is_killed(started, folder):
    with started() as process:
        process.kill()
    until = time.monotonic() + 60
    while workers_of(folder):
        assert time.monotonic() < until, "workers went on"
        time.sleep(0.1)


def test_the_number_of_runs_at_once(monkeypatch):
    monkeypatch.setattr(processes, "_cores", lambda: 8)
    monkeypatch.setattr(processes, "_free_memory", lambda: 20 * 2**30)
    assert [choose_count(jobs, gpus) for jobs, gpus in ((3, 0), ("auto", 0), ("auto", 4))] == [3, 6, 4]
    assert [Processes(at_once=count).threads for count in (1, 3, 20)] == [8, 2, 1]
    monkeypatch.setattr(processes, "_free_memory", lambda: 2**30)
    assert choose_count("auto", 0) == 1
    for wrong in (0, -1, True, "two", 1.5):
        with pytest.raises(UserError, match="give the number of runs to execute at once, at least 1, or auto"):
            choose_count(wrong, 0)


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5", ""])
def test_a_wrong_number_is_refused(refused, phantom_root, jobs):
    message = refused("compare", "--root", phantom_root, "--backbone", "baseline_cnn", *SMALL, "--jobs", jobs)
    assert "or auto" in message


def test_a_board_shows_a_bar_for_each_part():
    from rich.console import Console
    from rich.progress import Progress

    with Progress("{task.description} {task.completed}/{task.total}", console=Console(quiet=True)) as progress:
        board = Board(progress)
        board.show("[1/2] a", "fold 1/2", 3, 10, "")
        board.show("[2/2] b", "fold 1/2", 1, 10, "")
        board.show("[1/2] a", "fold 2/2", 4, 20, "epoch 2")
        assert [(task.description, task.completed, task.total) for task in progress.tasks] == [
            ("[1/2] a: fold 2/2", 4, 20),
            ("[2/2] b: fold 1/2", 1, 10),
        ]
        board.end("[1/2] a")
        assert [task.description for task in progress.tasks] == ["[2/2] b: fold 1/2"]
    Board(None).show("a", "b", 1, 2, "")
