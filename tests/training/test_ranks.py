"""Several processes train one network together as one process would, and a killed one costs only the present steps.

Two processes are started as torchrun and srun start them, on this machine's cores.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from timm.layers import BatchNormAct2d
from torch import nn

from birads_zoo.data.batches import share
from birads_zoo.errors import UserError
from birads_zoo.launch import Launch, launched
from birads_zoo.training.ranks import Ranks

pytest.importorskip("lightning_fabric", reason="needs the extra 'distributed'")

RUN = ["--dataset", "phantom", "--backbone", "baseline_cnn", "--augmentation", "none", "--no-batchnorm"]
RUN += ["--image-size", "32x32", "--folds", "2", "--device", "cpu", "--set", "model.dropout=0.0"]
RUN += ["--set", "training.batch_size=16"]


@pytest.mark.parametrize(("count", "ranks"), [(16, 2), (17, 3), (33, 4), (3, 2), (1, 2), (0, 3)])
def test_shares_are_parts_of_a_batch_or_all_of_a_small_one(count, ranks):
    shares = [range(count)[share(count, rank, ranks)] for rank in range(ranks)]
    if count < 2 * ranks:
        assert all(list(part) == list(range(count)) for part in shares)
    else:
        assert [number for part in shares for number in part] == list(range(count))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_one_process_is_alone_unless_a_launcher_says_otherwise():
    assert launched({}) == Launch()
    torchrun = {"TORCHELASTIC_RUN_ID": "1", "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    assert launched(torchrun) == Launch(rank=5, size=8, local_rank=1, local_size=4, by_torchrun=True)
    srun = {"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_LOCALID": "1", "SLURM_STEP_NUM_NODES": "2"}
    assert launched(srun) == Launch(rank=5, size=8, local_rank=1, local_size=4)
    assert launched({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}) == Launch(), "the script of a job, outside of srun"


@pytest.fixture(scope="module")
def start(phantom_root, tmp_path_factory):
    """Start a run as one of two processes, as torchrun or srun does: `start(rank, port, arguments, srun=False)`."""
    logs = tmp_path_factory.mktemp("logs")

    def begin(rank, port, arguments, srun=False):
        names = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
        if srun:
            names |= dict.fromkeys(("SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS_PER_NODE"), "2")
            names |= {
                "SLURM_JOB_ID": "1",
                "SLURM_JOB_NAME": "interactive",
                "SLURM_NODEID": "0",
                "SLURM_STEP_NUM_NODES": "1",
            }
            names |= dict.fromkeys(("SLURM_PROCID", "SLURM_LOCALID"), str(rank))
        else:
            names |= {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
            names |= dict.fromkeys(("RANK", "LOCAL_RANK"), str(rank))
        with (logs / f"{port}-{rank}.txt").open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "birads_zoo", "run", *RUN, "--root", str(phantom_root), *map(str, arguments)],
                env=os.environ | names,
                stdout=log,
                stderr=log,
            )

    begin.logs = logs
    return begin


@pytest.fixture(scope="module")
def together(start):
    """Run two processes to their end, and return what each printed: `together(arguments, status=0, srun=False)`."""

    def run(arguments, status=0, srun=False):
        port = free_port()
        processes = [start(rank, port, arguments, srun) for rank in (0, 1)]
        statuses = [process.wait(timeout=240) for process in processes]
        texts = [(start.logs / f"{port}-{rank}.txt").read_text() for rank in (0, 1)]
        assert statuses == [status] * 2, texts
        return texts

    return run


@pytest.fixture(scope="module")
def alone(zoo, phantom_root, tmp_path_factory):
    """The folder of the run that one process made."""
    out = tmp_path_factory.mktemp("alone")
    result = zoo("run", *RUN, "--root", phantom_root, "--epochs", "2", "--out", out, "--name", "run")
    assert result.status == 0, result.err
    return out / "run"


def assert_alike(one, other):
    for fold in range(2):
        first, second = (load_file(run / f"checkpoints/fold-{fold}/best.safetensors") for run in (one, other))
        apart = {name: float((first[name] - second[name]).abs().max()) for name in first}
        assert max(apart.values()) <= 1e-5, apart
    tables = [pd.read_csv(run / "predictions.csv") for run in (one, other)]
    columns = [name for name in tables[0] if name.startswith("probability_")]
    assert (tables[0][columns] - tables[1][columns]).abs().max().max() < 1e-5


@pytest.mark.parametrize("srun", [False, True], ids=["torchrun", "srun"])
def test_two_processes_give_the_weights_of_one(srun, together, alone, tmp_path):
    first, second = together(["--epochs", "2", "--out", tmp_path, "--name", "run"], srun=srun)
    assert_alike(alone, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["processes"] == "2"
    assert "gain over the best shortcut" in first, "the first process prints the results"
    assert second == "", "the other prints nothing"


def test_a_batch_that_is_too_small_to_be_shared_is_refused(together, tmp_path):
    texts = together(["--set", "training.batch_size=3", "--out", tmp_path], status=2)
    for text in texts:
        assert "training.batch_size = 3 is shared by 2 processes" in text
    assert list(tmp_path.iterdir()) == []


def test_batch_norms_of_the_whole_batch_need_gpus(together, tmp_path):
    texts = together(["--set", "training.sync_batch_norm=true", "--epochs", "1", "--out", tmp_path], status=2)
    for text in texts:
        assert "training.sync_batch_norm needs GPUs" in text


def test_batch_norms_that_do_more_than_norm_are_not_synchronised():
    ranks = Ranks(launch=Launch(size=2), fabric=SimpleNamespace(device=torch.device("cuda")))
    with pytest.raises(UserError, match=r"^training.sync_batch_norm: 1 is a BatchNormAct2d"):
        ranks.share_norms(nn.Sequential(nn.Conv2d(1, 3, 3), BatchNormAct2d(3)))


def test_processes_with_other_recipes_do_not_train_together(start, tmp_path):
    port = free_port()
    arguments = ["--epochs", "1", "--out", tmp_path, "--seed"]
    processes = [start(rank, port, [*arguments, rank]) for rank in (0, 1)]
    assert processes[1].wait(timeout=120) == 2
    processes[0].kill()  # as torchrun does
    processes[0].wait()
    assert "process 2 of 2 has another state of the recipe" in (start.logs / f"{port}-1.txt").read_text()


def test_studies_are_not_started_by_several_processes(zoo, phantom_root, tmp_path, monkeypatch):
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    study = [
        "compare",
        "--backbone",
        "baseline_cnn",
        "--dataset",
        "phantom",
        "--root",
        phantom_root,
        "--out",
        tmp_path / "study",
    ]
    result = zoo(*study)
    assert result.status == 2
    assert "start it once" in result.err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_a_run_goes_on_in_one_process_after_another_was_killed(number, start, zoo, phantom_root, tmp_path):
    arguments = ["--epochs", "3", "--out", tmp_path, "--name", "run"]
    port = free_port()
    processes = [start(rank, port, arguments) for rank in (0, 1)]
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "checkpoints" / "fold-0" / "last.safetensors").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    processes[1].send_signal(number)
    statuses = [process.wait(timeout=60) for process in processes]
    first = (start.logs / f"{port}-0.txt").read_text()
    if number == signal.SIGKILL:
        assert statuses == [2, -signal.SIGKILL], first
        assert "another process of this run has ended" in first
    else:
        assert statuses == [128 + signal.SIGTERM] * 2, first
    assert "Traceback" not in first
    assert zoo("run", "--resume", tmp_path / "run", "--device", "cpu").status == 0
    whole = zoo("run", *RUN, "--root", phantom_root, "--epochs", "3", "--out", tmp_path, "--name", "alone")
    assert whole.status == 0
    assert_alike(tmp_path / "alone", tmp_path / "run")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
