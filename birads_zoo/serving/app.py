"""The server: one application with the endpoint and the page, and a folder that is empty after every answer."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from fastapi import FastAPI

from birads_zoo.artifact.model import Model
from birads_zoo.errors import UserError
from birads_zoo.files.abandoned import temporary_folder
from birads_zoo.serving.access import Access
from birads_zoo.serving.answers.answering import Limits, RequestQueue
from birads_zoo.serving.endpoint import add_endpoint
from birads_zoo.serving.examples import draw_examples
from birads_zoo.serving.guard import guard
from birads_zoo.serving.page import add_page
from birads_zoo.version import __version__


def serve(model: Model, host: str, port: int, limits: Limits, access: Access, on_ready: Callable[[str], None]) -> None:
    """Serve until interrupted; `on_ready` is called with the page's address. Port 0 takes any free port.

    Raises:
        UserError: if the server cannot listen at the address, or the model's explainer is not registered.

    """
    import uvicorn

    from birads_zoo.serving.connections import configure

    signal.signal(signal.SIGTERM, _leave)  # by default it would end the process and leave the folder
    with temporary_folder("serve") as folder:
        app = build_app(RequestQueue(model=model, limits=limits, folder=folder), access)
        with listen(host, port) as listening:
            name = f"[{host}]" if ":" in host else host
            on_ready(f"http://{name}:{listening.getsockname()[1]}/")
            uvicorn.Server(configure(app)).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at the address; raises `UserError` if it cannot."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, reuse_port=False
        )
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot listen on {host}, port {port}: {reason}; choose another --port or --host") from None


def _leave(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def build_app(queue: RequestQueue, access: Access) -> FastAPI:
    """Return an application with the endpoint and the page of `queue`."""
    app = build_endpoint(queue, access)
    add_page(app, queue, draw_examples(queue.folder) if len(queue.model.manifest.view_names) == 1 else ())
    return app


def build_endpoint(queue: RequestQueue, access: Access) -> FastAPI:
    """Return an application with only the endpoint of `queue`."""
    app = FastAPI(
        title="birads-zoo",
        version=__version__,
        description=f"{queue.model.notice} The model is {queue.model.manifest.run_id}.",
        docs_url=None,  # FastAPI's own pages load their scripts from elsewhere
        redoc_url=None,
    )
    add_endpoint(app, queue, needs_token=bool(access.token))
    app.add_middleware(guard, access=access, limits=queue.limits, files=len(queue.model.manifest.view_names))
    return app
