"""The peer: prometheus-blackbox-exporter on a core of its own, driven at an exact rate by a light client."""

import asyncio
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from machine import cpu_us

BINARY = "prometheus-blackbox-exporter"
INSTALL = f"{BINARY} is not installed; on Debian: apt-get install {BINARY}"
READY_WITHIN_S = 10.0
TICK_S = 0.001
FAILED_SHARE_MAX = 0.01

MODULES = """
modules:
  http: {{prober: http, timeout: 5s, http: {{preferred_ip_protocol: ip4}}}}
  https: {{prober: http, timeout: 5s, http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: {authority}}}}}}}
  tcp: {{prober: tcp, timeout: 5s, tcp: {{preferred_ip_protocol: ip4}}}}
  tls: {{prober: tcp, timeout: 5s, tcp: {{preferred_ip_protocol: ip4, tls: true, tls_config: {{ca_file: {authority}}}}}}}
  dialogue:
    prober: tcp
    timeout: 5s
    tcp:
      preferred_ip_protocol: ip4
      query_response:
        - expect: "^220 ([^ ]+) ESMTP"
        - send: "EHLO prober\r"
        - expect: "^250 "
        - send: "QUIT\r"
  dns: {{prober: dns, timeout: 5s, dns: {{preferred_ip_protocol: ip4, query_name: shop.example, query_type: A}}}}
  icmp: {{prober: icmp, timeout: 5s, icmp: {{preferred_ip_protocol: ip4}}}}
  grpc: {{prober: grpc, timeout: 5s, grpc: {{preferred_ip_protocol: ip4}}}}
"""


class PeerFailed(Exception):  # the result of a run, not a fault of this script
    """Raised where too many of its probes failed for its cost to be compared."""


def installed() -> bool:
    return shutil.which(BINARY) is not None


def version() -> str:
    said = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True)
    return (said.stdout or said.stderr).split("version ")[1].split()[0]


class Blackbox:
    """A running exporter."""

    def __init__(self, folder: Path, authority: Path, core: int) -> None:
        settings = folder / "blackbox.yml"
        settings.write_text(MODULES.format(authority=authority))
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), BINARY, f"--config.file={settings}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"],
            env={**os.environ, "GOMAXPROCS": "1"},
        )  # fmt: skip
        _await(self.port)

    def window(
        self, module: str, targets: list[str], rate: float, in_flight: int, lengths_s: tuple[float, float]
    ) -> dict[str, float]:
        """Lets it probe the targets in turn. Returns the cost once it is warm.

        At a rate; or, with a number in flight, as fast as it answers. `lengths_s` is of the warm-up and of the window.
        """
        return asyncio.run(self._drive(Client(self.port, module, targets), rate, in_flight, lengths_s))

    async def _drive(
        self, client: "Client", rate: float, in_flight: int, lengths_s: tuple[float, float]
    ) -> dict[str, float]:
        warm_s, seconds = lengths_s
        await client.run(rate, in_flight, warm_s)
        before, began_s, done = cpu_us(self.process.pid), time.monotonic(), client.answered
        await client.run(rate, in_flight, seconds)
        spent_us, spent_s = cpu_us(self.process.pid) - before, time.monotonic() - began_s
        checks = client.answered - done
        await client.close()
        if client.failed > FAILED_SHARE_MAX * checks:
            raise PeerFailed(f"{client.failed} of the peer's probes failed, the last as {client.said!r}")
        return {
            "checks": checks,
            "checks_per_s": checks / spent_s,
            "cpu_us_per_check": spent_us / max(checks, 1),
            "core_share": spent_us / spent_s / 1e6,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait()


class Client:
    """Asks over kept connections, as many as are under way at once, and looks at nothing but the success line."""

    def __init__(self, port: int, module: str, targets: list[str]) -> None:
        self._port = port
        self._requests = [_request(module, target, port) for target in targets]
        self._next = 0
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self.succeeded = 0
        self.failed = 0
        self.said = ""

    async def run(self, rate: float, in_flight: int, seconds: float) -> None:
        """Ask for so long; return when the last ones are answered."""
        ends_s = time.monotonic() + seconds
        if in_flight:
            await asyncio.gather(*(self._ask_until(ends_s) for _ in range(in_flight)))
        else:
            await self._ask_evenly(rate, seconds)

    async def _ask_until(self, ends_s: float) -> None:
        while time.monotonic() < ends_s:
            await self._ask()

    async def _ask_evenly(self, rate: float, seconds: float) -> None:
        began_s, started = time.monotonic(), 0
        while (spent_s := time.monotonic() - began_s) < seconds:
            for _ in range(int(spent_s * rate) - started):
                started += 1
                task = asyncio.create_task(self._ask())
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(TICK_S)
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _ask(self) -> None:
        request = self._requests[self._next % len(self._requests)]
        self._next += 1
        reader, writer = (
            self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
        )
        writer.write(request)
        header = await reader.readuntil(b"\r\n\r\n")
        body = await _body(reader, header)
        self._idle.append((reader, writer))
        if b"\nprobe_success 1\n" in body:
            self.succeeded += 1
        else:
            self.failed += 1
            self.said = body[-400:].decode(errors="replace")

    @property
    def answered(self) -> int:
        return self.succeeded + self.failed

    async def close(self) -> None:
        for _, writer in self._idle:
            writer.close()


async def _body(reader: asyncio.StreamReader, header: bytes) -> bytes:
    lower = header.lower()
    if b"content-length:" in lower:
        return await reader.readexactly(int(lower.split(b"content-length:")[1].split()[0]))
    chunks = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        chunks.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(chunks)


def _request(module: str, target: str, port: int) -> bytes:
    query = f"/probe?module={module}&target={quote(target, safe='')}"
    return f"GET {query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


def _await(port: int) -> None:
    ends_s = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except ConnectionRefusedError:
            if time.monotonic() > ends_s:
                raise
            time.sleep(0.02)
        else:
            return
