"""The `call` channel: a host's callable that takes notices on."""

import asyncio
from collections.abc import Callable
from typing import Any, assert_never

from ....domain.incidents.notice import Answer, Notice
from ....domain.limits import CHANNEL_THREADS_MAX
from ....domain.specification.channel import CallChannel
from ....domain.time.moment import Deadline
from ....domain.time.timers import CallAt
from ...callables.calling import PendingCall
from ...callables.host_calls import HostCalls
from ...callables.results import Cancelled, Ended, Overloaded, Raised, Returned, TimedOut
from ...clock import MomentClock


class CallMessenger:
    """Calls the host's callable with one argument, the `domain.notice.Notice`: a frozen value, safe on any thread.

    None and True accept the notice; False, any other value and an exception do not, and it is tried again with the same
    key. After a deadline the outcome is unknown: the callable may still do its work, so it should apply a key once.
    """

    def __init__(
        self,
        spec: CallChannel,
        function: Callable[[Notice], Any],
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        call_at: CallAt,
        *,
        threads_max: int = CHANNEL_THREADS_MAX,
        host_loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._spec = spec
        self._function = function
        self._calls = HostCalls(
            loop,
            clock,
            call_at,
            threads_max=threads_max,
            host_loop=host_loop,
            name=f"watchkeeper-channel-{spec.name}",
        )

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> PendingCall:
        def ended(how: Ended) -> None:
            done(answer_of(how))

        return self._calls.call(self._spec.name, self._function, (notice,), _read, deadline, ended)

    def close(self) -> None:
        """Cancel what is under way; `abandoned()` says afterwards what goes on regardless."""
        self._calls.close()

    def abandoned(self) -> tuple[str, ...]:
        """Calls that still run though nobody waits for them, each as `thread or task: name`."""
        return self._calls.abandoned()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._spec.name!r}, {self._calls!r})"


def _read(returned: object) -> Answer:
    """Translates the callable's value into an answer, on the thread that ran it."""
    if returned is None or returned is True:
        return Answer(accepted=True)
    detail = (
        "it returned False"
        if returned is False
        else f"it returned {type(returned).__name__}, not None or a bool"
    )
    return Answer(accepted=False, detail=detail)


def answer_of(how: Ended) -> Answer:
    """Returns the answer of a call that has ended."""
    match how:
        case Returned(value):
            return value if isinstance(value, Answer) else _read(value)
        case Raised():
            return Answer(accepted=False, detail=how.text)
        case TimedOut(by_earlier_call):
            suffix = ": an earlier call has not come back" if by_earlier_call else ""
            return Answer(accepted=False, detail=f"timed out{suffix}")
        case Overloaded(detail):
            return Answer(accepted=False, detail=f"overloaded: {detail}")
        case Cancelled():
            return Answer(accepted=False, detail="cancelled")
        case _:
            assert_never(how)
