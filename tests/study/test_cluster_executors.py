"""What executors on several machines share: the checks of a node, requests, and the options of SLURM."""

import os
import pickle
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from birads_zoo.api.studies import opened_executor
from birads_zoo.errors import UserError
from birads_zoo.recipe import Recipe
from birads_zoo.runs.folder import read_environment
from birads_zoo.study.executors import surroundings
from birads_zoo.study.executors.clusters import remote
from birads_zoo.study.executors.clusters.node import NodeTask, Request
from birads_zoo.study.executors.clusters.remote import Requests, attempt_of
from birads_zoo.study.executors.clusters.slurm_job import SlurmJob
from birads_zoo.study.executors.clusters.slurm_options import minutes, slurm_parameters
from birads_zoo.study.executors.messages import Ended, Refused, decode
from birads_zoo.study.executors.surroundings import Surroundings, refusal
from birads_zoo.study.executors.tasks import Task

NODE = socket.gethostname()


@pytest.fixture
def study(tmp_path):
    """A study's folder, with a record."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.toml").write_text("seeds = [0]\n")
    return tmp_path / "study"


@pytest.fixture
def plugin(tmp_path):
    (tmp_path / "net.py").write_text("PLUGIN_API = 1\n")
    return tmp_path / "net.py"


@pytest.fixture
def task(study):
    return Task(recipe=Recipe(), study=study, folder="a@0", place="[1/1] a@0", device="cpu")


def test_a_node_that_has_the_same_is_fit(study, plugin):
    expected = Surroundings.here(study, [plugin])
    assert refusal(expected, study, str(study.parent), [plugin]) is None
    assert refusal(expected, study, "", [plugin]) is None
    assert set(expected.code) > {"birads-zoo", "torch", f"plugin {plugin}"}
    assert "missing" not in expected.code.values()


@pytest.mark.parametrize(("what", "version"), [("birads-zoo", "__version__"), ("torch", "version")])
def test_another_version_is_refused_with_both(study, monkeypatch, what, version):
    expected = Surroundings.here(study, [])
    other = "0.0.9" if version == "__version__" else lambda name: "0.0.9"
    monkeypatch.setattr(surroundings, version, other)
    reason = refusal(expected, study, "", [])
    assert reason.startswith(f"{what} differs: 0.0.9")
    assert f" on {NODE}, {expected.code[what]} where the study was started; install the same" in reason


def test_another_plugin_is_refused(study, plugin):
    expected = Surroundings.here(study, [plugin])
    plugin.write_text("PLUGIN_API = 1\n# changed\n")
    assert refusal(expected, study, "", [plugin]).startswith(f"plugin {plugin} differs: ")
    assert f"missing on {NODE}" in refusal(expected, study, "", [])


def test_other_code_of_the_same_version_is_refused(tmp_path, study, monkeypatch):
    package = shutil.copytree(surroundings._PACKAGE.parent / "study", tmp_path / "package")
    monkeypatch.setattr(surroundings, "_PACKAGE", package / "__init__.py")
    expected = Surroundings.here(study, [])
    (package / "executors" / "__init__.py").write_text("# changed\n")
    assert refusal(expected, study, "", []).startswith("birads-zoo differs: 0.")


def test_a_node_must_see_the_study_and_the_data(study, tmp_path):
    expected = Surroundings.here(study, [])
    assert f"{NODE} does not see the data set's folder /nowhere" in refusal(expected, study, "/nowhere", [])
    reason = refusal(expected, tmp_path / "other", "", [])
    assert (
        reason
        == f"{NODE} does not see the study's folder {tmp_path / 'other'}: choose one with --out that all nodes see"
    )
    (study / "study.toml").write_text("seeds = [1]\n")  # of another study, on a disk of the node
    assert f"{NODE} does not see the study's folder" in refusal(expected, study, "", [])


def test_a_node_must_see_the_working_directory(task):
    request = Requests([], 1).of(task)
    elsewhere = Request(order=request.order, directory="/nowhere", plugins=(), threads=1)
    answer = NodeTask(Request.decode(elsewhere.encode())).execute(print)
    assert answer == Refused(
        reason=f"{NODE} does not see the working directory /nowhere: start the command in one that all nodes see"
    )
    with pytest.raises(UserError, match="does not see the working directory"):
        attempt_of(task, answer)


@pytest.mark.slow
def test_a_node_refuses_before_it_trains(task, plugin):
    request = Requests([plugin], 1).of(task)
    plugin.write_text("raise RuntimeError('no')\n")
    assert "RuntimeError" in NodeTask(request).execute(print).reason
    request = Requests([], 1).of(task)
    (task.study / "study.toml").unlink()
    assert "does not see the study's folder" in NodeTask(request).execute(print).reason


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_that_dies_on_a_node_fails_its_run(task, plugin):
    plugin.write_text("import os\nos.kill(os.getpid(), 9)\n")
    done = attempt_of(task, NodeTask(Requests([plugin], 1).of(task)).execute(print))
    assert done.failure.reason.startswith("seed 0: its process ended, killed by SIGKILL, perhaps because")
    assert done.failure.reason.endswith(f" on {NODE}")


def test_results_that_do_not_appear_are_a_failure(task, monkeypatch):
    monkeypatch.setattr(remote, "_DELAY", 0.0)
    monkeypatch.setattr(remote.time, "sleep", lambda seconds: None)
    done = attempt_of(task, Ended(failure=None, seconds=3.0))
    assert "its results do not appear in" in done.failure.reason
    (task.study / "runs" / "a@0").mkdir(parents=True)
    (task.study / "runs" / "a@0" / "complete.json").touch()
    assert attempt_of(task, Ended(failure=None, seconds=3.0)).failure is None


def test_a_job_of_slurm_pickles_a_document_and_the_name_of_a_class(task):
    job = SlurmJob(Requests([], 2).of(task).encode())
    job._task = object()  # as while it runs
    submitted = pytest.importorskip("submitit.helpers", reason="the extra [slurm] is not installed").DelayedSubmission
    job._task = None
    again = job.checkpoint()
    assert isinstance(again, submitted)
    copy = pickle.loads(pickle.dumps(again.function))
    assert type(copy) is SlurmJob
    assert copy.__dict__ == {"_request": job._request, "_task": None}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system does not list processes as files")
def test_a_job_goes_on_after_submitit_has_requeued_it(study, memorising, pixel_recipe, write_pictures, tmp_path):
    """With submitit's own executor for one machine, which starts a job again as SLURM does."""
    submitit = pytest.importorskip("submitit", reason="the extra [slurm] is not installed")
    pictures = write_pictures(tmp_path / "root", 12, 2, 1.0, "patient", 0)
    recipe = pixel_recipe(pictures, split__folds=2, training__epochs=3000)
    task = Task(recipe=recipe, study=study, folder="a@0", place="[1/1] a@0", device="cpu")
    executor = submitit.LocalExecutor(tmp_path / "jobs")
    executor.update_parameters(timeout_min=30)
    job = executor.submit(SlurmJob(Requests([memorising], 1).of(task).encode()))
    run, until = study / "runs" / "a@0", time.monotonic() + 180
    while not (run / "checkpoints" / "fold-0" / "last.safetensors").exists():
        assert time.monotonic() < until, job.stderr()
        time.sleep(0.1)
    (process,) = Path(f"/proc/{job.job_id}/task/{job.job_id}/children").read_text().split()
    os.kill(int(process), signal.SIGUSR2)
    done = attempt_of(task, decode(job.result().splitlines()[-1]))
    assert done.failure is None, done.failure
    assert len(read_environment(run).resumed) == 1, "the run began again"
    assert "Requeued job" in job.stderr() + job.stdout()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        (90, 90),
        ("1:30", 2),
        ("4:00:00", 240),
        ("0:00:30", 1),
        ("2-12", 3600),
        ("1-0:30", 1470),
        ("1-1:1:1", 1502),
    ],
)
def test_times_are_read_as_sbatch_reads_them(text, expected):
    assert minutes(text) == expected


