"""Fixtures of the trackers' tests: one run that all of them followed, on a machine without a network."""

import importlib.util
import os
import socket

import pytest

from birads_zoo import pipeline

NAMES = ("tensorboard", "mlflow", "wandb", "trackio")


class Network:
    """Records every address that this process tried to reach, and connections of other processes to its proxy."""

    def __init__(self, patch):
        self.tried = []
        self.proxy = socket.create_server(("127.0.0.1", 0))
        self.proxy.setblocking(False)
        address = f"http://127.0.0.1:{self.proxy.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):  # wandb's process in Go uses these too
            patch.setenv(name, address)
            patch.setenv(name.lower(), address)
        connect, look_up = socket.socket.connect, socket.getaddrinfo

        def refuse(self_, target):
            if self_.family == socket.AF_UNIX:
                return connect(self_, target)
            self.tried.append(target)
            raise OSError("no network here")

        def refuse_name(host, *rest, **more):
            if host in (None, "localhost", "127.0.0.1", "::1"):
                return look_up(host, *rest, **more)
            self.tried.append(host)
            raise OSError("no network here")

        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket.socket, "connect_ex", refuse)
        patch.setattr(socket, "getaddrinfo", refuse_name)

    def reached(self):
        with self.proxy:
            try:
                connection, _ = self.proxy.accept()
            except BlockingIOError:
                return self.tried
            with connection:
                connection.settimeout(5)
                request = connection.recv(200)
        return [*self.tried, f"the proxy: {request!r}"]


@pytest.fixture(scope="session")
def installed():
    """The bundled trackers whose packages are installed."""
    return [name for name in NAMES if importlib.util.find_spec(name)]


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """The folder of trackio's database, which it reads when it is imported."""
    os.environ["TRACKIO_DIR"] = str(tmp_path_factory.mktemp("trackio"))
    return os.environ["TRACKIO_DIR"]


@pytest.fixture(scope="session")
def followed(zoo, phantom_root, tmp_path_factory, installed, home):
    """The folder of a run that all installed trackers followed, what was printed, and the addresses that were tried."""
    out = tmp_path_factory.mktemp("followed")
    flags = [flag for name in installed for flag in ("--tracker", name)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "explain_fold", lambda *given: None)
        patch.setattr(pipeline, "permutation_tests", lambda *given: {})
        patch.setenv("HF_TOKEN", "hf_of_somebody")
        network = Network(patch)
        result = zoo(
            "run", "--root", phantom_root, "--backbone", "baseline_cnn", "--image-size", "32x32", "--folds", 2,
            "--epochs", 2, "--device", "cpu", "--out", out, "--json", *flags,
        )  # fmt: skip
        reached = network.reached()
    assert result.status == 0, result.err
    return out / "baseline_cnn", result, reached


@pytest.fixture
def written(followed, installed):
    """Return the folder of the followed run for a tracker: `written("mlflow")`; skips where that is not installed."""

    def of(name):
        if name not in installed:
            pytest.skip(f"{name} is not installed: pip install 'birads-zoo[{name}]'")
        return followed[0]

    return of
