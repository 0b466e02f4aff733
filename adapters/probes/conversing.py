"""Probes that are written as coroutines: one task for each attempt, inside one deadline, with every socket closed at its end."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from ...domain.line import one_line
from ...domain.observation.attempt import CancelOutcome, ProbeRequest
from ...domain.observation.observation import Observation, OnObserved
from ...domain.observation.outcome import Outcome, Reason
from ..activity import Activity, tell
from ..net.secure_contexts import UnusableFileError
from ..net.sockets import Sockets
from ..net.system_errors import SystemErrorMeaning, verdict_of_error
from ..net.wire import WireBroken
from .course import AttemptCourse, ProbeFailed, Surroundings

Converse: TypeAlias = Callable[[Any, AttemptCourse], Coroutine[Any, Any, Observation]]
"""Carries out one attempt of a specification. It raises ProbeFailed, or OSError where the system refuses something."""

NO_TIME: SystemErrorMeaning = (Outcome.TIMED_OUT, Reason.TIMED_OUT, "nothing was left of the deadline")


class ConversingProber:
    """Runs the probes of one kind. Used on the loop's thread; what `around` holds is its maker's to close."""

    def __init__(self, around: Surroundings, converse: Converse, sockets: Sockets | None = None) -> None:
        """`sockets` are those that its attempts share, which it closes; without any it makes its own."""
        self.around = around
        self.converse = converse
        self.under_way: set[ConversingAttempt] = set()
        self.sockets = sockets or Sockets(around.loop)
        self.closed = False

    def start(self, request: ProbeRequest, done: OnObserved) -> "ConversingAttempt":
        """Starts an attempt; `done` is called once, after this has returned."""
        course = AttemptCourse(self.around, self.sockets, request, self.around.clock.monotonic_ns())
        attempt = ConversingAttempt(self, course, done)
        self.under_way.add(attempt)
        attempt.begin()
        return attempt

    def close(self) -> None:
        """Cancels what is under way and releases every descriptor. Harmless when repeated."""
        if self.closed:
            return
        self.closed = True
        for attempt in list(self.under_way):
            attempt.cancel()
        self.sockets.close_all()

    def __repr__(self) -> str:
        return f"ConversingProber(under_way={len(self.under_way)})"


class ConversingAttempt(Activity):
    """One attempt under way."""

    _prober: ConversingProber
    _course: AttemptCourse
    _done: OnObserved
    _ended: CancelOutcome | None = None
    _task: "asyncio.Task[None] | None" = None
    _timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        loop, remaining_s = self._prober.around.loop, self._course.remaining_s
        if remaining_s <= 0 or self._prober.closed:
            loop.call_soon(self._end, NO_TIME)
            return
        self._timer = loop.call_later(remaining_s, self._expire)
        self._task = loop.create_task(self._run())

    async def _run(self) -> None:
        try:
            seen = await self._prober.converse(self._course.request.probe, self._course)
        except ProbeFailed as failure:
            self._end(failure.verdict)
        except WireBroken as broken:
            self._end((Outcome.DOWN, broken.reason, f"{broken} {self._course.stage}"))
        except UnusableFileError as error:
            self._end((Outcome.UNKNOWN, Reason.PROBE_CRASHED, str(error)))
        except OSError as error:
            self._end(_verdict_of(error, self._course.stage))
        except Exception as error:  # noqa: BLE001  # a fault of a probe costs its own attempt, and says nothing of the target
            detail = one_line(f"{type(error).__name__}: {error}")
            self._end((Outcome.UNKNOWN, Reason.PROBE_CRASHED, detail))
        else:
            self._tell(seen)

    def _expire(self) -> None:
        self._end(self._course.verdict_of_deadline())

    def _end(self, verdict: SystemErrorMeaning) -> None:
        self._tell(self._course.observation(verdict))

    def _tell(self, seen: Observation) -> None:
        if self._ended is None:
            self._ended = CancelOutcome.COMPLETED_ANYWAY
            self._release()
            tell(self._prober.around.loop, self._done, seen)

    def cancel(self) -> CancelOutcome:
        """Closes everything now, or says that the answer has been given."""
        if self._ended is None:
            self._ended = CancelOutcome.WITHOUT_EFFECT
            self._release()
        return self._ended

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            # A task that tells its own end is over with its next step, and is not to be cancelled in it.
            if self._task is not asyncio.current_task(self._prober.around.loop):
                self._task.cancel()
            self._task = None
        self._course.close()
        self._prober.under_way.discard(self)


def _verdict_of(error: OSError, stage: str) -> SystemErrorMeaning:
    number = error.errno or 0
    return verdict_of_error(number, f"{os.strerror(number) if number else error} {stage}")