@pytest.mark.parametrize("text", ["", "0", "4h", "1:2:3:4", "-5", "1-", "00:00:00"])
def test_a_wrong_time_is_refused(text):
    with pytest.raises(UserError, match=f"^time={text} for SLURM: give "):
        slurm_parameters({"time": text})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"partion": "gpu", "time": "1"},
            r"unknown option of SLURM 'partion'; did you mean 'partition'\? known: account, ",
        ),
        ({"partition": "gpu"}, "SLURM needs the time that a run may take"),
        ({"time": "1", "cpus_per_task": "0"}, "cpus_per_task=0 for SLURM: give a number, at least 1"),
        ({}, "SLURM needs the time"),
    ],
)
def test_wrong_options_of_slurm_are_refused(options, reason):
    with pytest.raises(UserError, match=reason):
        slurm_parameters(options)


def test_options_of_slurm_are_those_of_sbatch():
    assert slurm_parameters({"cpus-per-task": "4", "time": "1:00:00", "gres": "gpu:a100:1"}) == {
        "cpus_per_task": 4,
        "time": 60,
        "gres": "gpu:a100:1",
    }


@pytest.mark.parametrize(("kind", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_extra_is_named(monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    with (
        pytest.raises(
            UserError, match=rf"--executor {kind} needs the package {package}: pip install 'birads-zoo\[{kind}\]'"
        ),
        opened_executor(1, "cpu", (), kind, None, {"time": "1"} if kind == "slurm" else None),
    ):
        pass


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--address", "head:6379"], "add --executor ray"),
        (["--slurm", "time=1"], "add --executor slurm"),
        (["--executor", "slurm", "--slurm", "gpu"], "expected KEY=VALUE"),
        (["--executor", "slurm", "--slurm", "time=1", "--device", "cuda:0"], "SLURM chooses the GPU of each run"),
        (["--executor", "slurm", "--slurm", "time=1", "--jobs", "0"], "at least 1, or auto"),
    ],
)
def test_flags_that_do_not_fit_are_refused(zoo, phantom_root, tmp_path, monkeypatch, flags, reason):
    monkeypatch.chdir(tmp_path)
    result = zoo("compare", "--root", phantom_root, "--backbone", "baseline_cnn", *flags)
    assert result.status == 2, result.err
    assert reason in result.err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_without_slurm_nothing_is_submitted(zoo, phantom_root, tmp_path, monkeypatch):
    pytest.importorskip("submitit", reason="the extra [slurm] is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    asked = [
        "compare",
        "--root",
        phantom_root,
        "--backbone",
        "baseline_cnn",
        "--executor",
        "slurm",
        "--slurm",
        "time=1",
    ]
    result = zoo(*asked)
    assert result.status == 2, result.err
    assert 'cannot submit jobs to SLURM: Could not detect "srun"' in result.err.splitlines()[-1]
