"""Fixtures for the server's tests: an exported model, in-process servers of it, and a watch over changes of files."""

import asyncio
import os
import socket
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import matplotlib.font_manager  # noqa: F401 - writes a cache at its first import, so before the watch begins
import pytest
from fixtures.guard import watch

for package in ("fastapi", "httpx2", "python_multipart"):
    pytest.importorskip(package, reason=f"{package} is not installed (make install)")

# These tests send a server hostile paths, and may run as root. Changes outside the tests' own folder are refused.
# Browsers are separate processes, and get no paths.


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Watch each test of this folder from its setup to its teardown; pytest calls this for all other tests too."""
    if Path(__file__).parent not in item.path.parents:
        return (yield)
    own = item.session.config._tmp_path_factory.getbasetemp()
    shared = hasattr(item.config, "workerinput")  # with several processes: the folder above
    watch.own = Path(os.path.realpath(own.parent if shared else own))
    watch.on = True
    try:
        return (yield)
    finally:
        watch.on = False


@pytest.fixture
def own():
    """The tests' own folder, outside which nothing may be changed."""
    return watch.own


@pytest.fixture
def refused():
    """Return, and forget, the refused changes."""

    def take() -> list[str]:
        taken = list(watch.outside)
        watch.outside.clear()
        return taken

    return take


@pytest.fixture(autouse=True)
def nothing_changed_outside(refused):
    """Fail a test if anything in the process tried to change a file outside the tests' own folder."""
    assert watch.on
    yield
    assert refused() == []


@pytest.fixture(scope="session", autouse=True)
def files_of_their_own(tmp_path_factory):
    """Put temporary files below the tests' own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("temporary")))
        yield


@pytest.fixture(scope="session")
def opened(exported):
    from birads_zoo.artifact.model import open_model
    from birads_zoo.plugin.host import load_host

    return open_model(exported, load_host(), "cpu")


@pytest.fixture(scope="session")
def queue(tmp_path_factory, opened):
    """A request queue with limits of 1 megabyte and 4 megapixels."""
    from birads_zoo.serving.answers.answering import Limits, RequestQueue

    return RequestQueue(
        model=opened, limits=Limits(megabytes=1, megapixels=4), folder=tmp_path_factory.mktemp("serving")
    )


@pytest.fixture(scope="session")
def local():
    """The access to a server that only this machine can reach, without a token."""
    from birads_zoo.serving.access import access_for

    return access_for("127.0.0.1")


@pytest.fixture(scope="session")
def queue_of_views(queue):
    """That queue with a model of several views: `queue_of_views(views, level)`."""
    import msgspec

    from birads_zoo.artifact.networks.exported import ExportedNetwork
    from birads_zoo.model.build import build_classifier

    def make(views, level):
        model = queue.model
        recipe = model.manifest.recipe.replace({"dataset.views": views, "dataset.level": level})
        manifest = msgspec.structs.replace(model.manifest, recipe=recipe)
        classifiers = tuple(build_classifier(recipe, model.host, len(model.classes)).eval() for _ in model.classifiers)
        for classifier, original in zip(classifiers, model.classifiers, strict=True):
            classifier.load_state_dict(original.state_dict())
        own = 1 if level == "image" else len(manifest.view_names)
        networks = tuple(ExportedNetwork(classifier, own).eval() for classifier in classifiers)
        return replace(queue, model=replace(model, manifest=manifest, classifiers=classifiers, networks=networks))

    return make


@pytest.fixture(scope="session")
def served(queue, local):
    """An in-process server of the endpoint: its `client`, and the `queue` and `folder` it works with."""
    from starlette.testclient import TestClient

    from birads_zoo.serving.app import build_endpoint

    with TestClient(build_endpoint(queue, local)) as client:
        yield SimpleNamespace(client=client, folder=queue.folder, queue=queue)


@pytest.fixture(scope="session")
def running(local):
    """Serve the page with the settings of `birads-zoo serve`: `with running(queue, access) as address`.

    The server is in a thread of this process. `access` is `local` by default.
    """
    uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed (make install)")
    from birads_zoo.serving.app import build_app
    from birads_zoo.serving.connections import configure

    @contextmanager
    def serve(queue, access=local):
        server = uvicorn.Server(configure(build_app(queue, access)))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
            thread.start()
            try:
                yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
            finally:  # else a test that fails would leave a thread that never ends
                server.should_exit = True
                thread.join()

    return serve


@pytest.fixture(scope="session")
def busy():
    """Keep a queue's networks busy, so that no answer is made: `with busy(queue)`."""

    @contextmanager
    def keep(queue):
        begun, go_on = Event(), Event()

        def work():
            begun.set()
            assert go_on.wait(60)

        thread = Thread(target=queue.batcher.alone, args=(work,))
        thread.start()
        try:
            assert begun.wait(60)
            yield
        finally:
            go_on.set()
            thread.join()

    return keep


@pytest.fixture(scope="session")
def mammogram(phantom_root):
    """One of the phantom's pictures: a JPEG file's bytes."""
    return min((phantom_root / "mammograms" / "BIRAD 5").glob("*.jpg")).read_bytes()


@pytest.fixture(scope="session")
def left_in():
    """List the files below a folder: `left_in(folder)` → their paths."""

    def files(folder: Path) -> list[Path]:
        return [path for path in folder.rglob("*") if path.is_file()]

    return files
