"""The network between nodes and their database: ports that may hold all packets, or those behind the fence of a transaction."""

import asyncio
import re
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

R = TypeVar("R")
CHUNK = 65_536
WITHIN_S = 60.0
_FENCE = re.compile(rb"\bupdate\s+(\w+\.)?shard\b", re.IGNORECASE)
_BEGIN = re.compile(rb"^\s*begin\b", re.IGNORECASE)
_ROLLBACK = re.compile(rb"^\s*rollback\b", re.IGNORECASE)
_COMMIT = re.compile(rb"^\s*commit\b", re.IGNORECASE)


class Network:
    """An event loop on a thread of its own, and its links."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._links: list[Link] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def link(self, port: int) -> "Link":
        """Returns a new port that leads to another one."""
        made = Link(self, port)
        self.run(made.listen())
        self._links.append(made)
        return made

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Runs a coroutine on the loop. Blocks."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Calls a function on the loop. Blocks until it has returned."""

        async def calling() -> None:
            function(*arguments)

        self.run(calling())

    def close(self) -> None:
        """Ends every connection."""
        try:
            self.run(self._end())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(WITHIN_S)
            self._loop.close()

    async def _end(self) -> None:
        for link in self._links:
            link.close()
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Link:
    """A port that leads to a server; `cut` holds what both sides say, and new connections."""

    def __init__(self, network: Network, to: int) -> None:
        self._network, self._to = network, to
        self.port = 0
        self._open = asyncio.Event()
        self._open.set()
        self._connections: set[Connection] = set()
        self.at_commit: Callable[[int], None] | None = None
        """Called once on the loop's thread, with the port that the server sees, when a transaction behind its fence would commit;
        its connection then holds the rest until `release`."""

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listens no more. Called on the loop."""
        self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await connection.run(self._to)
        finally:
            self._connections.discard(connection)
            connection.abort()

    async def passing(self) -> None:
        """Waits while the link is cut."""
        await self._open.wait()

    def cut(self) -> None:
        """Holds everything that is said from now on."""
        self._network.call(self._open.clear)

    def heal(self, *, delivers: bool) -> None:
        """Ends a cut: what was held arrives, or the connections of that time are reset."""
        if not delivers:
            self._network.call(self._reset)
        self._network.call(self._open.set)

    def _reset(self) -> None:
        for connection in self._connections:
            connection.abort()

    def arm(self, at_commit: Callable[[int], None] | None) -> None:
        """Sets `at_commit`, or takes it away."""
        self._network.call(setattr, self, "at_commit", at_commit)

    def release(self) -> None:
        """Lets the connections go on that are held at a commit."""
        self._network.call(self._release)

    def _release(self) -> None:
        for connection in self._connections:
            connection.released.set()


class Connection:
    """One connection by a link."""

    def __init__(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._link, self._client, self._to_client = link, reader, writer
        self._to_server: asyncio.StreamWriter | None = None
        self._reading = Statements()
        self.released = asyncio.Event()

    def abort(self) -> None:
        for writer in (self._to_client, self._to_server):
            if writer is not None and writer.transport is not None:
                writer.transport.abort()

    async def run(self, port: int) -> None:
        await self._link.passing()
        server, self._to_server = await asyncio.open_connection("127.0.0.1", port)
        tasks = [asyncio.ensure_future(self._up(self._to_server)), asyncio.ensure_future(self._down(server))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _up(self, server: asyncio.StreamWriter) -> None:
        while said := await self._client.read(CHUNK):
            await self._link.passing()
            place = self._reading.commit_in(said)
            if place is not None and self._link.at_commit is not None:
                server.write(said[:place])
                await server.drain()
                at_commit, self._link.at_commit = self._link.at_commit, None
                self.released.clear()
                at_commit(server.get_extra_info("sockname")[1])
                await self.released.wait()
                said = said[place:]
            server.write(said)
            await server.drain()
        await self._link.passing()

    async def _down(self, server: asyncio.StreamReader) -> None:
        while said := await server.read(CHUNK):
            await self._link.passing()
            self._to_client.write(said)
            await self._to_client.drain()
        await self._link.passing()


class Statements:
    """Reads what a client of PostgreSQL says: where in it a transaction that began with the fence would commit."""

    def __init__(self) -> None:
        self._rest = b""
        self._has_started = False
        self._queries: dict[bytes, bytes] = {}
        self._stage = 0
        """0: outside of a transaction; 1: behind BEGIN; 2: behind the fence."""

    def commit_in(self, said: bytes) -> int | None:
        """Returns the place in these bytes at which the message of a COMMIT behind the fence begins; None without one."""
        before, data = len(self._rest), self._rest + said
        at, found = 0, None
        while (end := self._end(data, at)) is not None:
            if self._has_started and self._is_commit(data[at:end]) and found is None:
                # A message of which a part has passed already is not held back.
                found = at - before if at >= before else None
            self._has_started = True
            at = end
        self._rest = data[at:]
        return found

    def _end(self, data: bytes, at: int) -> int | None:
        """Returns where the message ends that begins there; the first one of a connection has no type."""
        head = 1 if self._has_started else 0
        if len(data) < at + head + 4:
            return None
        end = at + head + int(struct.unpack_from(">I", data, at + head)[0])
        return end if len(data) >= end else None

    def _is_commit(self, message: bytes) -> bool:
        query = self._query(message)
        if query is None:
            return False
        if _COMMIT.search(query):
            was, self._stage = self._stage, 0
            return was == 2
        if _BEGIN.search(query):
            self._stage = 1
        elif _ROLLBACK.search(query):
            self._stage = 0
        elif self._stage == 1 and _FENCE.search(query):
            self._stage = 2
        return False

    def _query(self, message: bytes) -> bytes | None:
        """Returns the statement that a message runs or prepares; None for any other message."""
        kind, body = message[:1], message[5:]
        if kind == b"Q":
            return body.rstrip(b"\0")
        if kind == b"P":
            name, query = body.split(b"\0")[:2]
            self._queries[name] = query
            # One without a name is bound at once; one with a name may be prepared for later.
            return query if not name else None
        if kind == b"B":
            name = body.split(b"\0")[1]
            return self._queries.get(name) if name else None
        return None
