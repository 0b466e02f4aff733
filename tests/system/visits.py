"""Visits to a web server at a fixed rate, each on a connection of its own, and what became of each."""

import asyncio
import json
import socket
import threading
import time
from typing import NamedTuple

REQUESTS = (b"POST /orders", b"GET /")
"""Asked in turn: a command and a question."""


class Visit(NamedTuple):
    """One request."""

    began_s: float
    took_s: float
    port: int
    """The port of the client, which it had before it connected: a worker may have accepted a connection that broke at once."""
    worker: int
    """The process that answered; 0 for none."""
    problem: str
    """Why it counts as no answer; empty for a status of 200 with a whole body."""


class Visitors:
    """Begins so many requests a second on a thread of its own, however long the earlier ones take."""

    def __init__(self, port: int, rate: float, within_s: float) -> None:
        """A request that has no answer `within_s` has failed."""
        self._port, self._every_s, self._within_s = port, 1 / rate, within_s
        self.visits: list[Visit] = []
        self.again: list[Visit] = []
        """Those that were sent once more, as a proxy does for a connection that broke."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    def end(self) -> None:
        """Ends once every request is answered or has failed."""
        self._over.set()
        self._thread.join()

    def workers_since(self, moment_s: float) -> set[int]:
        """Returns the processes that have answered requests begun since a monotonic moment."""
        return {visit.worker for visit in self.visits if visit.began_s >= moment_s and visit.worker}

    async def _run(self) -> None:
        began_s, count = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while not self._over.is_set():
                group.create_task(self._visit(REQUESTS[count % len(REQUESTS)]))
                count += 1
                # On a fixed grid: requests that are late follow at once.
                await self._until(began_s + count * self._every_s)

    async def _until(self, moment_s: float) -> None:
        """Lets the other visits go on until a monotonic moment."""
        loop = asyncio.get_running_loop()
        reached = loop.create_future()
        loop.call_at(moment_s, reached.set_result, None)
        await reached

    async def _visit(self, request: bytes) -> None:
        visit = await visited(self._port, request, self._within_s)
        self.visits.append(visit)
        if visit.problem:
            self.again.append(await visited(self._port, request, self._within_s))


async def visited(port: int, request: bytes, within_s: float) -> Visit:
    """Sends one request and reads the whole answer."""
    began_s, own, worker, problem = time.monotonic(), 0, 0, ""
    client = socket.socket()
    try:
        client.setblocking(False)
        client.bind(("127.0.0.1", 0))
        own = client.getsockname()[1]
        async with asyncio.timeout(within_s):
            await _connect(client, port)
            worker, problem = await _answer_to(request, client)
    except (OSError, ValueError) as error:
        problem = repr(error)
    return Visit(began_s, time.monotonic() - began_s, own, worker, problem)


async def _connect(client: socket.socket, port: int) -> None:
    try:
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    except BaseException:
        client.close()
        raise


async def _answer_to(request: bytes, client: socket.socket) -> tuple[int, str]:
    """Returns the process that has answered, and why it is no answer."""
    reader, writer = await asyncio.open_connection(sock=client)
    try:
        writer.write(
            request + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    if head.split(b" ")[1:2] == [b"200"]:
        return json.loads(body)["pid"], ""
    return 0, head.partition(b"\r\n")[0].decode(errors="replace") or "closed without an answer"
