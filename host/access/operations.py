"""The questions and verbs of a runtime for its web doors: each is awaited, and none blocks the loop of the web."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from ...adapters.clock import SystemClock
from ...adapters.stores.opening import make_reader
from ...adapters.stores.record_reader import RecordReader
from ...domain import limits
from ...domain.errors import NotRunning, UsageError
from ...domain.incidents.record import ALL
from ...domain.observation.attempt import AttemptRecord
from ...domain.read_model.metrics import RuntimeMetrics
from ...domain.read_model.status import RuntimeStatus
from ...domain.specification.configuration import Configuration
from ...domain.specification.problem import Problem
from ...domain.specification.target import Target
from ...domain.specification.web import IssuedToken, RoleLike, Token
from ...domain.suppression.agenda import WorkInForce
from ...domain.time.moment import wall_text
from ...domain.units import NS_PER_S
from ...protocol.recorder import GetMetrics
from ..configured import ConfiguredTargets
from ..own_thread import ThreadPacing, in_own_thread
from ..sharing.standby import PassedAnswer, PassedRequest
from ..silencing import MatcherTexts
from .fleet_history import FleetHistory
from .host_verbs import HostVerbs, Sharing
from .issued_tokens import IssuedTokens
from .login_links import LoginLinks
from .metrics import MetricsSource
from .public_past import PublicPast, recorded_past, unrecorded_past

R = TypeVar("R")
READERS_MAX = 4
"""Readings of the store at once by one loop: each has a thread and a connection, and more would only share a disk's time."""
ATTEMPT_LOOK_S = 0.008
"""The first pause before a look whether an attempt has ended. Each is twice the one before: eight looks in two seconds."""
NO_FILE = "this runtime keeps its record in memory: it has no past to read (set runtime.store to a file)"


class Settled(NamedTuple):
    """The effect of the commands so far."""

    status: RuntimeStatus | None
    """The status after them; None where they took too long."""
    is_durable: bool


