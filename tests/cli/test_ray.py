"""`--executor ray` executes the runs of a study on the nodes of a Ray cluster, and goes on when a node dies."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from birads_zoo.errors import UserError
from birads_zoo.study.executors.clusters.shares import divide

SMALL = ["--image-size", "32x32", "--folds", "2", "--device", "cpu"]
COMMAND = [sys.executable, "-W", "error", "-m", "birads_zoo", "compare", "--backbone", "baseline_cnn"]


@pytest.fixture
def ray_token(tmp_path_factory, monkeypatch):
    """Settings of Ray for the processes of a test: a token of their own, which is in no file of the user."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("the extra [ray] is not installed")
    if sys.platform == "win32":
        pytest.skip("Ray's clusters are experimental on Windows")
    token = tmp_path_factory.mktemp("ray") / "token"
    token.write_text("0123456789abcdef" * 4)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.fixture
def cluster(ray_token):
    """The address of a cluster of two nodes, and a function that kills one of them and adds another."""
    command = [sys.executable, str(Path(__file__).parents[1] / "fixtures" / "ray_nodes.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:

        def kill():
            process.stdin.write("kill\n")
            process.stdin.flush()
            assert process.stdout.readline() == "killed\n"

        address = process.stdout.readline().strip()
        assert address, "the cluster did not start"
        yield address, kill
        process.stdin.close()
        process.wait(60)


def checkpoints(study):
    return [*study.glob("runs/*/checkpoints/fold-0/last.safetensors")]


def test_runs_are_tasks_of_ray(ray_token, folder, phantom_root, write_net):
    """In a process of its own, in which warnings are errors, with a cluster that the study starts for itself."""
    write_net("bad.py", "bad-net", "1 / 0")
    command = [*COMMAND[:-1], "bad-net", "--plugin", "bad.py", "--root", str(phantom_root), *SMALL, "--seeds", "1"]
    command += ["--executor", "ray", "--out", "study", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    assert ended.stdout == ""
    assert "[1/1] bad-net@0 · failed: seed 0: backbone 'bad-net'" in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("birads-zoo: error: nothing to compare, every model failed")
    assert "division by zero" in (folder / "study" / "errors" / "bad-net@0.txt").read_text()


@pytest.mark.slow
def test_a_study_outlives_a_node_and_has_the_table_of_one_machine(cluster, folder, phantom_root, wait_for, results_of):
    address, kill = cluster
    command = [*COMMAND, "--root", str(phantom_root), *SMALL, "--epochs", "60", "--seeds", "3"]
    far = [*command, "--executor", "ray", "--address", address, "--jobs", "2", "--out", "far"]
    with subprocess.Popen(far, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: len(checkpoints(folder / "far")) == 2, process)
        kill()
        out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    assert out.startswith("# "), "something else is on stdout"
    about = [json.loads(path.read_text()) for path in (folder / "far").glob("runs/*/environment.json")]
    assert sorted(len(each.get("resumed", [])) for each in about) == [0, 0, 1], "the dead node's run did not go on"
    assert {each["threads"] for each in about} == {"1"}
    subprocess.run([*command, "--out", "near"], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert results_of(folder / "far") == results_of(folder / "near")


@pytest.mark.slow
def test_an_interruption_ends_runs_after_their_step(cluster, folder, phantom_root, wait_for):
    address, _ = cluster
    command = [*COMMAND, "--root", str(phantom_root), *SMALL, "--epochs", "60", "--seeds", "2"]
    command += ["--executor", "ray", "--address", address, "--jobs", "2", "--out", "study"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: len(checkpoints(folder / "study")) == 2, process)
        sent = time.time()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert "go on with the same command: birads-zoo compare" in err
    assert "Traceback" not in err
    for run in (folder / "study" / "runs").iterdir():
        written = max(path.stat().st_mtime for path in run.glob("checkpoints/*/last.safetensors"))
        assert written > sent, f"{run.name} has no checkpoint of the step at which it was stopped"


@pytest.mark.slow
def test_a_cluster_lets_nobody_in_without_its_token(cluster, folder, phantom_root):
    address, _ = cluster
    command = [*COMMAND, "--root", str(phantom_root), *SMALL, "--executor", "ray", "--address", address]
    for other in ({"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_TOKEN": "f" * 64}):
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **other})
        assert ended.returncode == 2
        assert "cannot join the Ray cluster" in ended.stderr.splitlines()[-1]
        assert not (folder / "studies").exists()


@pytest.mark.slow
def test_a_program_that_uses_ray_stays_connected(cluster, folder, phantom_root, write_net):
    address, _ = cluster
    write_net("bad.py", "bad-net", "1 / 0")
    (folder / "program.py").write_text(f"""
import ray
import birads_zoo

ray.init({address!r}, log_to_driver=False)
for address, expected in ((None, "division by zero"), ({address!r}, "connected to a Ray cluster already")):
    try:
        birads_zoo.compare(
            "bad-net", root={str(phantom_root)!r}, plugins=["bad.py"], seeds=1, executor="ray", address=address
        )
    except birads_zoo.UserError as error:
        assert expected in str(error), error
assert ray.is_initialized()
""")
    subprocess.run([sys.executable, "program.py"], check=True)
    assert (folder / "studies" / "compare" / "errors" / "bad-net@0.txt").exists()


@pytest.mark.parametrize(
    ("nodes", "jobs", "device", "shares"),
    [
        ([{"CPU": 8, "memory": 2**35}], 3, "auto", (3, 2, 0)),
        ([{"CPU": 8}, {"CPU": 8}], 3, "cpu", (3, 4, 0)),  # not 5, of which only one fits on a node
        ([{"CPU": 8}, {"CPU": 2}], 2, "auto", (2, 4, 0)),
        ([{"CPU": 2}], 5, "auto", (5, 1, 0)),  # three have to wait
        ([{"CPU": 8, "memory": 7 * 2**30}, {"CPU": 2, "memory": 2**40}], "auto", "auto", (4, 2, 0)),
        ([{"CPU": 8, "memory": 2**30}], "auto", "auto", (1, 8, 0)),
        ([{"CPU": 16, "GPU": 2}, {"CPU": 16, "GPU": 2}, {"CPU": 4}], "auto", "auto", (4, 8, 1)),
        ([{"CPU": 16, "GPU": 2}, {"CPU": 4}], 2, "cuda", (2, 8, 1)),
        ([{"CPU": 16, "GPU": 2}], 4, "cpu", (4, 4, 0)),
        ([{}, {"CPU": 4}], 2, "auto", (2, 2, 0)),  # a head node that computes nothing
    ],
)
def test_runs_share_the_nodes(nodes, jobs, device, shares):
    shared = divide(nodes, jobs, device)
    assert (shared.at_once, shared.cpus, shared.gpus) == shares


@pytest.mark.parametrize(
    ("nodes", "jobs", "device", "reason"),
    [
        ([{"CPU": 4}], 0, "auto", "at least 1, or auto"),
        ([{"CPU": 4}], 2, "cuda:1", "the cluster chooses the GPU of each run"),
        ([{"CPU": 4}], 2, "cuda", "the cluster has no GPU"),
        ([{}], 1, "auto", "the cluster has no CPU"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused(nodes, jobs, device, reason):
    with pytest.raises(UserError, match=reason):
        divide(nodes, jobs, device)


def test_an_address_of_rays_client_is_refused(ray_token, refused, phantom_root):
    asked = ["compare", "--root", phantom_root, "--backbone", "baseline_cnn", *SMALL, "--executor", "ray"]
    assert "start the command on a node of the cluster" in refused(*asked, "--address", "ray://head:10001")
