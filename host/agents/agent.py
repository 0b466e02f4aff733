"""An agent: probes from its own location for the runtimes that ask it by NATS, on a thread of its own."""

import asyncio
import re
from collections.abc import Callable
from typing import Self

from ...actors.dispatch.run.alarm import MillisecondTimer
from ...actors.dispatch.run.loop import LoopDispatcher
from ...adapters.clock import SystemClock
from ...adapters.kernel_timer import KernelTimer, has_kernel_timer
from ...adapters.locations.client import load, refusal_of
from ...adapters.locations.serving import AgentStatistics
from ...domain import limits
from ...domain.errors import ConfigurationError, UsageError
from ...domain.specification.remote.agents import Agents, servers_problem
from ...domain.specification.text import NAME_FORM, NAME_PATTERN
from ...domain.time.duration import Duration, duration_ns
from ...domain.time.moment import NS_PER_S
from .agent_run import AgentOptions, AgentRun

CLOSE_S = limits.CLOSE_NS / NS_PER_S


def _say_nothing(*_: object) -> None:
    """Takes what an agent says where its host does not ask for it."""


class Agent:
    """Probes from one location for every runtime that asks it. It connects outwards alone: nothing listens.

    Use it in `with`, or call `start` and `stop`. Several agents of one location share its work. It keeps nothing on disk: what it
    does not answer in time its owner takes as a location that is silent.
    """

    def __init__(
        self,
        *,
        location: str,
        nats: str,
        credentials: str | None = None,
        in_flight_max: int = limits.IN_FLIGHT_MAX,
        deny_private_addresses: bool = False,
        told: Callable[[str, bool], None] = _say_nothing,
    ) -> None:
        """`credentials` is the text of a NATS credentials file, or `user:password`. `told` hears each change of the connection.

        It is given one line, and whether trying again cannot help; it is called on the agent's thread and must not block.

        Raises: ConfigurationError for a location or a server that cannot be, and without the library of the extra `nats`.
        """
        problems = []
        if not re.match(NAME_PATTERN, location):
            problems.append(f"location: {location!r} is no name of a location: {NAME_FORM}")
        if problem := servers_problem(nats):
            problems.append(f"nats: {problem}")
        try:
            load()
        except ImportError as error:
            problems.append(refusal_of(error).text)
        if problems:
            raise ConfigurationError(*problems)
        agents = Agents(nats=nats, credentials=credentials, locations=(location,))
        self._options = AgentOptions(agents, in_flight_max, deny_private_addresses, told)
        self._dispatcher: LoopDispatcher | None = None
        self._run: AgentRun | None = None
        self._last: AgentStatistics | None = None
        """The work of a run that has ended."""

    def start(self) -> None:
        """Begins to connect, for as long as it takes, and returns. Raises: UsageError where it has been started before."""
        if self._run is not None:
            raise UsageError(f"{self!r} has been started before")
        clock = SystemClock()
        timer = KernelTimer if has_kernel_timer() else MillisecondTimer
        self._dispatcher = dispatcher = LoopDispatcher(
            monotonic_ns=clock.monotonic_ns, make_timer=timer, name="watchkeeper-agent"
        )
        dispatcher.start()
        try:
            self._run = dispatcher.perform(
                lambda: AgentRun(self._options, dispatcher, clock), limits.START_WITHIN_S
            )
        except BaseException:
            dispatcher.stop(CLOSE_S)
            raise

    def wait_connected(self, within: Duration) -> bool:
        """Blocks until NATS has taken the subscriptions. Returns False where it has not in time. Raises: UsageError."""
        if self._run is None:
            raise UsageError(f"{self!r} has not been started")
        return self._run.connected.wait(duration_ns(within) / NS_PER_S)

    @property
    def has_connected(self) -> bool:
        """Whether NATS has taken the subscriptions since the start."""
        return self._run is not None and self._run.connected.is_set()

    def statistics(self) -> AgentStatistics:
        """Returns what it has done, after its end, too. Blocks briefly. Raises: UsageError before its start."""
        if self._last is not None:
            return self._last
        if self._run is None or self._dispatcher is None:
            raise UsageError(f"{self!r} has not been started")
        return self._dispatcher.perform(self._run.server.statistics, limits.START_WITHIN_S)

    def stop(self, within: Duration = "10s") -> None:
        """Takes no further ask, lets running checks answer for a time, and ends. Blocks; harmless when repeated."""
        dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is None or self._run is None:
            return
        within_s = duration_ns(within) / NS_PER_S
        ended = asyncio.run_coroutine_threadsafe(self._run.drain(within_s), dispatcher.loop)
        try:
            self._last = ended.result(within_s + CLOSE_S)
        finally:
            dispatcher.stop(CLOSE_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Agent({self._options.agents!r})"