class Operations:
    """Everything that a request may ask or order, on any thread and on any event loop."""

    def __init__(
        self,
        verbs: HostVerbs,
        configured: ConfiguredTargets,
        is_started: Callable[[], bool],
        tokens: IssuedTokens,
        links: LoginLinks,
        sharing: Sharing,
        metrics: MetricsSource,
    ) -> None:
        self._sharing = sharing
        self.verbs = verbs
        self.tokens = tokens
        self.links = links
        self.metrics = metrics
        self._configured = configured
        self._is_started = is_started
        self._clock = SystemClock()
        # Of each loop that asks: a host may serve the same application on several, one after the other or at once.
        self._reading: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self.fleet = FleetHistory(self.read, self.now_ns)
        """The past days and hours of all targets."""

    @property
    def is_started(self) -> bool:
        return self._is_started()

    @property
    def has_nodes(self) -> bool:
        """Whether other processes run a part of the targets."""
        return self._sharing.has_nodes

    @property
    def stands_by(self) -> bool:
        """Whether another process runs the store: commands are its to obey."""
        return self._sharing.stands_by

    @property
    def active_process(self) -> str:
        """That process, as it names itself; empty where none is known, and where this one is active."""
        return self._sharing.active_process

    async def pass_on(self, request: PassedRequest, *, waits: bool) -> PassedAnswer | None:
        """Has the active process answer a request; with `waits` a take-over is waited for.

        Returns None where this process is active by then.

        Raises: NotRunning where no process answers in time; TimeoutError.
        """
        return await in_own_thread("watchkeeper-pass", lambda: self._sharing.request(request, waits=waits))

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

    async def attempts(self, status: RuntimeStatus, target: str) -> tuple[AttemptRecord, ...] | None:
        """Returns the newest attempts of a target, oldest first; None where the process that has them does not answer.

        Raises: UnknownName; UsageError while the runtime is stopped; TimeoutError without an answer in time.
        """
        if status.is_recorded:
            return None
        try:
            return await self.verbs.aio.attempts(target)
        except (NotRunning, TimeoutError):
            if not self.stands_by:
                raise
            return None

    async def figures(self) -> RuntimeMetrics:
        """Returns the figures of the process that watches, without those of single targets.

        Raises: UsageError while the runtime is stopped; TimeoutError without an answer in time.
        """
        figures: RuntimeMetrics = await self._sharing.ask_async("recorder", GetMetrics(targets=False))
        return figures

    def store_bytes(self) -> int | None:
        """Returns the size of the store with its log; None where there is none."""
        path, sizes = self._configured.given.runtime.store, []
        for end in ("", "-wal"):
            with suppress(OSError):
                sizes.append(Path(f"{path}{end}").stat().st_size)
        return sum(sizes) if path is not None and sizes else None

    def targets(self) -> Mapping[str, Target]:
        """Returns the targets as they are configured now, by id."""
        return {target.id: target for target in self._configured.snapshot().targets}

    def target(self, name: str) -> Target:
        """Returns a target as it is configured now. Raises: UnknownName with the closest known name."""
        return self._configured.known(name)

    def configuration(self) -> Configuration:
        """Returns the configuration in effect."""
        return self._configured.snapshot()

    def work_in_force(self) -> WorkInForce:
        """Returns the planned maintenance in force now."""
        return WorkInForce(self.configuration().maintenance, self.now_ns())

    def discreet(self, text: str) -> str:
        """Returns a text with the secrets of the configuration masked."""
        return self._configured.mask(text)

    @property
    def has_file(self) -> bool:
        """Whether there is a store to read."""
        return self._configured.given.runtime.store is not None

    async def read(self, work: Callable[[RecordReader], R]) -> R:
        """Returns what `work` reads from the store, on a thread made for it; a few readings run at once.

        Raises: UsageError without a file; StoreError.
        """
        path = self._configured.given.runtime.store
        if path is None:
            raise UsageError(NO_FILE)
        loop = asyncio.get_running_loop()
        async with self._reading.setdefault(loop, asyncio.Semaphore(READERS_MAX)):
            return await in_own_thread("watchkeeper-read", lambda: work(self._reader(path)))

    def _reader(self, path: str) -> RecordReader:
        return make_reader(path, ThreadPacing(self._clock.monotonic_ns))

    async def past(self, status: RuntimeStatus, since_day: int, until_day: int, since_ns: int) -> PublicPast:
        """Returns the past that public pages tell of: days (UTC) counted from 1970, and what stood since `since_ns`.

        Raises: UsageError while the runtime is stopped; StoreError; TimeoutError.
        """
        if self.has_file:
            return await recorded_past(self.fleet, self.read, since_day, until_day, since_ns)
        return unrecorded_past(status, await self.verbs.aio.incidents(), since_day, until_day)

    # Tokens.

    def configured_tokens(self) -> tuple[Token, ...]:
        """Returns the tokens of the configuration, which no request changes."""
        web = self.configuration().web
        return () if web is None else web.tokens

    async def issue_token(self, name: str, role: RoleLike, by: str) -> tuple[IssuedToken, str | None]:
        """Makes a token, or gives one another role; returns the secret of a new one. It is durable by then.

        Raises: ConfigurationError for a name that a token cannot have, and where there are too many; UsageError while the
        runtime is stopped; StoreError.
        """
        self._require_started()
        reserved = len(self.configured_tokens())
        return await in_own_thread("watchkeeper-token", lambda: self.tokens.issue(name, role, by, reserved))

    async def revoke_token(self, name: str) -> IssuedToken:
        """Ends a token that was made at run time. Raises: UnknownName; UsageError while the runtime is stopped; StoreError."""
        self._require_started()
        return await in_own_thread("watchkeeper-token", lambda: self.tokens.revoke(name))

    def _require_started(self) -> None:
        """Raises: UsageError where this process does not hold the store, beside which the tokens lie."""
        if not self._is_started():
            raise UsageError("this runtime is not running: its tokens cannot be changed")

    # HostVerbs.

    async def obeyed(self, order: Callable[[], R]) -> R:
        """Returns or raises the result of a verb. One for another node waits for that, on a thread of its own."""
        return await in_own_thread("watchkeeper-command", order) if self._sharing.has_nodes else order()

    async def settled(self) -> Settled:
        """Waits at most two seconds until every earlier command is applied and durable.

        Raises: UsageError while the runtime is stopped.
        """
        try:
            async with asyncio.timeout(limits.SETTLED_NS / NS_PER_S):
                status = await self.status(fresh=True)
        except TimeoutError:
            return Settled(None, is_durable=False)
        return Settled(status, is_durable=all(part != "store" for part, _ in status.problems))

    async def check_now(self, target: str) -> AttemptRecord | None:
        """Starts an attempt, unless one is pending; returns the record of either, None where it takes over two seconds.

        Raises: as `Runtime.check_now` does.
        """
        asked_ns = self._clock.monotonic_ns()
        await self.obeyed(lambda: self.verbs.check_now(target))
        pause_s = ATTEMPT_LOOK_S
        with suppress(TimeoutError):
            async with asyncio.timeout(limits.SETTLED_NS / NS_PER_S):
                while True:
                    await asyncio.sleep(pause_s)
                    pause_s *= 2
                    for record in await self.verbs.aio.attempts(target):
                        # One that ended before the command is no answer to it.
                        if record.ended is not None and record.ended.monotonic_ns >= asked_ns:
                            return record
        return None

    def read_target(self, data: Mapping[str, Any]) -> tuple[Target, tuple[Problem, ...], bool]:
        """Returns the target that plain data is, its problems, and whether its shape is wrong."""
        return self._configured.read(data)

    def track(self, target: Target) -> None:
        """Watches a target, or replaces one that a command has added.

        Raises: UsageError for a target of the configuration or of a check; ConfigurationError with every problem.
        """
        with self._configured.guard:
            self._configured.require_tracked(target.id)
            self.verbs.track(target)

    def untrack(self, name: str) -> None:
        """Stops watching a target that a command has added.

        Raises: UnknownName for a target that is not watched; UsageError for one of the configuration or of a check.
        """
        with self._configured.guard:
            self._configured.require_tracked(name)
            self.verbs.untrack(name)

    def mute(
        self, name: str, *, target: str | None, match: MatcherTexts, until_ns: int, by: str, reason: str
    ) -> None:
        """Begins or changes a silence.

        Raises: UnknownName for an id of a target that is not watched; UsageError while the runtime is stopped; ValueError
        for a matcher that cannot be read.
        """
        muted = ALL if target is None else target
        self.verbs.silence(muted, until=wall_text(until_ns), by=by, reason=reason, id=name, match=match)
