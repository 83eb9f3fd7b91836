"""Requests wait for a place in order; beyond the line's length, and after a while, they are refused."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from birads_zoo.serving.line import Line
from birads_zoo.serving.refusals import RefusedError


def run(requests):
    with ThreadPoolExecutor(1) as pool:  # the browser tests, if they ran before, keep this thread's loop
        return pool.submit(asyncio.run, asyncio.wait_for(requests, 60)).result()


class Client:
    """A request that takes a place, and keeps it until `leave`; `status` is 200 once it has one."""

    def __init__(self, line):
        self.line, self.status, self._done = line, None, asyncio.Event()
        self.task = asyncio.create_task(self._ask())

    async def _ask(self):
        try:
            async with self.line.place():
                self.status = 200
                await self._done.wait()
        except RefusedError as refusal:
            self.status = refusal.status

    async def leave(self):
        self._done.set()
        await self.task
        await settled()


async def settled():
    for _ in range(5):  # turns of the loop, in which those that wait are woken
        await asyncio.sleep(0)


async def clients_of(line, count):
    clients = [Client(line) for _ in range(count)]
    await settled()
    return clients


def test_requests_wait_for_a_place_in_order_and_those_beyond_the_line_are_refused():
    async def requests():
        clients = await clients_of(Line(places=2, waiting=3), 7)
        states = [[client.status for client in clients]]
        for client in clients[:5]:
            await client.leave()
            states.append([client.status for client in clients])
        return states

    waiting = [200, 200, None, None, None, 503, 503]
    states = run(requests())
    assert states[0] == waiting
    assert states[1] == [200, 200, 200, None, None, 503, 503]
    assert states[3] == states[5] == [200, 200, 200, 200, 200, 503, 503]


def test_a_request_that_leaves_the_line_or_waits_for_too_long_keeps_no_place(monkeypatch):
    monkeypatch.setattr("birads_zoo.serving.line.PATIENCE", 0.05)

    async def requests():
        line = Line(places=1, waiting=2)
        holder, late, left = await clients_of(line, 3)
        left.task.cancel()  # as a server does that stops
        await asyncio.wait([late.task, left.task])
        await holder.leave()
        (again,) = await clients_of(line, 1)
        await again.leave()
        return late.status, left.status, again.status

    assert run(requests()) == (503, 503, 200)


def test_an_error_frees_the_place():
    async def requests():
        line = Line(places=1, waiting=0)
        with pytest.raises(ValueError, match="broken"):
            async with line.place():
                raise ValueError("broken")
        async with line.place():
            return True

    assert run(requests())
