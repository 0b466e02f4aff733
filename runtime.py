"""The public entry point of the package: `Runtime`, which a host configures, starts, asks and stops."""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar, Unpack

import msgspec

from .actors.policies import ActorPolicy, actor_policies
from .actors.ports import Clock
from .actors.supervisor.supervisor import RECORDER
from .actors.system import SINK
from .adapters import drivers as outside
from .adapters import expectations
from .adapters.clock import SystemClock
from .adapters.configuration import load
from .adapters.masking import SecretMask
from .domain.errors import UsageError
from .domain.incidents.incident import Incident
from .domain.incidents.record import ALL, AllTargets
from .domain.limits import ANSWER_WITHIN_NS
from .domain.line import count_of, first_line
from .domain.observation.attempt import AttemptRecord
from .domain.observation.outcome import Outcome
from .domain.policy import CachePolicy
from .domain.read_model.status import AbandonedWork, RuntimeStatus
from .domain.specification.channel import Channel
from .domain.specification.configuration import Configuration, RuntimeOptions
from .domain.specification.probe import Call
from .domain.specification.target import OWN_NAME, Target, TargetFields
from .domain.time.duration import Duration, duration_ns
from .host import status_cache as snapshots
from .host.awaitable import AsyncSurface
from .host.configured import ConfiguredTargets, current_folder, require_valid, with_store_in
from .host.job import Job
from .host.lifecycle import Lifecycle
from .host.silencing import make_silence
from .host.status_cache import StatusCache
from .host.subscriptions import Subscription
from .host.surface import async_only, bridge, sync_only
from .protocol.owner import Acknowledge
from .protocol.recorder import GetAttempts, GetIncidents, GetStatus
from .protocol.sink import Mute, Redrive
from .protocol.supervisor import Beat, Pause, Resume, Track, Untrack

DEFAULT_OPTIONS = RuntimeOptions()
CACHES = (*outside.CACHES, expectations.POLICY, snapshots.POLICY)
"""The policies of all caches of a runtime."""
F = TypeVar("F", bound=Callable[..., Any])


