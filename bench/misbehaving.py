"""A server that misbehaves on command and keeps what webhooks bring: the outside world of one run, in its own process.

    python bench/misbehaving.py CORE

It says its port, then takes commands on its input: `set NAME MODE` (ok, fail, hang, slow), `report`, `count`, `posts`.
Targets ask for `/t/NAME`; channels post to `/hook`, or to `/count/...`, where posts are counted and not kept. Moments are the machine's monotonic clock, the same in every process.
"""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from machine import stay_on

SLOW_S = 0.5
BACKLOG = 8_192
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAIL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno"


class World:
    """The behaviour of each target, the time of each last good answer, and the notices that arrived."""

    def __init__(self) -> None:
        self.modes: dict[str, str] = {}
        self.last_good_ns: dict[str, int] = {}
        self.hooks: list[tuple[str, int, dict[str, Any]]] = []
        self.posts: dict[str, list[int]] = {}
        """The size of each post that is counted, by its path."""

    def report(self) -> dict[str, Any]:
        return {"last_good_ns": self.last_good_ns, "hooks": self.hooks}


class Exchange(asyncio.Protocol):
    """One connection: one request, one answer, or none."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self._world = world
        self._loop = loop
        self._read = bytearray()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        header, found, body = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        if header.startswith(b"POST"):
            self._posted(header, body)
        else:
            self._read.clear()
            self._asked(header.split(b" ", 2)[1].decode())

    def _asked(self, path: str) -> None:
        name = path.removeprefix("/t/")
        match self._world.modes.get(name, "ok"):
            case "ok":
                self._world.last_good_ns[name] = time.monotonic_ns()
                self._transport.write(OK)
            case "slow":
                self._loop.call_later(SLOW_S, self._transport.write, OK)
            case "fail":
                self._transport.write(FAIL)

    def _posted(self, header: bytearray, body: bytearray) -> None:
        fields = dict(
            line.lower().split(": ", 1) for line in header.decode().split("\r\n")[1:] if ": " in line
        )
        if len(body) < int(fields.get("content-length", "0")):
            return
        path = header.split(b" ", 2)[1].decode()
        if path.startswith("/count/"):
            self._world.posts.setdefault(path, []).append(len(body))
        else:
            self._world.hooks.append((fields.get("webhook-id", ""), time.monotonic_ns(), json.loads(body)))
        self._read.clear()
        self._transport.write(OK)


async def serve() -> None:
    """Until the input ends."""
    loop, world = asyncio.get_running_loop(), World()
    server = await loop.create_server(lambda: Exchange(world, loop), "127.0.0.1", 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode():
        match line.split():
            case ["set", name, mode]:
                world.modes[name] = mode
            case ["count"]:
                print(json.dumps({"hooks": len(world.hooks)}), flush=True)
            case ["posts"]:
                print(json.dumps(world.posts), flush=True)
            case ["report"]:
                print(json.dumps(world.report()), flush=True)


class Misbehaving:
    """The server as its user sees it."""

    def __init__(self, core: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._answer())

    def _answer(self) -> str:
        return self.process.stdout.readline()  # type: ignore[union-attr]  # a pipe, as asked for

    def _tell(self, line: str) -> None:
        self.process.stdin.write(line + "\n")  # type: ignore[union-attr]  # a pipe, as asked for
        self.process.stdin.flush()  # type: ignore[union-attr]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/t/{name}"

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def counting(self, name: str) -> str:
        """Returns the address at which posts are counted."""
        return f"http://127.0.0.1:{self.port}/count/{name}"

    def set(self, name: str, mode: str) -> None:
        self._tell(f"set {name} {mode}")

    def ask(self, question: str) -> dict[str, Any]:
        self._tell(question)
        answer: dict[str, Any] = json.loads(self._answer())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    stay_on(int(sys.argv[1]))
    asyncio.run(serve())
