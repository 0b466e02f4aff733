"""The `plugin` probe: a kind that an installed package brings, on a loop or on threads that no other kind uses."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from ....domain.limits import CALL_THREADS_MAX, PLUGIN_IMPORTS_MAX
from ....domain.observation.attempt import CancelOutcome, ProbeRequest
from ....domain.observation.observation import Observation, OnObserved
from ....domain.observation.outcome import Outcome, Reason
from ....domain.observation.returned import observation_of
from ....domain.specification.probes.plugin import Plugin
from ....domain.time.timers import CallAt
from ....domain.units import NS_PER_S
from ...activity import Activity
from ...callables import calls
from ...callables.calling import PendingCall
from ...callables.host_calls import HostCalls, is_async
from ...callables.results import Cancelled, Ended, Overloaded, Raised, Returned, TimedOut
from ...clock import MomentClock
from ...plugins.installed import LoadedPlugin, load_plugin
from ...plugins.loops import PluginAttempt, PluginLoop
from .call import observed

OnEnded: TypeAlias = Callable[[Ended, Observation | None], None]
"""Receives the end of a call, and the observation of one whose loop was held."""


class PluginProber:
    """Runs `plugin` probes, each kind apart from the others. Used on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        call_at: CallAt,
        *,
        threads_max: int = CALL_THREADS_MAX,
    ) -> None:
        self._calls = partial(HostCalls, loop, clock, call_at)
        self._threads_max = threads_max
        self.clock = clock
        self.kinds: dict[str, RunningPlugin] = {}
        self.imports = self._calls(threads_max=PLUGIN_IMPORTS_MAX, name="watchkeeper-import")

    def start(self, request: ProbeRequest, done: OnObserved) -> "StartedPlugin":
        """Starts an attempt; the first of a kind imports its package, on a thread.

        Raises: TypeError for the specification of another probe.
        """
        spec = request.probe
        if not isinstance(spec, Plugin):
            raise TypeError(f"a plugin prober was given {type(spec).__name__}")
        attempt = StartedPlugin(self, request, spec, done)
        attempt.begin()
        return attempt

    def running(self, name: str, plugin: LoadedPlugin) -> "RunningPlugin":
        """Returns the kind with what its attempts run on. Raises: OSError or RuntimeError where a loop cannot be made."""
        if name not in self.kinds:
            title = f"watchkeeper-{name}"
            home = PluginLoop(title) if is_async(plugin.probe) else None
            host_loop = None if home is None else home.loop
            host_calls = self._calls(threads_max=self._threads_max, host_loop=host_loop, name=title)
            self.kinds[name] = RunningPlugin(plugin, host_calls, home)
        return self.kinds[name]

    def close(self) -> None:
        """Cancels what is under way; `abandoned()` says afterwards what goes on regardless."""
        self.imports.close()
        for kind in self.kinds.values():
            kind.close()

    def abandoned(self) -> tuple[str, ...]:
        """Attempts that still run though nobody waits for them, each as `thread or task: name`."""
        others = (name for kind in self.kinds.values() for name in kind.abandoned())
        return (*self.imports.abandoned(), *others)

    def __repr__(self) -> str:
        return f"PluginProber({', '.join(self.kinds)})"


class RunningPlugin:
    """One kind, with the threads or the loop of its attempts."""

    def __init__(self, plugin: LoadedPlugin, host_calls: HostCalls, home: PluginLoop | None) -> None:
        self._probe = plugin.probe
        self._calls = host_calls
        self._home = home

    def start(self, request: ProbeRequest, spec: Plugin, ended: OnEnded) -> PendingCall:
        """Starts an attempt. `ended` is called once, after this has returned, with the verdict of a loop that was held, if any."""
        attempt = PluginAttempt(self._probe)
        function = self._probe if self._home is None else attempt.run
        arguments = (spec.as_mapping(), request.deadline.monotonic_ns / NS_PER_S)
        name = f"{spec.name} of {request.attempt.target}"
        return self._calls.call(
            name,
            function,
            arguments,
            observation_of,
            request.deadline,
            lambda how: ended(how, self._held(attempt, how)),
        )

    def _held(self, attempt: PluginAttempt, how: Ended) -> Observation | None:
        """Returns the observation of an attempt that held the loop of its kind, or found it held; None of any other."""
        if self._home is None or not isinstance(how, TimedOut | Overloaded):
            return None
        place = self._home.held_at()
        match how:
            case TimedOut(by_earlier_call=False) if place and attempt.holds_loop:
                text = f"it did not come back in time: it holds the event loop of its kind at {place}, which must await"
                return Observation(outcome=Outcome.TIMED_OUT, reason=Reason.TIMED_OUT, detail=text)
            case TimedOut(by_earlier_call=False) | Overloaded(detail=calls.NO_FREE_PLACE) if (
                not attempt.is_running and not attempt.was_late
            ):
                where = f" at {place}, which must await" if place else ""
                return _unknown(Reason.OVERLOADED, f"another target holds the event loop of this kind{where}")
            case _:
                return None

    def close(self) -> None:
        """Ends what is under way, and the loop."""
        self._calls.close()
        if self._home is not None:
            self._home.close()

    def abandoned(self) -> tuple[str, ...]:
        """Attempts that go on regardless."""
        return self._calls.abandoned()

    def __repr__(self) -> str:
        return f"RunningPlugin({self._calls!r})"


class StartedPlugin(Activity):
    """One attempt: the import of its package, where that has not been done, and the call."""

    _prober: PluginProber
    _request: ProbeRequest
    _spec: Plugin
    _done: OnObserved
    _call: PendingCall | None = None
    _is_cancelled: bool = False

    def begin(self) -> None:
        name = self._spec.name
        if name in self._prober.kinds:
            self._call = self._prober.kinds[name].start(self._request, self._spec, self._ended)
            return
        self._call = self._prober.imports.call(
            f"import of {name}", load_plugin, (name,), _as_it_is, self._request.deadline, self._imported
        )

    def _imported(self, how: Ended) -> None:
        match how:
            case Returned(value=LoadedPlugin() as plugin) if not self._is_cancelled:
                self._go_on(plugin)
            case Returned():
                self._ended(Cancelled())
            case Raised(message=message):
                self._done(_unknown(Reason.PROBE_CRASHED, message))
            case TimedOut() | Overloaded():
                self._done(_unknown(Reason.OVERLOADED, "its package was not imported in time"))
            case _:
                self._ended(how)

    def _go_on(self, plugin: LoadedPlugin) -> None:
        try:
            self._prober.running(self._spec.name, plugin)
        except (OSError, RuntimeError) as error:
            lacking = Reason.NO_DESCRIPTORS if isinstance(error, OSError) else Reason.OVERLOADED
            self._done(_unknown(lacking, f"no event loop could be made for its kind: {error}"))
        else:
            self.begin()

    def _ended(self, how: Ended, held: Observation | None = None) -> None:
        elapsed_ns = self._prober.clock.read().since(self._request.started)
        self._done(held or observed(how, elapsed_ns))

    def cancel(self) -> CancelOutcome:
        """Asks it to stop. An attempt that runs goes on until it has heard of that, and `done` still comes."""
        self._is_cancelled = True
        return CancelOutcome.WITHOUT_EFFECT if self._call is None else self._call.cancel()


def _as_it_is(plugin: LoadedPlugin) -> LoadedPlugin:
    return plugin


def _unknown(reason: Reason, detail: str) -> Observation:
    return Observation(outcome=Outcome.UNKNOWN, reason=reason, detail=detail)
