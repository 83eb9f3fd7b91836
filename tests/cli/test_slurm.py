"""`--executor slurm` executes the runs of a study as an array of jobs, which go on where they were when requeued."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("submitit", reason="the extra [slurm] is not installed")

SMALL = ["--image-size", "32x32", "--folds", "2", "--device", "cpu"]
PROCESSES = Path("/proc")
pytestmark = pytest.mark.skipif(not PROCESSES.is_dir(), reason="the SLURM of the tests needs processes as files")


@pytest.fixture
def slurm(tmp_path_factory, monkeypatch):
    """The commands of SLURM on the path; the folder in which they record what they did."""
    place, commands = tmp_path_factory.mktemp("slurm"), tmp_path_factory.mktemp("commands")
    script = Path(__file__).parents[1] / "fixtures" / "fake_slurm.py"
    for name in ("sbatch", "srun", "scancel", "scontrol", "sacct", "preempt"):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" {name} "$@"\n')
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=":")
    monkeypatch.setenv("FAKE_SLURM", str(place))
    yield place
    for state in place.glob("*.state"):
        if state.read_text() in ("PENDING", "RUNNING"):
            subprocess.run([commands / "scancel", state.stem], check=False)


def study(phantom_root, *options):
    return ["--root", phantom_root, *SMALL, "--executor", "slurm", "--out", "study", *options]


LONG = [sys.executable, "-m", "birads_zoo", "compare", "--backbone", "baseline_cnn", "--seeds", "2", "--epochs", "60"]


def log(slurm):
    return (slurm / "log").read_text().splitlines()


def test_runs_are_jobs_of_an_array(zoo, folder, phantom_root, write_net, slurm):
    write_net("bad.py", "bad-net", "1 / 0")
    write_net("worse.py", "worse-net", "1 / 0")
    options = ["--plugin", "bad.py", "--plugin", "worse.py", "--backbone", "bad-net", "--backbone", "worse-net"]
    wishes = ["--slurm", "partition=gpu,time=1:30:00,exclude=n1,n2", "--slurm", "cpus_per_task=1", "--jobs", "2"]
    result = zoo("compare", *study(phantom_root, *options, *wishes, "--seeds", "1", "--json"))
    assert result.status == 2, result.err
    assert result.out == ""
    for name in ("[1/2] bad-net", "[2/2] worse-net"):
        assert f"{name}@0 · failed: seed 0: backbone" in result.err
    assert result.err.splitlines()[-1].startswith("birads-zoo: error: nothing to compare, every model failed")
    assert "division by zero" in (folder / "study" / "errors" / "bad-net@0.txt").read_text()
    (script,) = [path.read_text() for path in slurm.glob("*.sh")]
    for line in ("--array=0-1%2", "--partition=gpu", "--time=90", "--exclude=n1,n2", "--cpus-per-task=1"):
        assert line in script
    until = time.monotonic() + 60
    while sorted(log(slurm)) != ["end 4200_0", "end 4200_1", "start 4200_0", "start 4200_1"]:
        assert time.monotonic() < until, "a job did not end, or not once"  # its answer comes a moment before its end
        time.sleep(0.1)


@pytest.mark.slow
def test_after_a_failure_the_jobs_of_the_same_model_are_cancelled(zoo, folder, phantom_root, write_net, slurm):
    write_net("bad.py", "bad-net", "1 / 0")
    options = ["--plugin", "bad.py", "--backbone", "bad-net", "--backbone", "baseline_cnn", "--epochs", "1"]
    result = zoo("compare", *study(phantom_root, *options, "--seeds", "3", "--jobs", "1", "--slurm", "time=10"))
    assert result.status == 0, result.err
    assert result.err.count("bad-net@0 · failed") == 1
    states = {path.stem: path.read_text() for path in slurm.glob("*.state")}
    assert states["4200_4"] == "CANCELLED", "the last seed of a model that had failed was not cancelled"
    assert [states[f"4200_{index}"] for index in (1, 3, 5)] == ["COMPLETED"] * 3
    environment = (folder / "study" / "runs" / "baseline_cnn@2" / "environment.json").read_text()
    assert '"threads": "1"' in environment
    assert zoo("verify", "study").status == 0


@pytest.fixture
def started(folder, phantom_root, slurm, wait_for):
    """Start a study of two long runs, and wait until both have a checkpoint."""
    command = [*LONG, *map(str, study(phantom_root)), "--jobs", "auto", "--slurm", "time=60"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            wait_for(lambda: len(list(folder.glob("study/runs/*/checkpoints/fold-0/last.safetensors"))) == 2, process)
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_jobs_that_are_ended_early_are_requeued_and_give_the_same_bits(
    started, folder, phantom_root, slurm, results_of
):
    subprocess.run(["scancel", "4200_1", "--signal", "SIGUSR2"], check=True)  # its time is almost up
    subprocess.run(["preempt", "4200_0"], check=True)
    _, err = started.communicate(timeout=400)
    assert started.returncode == 0, err
    for index in (0, 1):
        assert log(slurm).count(f"start 4200_{index}") == 2, "the job was not requeued"
        about = (folder / "study" / "runs" / f"baseline_cnn@{index}" / "environment.json").read_text()
        assert '"resumed": [' in about, "the run began again"
    alone = [*LONG, "--root", str(phantom_root), *SMALL, "--out", "alone"]
    subprocess.run(alone, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert results_of(folder / "study") == results_of(folder / "alone")


@pytest.mark.slow
def test_an_interruption_cancels_the_jobs_which_write_checkpoints(started, folder, slurm):
    sent = time.time()
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 128 + signal.SIGINT, err
    assert "go on with the same command" in err
    until = time.monotonic() + 60
    while any(path.read_text() != "CANCELLED" for path in slurm.glob("*.state")):
        assert time.monotonic() < until, "a job was not cancelled"
        time.sleep(0.1)
    for run in (folder / "study" / "runs").iterdir():
        written = max(path.stat().st_mtime for path in run.glob("checkpoints/*/last.safetensors"))
        assert written > sent, f"{run.name} has no checkpoint of the step at which it was stopped"
