"""Where the server listens, for which models it starts, and that it leaves no files when it stops."""

import dataclasses
import os
import signal
import subprocess
import sys
import urllib.request

import msgspec
import pytest

from birads_zoo.errors import UserError
from birads_zoo.serving.answering import Limits, RequestQueue
from birads_zoo.serving.app import is_loopback


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.7", False),
        ("example.com", False),
    ],
)
def test_which_hosts_only_this_machine_can_reach(host, inside):
    assert is_loopback(host) is inside


def test_a_missing_explainer_is_reported_at_the_start(opened, tmp_path):
    manifest = opened.manifest
    other = msgspec.structs.replace(manifest, recipe=manifest.recipe.replace({"explainer": "not-here"}))
    with pytest.raises(UserError, match="not-here"):
        RequestQueue(model=dataclasses.replace(opened, manifest=other), limits=Limits(), folder=tmp_path)


@pytest.fixture
def started(zoo, monkeypatch, exported):
    """Run the command without its server: `started(*arguments)` → its result, and the server's arguments."""

    def start(*arguments):
        calls = []
        monkeypatch.setattr("birads_zoo.cli.serve.find_spec", lambda name: name)
        monkeypatch.setattr("birads_zoo.serving.app.serve", lambda *arguments: calls.append(arguments))
        result = zoo("serve", exported, "--device", "cpu", *arguments)
        return result, calls[0]

    return start


def test_by_default_only_this_machine_can_reach_the_server(started):
    result, (_, host, port, limits, _) = started()
    assert (host, port, result.err) == ("127.0.0.1", 7860, "")
    assert limits == Limits(megabytes=64, megapixels=64)


def test_a_server_that_others_can_reach_gives_a_warning(started):
    result, (_, host, _, limits, _) = started("--host", "0.0.0.0", "--max-megabytes", 5, "--max-megapixels", 7)
    assert host == "0.0.0.0"
    assert limits == Limits(megabytes=5, megapixels=7)
    assert result.err == (
        "birads-zoo: warning: 0.0.0.0 is open to others: anyone who reaches this machine can use the model, "
        "without a password or encryption\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_leaves_no_folder(exported, tmp_path, number):
    pytest.importorskip("uvicorn", reason="uvicorn is not installed (make install)")
    command = [sys.executable, "-m", "birads_zoo", "serve", str(exported), "--port", "0", "--device", "cpu"]
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}

    def as_in_a_terminal():
        """Handle SIGINT, which background jobs of a shell and their children ignore."""
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment, text=True, preexec_fn=as_in_a_terminal
    ) as server:
        try:
            address = server.stdout.readline().split(" on ")[1].split()[0]
            with urllib.request.urlopen(f"{address}openapi.json", timeout=30) as answer:
                assert answer.status == 200
            assert list(tmp_path.glob("birads-zoo-serve-*"))
            server.send_signal(number)
            assert server.wait(30) in (130, 143)
        finally:
            server.kill()
    assert list(tmp_path.glob("birads-zoo-serve-*")) == []
