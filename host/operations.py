"""The questions and verbs of a runtime for its web doors: each is awaited, and none blocks the loop of the web."""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from ..actors.policies import ActorPolicy
from ..adapters.clock import SystemClock
from ..adapters.stores.sqlite.reader import StoreReader
from ..domain.errors import UsageError
from ..domain.incidents.record import ALL, AllTargets
from ..domain.policy import CachePolicy
from ..domain.read_model.status import RuntimeStatus
from ..domain.specification.configuration import Configuration
from ..domain.specification.target import Target
from ..domain.time.duration import Duration
from ..domain.time.moment import wall_text
from .awaitable import AsyncSurface
from .configured import ConfiguredTargets
from .own_thread import in_own_thread
from .subscriptions import Subscription

R = TypeVar("R")
READERS_MAX = 4
"""Readings of the store at once: each has a thread and a connection, and more of them would only share two disks' time."""
SETTLED_WITHIN_S = 2.0
"""The time for a command to become durable before its request is answered without that."""
NO_FILE = "this runtime keeps its record in memory: it has no past to read (set runtime.store to a file)"


class Settled(NamedTuple):
    """The effect of the commands so far."""

    status: RuntimeStatus | None
    """The status after them; None where they took too long."""
    is_durable: bool


class HostVerbs(Protocol):
    """The public methods of Runtime that the web uses."""

    aio: AsyncSurface

    def pause(self, target: str, *, by: str = "") -> None: ...

    def resume(self, target: str) -> None: ...

    def heartbeat(self, target: str, *, ok: bool = True, detail: str = "") -> None: ...

    def acknowledge(self, incident: str, by: str, note: str = "", *, until: Duration = "") -> None: ...

    def unacknowledge(self, incident: str, by: str) -> None: ...

    def silence(
        self,
        target: str | AllTargets,
        length: Duration = "",
        *,
        until: str = "",
        by: str = "",
        reason: str = "",
        id: str | None = None,  # noqa: A002  # as the method has it
    ) -> None: ...

    def subscribe(self, *, samples: bool = False) -> Subscription: ...

    def policies(self) -> tuple[ActorPolicy | CachePolicy, ...]: ...


class Operations:
    """Everything that a request may ask or order, on any thread and on any event loop."""

    def __init__(
        self, verbs: HostVerbs, configured: ConfiguredTargets, is_started: Callable[[], bool]
    ) -> None:
        self.verbs = verbs
        self._configured = configured
        self._is_started = is_started
        self._clock = SystemClock()
        self._reading = asyncio.Semaphore(READERS_MAX)

    @property
    def is_started(self) -> bool:
        return self._is_started()

    def now_ns(self) -> int:
        """Returns the wall time."""
        return self._clock.read().wall_ns

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns()

    # Questions.

    async def status(self, *, fresh: bool = False) -> RuntimeStatus:
        """Returns the status: of at most a second ago, or as of now, after every earlier command is applied and durable.

        Raises: UsageError while the runtime is stopped; TimeoutError without an answer in time.
        """
        return await self.verbs.aio.status(0 if fresh else "1s")

    def targets(self) -> Mapping[str, Target]:
        """Returns the targets as they are configured now, by id."""
        return {target.id: target for target in self._configured.snapshot().targets}

    def target(self, name: str) -> Target:
        """Returns a target as it is configured now. Raises: UnknownName with the closest known name."""
        return self._configured.known(name)

    def configuration(self) -> Configuration:
        """Returns the configuration in effect."""
        return self._configured.snapshot()

    @property
    def has_file(self) -> bool:
        """Whether there is a store to read."""
        return self._configured.given.runtime.store is not None

    async def read(self, work: Callable[[StoreReader], R]) -> R:
        """Returns what `work` reads from the store, on a thread made for it; a few readings run at once.

        Raises: UsageError without a file; StoreError.
        """
        path = self._configured.given.runtime.store
        if path is None:
            raise UsageError(NO_FILE)
        reader = StoreReader(path)
        async with self._reading:
            return await in_own_thread("watchkeeper-read", lambda: work(reader))

    # HostVerbs.

    async def settled(self) -> Settled:
        """Waits at most two seconds until every earlier command is applied and durable.

        Raises: UsageError while the runtime is stopped.
        """
        try:
            async with asyncio.timeout(SETTLED_WITHIN_S):
                status = await self.status(fresh=True)
        except TimeoutError:
            return Settled(None, is_durable=False)
        return Settled(status, is_durable=all(part != "store" for part, _ in status.problems))

    def mute(self, name: str, *, target: str | None, until_ns: int, by: str, reason: str) -> None:
        """Begins or changes a silence.

        Raises: UnknownName for a target that is not watched; UsageError while the runtime is stopped.
        """
        muted = ALL if target is None else target
        self.verbs.silence(muted, until=wall_text(until_ns), by=by, reason=reason, id=name)

    def unmute(self, name: str) -> None:
        """Ends a silence; nothing else of it changes."""
        self.verbs.silence(ALL, "0s", id=name)
