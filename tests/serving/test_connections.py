"""Clients that never send a whole request, send no HTTP, or leave: others are answered, and there is no traceback."""

import asyncio
import logging
import socket
import struct
import threading
import urllib.request
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed (make install)")

import starlette
from uvicorn.server import ServerState

from birads_zoo.serving import connections
from birads_zoo.serving.connections import LimitedConnection, configure
from birads_zoo.serving.line import Line

if tuple(map(int, starlette.__version__.split(".")[:2])) < (1, 6):
    # These leave the temporary file of a client that has left to the garbage collector.
    pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <function SpooledTemporaryFile")
HANGING = 60  # seconds after which a test that waits for the server fails
LINE = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Loop:
    """An event loop without events: its clock stands still, and `timers` holds the calls for later."""

    def __init__(self):
        self.timers, self.now = [], 0.0

    def time(self):
        self.now += 1
        return self.now

    def call_later(self, seconds, call):
        timer = SimpleNamespace(seconds=seconds, call=call, cancelled=False)
        timer.cancel = lambda: setattr(timer, "cancelled", True)
        self.timers.append(timer)
        return timer

    @property
    def due(self):
        return [timer for timer in self.timers if not timer.cancelled]


class Transport(asyncio.Transport):
    def __init__(self):
        super().__init__()
        self.ended = []

    def close(self):
        self.ended.append("closed")

    def abort(self):
        self.ended.append("aborted")

    def is_closing(self):
        return bool(self.ended)

    def resume_reading(self):
        pass


@pytest.fixture
def connect():
    """Make connections to one server without a network: `connect()`; each has a `transport` and a `loop`."""
    config, state = configure(lambda: None), ServerState()

    def make(busy=False):
        connection = LimitedConnection(config=config, server_state=state, app_state={}, _loop=loop)
        connection.connection_made(Transport())
        if busy:
            connection.cycle = SimpleNamespace(response_complete=False, disconnected=False)
        return connection

    loop = Loop()
    return make


def test_a_connection_without_a_whole_request_is_closed_after_a_while(connect):
    connection = connect()
    for byte in LINE:  # a client that keeps sending gets no more time
        connection.data_received(bytes([byte]))
    (timer,) = connection.loop.due
    assert timer.seconds == connections._HEADERS
    timer.call()
    assert connection.transport.ended == ["closed"]


def test_a_connection_with_a_request_is_not_closed(connect):
    connection = connect(busy=True)
    connection.loop.due[0].call()
    assert connection.transport.ended == []


def test_after_a_response_there_is_a_new_time_limit(connect):
    connection = connect(busy=True)
    (first,) = connection.loop.due
    connection.cycle.response_complete = True
    connection.on_response_complete()
    assert first.cancelled
    connection.data_received(LINE)  # ends uvicorn's own limit, which is for idle connections
    (second,) = connection.loop.due
    second.call()
    assert connection.transport.ended == ["closed"]


def test_a_lost_connection_has_no_time_limit(connect):
    connection = connect()
    connection.connection_lost(None)
    assert connection.loop.due == []


def test_the_connection_that_waited_longest_makes_room(connect):
    busy = [connect(busy=True) for _ in range(connections.MOST - 2)]
    early, later = connect(), connect()
    early.cycle = SimpleNamespace(response_complete=True)
    early.on_response_complete()  # begins to wait again, after the other
    connect()
    assert (later.transport.ended, early.transport.ended) == (["aborted"], [])
    connect(busy=True)
    assert early.transport.ended == ["aborted"]
    assert all(connection.transport.ended == [] for connection in busy)


def test_if_all_connections_have_requests_none_is_closed(connect):
    busy = [connect(busy=True) for _ in range(connections.MOST)]
    last = connect()
    assert all(connection.transport.ended == [] for connection in [*busy, last])
    assert len(last.connections) >= configure(lambda: None).limit_concurrency, "its request is refused"


@pytest.fixture(autouse=True)
def no_examples(monkeypatch):
    """Servers that start at once."""
    monkeypatch.setattr("birads_zoo.serving.app.draw_examples", lambda folder: ())


