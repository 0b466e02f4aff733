"""Real `watchkeeper run` processes: started, read from, and always ended."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.system.outside import SECRET, WITHIN_S

COMMAND = ("-m", "watchkeeper")
CONFIGURATION = """\
runtime: {{store: {store}, grace: {grace}}}
channels:
  - {{id: ops, webhook: {{url: "{receiver}/notices/${{LIFE}}", secret: {secret}, timeout: 30s}}, in_flight_max: {in_flight}}}
targets:
"""
TARGET = """\
  - {{id: {name}, every: {every}, {timeout}http: {{url: "{site}/{name}"}}, notify: [ops],
      flapping: false,
      rules: [{{id: down, kind: consecutive, after: {after}, recover: 1, severity: {severity}}}]}}
"""


def write_configuration(
    path: Path,
    *,
    site: str,
    receiver: str,
    targets: int = 1,
    every: str = "200ms",
    timeout: str = "",
    after: int = 1,
    severity: str = "critical",
    store: str = "watch.db",
    grace: str = "5s",
    in_flight: int = 4,
) -> Path:
    """Writes a configuration of targets t0, t1 ... of a site, with one receiver. The file is replaced atomically.

    Without a timeout that of the product holds, which is far longer than a busy machine takes to answer: a check that ended too
    late would open an incident that nothing has caused.
    """
    head = CONFIGURATION.format(
        store=store, grace=grace, receiver=receiver, secret=SECRET, in_flight=in_flight
    )
    each = [
        TARGET.format(
            name=f"t{number}",
            every=every,
            timeout=f"timeout: {timeout}, " if timeout else "",
            site=site,
            after=after,
            severity=severity,
        )
        for number in range(targets)
    ]
    new = path.with_suffix(".new")
    new.write_text(head + "".join(each))
    return new.replace(path)


class Lines:
    """The output of a process on one pipe so far; an unfinished last line does not count."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._lines: list[str] = []
        self._ended = False
        self._said = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._pipe:
            with self._said:
                if line.endswith("\n"):
                    self._lines.append(line.rstrip("\n"))
                self._said.notify_all()
        with self._said:
            self._ended = True
            self._said.notify_all()

    def wait_for(self, wanted: str, within_s: float = WITHIN_S, *, times: int = 1) -> bool:
        """Waits for so many lines that contain `wanted`. Returns False where time runs out or the output ends."""
        return self.wait_until(lambda lines: sum(wanted in line for line in lines) >= times, within_s)

    def wait_until(self, look: Callable[[Sequence[str]], bool], within_s: float = WITHIN_S) -> bool:
        """Waits until all lines so far are as wanted. Returns False where time runs out or the output ends."""
        with self._said:
            self._said.wait_for(lambda: self._ended or look(self._lines), within_s)
            return look(self._lines)

    def all(self) -> list[str]:
        with self._said:
            return list(self._lines)

    def close(self) -> list[str]:
        """Returns all lines, after the process has ended."""
        self._thread.join(WITHIN_S)
        self._pipe.close()
        return self._lines


class Watch:
    """One process that runs a configuration; `before` stands in front of its command (a tracer, a limit), `options` behind."""

    def __init__(
        self,
        path: Path,
        *,
        command: Sequence[str] = COMMAND,
        options: Sequence[str] = (),
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> None:
        self._process = subprocess.Popen(
            [*before, sys.executable, *command, "run", str(path), *options],
            stdout=stdout,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            cwd=path.parent,
            env={**os.environ, "LIFE": "1", **(environment or {})},
            # A process group of its own, so that `kill` ends what it started (strace, sh) too.
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.lines = Lines(self._process.stdout or io.StringIO())
        self.errors = Lines(self._process.stderr or io.StringIO())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.kill()
        self.lines.close()
        self.errors.close()

    def until_watching(self) -> Self:
        assert self.errors.wait_for("watching: "), self.errors.all()
        return self

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kills the process and every process that it started."""
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(WITHIN_S)

    def wait(self, within_s: float = WITHIN_S) -> int:
        return self._process.wait(within_s)

    def stop(self) -> int:
        """Sends SIGTERM and waits for the end. Returns the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()
