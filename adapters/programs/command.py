"""A program in a session of its own: started without a shell, heard up to a bound, killed with all its children."""

import os
import select
import signal
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, NamedTuple

from ...domain.limits import BODY_BYTES, COMMAND_ERROR_BYTES_MAX, READ_BYTES_MAX, READS_AFTER_EXIT_MAX
from ...domain.units import NS_PER_MS
from .leftovers import MARK, kill_leftovers, new_mark
from .program_end import watch_end

LOCALE = "C.UTF-8"
"""The language of plugins: others write a decimal comma, and read `-w 0.5` as 0."""


class Capture:
    """One pipe of the program: the first bytes are kept, the rest is drained, counted and dropped."""

    def __init__(self, pipe: IO[bytes], bytes_max: int) -> None:
        self._pipe = pipe
        self._bytes_max = bytes_max
        self.kept = bytearray()
        self.dropped = 0
        os.set_blocking(pipe.fileno(), False)

    @property
    def descriptor(self) -> int:
        return self._pipe.fileno()

    def read(self) -> bool:
        """Take in what one read gives. False when there is nothing now, or nothing any more."""
        try:
            chunk = os.read(self.descriptor, READ_BYTES_MAX)
        except BlockingIOError:
            return False
        room = self._bytes_max - len(self.kept)
        self.kept += chunk[:room]
        self.dropped += max(0, len(chunk) - room)
        return bool(chunk)

    def drain(self) -> None:
        """Reads the present content of the pipe. Bounded: a child in another session may hold the pipe and write for ever."""
        for _ in range(READS_AFTER_EXIT_MAX):
            if not self.read():
                return

    def close(self) -> None:
        self._pipe.close()


class Feed:
    """The standard input of the program: written as it takes it, and closed at the end."""

    def __init__(self, pipe: IO[bytes], content: bytes) -> None:
        self._pipe = pipe
        self._left = memoryview(content)
        os.set_blocking(pipe.fileno(), False)

    @property
    def descriptor(self) -> int:
        return self._pipe.fileno()

    @property
    def closed(self) -> bool:
        return self._pipe.closed

    def write(self) -> bool:
        """Writes what the pipe takes now. False once all is written, or the program takes no more."""
        try:
            self._left = self._left[os.write(self.descriptor, self._left) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return bool(self._left)

    def close(self) -> None:
        self._pipe.close()


class Command:
    """A program under way, from its start until it is reaped. Used by one thread at a time."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        output: IO[bytes],
        errors: IO[bytes],
        output_bytes_max: int,
        mark: str,
        feed: Feed | None = None,
    ) -> None:
        self._process = process
        self.mark = mark
        """Carried by the program and everything that it starts; see `kill_leftovers`."""
        self.pid = process.pid
        self.end = watch_end(process.pid)
        self.output = Capture(output, output_bytes_max)
        self.errors = Capture(errors, COMMAND_ERROR_BYTES_MAX)
        self.feed = feed
        """None for a program whose standard input is empty."""

    def reap(self) -> bool:
        """Take the exit status if the program has ended; its children are killed."""
        if not self.end.reap():
            return False
        # Popen would otherwise wait for a number that is no longer ours.
        self._process.returncode = self.end.exit_status or 0
        return True

    def drain_pipes(self) -> None:
        """Take in what the program left behind, and close."""
        self.output.drain()
        self.errors.drain()
        self.close_pipes()

    def close_pipes(self) -> None:
        self.output.close()
        self.errors.close()
        if self.feed is not None:
            self.feed.close()

    def dispose(self, within_ns: int) -> bool:
        """Kill it and wait, at most so long, until it is reaped."""
        self.close_pipes()
        self.end.kill()
        if not self.end.reaped:
            poll = select.poll()
            poll.register(self.end.descriptor, select.POLLIN)
            poll.poll(within_ns // NS_PER_MS)
        reaped = self.reap()
        if reaped:
            kill_leftovers({self.mark: self.pid})
        return reaped


class Program(NamedTuple):
    """A program to run once."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    """All that it inherits, besides the mark."""
    directory: str | None = None
    output_bytes_max: int = BODY_BYTES
    content: bytes | None = None
    """The bytes on its standard input; None: nothing is there."""


def environment_of(pairs: Mapping[str, str]) -> dict[str, str]:
    """PATH of ours, one locale on every machine, and the specification's own pairs; nothing else is inherited.

    LC_ALL goes where the pairs name a locale variable, which it would override.
    """
    named = any(name == "LANG" or name.startswith("LC_") for name in pairs)
    fixed = {"LANG": LOCALE} if named else {"LANG": LOCALE, "LC_ALL": LOCALE}
    return {"PATH": os.environ.get("PATH", os.defpath), **fixed, **pairs}


def start_command(program: Program) -> Command:
    """Start the program; blocks until the machine has executed it. Raises OSError when it cannot be run.

    Opens the streams of the program itself: when a descriptor is missing, Popen before Python 3.11.4 leaks those it has
    opened.
    """
    mark = new_mark()
    with ExitStack() as given, ExitStack() as kept:
        output, errors = _pipe(kept, given), _pipe(kept, given)
        reading, feed = _input(program.content, given, kept)
        process = subprocess.Popen(  # noqa: S603  # an argument vector, never a shell; what may be run is the operator's configuration
            program.argv,
            stdin=reading,
            stdout=output[1],
            stderr=errors[1],
            close_fds=True,
            cwd=program.directory,
            env={**program.environment, MARK: mark},
            start_new_session=True,
        )
        kept.callback(_give_up, process, mark)
        command = Command(process, output[0], errors[0], program.output_bytes_max, mark, feed)
        kept.pop_all()
    return command


def _input(content: bytes | None, given: ExitStack, kept: ExitStack) -> tuple[IO[bytes], Feed | None]:
    """The end that the program is given, and what is written to the other one."""
    if content is None:
        return given.enter_context(Path(os.devnull).open("rb", buffering=0)), None
    reading, writing = _pipe(given, kept)
    return reading, Feed(writing, content)


def _pipe(readers: ExitStack, writers: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    """The end to read from and the end to write to, each closed by its own stack."""
    reading, writing = os.pipe()
    return readers.enter_context(open(reading, "rb", 0)), writers.enter_context(open(writing, "wb", 0))  # noqa: PTH123  # descriptors, not paths


def _give_up(process: subprocess.Popen[bytes], mark: str) -> None:
    """No descriptor was left to watch it by, or it is gone already: it must not run unwatched."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kill_leftovers({mark: process.pid})
