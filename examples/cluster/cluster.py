"""Two nodes on one PostgreSQL and an agent: one node is killed with SIGKILL before your eyes, and the other takes its shards over.

Run by `./launch cluster`, which installs what it needs. Everything is on this machine, in a temporary folder that is gone at the end:
a PostgreSQL, a NATS server, twelve little web servers in this process, a receiver of notices, two processes of `watchkeeper run` and one of
`watchkeeper agent`, which looks at two of the targets as from another place.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

from watchkeeper import WatchkeeperError, connect

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
PostgresServer: Any = import_module("postgres_server").PostgresServer
NatsServer: Any = import_module("nats_server").NatsServer
"""Both lie beside the tests, which are no part of the package."""


TARGETS, SHARDS, WITHIN_S = 12, 8, 60.0
FIRST, SECOND = "shop-04", "shop-01"
"""Two targets that lie on shards of node a, and are looked at from two places."""
CONFIGURATION = """
runtime: {{store: "{store}", location: home}}
agents: {{nats: "{nats}", locations: [fra]}}
channels:
  - {{id: receiver, webhook: {{url: "http://127.0.0.1:{receiver}/"}}}}
defaults: {{every: 1s, timeout: 900ms, notify: [receiver]}}
targets:
"""


class Cast:
    """The servers that are watched and the receiver of notices, all in this process."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.told: list[tuple[float, str]] = []
        self.port = 0

    @contextmanager
    def on_stage(self) -> Iterator[None]:
        cast = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.strip("/")
                self.answer(503 if name in cast.down else 200)

            def do_POST(self) -> None:
                notice = json.loads(self.rfile.read(int(self.headers["content-length"])))
                cast.told.append((time.monotonic(), f"{notice['type']} {notice['incident']['target']}"))
                self.answer(200)

            def answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Prints nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


class Program:
    """One process of watchkeeper, with its output in a file."""

    def __init__(self, name: str, words: list[str], folder: Path, environment: dict[str, str]) -> None:
        command = [sys.executable, "-P", "-m", "watchkeeper", *words]
        self._log = (folder / f"{name}.log").open("ab")
        self.process = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)  # noqa: S603  # its own words

    def kill(self) -> None:
        """Ends it as a power cut would: nothing is handed over, closed or told."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()


class Show:
    """Tells what happens, with the seconds since the beginning."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.failed = False

    def say(self, text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self._began:6.1f} s  {text}\n")
        sys.stdout.flush()

    def nodes(self, store: str) -> None:
        """Prints the nodes as any living one of them has them."""
        for node in connect(store).status().nodes:
            shards = ", ".join(map(str, node.shards))
            runs = f"runs {len(node.shards)} shards ({shards}) with {node.targets} targets"
            self.say(f"    node {node.name} {runs if node.alive else 'is silent'}")

    def wait(self, what: str, is_so: Callable[[], bool]) -> float:
        """Waits for something, and returns how long that took. Raises: TimeoutError after a minute."""
        began = time.monotonic()
        while time.monotonic() - began < WITHIN_S:
            with suppress(WatchkeeperError, TimeoutError, KeyError):
                if is_so():
                    return time.monotonic() - began
            time.sleep(0.1)
        raise TimeoutError(f"{what} did not happen within {WITHIN_S:.0f} s")


def owned(store: str) -> dict[str, tuple[int, ...]]:
    """Returns the shards of each living node."""
    return {node.name: tuple(node.shards) for node in connect(store).status().nodes if node.alive}


def target(number: int, port: int) -> str:
    """Returns the lines of a target, which two of them have from two places."""
    name = f"shop-{number:02}"
    places = (
        ", every: 2s, timeout: 1800ms, locations: [home, fra], quorum: 2" if name in {FIRST, SECOND} else ""
    )
    return f'  - {{id: {name}, http: {{url: "http://127.0.0.1:{port}/{name}"}}{places}}}\n'


def play(show: Show, folder: Path, server: Any, nats: Any, stack: ExitStack) -> None:
    cast = Cast()
    stack.enter_context(cast.on_stage())
    store = f"{server.socket_dsn}&shards={SHARDS}"
    configuration = folder / "cluster.yaml"
    head = CONFIGURATION.format(store=store, nats=nats.url(), receiver=cast.port)
    targets = "".join(target(number, cast.port) for number in range(TARGETS))
    configuration.write_text(head + targets, encoding="utf-8")
    environment = {**os.environ, "STATE_DIRECTORY": str(folder)}
    os.environ["STATE_DIRECTORY"] = str(folder)

    def start(name: str, *words: str) -> Program:
        program = Program(name, list(words), folder, environment)
        stack.callback(program.end)
        return program

    def start_node(name: str) -> Program:
        return start(name, "run", str(configuration), "--node", name)

    show.say(
        f"a configuration with {TARGETS} targets, each checked every second or two; an agent and two nodes start"
    )
    start("agent", "agent", "--location", "fra", "--nats", nats.url("fra"))
    nodes = {name: start_node(name) for name in "ab"}
    half = SHARDS // 2
    show.wait(
        "the start", lambda: {name: len(of) for name, of in owned(store).items()} == {"a": half, "b": half}
    )
    show.nodes(store)

    cast.down.add(FIRST)
    show.say(f"{FIRST} answers 503 from now on")
    took = show.wait("the notice", lambda: any(f"opened {FIRST}" in text for _, text in cast.told))
    why = connect(store).target(FIRST).explanation
    show.say(f"the receiver was told after {took:.1f} s: {why}")

    show.say(f"kill -9 {nodes['a'].process.pid}: node a is gone, and {SECOND} answers 503 at the same moment")
    cast.down.add(SECOND)
    nodes["a"].kill()
    took = show.wait("the take-over", lambda: owned(store) == {"b": tuple(range(SHARDS))})
    show.say(f"node b has taken all shards over, {took:.1f} s after the kill")
    show.nodes(store)
    show.wait("the notice", lambda: any(f"opened {SECOND}" in text for _, text in cast.told))
    show.say(f"the receiver was told that {SECOND} is down")

    cast.down.clear()
    show.say("both answer well again, and node a is started again")
    nodes["a"] = start_node("a")
    show.wait(
        "the hand-over",
        lambda: {name: len(of) for name, of in owned(store).items()} == {"a": half, "b": half},
    )
    show.nodes(store)
    show.wait("the end", lambda: sum("resolved" in text for _, text in cast.told) >= 2)
    told = sorted(text for _, text in cast.told)
    show.say(f"told: {', '.join(told)}")
    show.failed = told != sorted(
        f"incident.{change} {name}" for change in ("opened", "resolved") for name in (FIRST, SECOND)
    )
    show.say("each once: everything as expected" if not show.failed else "NOT as expected")


def main() -> int:
    show = Show()
    with ExitStack() as stack:
        # SIGTERM ends it as Ctrl-C does: with everything cleaned up.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watchkeeper-cluster-")))
        show.say("a PostgreSQL and a NATS server start in temporary folders")
        server, nats = stack.enter_context(PostgresServer()), stack.enter_context(NatsServer("fra"))
        try:
            play(show, folder, server, nats, stack)
        except TimeoutError as error:
            show.say(f"{error}: the last lines of the nodes are")
            for log in sorted(folder.glob("*.log")):
                show.say(f"{log.stem}: {log.read_text(errors='replace')[-1_000:]}")
            return 1
        except KeyboardInterrupt:
            show.say("stopped")
            return 130
    show.say("everything is stopped, and nothing is left behind")
    return int(show.failed)


if __name__ == "__main__":
    sys.exit(main())
