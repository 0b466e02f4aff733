"""Admission, deadlines, cancellation and accounting of calls of host functions, for threads and tasks alike.

All of it runs on the loop's thread. A runner (threads.py, tasks.py) only begins calls and posts their results.
"""

from collections.abc import Callable

from ...domain import limits
from ...domain.observation.attempt import CancelOutcome
from ...domain.time.moment import Deadline
from ...domain.time.timers import CallAt, Timer
from ..clock import MomentClock
from .calling import CallStage, PendingCall
from .results import Cancelled, Ended, Overloaded, Raised, TimedOut
from .tasks import CallTasks
from .threads import CallThreads

NO_FREE_PLACE = "no free thread before the deadline"


class Calls:
    """Runs calls of host functions; each submitter is answered exactly once, however the function behaves.

    A call that does not return blocks one worker only: calls of the same name wait for it instead of blocking further
    workers, and end TIMED_OUT when their own deadline passes.
    """

    def __init__(self, runner: CallThreads | CallTasks, call_at: CallAt, clock: MomentClock) -> None:
        self._runner = runner
        self._call_at = call_at
        self._clock = clock
        # Dicts serve as ordered sets with removal in constant time.
        self._waiting: dict[PendingCall, None] = {}
        self._parked: dict[PendingCall, None] = {}
        self._running: dict[PendingCall, None] = {}
        self._abandoned: dict[PendingCall, None] = {}
        self._closed = False

    def submit(
        self,
        name: str,
        work: Callable[[], object],
        deadline: Deadline,
        done: Callable[[Ended], None],
        on_late_result: Callable[[Ended], None] | None = None,
    ) -> PendingCall:
        """Runs `work` before the deadline; `done` is called exactly once, never from within this call.

        `on_late_result` receives a result that came after `done`, for work whose result must be disposed of.
        """
        call = PendingCall(self._cancel, self._finished, name, work, deadline, done, on_late_result)
        refusal = self._refusal()
        if refusal:
            call.timer = self._soon(lambda: self._end(call, Overloaded(refusal)))
            return call
        call.timer = self._call_at(deadline.monotonic_ns, lambda: self._expire(call))
        self._queue(call)
        self._begin_waiting()
        return call

    def _refusal(self) -> str:
        if self._closed:
            return "it is closed"
        if len(self._waiting) + len(self._parked) >= limits.CALL_QUEUE_MAX:
            return f"{limits.CALL_QUEUE_MAX} calls are waiting already"
        if self._runner.is_exhausted(len(self._abandoned)):
            return f"{len(self._abandoned)} earlier calls have not come back"
        return ""

    def _soon(self, callback: Callable[[], None]) -> Timer:
        return self._call_at(0, callback)

    def _is_stuck(self, name: str) -> bool:
        stuck = sum(call.name == name for call in self._abandoned if not call.performed)
        return stuck >= limits.ABANDONED_CALLS_PER_NAME_MAX

    def _queue(self, call: PendingCall) -> None:
        if self._is_stuck(call.name):
            call.stage = CallStage.PARKED
            self._parked[call] = None
        else:
            call.stage = CallStage.WAITING
            self._waiting[call] = None

    def _begin_waiting(self) -> None:
        while self._waiting and self._runner.make_room(len(self._abandoned)):
            call = self._next_in_time()
            if call is None:
                return
            del self._waiting[call]
            call.stage = CallStage.BEGUN
            self._running[call] = None
            self._runner.begin(call)

    def _next_in_time(self) -> PendingCall | None:
        """Returns the first waiting call with time left; the timers of the others are about to end them."""
        now = self._clock.read()
        return next((call for call in self._waiting if not call.deadline.expired(now)), None)

    def _finished(self, call: PendingCall, ended: Ended | None) -> None:
        """Handles the return of a call: frees its worker, and answers the submitter unless that happened already."""
        was_abandoned = call in self._abandoned
        self._abandoned.pop(call, None)
        self._running.pop(call, None)
        if was_abandoned:
            self._unpark(call.name)
        self._begin_waiting()
        if ended is None:
            return
        if was_abandoned:
            if call.on_late_result is not None:
                call.on_late_result(ended)
        else:
            self._end(call, self._seen(call, ended))

    def _unpark(self, name: str) -> None:
        for parked in [each for each in self._parked if each.name == name]:
            del self._parked[parked]
            self._queue(parked)

    @staticmethod
    def _seen(call: PendingCall, ended: Ended) -> Ended:
        """Returns Cancelled for a CancelledError, or no begin, after `cancel`; without it they are what they are."""
        stopped = ended.cancelled if isinstance(ended, Raised) else isinstance(ended, Overloaded)
        return Cancelled() if stopped and call.cancel_outcome is not None else ended

    def _end(self, call: PendingCall, ended: Ended) -> None:
        if call.stage in {CallStage.ENDED, CallStage.ABANDONED}:
            return
        self._forget(call, CallStage.ENDED)
        call.done(ended)

    def _forget(self, call: PendingCall, stage: CallStage) -> None:
        call.stage = stage
        for calls in (self._waiting, self._parked, self._running):
            calls.pop(call, None)
        if call.timer is not None:
            call.timer.cancel()

    def _expire(self, call: PendingCall) -> None:
        """Handles the deadline: a call that never began is an internal fault, a running call is abandoned."""
        match call.stage:
            case CallStage.WAITING:
                self._end(call, Overloaded(NO_FREE_PLACE))
            case CallStage.PARKED:
                self._end(call, TimedOut(by_earlier_call=True))
            case CallStage.BEGUN if call.begun.acquire(blocking=False):
                self._end(call, Overloaded(NO_FREE_PLACE))
            case CallStage.BEGUN:
                self._abandon(call)
                self._begin_waiting()
                call.done(TimedOut())
            case CallStage.ABANDONED | CallStage.ENDED:
                pass

    def _abandon(self, call: PendingCall) -> None:
        self._forget(call, CallStage.ABANDONED)
        self._abandoned[call] = None
        self._runner.abandon(call)
        self._runner.interrupt(call)
        for waiting in [each for each in self._waiting if each.name == call.name]:
            del self._waiting[waiting]
            self._queue(waiting)

    def _cancel(self, call: PendingCall) -> CancelOutcome:
        if call.cancel_outcome is None:
            call.cancel_outcome = self._cancelled(call)
        return call.cancel_outcome

    def _cancelled(self, call: PendingCall) -> CancelOutcome:
        if call.stage in {CallStage.ENDED, CallStage.ABANDONED} or call.performed:
            return CancelOutcome.COMPLETED_ANYWAY
        if call.begun.acquire(blocking=False):
            self._forget(call, CallStage.ENDED)
            self._begin_waiting()
            return CancelOutcome.WITHOUT_EFFECT
        self._runner.interrupt(call)
        return CancelOutcome.UNKNOWN

    def close(self) -> None:
        """Ends all calls within limits.CLOSE_NS: cancels waiting ones, interrupts and abandons running ones."""
        if self._closed:
            return
        self._closed = True
        for call in [*self._waiting, *self._parked, *self._running]:
            self._call_off(call)
        self._runner.close()

    def _call_off(self, call: PendingCall) -> None:
        if call.begun.acquire(blocking=False):
            self._forget(call, CallStage.ENDED)
        else:
            self._abandon(call)
        self._soon(lambda: call.done(Cancelled()))

    def abandoned(self) -> tuple[str, ...]:
        """Returns the abandoned calls that still run, each as `thread or task: name`."""
        return tuple(f"{self._runner.where(call)}: {call.name}" for call in self._abandoned)

    def __repr__(self) -> str:
        return f"Calls(running={len(self._running)}, waiting={len(self._waiting)}, abandoned={len(self._abandoned)})"
