"""Commands of a host: checked, then handed to the runtime's own threads at once; no command waits for its effect."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar, Unpack

from ..adapters.clock import SystemClock
from ..domain.errors import UsageError
from ..domain.incidents.record import Silence
from ..domain.line import first_line
from ..domain.observation.outcome import Outcome
from ..domain.specification.probe import Call
from ..domain.specification.target import Target, TargetFields
from ..domain.time.duration import Duration, duration_ns
from ..domain.time.moment import wall_ns_of
from ..protocol.owner import Acknowledge
from ..protocol.sink import Mute
from ..protocol.supervisor import Beat, Pause, Resume, Track, Untrack
from .configured import ConfiguredTargets

ConfigurationCommand: TypeAlias = Track | Untrack | Pause | Resume
"""Changes the configured targets: without an engine the next start applies it."""
HostReport: TypeAlias = Beat | Acknowledge | Mute
"""Reports an event: needs an engine, and is kept in the restart buffer while a reload replaces the engine."""
F = TypeVar("F", bound=Callable[..., Any])


class Engines(Protocol):
    """The running engine, or its absence, as commands need it."""

    def change(self, change: ConfigurationCommand, /) -> None:
        """Hands over a change of the configured targets. Called under `ConfiguredTargets.guard`."""
        ...

    def report(self, report: HostReport, /) -> None:
        """Hands over a report. Raises: UsageError where no engine runs and none is about to."""
        ...


class Commands:
    """Checks commands and hands them over, on any thread and on any event loop; none of them blocks."""

    def __init__(self, host: ConfiguredTargets, engines: Engines) -> None:
        self._host = host
        self._engines = engines
        self._clock = SystemClock()

    def track(self, target: Target) -> None:
        """Watches a target from now on; one of the same id is replaced and keeps its incidents and clocks."""
        with self._host.guard:
            target = self._host.accepted(target)
            self._engines.change(Track(target))
            # Last: a thread that finds the target here may report on it, and Track must come before the report.
            self._host.add(target)

    def untrack(self, target: str) -> None:
        """Stops watching a target; its open incidents are resolved with the reason `removed`."""
        with self._host.guard:
            self._host.remove(target)
            self._engines.change(Untrack(target))

    def pause(self, target: str) -> None:
        """Starts no more attempts of a target and cancels the running one; its incidents stay as they are."""
        with self._host.guard:
            self._host.pause(target, paused=True)
            self._engines.change(Pause(target))

    def resume(self, target: str) -> None:
        """Resumes a paused target."""
        with self._host.guard:
            self._host.pause(target, paused=False)
            self._engines.change(Resume(target))

    def heartbeat(self, target: str, *, ok: bool = True, detail: str = "") -> None:
        """Reports to a target with `heartbeat` that its job ran (`ok=False`: that it ran and failed).

        Raises: UnknownName for a target that is not watched; UsageError for a target of another kind.
        """
        kind = self._host.known(target).kind
        if kind != "heartbeat":
            raise UsageError(f"target {target!r} takes no heartbeats: it is of kind {kind}")
        outcome = Outcome.UP if ok else Outcome.DOWN
        self._engines.report(Beat(target, outcome, first_line(detail), self._clock.read()))

    def acknowledge(self, incident: str, by: str) -> None:
        """Records that `by` has seen an incident; an incident that is not open stays as it is."""
        self._engines.report(Acknowledge(first_line(incident), first_line(by)))

    def silence(
        self,
        name: str,
        *,
        length: Duration | None = None,
        until: str | None = None,
        target: str | None = None,
        by: str = "",
    ) -> None:
        """Mutes a target (None: all) for a length (`0s` ends the silence) or until a moment: `2026-01-31T12:30:00Z`.

        Raises: UsageError unless exactly one of length and end is given; UnknownName for a target that is not watched.
        """
        if length is not None and until is None:
            until_ns = self._clock.read().wall_ns + duration_ns(length)
        elif until is not None and length is None:
            until_ns = wall_ns_of(until)
        else:
            raise UsageError("a silence has a length or an end: give one of the two")
        if target is not None:
            self._host.known(target)
        self._engines.report(
            Mute(Silence(id=first_line(name), target=target, until_ns=until_ns, by=first_line(by)))
        )

    def check(self, name: str, **fields: Unpack[TargetFields]) -> Callable[[F], F]:
        """Watches a function: `@runtime.check("queue depth", every="5s")`, sync or async, called without arguments.

        `fields` are those of a Target. Without `notify` every channel is notified. `domain/observation/returned.py` lists
        the values that the function may return; an exception is a bad sample.

        Raises: ConfigurationError with every problem of the target.
        """
        if fields.get("notify") is None:
            fields["notify"] = self._host.channels
        given = Target(id=name, call=Call(name=name), **fields)

        def register(function: F) -> F:
            with self._host.guard:
                target = self._host.accepted_check(given, function)
                self._engines.change(Track(target))
                self._host.add(target)
            return function

        return register
