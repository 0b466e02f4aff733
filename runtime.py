"""The public entry point of the package: `Runtime`, which a host configures, starts, asks and stops."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec

from .actors.dispatch.run.future import blocking, run_blocking
from .actors.policies import ActorPolicy, actor_policies
from .actors.ports import Clock
from .actors.supervisor.supervisor import RECORDER
from .actors.system import SINK
from .adapters import drivers as outside
from .adapters import expectations
from .adapters.clock import SystemClock
from .adapters.configuration.configured_file import ConfiguredFile
from .adapters.stores.ownership.forks import FORKS
from .adapters.stores.place import current_folder, with_store_in
from .client.active import ControlSocketLink
from .domain.errors import UsageError
from .domain.incidents.delivery_try import DeliveryTry
from .domain.incidents.incident import Incident
from .domain.incidents.record import AllTargets
from .domain.limits import ANSWER_WITHIN_NS
from .domain.line import count_of, first_line, one_line
from .domain.observation.attempt import AttemptRecord
from .domain.policy import CachePolicy
from .domain.read_model.silence_preview import SilencePreview
from .domain.read_model.status import AbandonedWork, RuntimeStatus
from .domain.specification.channel import Channel
from .domain.specification.configuration import Configuration, RuntimeOptions
from .domain.specification.remote.agents import Agents
from .domain.specification.routing import Maintenance, Route, Window
from .domain.specification.target import Target
from .domain.specification.web import Anonymous, RoleLike, Token, Web
from .domain.time.duration import Duration, duration_ns
from .host import status_cache as snapshots
from .host.access import fleet_history, page_cache
from .host.access import metrics as scraped
from .host.access.channel_testing import ChannelTesting
from .host.access.doors import Actor, Asgi, Doors, MountedSite, require_web
from .host.access.issued_tokens import IssuedTokens
from .host.access.login_links import LoginLinks
from .host.access.metrics import MetricsSource
from .host.access.operations import Operations
from .host.awaitable import AsyncSurface
from .host.commands import Commands
from .host.configured import ConfiguredTargets, require_valid
from .host.lifecycle import Lifecycle
from .host.sharing import recorded_status
from .host.sharing.peer_responder import PeerResponder
from .host.sharing.standby import RuntimeRole
from .host.silencing import MatcherTexts, preview
from .host.status_cache import StatusCache
from .host.surface import async_only, bridge, sync_only
from .protocol.recorder import GetAttempts, GetIncidents, GetStatus
from .protocol.sink import Redrive

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

DEFAULT_OPTIONS = RuntimeOptions()
CACHES = (
    *outside.CACHES,
    expectations.POLICY,
    snapshots.POLICY,
    recorded_status.POLICY,
    fleet_history.POLICY,
    *page_cache.POLICIES,
    scraped.POLICY,
)
"""The policies of all caches of a runtime."""


class Runtime(Commands):
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
        routes: Iterable[Route] = (),
        windows: Iterable[Window] = (),
        maintenance: Iterable[Maintenance] = (),
        store: str | Path | None = None,
        options: RuntimeOptions = DEFAULT_OPTIONS,
        callables: Mapping[str, Callable[..., Any]] | None = None,
        web: Web | None = None,
        agents: Agents | None = None,
        standby: bool = True,
        node: str | None = None,
    ) -> None:
        """With `standby` a start waits for a store that another process runs; `node` names it among those that share a database (UsageError for a bad name)."""
        if store is not None:
            options = msgspec.structs.replace(options, store=os.fsdecode(store))
        self._folder = current_folder()
        configuration = Configuration(
            runtime=options,
            web=web,
            agents=agents,
            channels=channels,
            routes=routes,
            windows=windows,
            maintenance=maintenance,
            targets=targets,
        )
        self._configured = ConfiguredTargets(with_store_in(self._folder, configuration), callables)
        self._clock = self._clock_type()
        self._status_cache = StatusCache(
            lambda: self._lifecycle.ask(RECORDER, GetStatus()), ANSWER_WITHIN_NS, self._clock
        )
        self._tokens = IssuedTokens(lambda: self._configured.given.runtime.store, self._clock)
        self._links = LoginLinks(self._clock)
        self._lifecycle = self._lifecycle_type(
            self._configured,
            self._status_cache.forget,
            self._status_cache.after_fork,
            self._clock,
            Doors(self._site),
            ControlSocketLink() if standby else None,
            node,
        )
        self._metrics = MetricsSource(self._lifecycle, lambda: self._configured.given.runtime.store)
        self._file: ConfiguredFile | None = None
        self._channel_testing = ChannelTesting(self._lifecycle, self._configured, self._clock)
        self.aio = AsyncSurface(
            self._lifecycle,
            self.reload,
            self._status_cache,
            self._channel_testing,
            self._configured.known,
        )
        """Awaitable methods, of the same names as those that block."""

    @classmethod
    @bridge
    def from_config(
        cls,
        path: str | Path,
        environment: Mapping[str, str] | None = None,
        *,
        callables: Mapping[str, Callable[..., Any]] | None = None,
        standby: bool = True,
        node: str | None = None,
    ) -> Self:
        """Makes a runtime from a configuration file; `callables` maps names of `call` to functions; `standby` and `node` as in Runtime.

        `${NAME}` is read from `environment` (default: the environment of the process), now and at every `reload`.
        Reads the file and starts nothing. Raises: ConfigurationError with every problem, each as `file:line:column: path: what is wrong`.
        """
        file = ConfiguredFile(path, os.environ if environment is None else environment)
        configuration = file.read()
        runtime = cls(
            targets=configuration.targets,
            channels=configuration.channels,
            routes=configuration.routes,
            windows=configuration.windows,
            maintenance=configuration.maintenance,
            options=configuration.runtime,
            callables=callables,
            web=configuration.web,
            agents=configuration.agents,
            standby=standby,
            node=node,
        )
        runtime._configured.is_judged = runtime._configured.is_whole = True
        runtime._configured.mask = file.mask
        runtime._file = file
        return runtime

    # Start and stop.

    @sync_only
    def start(self) -> None:
        """Starts polling. Blocks until every target is scheduled.

        Where another process runs the store this one stands by, and `start` returns at once: see `role`.

        Raises: ConfigurationError for a configuration that cannot run; StoreBusy where another process holds the store, of a
        runtime with `standby=False`; StoreError where the store does not open; UsageError where this runtime is running.
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
        """Applies a configuration, by default the current content of its file and of those that it includes. Blocks; an invalid one changes nothing.

        Targets are added, changed and removed without a restart; a target of `track` that the configuration lacks is
        removed, a target of `check` stays, and a commanded pause stays. Other channels or options need a short restart,
        in which nothing durable is lost.

        A relative file name means the same file as when the runtime was made.

        Raises: ConfigurationError with every problem; UsageError without a configuration in a runtime that has no file;
        TypeError for what is no configuration; any error of the new engine's start, and then the old configuration runs on.
        """
        if configuration is None:
            if self._file is None:
                raise UsageError("reload() without a configuration needs a runtime made by from_config()")
            configuration = self._file.read()
        if not isinstance(configuration, Configuration):
            raise TypeError(f"reload() takes a Configuration, not {one_line(repr(configuration))}")
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

    @property
    def role(self) -> RuntimeRole:
        """`active` where this process runs the store, `standby` where another one does, `stopped` otherwise."""
        return self._lifecycle.role

    @bridge
    def asgi(self, actor: Actor | None = None) -> Asgi:
        """Returns the API for a host to mount. `actor` takes a request's scope and returns a name and a role, or None.

        Raises: TypeError for an actor that cannot be called.
        """
        if actor is not None and not callable(actor):
            raise TypeError(f"actor is a function of a request's scope, not {one_line(repr(actor))}")
        return self._site().mounted(actor)

    @bridge
    def collector(self, *, targets: bool | None = None) -> "Collector":
        """Returns the metrics for a registry of prometheus-client: `REGISTRY.register(runtime.collector())`.

        `targets` says whether it has series of single targets; None: as `web.metrics` says. Collecting blocks for a few
        milliseconds, at most five seconds; a runtime that does not answer by then has no series but those of the process.

        Raises: UsageError without the extra `web`.
        """
        require_web()
        from .web.metrics.collector import RuntimeCollector

        return RuntimeCollector(
            self._metrics, lambda: self._has_target_series if targets is None else targets
        )

    @property
    def _has_target_series(self) -> bool:
        web = self._configured.given.web
        return web is None or web.metrics.targets

    @sync_only
    def serve(self, listen: str, *, anonymous: Anonymous | None = None) -> str:
        """Serves the API on an address such as `127.0.0.1:8080` until the stop; returns its URL. Tokens are those of `web`.

        Raises: UsageError while the runtime is stopped; ConfigurationError for an address that cannot or must not be used.
        """
        return self._lifecycle.serve(listen, anonymous)

    @bridge
    def login_link(self, *, role: RoleLike = "viewer", name: str = "login link") -> str:
        """Returns a URL that opens one session in a browser, once and within ten minutes; `name` is its author.

        Raises: UsageError where nothing listens over TCP; ConfigurationError for a name that a token cannot have.
        """
        url = self._lifecycle.login_url()
        session = Token(name=name, role=role, sha256="0" * 64)
        return f"{url}/login/{self._links.make(session.name, session.role)}"

    def _site(self) -> MountedSite:
        require_web()
        with FORKS.importing():
            from .web.site import Site  # the web libraries take 100 ms and 29 MB

        started = lambda: self._lifecycle.started  # noqa: E731  # asked at each request
        operations = Operations(
            self, self._configured, started, self._tokens, self._links, self._lifecycle, self._metrics
        )
        return Site(operations, PeerResponder(self, self._configured, self._lifecycle))

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
    def preview_silence(
        self,
        target: str | AllTargets,
        length: Duration = "",
        *,
        until: str = "",
        match: MatcherTexts = (),
    ) -> SilencePreview:
        """Returns what `silence` with the same arguments would mute now: targets, open incidents and until when. Blocks.

        Without a length and an end it says no end.

        Raises: UnknownName for an id of a target that is not watched; UsageError for both a length and an end, for an end
        that has passed, and while the runtime is stopped; ValueError for a text that is no length, no moment or no matcher;
        TimeoutError without an answer in time.
        """
        return preview(self.status(), target, length, until, match)

    @sync_only
    def redrive(self, key: str) -> bool:
        """Sends a dead letter again under its own key. Blocks.

        Returns False where the key is no dead letter, where its channel has since received a later notice, and where the
        store waits to be reopened after a failure.

        Raises: UsageError while the runtime is stopped; TimeoutError without an answer in time.
        """
        return bool(self._lifecycle.ask(SINK, Redrive(first_line(key))))

    @sync_only
    def test_channel(self, channel: str, *, by: str = "") -> DeliveryTry:
        """Sends a test to a channel, marked as one, on the way of every notice, and once; returns the try with its answer.

        Blocks at most for the channel's timeout and that of a question. No incident is made, and no notice waits for it.

        Raises: UnknownName for an unknown channel; UsageError while another test of it is under way and while the runtime is stopped;
        StoreError while the record cannot be written; TimeoutError without an end in time.
        """
        return run_blocking(self._channel_testing.test(channel, by, blocking))

    def __repr__(self) -> str:
        running = "running" if self._lifecycle.started else "stopped"
        state = "standby" if self._lifecycle.stands_by else running
        targets = count_of(len(self._configured), "target")
        return f"<Runtime {state}: {targets}, {count_of(len(self._configured.channels), 'channel')}>"