class Runtime:
    """Polls targets, judges their samples by rules and notifies channels about incidents, on its own threads.

    Use it in `with` or `async with`, or call `start` and `stop`. Commands (`track`, `pause`, `heartbeat`, ...) hand a
    message to the runtime's own thread and return at once, on any thread and on any event loop. Questions (`status`,
    ...) block for a bounded time and are refused on an event loop: await the method of the same name of `runtime.aio`
    there. A runtime installs no signal handler, configures no logging and shares nothing with another runtime of the
    process.
    """

    # The runtime of tests has others.
    _clock_type: ClassVar[type[Clock]] = SystemClock
    _lifecycle_type: ClassVar[type[Lifecycle]] = Lifecycle

    def __init__(
        self,
        *,
        targets: Iterable[Target] = (),
        channels: Iterable[Channel] = (),
        store: str | Path | None = None,
        options: RuntimeOptions = DEFAULT_OPTIONS,
        callables: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        if store is not None:
            options = msgspec.structs.replace(options, store=os.fsdecode(store))
        self._folder = current_folder()
        configuration = Configuration(runtime=options, channels=channels, targets=targets)
        self._configured = ConfiguredTargets(with_store_in(self._folder, configuration), callables or {})
        self._clock = self._clock_type()
        self._status_cache = StatusCache(
            lambda: self._lifecycle.ask(RECORDER, GetStatus()), ANSWER_WITHIN_NS, self._clock
        )
        self._lifecycle = self._lifecycle_type(
            self._configured, self._status_cache.forget, self._status_cache.after_fork, self._clock
        )
        self._read: Callable[[], Configuration] | None = None
        self.aio = AsyncSurface(self._lifecycle, self.reload, self._status_cache)
        """Awaitable methods, of the same names as those that block."""

    @classmethod
    @bridge
    def from_config(
        cls,
        path: str | Path,
        environment: Mapping[str, str] | None = None,
        *,
        callables: Mapping[str, Callable[..., Any]] | None = None,
    ) -> Self:
        """Makes a runtime from a configuration file; `callables` maps names of `call` to functions.

        `${NAME}` is read from `environment` (default: the environment of the process), now and at every `reload`.
        Reads the file and starts nothing.

        Raises: ConfigurationError with every problem, each as `file:line:column: path: what is wrong`.
        """
        given = os.environ if environment is None else environment
        mask = SecretMask()
        read = partial(load, Path(path).absolute(), given, name=str(path), learn=mask.learn)
        configuration = read()
        runtime = cls(
            targets=configuration.targets,
            channels=configuration.channels,
            options=configuration.runtime,
            callables=callables,
        )
        runtime._configured.is_judged = runtime._configured.is_whole = True
        runtime._configured.mask = mask
        runtime._read = read
        return runtime

    # Start and stop.

    @sync_only
    def start(self) -> None:
        """Starts polling. Blocks until every target is scheduled.

        Raises: ConfigurationError for a configuration that cannot run; StoreBusy where another process holds the store;
        StoreError where the store does not open; UsageError where this runtime is running.
        """
        self._lifecycle.start(None)

    @sync_only
    def stop(self, within: Duration | None = None) -> AbandonedWork:
        """Drains and ends within a length such as `5s` (default: the configured grace).

        Blocks; returns the work left undone. Called by a signal handler inside start() or reload(), it takes effect when
        that ends, and returns nothing left undone.
        """
        return self._lifecycle.stop(within)

    @sync_only
    def wait(self, timeout_s: float | None = None) -> bool:
        """Blocks until the runtime has ended. Returns False where the timeout passes first."""
        return self._lifecycle.ended.wait(timeout_s)

    @sync_only
    def reload(self, configuration: Configuration | None = None) -> None:
        """Applies a configuration, by default the file's current content. Blocks; an invalid one changes nothing.

        Targets are added, changed and removed without a restart; a target of `track` that the configuration lacks is
        removed, a target of `check` stays, and a commanded pause stays. Other channels or options need a short restart,
        in which nothing durable is lost.

        A relative file name means the same file as when the runtime was made.

        Raises: ConfigurationError with every problem; UsageError without a configuration in a runtime that has no file;
        any error of the new engine's start, and then the old configuration runs on.
        """
        if configuration is None:
            if self._read is None:
                raise UsageError("reload() without a configuration needs a runtime made by from_config()")
            configuration = self._read()
        valid = require_valid(configuration, self._configured.callables)
        self._lifecycle.reload(with_store_in(self._folder, valid))

    @sync_only
    def __enter__(self) -> Self:
        self._lifecycle.start(None)
        return self

    @sync_only
    def __exit__(self, *_: object) -> None:
        self._lifecycle.stop()

    @async_only
    async def __aenter__(self) -> Self:
        await self.aio.start()
        return self

    @async_only
    async def __aexit__(self, *_: object) -> None:
        await self.aio.stop()

    # Commands: checked and handed over; they wait for no effect.

    @bridge
    def track(self, target: Target) -> None:
        """Watches a target from now on; one of the same id is replaced and keeps its incidents and clocks.

        Raises: ConfigurationError with every problem of the target.
        """
        with self._configured.guard:
            target = self._configured.accepted(target)
            self._lifecycle.change(Track(target))
            # Last: a thread that finds the target here may report on it, and Track must come before the report.
            self._configured.add(target)

    @bridge
    def check(self, name: str, **fields: Unpack[TargetFields]) -> Callable[[F], F]:
        """Watch a function: `@runtime.check("queue depth", every="5s")`, sync or async, called without arguments.

        `fields` are those of a Target. Without `notify` every channel is notified. `domain/observation/returned.py`
        lists the values that the function may return; an exception is a bad sample.

        Raises: ConfigurationError with every problem of the target, and for a name that is watched already; UsageError
        for a decorator without a name, and for a thing that cannot be called.
        """
        if callable(name):
            raise UsageError('a check has a name: write `@runtime.check("name")`')
        if fields.get("notify") is None:
            fields["notify"] = self._configured.channels
        given = Target(id=name, call=Call(name=name), **fields)

        def register(function: F) -> F:
            with self._configured.guard:
                target = self._configured.accepted_check(given, function)
                self._lifecycle.change(Track(target))
                self._configured.add(target)
            return function

        return register

    @bridge
    def untrack(self, target: str) -> None:
        """Stops watching a target; its open incidents are resolved with the reason `removed`.

        Raises: UnknownName for a target that is not watched.
        """
        with self._configured.guard:
            self._configured.remove(target)
            self._lifecycle.change(Untrack(target))

    @bridge
    def pause(self, target: str, *, by: str = "") -> None:
        """Starts no more attempts of a target and cancels the running one; its incidents stay as they are.

        The store keeps the pause for later processes, until `resume` or the removal of the target ends it.

        Raises: UnknownName for a target that is not watched.
        """
        with self._configured.guard:
            self._configured.pause(target, paused=True, by=first_line(by))
            self._lifecycle.change(Pause(target, first_line(by)))

    @bridge
    def resume(self, target: str) -> None:
        """Resumes a paused target.

        Raises: UnknownName for a target that is not watched.
        """
        with self._configured.guard:
            self._configured.pause(target, paused=False)
            self._lifecycle.change(Resume(target))

    @bridge
    def heartbeat(self, target: str, *, ok: bool = True, detail: str = "") -> None:
        """Reports to a target with `heartbeat` that its job ran (`ok=False`: that it ran and failed).

        Raises: UnknownName for a target that is not watched; UsageError for a target of another kind, and while the
        runtime is stopped.
        """
        self._require_heartbeats(target)
        outcome = Outcome.UP if ok else Outcome.DOWN
        self._lifecycle.report(Beat(target, outcome, first_line(detail), self._clock.read()))

    def _require_heartbeats(self, target: str) -> None:
        kind = self._configured.known(target).kind
        if kind != "heartbeat":
            raise UsageError(f"target {target!r} takes no heartbeats: it is of kind {kind}")

    @bridge
    def job(self, target: str) -> Job:
        """Returns one run of a job that reports to a target with `heartbeat`: `with runtime.job("etl"):`, or `async with`.

        The end of the block is a heartbeat with its time; an exception, and an exit status other than 0, make it a failed
        one. A report that the runtime cannot take, because it is stopped, is logged and fails no job.

        Raises: UnknownName for a target that is not watched; UsageError for a target of another kind.
        """
        self._require_heartbeats(target)
        return Job(target, partial(self.heartbeat, target), self._clock)

    @bridge
    def acknowledge(self, incident: str, by: str, note: str = "") -> None:
        """Records that `by` has seen an incident, with a note; the first who has seen it stays.

        Raises: UsageError while the runtime is stopped; UnknownName for an incident that is not open, with those that are.
        """
        self._lifecycle.acknowledge(Acknowledge(first_line(incident), first_line(by), first_line(note)))

    @bridge
    def silence(
        self,
        target: str | AllTargets,
        length: Duration = "",
        *,
        until: str = "",
        by: str = "",
        reason: str = "",
        id: str | None = None,  # noqa: A002  # the silence's id
    ) -> None:
        """Mutes a target (ALL: every one) for a length, or until a moment such as `2026-01-31T12:30:00Z`.

        A silence of the same `id` is replaced, and ended by the length `0s`; without ids each target has one, and so
        has ALL.

        Raises: UnknownName for a target that is not watched; UsageError unless exactly one of length and end is given, for an
        end that has passed, and while the runtime is stopped; ValueError for a text that is no length and no moment.
        """
        now = self._clock.read()
        silence = make_silence(target, length, until, by=by, reason=reason, id=id, now=now)
        if target is not ALL and target != OWN_NAME:
            self._configured.known(target)
        self._lifecycle.report(Mute(silence))

    @bridge
    def subscribe(self, *, samples: bool = False) -> Subscription:
        """Returns a stream of events: iterate it from a thread or with `async for`. `samples` includes every sample."""
        return self._lifecycle.feed.subscribe(samples=samples)

    # Questions: answered within a bounded time.

    @sync_only
    def status(self, max_age: Duration = 0) -> RuntimeStatus:
        """The status of every target and of the runtime itself: as of now, or for many readers of at most `max_age` ago.

        With a `max_age`, many readers share one question to the runtime.

        Raises: UsageError while the runtime is stopped; TimeoutError without an answer in time.
        """
        return self._status_cache.status(duration_ns(max_age))

    @bridge
    def policies(self) -> tuple[ActorPolicy | CachePolicy, ...]:
        """Returns every applied policy, with its name: retry, restart, cancellation, admission, overflow and cache."""
        given = self._configured.given
        return (*actor_policies(given.channels, given.runtime), *CACHES)

    @sync_only
    def incidents(self, *, open_only: bool = False) -> tuple[Incident, ...]:
        """Returns the open incidents and the recently ended ones. Blocks.

        Raises: UsageError while the runtime is stopped; TimeoutError without an answer in time.
        """
        answer: tuple[Incident, ...] = self._lifecycle.ask(RECORDER, GetIncidents(open_only))
        return answer

    @sync_only
    def attempts(self, target: str) -> tuple[AttemptRecord, ...]:
        """Returns the newest attempts of a target: due, started, ended, lateness, missed ticks and outcome. Blocks.

        Raises: UnknownName for a target that is not watched; UsageError while the runtime is stopped; TimeoutError
        without an answer in time.
        """
        self._configured.known(target)
        answer: tuple[AttemptRecord, ...] = self._lifecycle.ask(RECORDER, GetAttempts(target))
        return answer

    @sync_only
    def redrive(self, key: str) -> bool:
        """Sends a dead letter again under its own key. Blocks.

        Returns False where the key is no dead letter, or where its channel has since received a later notice.

        Raises: UsageError while the runtime is stopped; TimeoutError without an answer in time.
        """
        return bool(self._lifecycle.ask(SINK, Redrive(key)))

    def __repr__(self) -> str:
        state = "running" if self._lifecycle.started else "stopped"
        targets = count_of(len(self._configured), "target")
        return f"<Runtime {state}: {targets}, {count_of(len(self._configured.channels), 'channel')}>"
