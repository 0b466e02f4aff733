"""An agent: probes from its own location for the runtimes that ask it by NATS, on a thread of its own."""

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from msgspec import UNSET, to_builtins
from msgspec.structs import replace

from ...actors.dispatch.run.alarm import MillisecondTimer
from ...actors.dispatch.run.loop import LoopDispatcher
from ...adapters.clock import SystemClock
from ...adapters.configuration.files import settle
from ...adapters.extras import missing_for_agents
from ...adapters.kernel_timer import KernelTimer, has_kernel_timer
from ...adapters.locations.serving import AgentStatistics
from ...domain import limits
from ...domain.errors import ConfigurationError, UsageError
from ...domain.specification.probe import Tls
from ...domain.specification.remote.agents import Agents
from ...domain.specification.text import NAME_FORM, NAME_PATTERN
from ...domain.time.duration import Duration, duration_ns
from ...domain.time.moment import NS_PER_S
from ...domain.validation.probes.locations import agents_problems
from .agent_run import AgentOptions, AgentRun

CLOSE_S = limits.CLOSE_NS / NS_PER_S


def _say_nothing(*_: object) -> None:
    """Takes what an agent says where its host does not ask for it."""


def _problems(agents: Agents) -> Iterator[str]:
    """Yields what is wrong with the way to NATS, by the names of the arguments of an agent."""
    found = [*missing_for_agents(agents), *agents_problems(agents, "")]
    if agents.tls is not UNSET:
        stated = {"nats": agents.nats, "tls": to_builtins(agents.tls)}
        stated["tls"] = {key: value for key, value in stated["tls"].items() if value is not None}
        found += settle({"agents": stated}, lambda _: Path.cwd())
    yield from (str(replace(problem, path=problem.path[1:])) for problem in found)


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
        tls: Tls | None = None,
        in_flight_max: int = limits.IN_FLIGHT_MAX,
        deny_private_addresses: bool = False,
        told: Callable[[str, bool], None] = _say_nothing,
    ) -> None:
        """`credentials` is the text of a NATS credentials file, an NKEY seed, a token, or `user:password`. `tls` says how a server of
        `tls://` is judged; its files are meant from the working directory.

        `told` hears each change of the connection. It is given one line, and whether trying again cannot help; it is called on the
        agent's thread and must not block.

        Raises: ConfigurationError for a location, a server, a login or a file that cannot be, and without the libraries of the extra
        `nats`.
        """
        is_named = re.match(NAME_PATTERN, location) is not None
        trust = {} if tls is None else {"tls": tls}
        agents = Agents(
            nats=nats,
            credentials=credentials,
            locations=(location if is_named else "unnamed",),
            **trust,
        )
        problems = [*_problems(agents)]
        if not is_named:
            problems.insert(0, f"location: {location!r} is no name of a location: {NAME_FORM}")
        if problems:
            raise ConfigurationError(*problems)
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
