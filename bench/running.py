"""The other end of `subject.py`: starts a runtime in a process of its own and asks it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self, cast

import msgspec
from watchkeeper.domain.specification.channel import Channel
from watchkeeper.domain.specification.configuration import Configuration, RuntimeOptions
from watchkeeper.domain.specification.remote.agents import Agents
from watchkeeper.domain.specification.routing import Route
from watchkeeper.domain.specification.target import Target

SETTLE_NS = 300_000_000
"""After a question, which holds the interpreter of the process asked for a moment."""
SUBJECT = Path(__file__).with_name("subject.py")


class Running:
    """A runtime under test; leaving the `with` block stops it."""

    def __init__(
        self,
        targets: Iterable[Target],
        *,
        core: int,
        store: Path | str | None = None,
        channels: Iterable[Channel] = (),
        routes: Iterable[Route] = (),
        in_flight_max: int | None = None,
        slow_disk_ms: int = 0,
        tls_library: Literal["openssl", "rustls"] = "openssl",
        packages: Path | None = None,
        agents: Agents | None = None,
    ) -> None:
        """`packages` is a folder of packages beside those that are installed."""
        options = RuntimeOptions(
            store=str(store) if store else None, tls_library=tls_library, allow_exec=True
        )
        if in_flight_max is not None:
            options = msgspec.structs.replace(options, in_flight_max=in_flight_max)
        plan = Configuration(
            runtime=options,
            agents=agents,
            channels=tuple(channels),
            routes=tuple(routes),
            targets=tuple(targets),
        )
        self.process = subprocess.Popen(
            [sys.executable, str(SUBJECT), str(core), str(slow_disk_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=None if packages is None else {**os.environ, "PYTHONPATH": _path_with(packages)},
        )
        self._questions = cast("IO[bytes]", self.process.stdin)
        self._answers = cast("IO[bytes]", self.process.stdout)
        self._write(msgspec.json.encode(plan))
        self.started_in_ms: float = self._read()["started_in_ms"]
        self.abandoned: list[Any] = []

    @property
    def pid(self) -> int:
        return self.process.pid

    def _write(self, line: bytes) -> None:
        self._questions.write(line + b"\n")
        self._questions.flush()

    def _read(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise RuntimeError("the runtime under test ended; what it said is above")
        answer: dict[str, Any] = msgspec.json.decode(line)
        return answer

    def ask(self, question: str) -> dict[str, Any]:
        self._write(question.encode())
        return self._read()

    def window(self, seconds: float) -> dict[str, float]:
        """Lets the runtime run for a span. Returns its cost."""
        before = self.ask("begin")
        time.sleep(seconds)
        until_ns = time.monotonic_ns()
        after = self.ask("figures")
        checks = after["samples"] - before["samples"]
        spent_s = (after["at_ns"] - before["at_ns"]) / 1e9
        return {
            "since_ns": before["at_ns"] + SETTLE_NS,
            "until_ns": until_ns,
            "checks": checks,
            "lateness_p50_ms": after["recent_lateness_ms"][0],
            "lateness_p99_ms": after["recent_lateness_ms"][1],
            "checks_per_s": checks / spent_s,
            "cpu_us_per_check": (after["cpu_us"] - before["cpu_us"]) / max(checks, 1),
            "core_share": (after["cpu_us"] - before["cpu_us"]) / spent_s / 1e6,
            "waited_for_core_ms_per_s": (after["waited_ms"] - before["waited_ms"]) / spent_s,
        }

    def close(self) -> None:
        if self._questions.closed:
            return
        self._questions.close()
        try:
            self.abandoned = self._read()["abandoned"]
            self.process.wait(30)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.process.kill()
            self.process.wait()


def _path_with(packages: Path) -> str:
    before = os.environ.get("PYTHONPATH")
    return str(packages) if before is None else f"{packages}{os.pathsep}{before}"
