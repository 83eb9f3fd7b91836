"""Where the server listens, for which models it starts, and that neither files nor memory pile up."""

import dataclasses
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from birads_zoo.errors import UserError
from birads_zoo.serving.access import is_loopback
from birads_zoo.serving.answers.answering import Limits, RequestQueue


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
        monkeypatch.setattr("birads_zoo.serving.app.listen", lambda *_: socket.socket())  # the port may be in use
        monkeypatch.setattr("birads_zoo.serving.app.serve", lambda *arguments: calls.append(arguments))
        result = zoo("serve", exported, "--device", "cpu", *arguments)
        return result, calls[0]

    return start


def test_by_default_only_this_machine_can_reach_the_server(started, local):
    result, (_, host, port, limits, access, _) = started()
    assert (host, port, result.err) == ("127.0.0.1", 7860, "")
    assert limits == Limits(megabytes=64, megapixels=64)
    assert access == local
    assert (access.others, access.token) == (frozenset(), "")


def test_a_server_that_others_can_reach_asks_for_a_token(started):
    result, (_, host, _, limits, _, _) = started("--host", "0.0.0.0", "--max-megabytes", 5, "--max-megapixels", 7)
    assert host == "0.0.0.0"
    assert limits == Limits(megabytes=5, megapixels=7)
    assert result.err == (
        "birads-zoo: warning: 0.0.0.0 is open to others: anyone who reaches this machine can use the model, "
        "without a password or encryption; set the environment variable BIRADS_ZOO_TOKEN to a password\n"
    )


def test_a_token_comes_from_the_environment_or_the_command_line(started, monkeypatch):
    monkeypatch.setenv("BIRADS_ZOO_TOKEN", "of-the-environment")
    result, (*_, access, _) = started(
        "--host", "0.0.0.0", "--allow-host", "zoo.example.org", "--allow-host", "10.0.0.1"
    )
    assert access.token == "of-the-environment"
    assert access.others == {"zoo.example.org", "10.0.0.1"}
    assert result.err == (
        "birads-zoo: warning: 0.0.0.0 is open to others: the token and the pictures are sent without encryption; "
        "put a proxy with TLS in front of the server\n"
    )
    result, (*_, access, _) = started("--token", "of-the-command-line")
    assert (access.token, result.err) == ("of-the-command-line", "")


def test_a_wrong_name_address_or_token_is_reported_before_the_model_is_opened(zoo, tmp_path, monkeypatch):
    monkeypatch.setattr("birads_zoo.cli.serve.find_spec", lambda name: name)
    for option, value, reason in (
        ("--allow-host", "https://zoo.example.org", "is no host name"),
        ("--host", "", "--host is empty; give an address such as 127.0.0.1, or leave it out"),
        ("--host", "192.0.2.1", "cannot listen on 192.0.2.1, port 7860: "),  # an address that no machine has
        ("--token", "secret", "a token has at least 16 characters"),
        ("--token", "", "a token has at least 16 characters"),
    ):
        result = zoo("serve", tmp_path / "no-model", option, value)
        assert result.status == 2
        assert result.err.startswith("birads-zoo: error: ")
        assert reason in result.err
        assert "secret" not in result.err.replace("import secrets; print(secrets.", "")


@pytest.fixture
def process(exported, tmp_path):
    """Run `birads-zoo serve` in a process of its own: `with process(**variables) as (address, process)`."""
    pytest.importorskip("uvicorn", reason="uvicorn is not installed (make install)")

    @contextmanager
    def start(**variables):
        command = [sys.executable, "-m", "birads_zoo", "serve", str(exported), "--port", "0", "--device", "cpu"]
        environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"} | variables

        def as_in_a_terminal():
            """Handle SIGINT, which background jobs of a shell and their children ignore."""
            signal.signal(signal.SIGINT, signal.default_int_handler)

        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env=environment, text=True, preexec_fn=as_in_a_terminal
        ) as server:
            try:
                yield server.stdout.readline().split(" on ")[1].split()[0], server
            finally:
                server.kill()

    return start


def uploads_of(folder):
    """The folders that servers made for uploads."""
    return set(folder.glob(".serve.birads-zoo-*"))


@pytest.mark.slow
def test_the_folder_of_a_killed_server_is_removed_by_the_next(process, tmp_path):
    with process() as (_, server):
        (left,) = uploads_of(tmp_path)
        (left / "upload").write_bytes(b"a picture")
        server.kill()
        server.wait(30)
    assert uploads_of(tmp_path) == {left}
    with process():
        assert left not in uploads_of(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_leaves_no_folder(process, tmp_path, number):
    with process() as (address, server):
        with urllib.request.urlopen(f"{address}openapi.json", timeout=30) as answer:
            assert answer.status == 200
        assert len(uploads_of(tmp_path)) == 1
        server.send_signal(number)
        assert server.wait(30) in (130, 143)
    assert uploads_of(tmp_path) == set()


@pytest.mark.slow
def test_two_thousand_requests_leave_the_memory_as_it_was(process, mammogram):
    """Answers, heat maps, pages of the answer and refusals in turn; the server's memory after 200 and after 2000."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say how much memory a process has")
    requests = (
        ("predict", mammogram, 200),
        ("predict?heat_map=true", mammogram, 200),
        ("show", mammogram, 200),
        ("predict", mammogram[:999], 422),
        ("predict", mammogram, 403),
    )
    token = "of-the-memorys-own-test"
    with process(BIRADS_ZOO_TOKEN=token) as (address, server):
        megabytes = []
        connection = http.client.HTTPConnection(address.split("/")[2], timeout=60)
        for count in range(1, 2001):
            route, body, status = requests[count % len(requests)]
            origin = {"Origin": "http://evil.example"} if status == 403 else {}
            connection.request("POST", f"/{route}", body, {"Authorization": f"Bearer {token}", **origin})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status, count
            if count % 200 == 0:
                resident = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{server.pid}/status").read_text())
                megabytes.append(int(resident[1]) / 1000)
        connection.close()
    assert megabytes[-1] - megabytes[0] < 10, megabytes