@pytest.fixture
def errors():
    """Collect what a server and its event loop log as errors from now on: `errors()`; uvicorn's settings come first."""
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio")]
    logged = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: logged.append(handler.format(record))

    def begin():
        for logger in loggers:
            logger.addHandler(handler)
        return logged

    yield begin
    for logger in loggers:
        logger.removeHandler(handler)


def connection_to(address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(address.split(":")[2].strip("/"))), timeout=HANGING)


def received(client: socket.socket) -> bytes:
    """Return the first bytes that a client gets, b"" if the server has closed the connection."""
    try:
        return client.recv(12)
    except ConnectionResetError:
        return b""


def test_seventy_half_open_connections_do_not_block_others(running, queue, monkeypatch):
    monkeypatch.setattr(connections, "_HEADERS", 10 * HANGING)
    with running(queue) as address:
        clients = [connection_to(address) for _ in range(70)]
        for client in clients:
            client.sendall(LINE)
        for _ in range(3):
            with urllib.request.urlopen(f"{address}openapi.json", timeout=HANGING) as answer:
                assert answer.status == 200
        closed = 70 + 1 - connections.MOST  # each of the three had left before the next came
        gone, others = clients[:closed], clients[closed:]
        assert [received(client) for client in gone] == [b""] * closed
        for client in others:
            client.sendall(b"\r\n")
        assert [received(client) for client in others] == [b"HTTP/1.1 200"] * len(others)
        for client in clients:
            client.close()


class CountedLine(Line):
    """A line that reports its first place as `taken`, and then as `freed`."""

    def __init__(self):
        super().__init__()
        self.taken, self.freed = threading.Event(), threading.Event()

    @asynccontextmanager
    async def place(self):
        try:
            async with super().place():
                self.taken.set()
                yield
        finally:
            self.freed.set()


def leave(client: socket.socket, reset: bool) -> None:
    if reset:  # closes the connection with RST
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def request_of(route: str, kind: str, content: bytes) -> bytes:
    head = f"POST {route} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


FORM = b'--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n%s\r\n--b--\r\n'


@pytest.mark.parametrize("reset", [False, True], ids=["closes", "resets"])
@pytest.mark.parametrize("kind", ["application/octet-stream", "multipart/form-data; boundary=b"])
@pytest.mark.parametrize("part", [0.6, 1])
@pytest.mark.parametrize("route", ["/predict", "/show"])
def test_a_client_that_leaves_gives_no_traceback(
    running, queue, busy, mammogram, errors, route, part, kind, reset, left_in
):
    line = CountedLine()
    queue = replace(queue, line=line)
    whole = request_of(route, kind, FORM % mammogram if "form" in kind else mammogram)
    with running(queue) as address:
        logged = errors()
        client = connection_to(address)
        with busy(queue):  # no answer is made before the client has left
            client.sendall(whole[: int(part * len(whole))])
            assert line.taken.wait(HANGING)
            leave(client, reset)
        assert line.freed.wait(HANGING)
        request = urllib.request.Request(f"{address}predict", data=mammogram, headers={"content-type": "image/jpeg"})
        with urllib.request.urlopen(request, timeout=HANGING) as answer:
            assert answer.status == 200
    assert logged == []
    assert left_in(queue.folder) == []


CHUNKED = b"Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
NO_HTTP = {
    "TLS": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    "a header that is too long": [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 99_999],
    "two lengths": [b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
    "a bad chunk": [b"POST /predict HTTP/1.1\r\n" + CHUNKED + b"ZZ\r\n"],
    "a bad chunk, of which the page takes no notice": [b"GET / HTTP/1.1\r\n" + CHUNKED + b"ZZ\r\n"],
    "a bad chunk after the response": [b"GET / HTTP/1.1\r\n" + CHUNKED, b"ZZ\r\n"],
    "no HTTP after a request": [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x00\x01 x\r\n\r\n"],
    "a WebSocket": [b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n"],
}


@pytest.mark.parametrize("parts", NO_HTTP.values(), ids=NO_HTTP)
def test_what_is_no_http_gives_no_traceback(running, queue, errors, parts):
    with running(queue) as address:
        logged = errors()
        with connection_to(address) as client:
            for part in parts:
                client.sendall(part)
                received(client)
            while received(client):  # until the server has closed the connection
                pass
        with urllib.request.urlopen(f"{address}openapi.json", timeout=HANGING) as answer:
            assert answer.status == 200
    assert logged == []
