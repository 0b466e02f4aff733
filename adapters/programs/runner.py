"""Runs programs without a shell: started on a few threads, watched from the loop, and gone at their deadline."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

from ...domain import limits
from ...domain.observation.attempt import CancelOutcome
from ...domain.time.moment import Deadline
from ...domain.time.timers import CallAt, Timer
from ...domain.units import NS_PER_S
from ..activity import Activity
from ..callables.calling import PendingCall
from ..callables.calls import Calls
from ..callables.results import Cancelled, Ended, Overloaded, Raised, Returned, TimedOut
from ..callables.threads import CallThreads
from ..clock import MomentClock
from .command import Capture, Command, Feed, Program, start_command
from .leftovers import kill_leftovers

SEARCH_AFTER_NS = NS_PER_S // 4
"""The time from the end of a program to the search for its leftovers, which looks for those of all that ended meanwhile."""


class Exited(NamedTuple):
    """The program ended by itself, and was reaped."""

    command: Command


class Killed(NamedTuple):
    """The program was killed at its deadline."""

    command: Command


class NotStarted(NamedTuple):
    """The program never ran under our eyes."""

    why: Raised | TimedOut | Overloaded


class Stopped(NamedTuple):
    """The program was cancelled, or the runner closed."""


ProgramRun: TypeAlias = Exited | Killed | NotStarted | Stopped
"""How one run of a program ended."""
OnRun = Callable[[ProgramRun], None]


class RunningProgram(Activity):
    """One run: being started on a thread, then watched from the loop."""

    _runner: "ProgramRunner"
    deadline: Deadline
    done: OnRun
    call: PendingCall | None = None
    command: Command | None = None
    timer: Timer | None = None
    ended: bool = False

    def cancel(self) -> CancelOutcome:
        """Kill it with all its children. Only while the machine is still starting it the outcome is unknown."""
        return self._runner.cancel(self)


class ProgramRunner:
    """Programs are started on a few threads, for that blocks, and watched by the loop alone."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        call_at: CallAt,
        *,
        name: str = "watchkeeper-exec",
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._call_at = call_at
        threads = CallThreads(loop, threads_max=limits.COMMAND_START_THREADS_MAX, name=name)
        self._calls = Calls(threads, call_at, clock)
        self._starting: set[RunningProgram] = set()
        self._running: set[RunningProgram] = set()
        self._reaping: set[Command] = set()
        self._ended: dict[str, int] = {}
        """The marks of ended programs whose leftovers are not looked for yet, with their process numbers."""
        self._searched: dict[str, int] = {}
        """Those whose leftovers are being looked for: one search is under way at a time, for all that ended meanwhile."""
        # Shared with the starting threads, each access under the lock: how many of them are at work, and programs
        # born and not yet handed to the loop.
        self._guard = threading.Condition()
        self._at_work = 0
        self._born: set[Command] = set()
        self._closed = False

    def run(self, program: Program, deadline: Deadline, done: OnRun) -> RunningProgram:
        """Starts a program; `done` is called exactly once, never from within this call, unless it is cancelled."""
        run = RunningProgram(self, deadline, done)
        self._starting.add(run)
        if len(self._starting) + len(self._running) > limits.COMMANDS_MAX:
            detail = f"{limits.COMMANDS_MAX} commands run already"
            run.timer = self._call_at(0, lambda: self._start_failed(run, Overloaded(detail)))
            return run
        run.call = self._calls.submit(
            program.argv[0],
            lambda: self._give_birth(program),
            deadline,
            lambda ended: self._start_ended(run, ended),
            self._born_late,
        )
        return run

    # On a starting thread.

    def _give_birth(self, program: Program) -> Command:
        with self._guard:
            self._at_work += 1
        try:
            return self._deliver(start_command(program))
        finally:
            with self._guard:
                self._at_work -= 1
                self._guard.notify_all()

    def _deliver(self, command: Command) -> Command:
        with self._guard:
            if not self._closed:
                self._born.add(command)
                return command
        command.dispose(limits.CLOSE_NS)
        raise RuntimeError("closed while it was being started")

    def _kill(self, searched: dict[str, int]) -> None:
        with self._guard:
            if self._closed:
                return  # closing looks for all of them itself
            self._at_work += 1
        try:
            kill_leftovers(searched)
        finally:
            with self._guard:
                self._at_work -= 1
                self._guard.notify_all()

    # On the loop.

    def _adopt(self, ended: Returned) -> Command | None:
        """The program that was born, unless closing has disposed of it already."""
        command = ended.value
        with self._guard:
            if not isinstance(command, Command) or command not in self._born:
                return None
            self._born.discard(command)
        return command

    def _born_late(self, ended: Ended) -> None:
        if isinstance(ended, Returned):
            command = self._adopt(ended)
            if command is not None:
                self._let_go(command)

    def _start_ended(self, run: RunningProgram, ended: Ended) -> None:
        command = self._adopt(ended) if isinstance(ended, Returned) else None
        if command is None:
            self._start_failed(run, Cancelled() if isinstance(ended, Returned) else ended)
        elif run.ended:
            self._let_go(command)
            run.done(Stopped())
        else:
            self._watch(run, command)

    def _start_failed(self, run: RunningProgram, ended: Ended) -> None:
        self._starting.discard(run)
        run.ended = True
        run.done(NotStarted(ended) if isinstance(ended, Raised | TimedOut | Overloaded) else Stopped())

    def _watch(self, run: RunningProgram, command: Command) -> None:
        self._starting.discard(run)
        self._running.add(run)
        run.command = command
        for capture in (command.output, command.errors):
            self._loop.add_reader(capture.descriptor, partial(self._read, capture))
        if command.feed is not None:
            self._loop.add_writer(command.feed.descriptor, self._write, command.feed)
        self._loop.add_reader(command.end.descriptor, partial(self._exited, run, command))
        run.timer = self._call_at(run.deadline.monotonic_ns, lambda: self._expire(run, command))

    def _read(self, capture: Capture) -> None:
        if not capture.read():
            self._loop.remove_reader(capture.descriptor)

    def _write(self, feed: Feed) -> None:
        if not feed.write():
            self._loop.remove_writer(feed.descriptor)
            # The end of its input.
            feed.close()

    def _exited(self, run: RunningProgram, command: Command) -> None:
        self._unwatch(run, command)
        command.reap()
        command.drain_pipes()
        self._look_for_leftovers(command)
        run.done(Exited(command))

    def _expire(self, run: RunningProgram, command: Command) -> None:
        self._stop(run, command)
        run.done(Killed(command))

    def _unwatch(self, run: RunningProgram, command: Command) -> None:
        run.ended = True
        self._running.discard(run)
        if run.timer is not None:
            run.timer.cancel()
        for descriptor in (command.output.descriptor, command.errors.descriptor, command.end.descriptor):
            self._loop.remove_reader(descriptor)
        if command.feed is not None and not command.feed.closed:
            self._loop.remove_writer(command.feed.descriptor)
            command.feed.close()

    def _stop(self, run: RunningProgram, command: Command) -> None:
        self._unwatch(run, command)
        self._let_go(command)

    def _let_go(self, command: Command) -> None:
        """Kill it and take it back from the machine once it is gone; nobody waits for it."""
        command.end.kill()
        command.close_pipes()
        self._reaping.add(command)
        self._loop.add_reader(command.end.descriptor, self._reap, command)

    def _reap(self, command: Command) -> None:
        self._loop.remove_reader(command.end.descriptor)
        self._reaping.discard(command)
        command.reap()
        self._look_for_leftovers(command)

    def _look_for_leftovers(self, command: Command) -> None:
        self._ended[command.mark] = command.pid
        if not self._searched and len(self._ended) == 1:
            self._search_soon()

    def _search_soon(self) -> None:
        self._call_at(self._clock.read().monotonic_ns + SEARCH_AFTER_NS, self._search)

    def _search(self) -> None:
        if self._closed:
            return
        searched, self._searched, self._ended = self._ended, self._ended, {}
        deadline = Deadline.after(self._clock.read(), limits.CLOSE_NS)
        self._calls.submit("leftovers", lambda: self._kill(searched), deadline, self._search_ended)

    def _search_ended(self, ended: Ended) -> None:
        if isinstance(ended, Overloaded | TimedOut):
            self._ended |= self._searched  # no thread was free
        self._searched = {}
        if self._ended:
            self._search_soon()

    def cancel(self, run: RunningProgram) -> CancelOutcome:
        """See RunningProgram.cancel."""
        if run.ended:
            return CancelOutcome.COMPLETED_ANYWAY
        run.ended = True
        self._starting.discard(run)
        if run.command is not None:
            self._stop(run, run.command)
            return CancelOutcome.WITHOUT_EFFECT
        if run.call is not None:
            revoked = run.call.cancel() is CancelOutcome.WITHOUT_EFFECT
            return CancelOutcome.WITHOUT_EFFECT if revoked else CancelOutcome.UNKNOWN
        if run.timer is not None:
            run.timer.cancel()
        return CancelOutcome.WITHOUT_EFFECT

    def close(self) -> None:
        """Kill and reap everything within limits.CLOSE_NS; attempts under way end CANCELLED."""
        with self._guard:
            self._closed = True
            # A program that is being born now is disposed of by the thread that started it; a search for leftovers ends.
            self._guard.wait_for(lambda: self._at_work == 0, limits.CLOSE_NS / NS_PER_S)
            born, self._born = self._born, set()
        self._calls.close()
        for run in tuple(self._running):
            if run.command is not None:
                self._stop(run, run.command)
                self._call_at(0, partial(run.done, Stopped()))
        self._reap_all(born)

    def _reap_all(self, born: set[Command]) -> None:
        for command in self._reaping:
            self._loop.remove_reader(command.end.descriptor)
        ends_ns = self._clock.read().monotonic_ns + limits.CLOSE_NS
        for command in (*born, *self._reaping):
            left_ns = max(0, ends_ns - self._clock.read().monotonic_ns)
            if command.dispose(left_ns):
                self._reaping.discard(command)
        kill_leftovers({**self._ended, **self._searched})

    def abandoned(self) -> tuple[str, ...]:
        """Returns the abandoned commands: programs that survive their kill, and starts that never returned."""
        killed = tuple(f"process {command.pid}: killed and not gone" for command in self._reaping)
        with self._guard:
            starts = self._calls.abandoned() if self._at_work else ()
        return (*killed, *starts)

    def __repr__(self) -> str:
        return f"ProgramRunner(running={len(self._running)}, reaping={len(self._reaping)})"
