"""The server: one application with the endpoint and the page, and a folder that is empty after every answer."""

from __future__ import annotations

import ipaddress
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import NoReturn

from fastapi import FastAPI

from birads_zoo.artifact.model import Model
from birads_zoo.errors import UserError
from birads_zoo.serving.answering import Limits, RequestQueue
from birads_zoo.serving.endpoint import add_endpoint
from birads_zoo.serving.examples import draw_examples
from birads_zoo.serving.guard import guard
from birads_zoo.serving.page import add_page
from birads_zoo.version import __version__

_CONNECTIONS = 64  # connections at once; a file is read only by a request that has a place in the queue


def is_loopback(host: str) -> bool:
    """Return whether `host` can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(model: Model, host: str, port: int, limits: Limits, on_ready: Callable[[str], None]) -> None:
    """Serve until interrupted; `on_ready` is called with the page's address. Port 0 takes any free port.

    Raises:
        UserError: if the server cannot listen at the address, or the model's explainer is not registered.

    """
    import uvicorn

    signal.signal(signal.SIGTERM, _leave)  # by default it would end the process and leave the folder
    with TemporaryDirectory(prefix="birads-zoo-serve-") as folder:
        app = build_app(RequestQueue(model=model, limits=limits, folder=Path(folder)))
        try:
            listening = socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, reuse_port=False
            )
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(
                f"cannot listen on {host}, port {port}: {reason}; choose another --port or --host"
            ) from None
        with listening:
            name = f"[{host}]" if ":" in host else host
            on_ready(f"http://{name}:{listening.getsockname()[1]}/")
            config = uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                limit_concurrency=_CONNECTIONS,
                timeout_graceful_shutdown=3,  # keep-alive connections of open pages must not delay the end
            )
            uvicorn.Server(config).run(sockets=[listening])


def _leave(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def build_app(queue: RequestQueue) -> FastAPI:
    """Return an application with the endpoint and the page of `queue`."""
    app = build_endpoint(queue)
    add_page(app, queue, draw_examples(queue.folder) if len(queue.model.manifest.view_names) == 1 else ())
    return app


def build_endpoint(queue: RequestQueue) -> FastAPI:
    """Return an application with only the endpoint of `queue`."""
    app = FastAPI(
        title="birads-zoo",
        version=__version__,
        description=f"{queue.model.notice} The model is {queue.model.manifest.run_id}.",
        docs_url=None,  # FastAPI's own pages load their scripts from elsewhere
        redoc_url=None,
    )
    add_endpoint(app, queue)
    app.add_middleware(guard, limits=queue.limits, files=len(queue.model.manifest.view_names))
    return app
