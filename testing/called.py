"""Functions of a host in virtual time: checks and `call` channels that no script replaces are called at their moment."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from threading import Thread
from typing import Any

from ..adapters.callables.host_calls import is_async
from ..adapters.callables.results import Ended, Returned, TimedOut, raised
from ..adapters.channels.local.call import answer_of
from ..adapters.probes.local.call import observed
from ..domain import limits
from ..domain.incidents.notice import Answer, Notice
from ..domain.observation.attempt import ProbeRequest
from ..domain.observation.observation import Observation
from ..domain.observation.returned import observation_of
from ..domain.specification.probe import Call
from ..domain.specification.target import Target
from ..domain.time.moment import NS_PER_MS, Deadline, Moment
from ..domain.time.timers import CallAt
from .fakes import Pending, Post, ScriptedMessenger, ScriptedProber

TAKES_NS = NS_PER_MS
"""The virtual time of a call, whatever it takes in truth."""
Functions = Mapping[str, Callable[..., Any]]


def ended(function: Callable[..., Any], *arguments: object) -> Ended:
    """Calls a function of the host and waits for it; an async one runs on an event loop of its own."""
    if not is_async(function):
        return _ended(lambda: Returned(function(*arguments)))
    found: list[Ended] = []

    def run() -> None:
        found.append(_ended(lambda: asyncio.run(_awaited(function(*arguments)))))

    # The calling thread may run an event loop of the test.
    thread = Thread(target=run, name="watchkeeper-called")
    thread.start()
    thread.join()
    return found[0]


async def _awaited(answer: Awaitable[object]) -> Ended:
    limit = asyncio.timeout(limits.CALLED_IN_TESTS_S)
    try:
        async with limit:
            return Returned(await answer)
    except TimeoutError:
        if limit.expired():
            return TimedOut()
        raise


def _ended(call: Callable[[], Ended]) -> Ended:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - a check may raise anything, and it is then a bad sample
        return raised(error)


class CallingProber(ScriptedProber):
    """A scripted prober that calls the function of a `call` target which has no script."""

    def __init__(
        self,
        read: Callable[[], Moment],
        call_at: CallAt,
        functions: Functions,
        target_of: Callable[[str], Target | None] = lambda _: None,
    ) -> None:
        super().__init__(read, call_at, target_of)
        self._functions = functions

    def start(self, request: ProbeRequest, done: Callable[[Observation], None]) -> Pending:
        probe, target = request.probe, request.attempt.target
        if target in self._scripts or not isinstance(probe, Call) or probe.name not in self._functions:
            return super().start(request, done)
        self.started += 1
        how = ended(self._functions[probe.name])
        if isinstance(how, Returned):
            how = Returned(observation_of(how.value))
        at_ns = self._read().monotonic_ns + TAKES_NS
        return Pending(self._call_at, at_ns, partial(done, observed(how, TAKES_NS)))


class CallingMessenger(ScriptedMessenger):
    """A scripted channel that calls its function with each notice while no script is set."""

    def __init__(
        self, name: str, read: Callable[[], Moment], call_at: CallAt, function: Callable[[Notice], Any]
    ) -> None:
        super().__init__(name, read, call_at)
        self._function = function

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> Pending:
        if self.is_scripted:
            return super().send(notice, attempt, deadline, done, memory)
        now, answer = self._read(), answer_of(ended(self._function, notice))
        self.posts.append(Post(now, notice, attempt, answer.accepted))
        return Pending(self._call_at, now.monotonic_ns + TAKES_NS, partial(done, answer))
