"""The commands of a runtime: each is checked, becomes a message and is handed over; none waits for its effect."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, Unpack

from msgspec import UNSET

from ..actors.ports import Clock
from ..actors.supervisor.supervisor import RECORDER
from ..domain.errors import NotRunning, UsageError
from ..domain.incidents.announcement import AnnouncementKind
from ..domain.incidents.record import AllTargets
from ..domain.limits import RUN_CHARACTERS_MAX
from ..domain.line import first_line, one_line
from ..domain.observation.outcome import Outcome
from ..domain.specification.probe import Call
from ..domain.specification.rule import Severity, SeverityLike
from ..domain.specification.target import Target, TargetFields
from ..domain.time.duration import Duration
from ..protocol.owner import EndDrill, Unacknowledge
from ..protocol.recorder import GetAttempts
from ..protocol.sink import Announce, EndAnnouncement, Mute, Unmute
from ..protocol.supervisor import Beat, CheckNow, Pause, Resume, Track, Untrack
from .access.announcing import KindLike, make_announcement, require_pages
from .access.drilling import make_drill
from .access.refusals import require_checkable, require_heartbeats
from .configured import ConfiguredTargets, named
from .job import Job
from .lifecycle import Lifecycle
from .silencing import MatcherTexts, make_acknowledgement, make_silence, names_one
from .subscriptions import Subscription
from .surface import bridge

F = TypeVar("F", bound=Callable[..., Any])


class Commands:
    """The commands of Runtime, which owns the parts that they reach."""

    _configured: ConfiguredTargets
    _lifecycle: Lifecycle
    _clock: Clock

    @bridge
    def track(self, target: Target) -> None:
        """Watches a target from now on; one of the same id is replaced and keeps its incidents and clocks.

        Raises: ConfigurationError with every problem of the target.
        """
        if self._lifecycle.stands_by:
            # Not under the guard, which a take-over needs. Kept here as well, for the time after one.
            self._lifecycle.pass_on(Track(self._configured.accepted(target)))
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
        if self._lifecycle.pass_on(Untrack(named(target))):
            self._configured.discard(target)
            return
        with self._configured.guard:
            self._configured.remove(target)
            self._lifecycle.change(Untrack(target))

    @bridge
    def pause(self, target: str, *, by: str = "") -> None:
        """Starts no more attempts of a target and cancels the running one; its incidents stay as they are.

        The store keeps the pause for later processes, until `resume` or the removal of the target ends it.

        Raises: UnknownName for a target that is not watched.
        """
        command = Pause(named(target), first_line(by))
        if self._lifecycle.pass_on(command):
            return
        with self._configured.guard:
            self._configured.pause(target, paused=True, by=command.by)
            self._lifecycle.change(command)

    @bridge
    def resume(self, target: str) -> None:
        """Resumes a paused target.

        Raises: UnknownName for a target that is not watched.
        """
        if self._lifecycle.pass_on(Resume(named(target))):
            return
        with self._configured.guard:
            self._configured.pause(target, paused=False)
            self._lifecycle.change(Resume(target))

    @bridge
    def check_now(self, target: str) -> None:
        """Starts one attempt of a target at once, beside its schedule, whose ticks stay where they are.

        An attempt that runs or waits answers in its place, so that no number of calls starts more than one at a time. It
        counts in `in_flight_max`, and its sample is judged like every other. `attempts` has its record once it has ended.

        Raises: UnknownName for a target that is not watched; UsageError for a heartbeat, which has nothing to start, for a
        paused target, and while the runtime is stopped.
        """
        if self._lifecycle.pass_on(CheckNow(named(target))):
            return
        with self._configured.guard:
            require_checkable(self._configured.known(target))
            self._lifecycle.report(CheckNow(target))

    @bridge
    def heartbeat(
        self,
        target: str,
        *,
        ok: bool = True,
        detail: str = "",
        start: bool = False,
        run: str = "",
        exit_status: int | None = None,
    ) -> None:
        """Reports to a target with `heartbeat` that its job ran (`ok=False`: that it ran and failed).

        `start` reports that a run has begun, which changes no status, and whose end is due within `run_max`. `run`, an id of
        the run, joins its start with its end, which then says how long it took. An exit status other than 0 is a failure.

        Raises: UnknownName for a target that is not watched; UsageError for a target of another kind, and while the
        runtime is stopped.
        """
        outcome = Outcome.UP if ok and not exit_status else Outcome.DOWN
        said = first_line(detail) or (f"exit status {exit_status}" if exit_status else "")
        beat = Beat(
            named(target),
            outcome,
            said,
            self._clock.read(),
            is_start=True if start else UNSET,
            run=one_line(run, RUN_CHARACTERS_MAX) if run else UNSET,
            exit_status=UNSET if exit_status is None else exit_status,
        )
        if not self._lifecycle.pass_on(beat):
            require_heartbeats(self._configured.known(target))
            self._lifecycle.report(beat)

    @bridge
    def job(self, target: str) -> Job:
        """Returns one run of a job that reports to a target with `heartbeat`: `with runtime.job("etl"):`, or `async with`.

        It reports its start, too. The end of the block is a heartbeat with its time; an exception, and an exit status other than 0, make it a failed
        one. A report that the runtime cannot take, because it is stopped, is logged and fails no job.

        Raises: UnknownName for a target that is not watched; UsageError for a target of another kind.
        """
        if named(target) in self._configured or not self._lifecycle.stands_by:
            require_heartbeats(self._configured.known(target))
        else:
            # The active process may have it by `track`. A job begins all the same where that does not answer.
            with suppress(NotRunning, TimeoutError):
                self._lifecycle.ask(RECORDER, GetAttempts(target))
        return Job(target, partial(self.heartbeat, target), self._clock)

    @bridge
    def acknowledge(
        self,
        incident: str,
        by: str,
        note: str = "",
        *,
        until: Duration = "",
        until_worse: bool | None = None,
    ) -> None:
        """Records that `by` has seen an incident, with a note; `until` a moment or for a length such as `2h`, if given.

        With `until_worse` a rise of its severity ends the acknowledgement, too. The first who has seen it stays; a later
        command of the same person changes the note or the end, and what it leaves out stays. After the end, and after
        `unacknowledge`, the incident is as if nobody had seen it, and its channels are told once.

        Raises: UsageError for an end that has passed, and while the runtime is stopped; UnknownName for an incident that is
        not open, with those that are; ValueError for a text that is no moment and no length.
        """
        now = self._clock.read()
        seen = make_acknowledgement(incident, by, note, until, until_worse=until_worse, now=now)
        self._lifecycle.acknowledge(seen)

    @bridge
    def drill(
        self,
        route: str,
        *,
        by: str = "",
        length: Duration = "",
        severity: SeverityLike = Severity.CRITICAL,
        despite_holds: bool = False,
    ) -> str:
        """Tries a route out: an incident that nothing has caused, marked as a drill wherever it is told and shown.

        It takes the way of every incident: the groups, delays and holds of the route, and its channels. It ends after a length, by
        default ten minutes, or with `end_drill`. `despite_holds` lets no silence and no quiet window hold its notices back. Returns the
        id of its incident, which the record keeps.

        Raises: UnknownName for a route that is not there, which is named by its id or its place such as `routes[0]`; UsageError for a
        length of no time or of more than a day, and while the runtime is stopped; ValueError for a text that is no length or severity.
        """
        routes, now = self._configured.given.routes, self._clock.read()
        made = make_drill(route, by, length, severity, despite_holds=despite_holds, routes=routes, now=now)
        self._lifecycle.drill(made)
        return made.incident

    @bridge
    def end_drill(self, incident: str, *, by: str = "") -> None:
        """Ends a drill, whose channels then hear of its end.

        Raises: UsageError while the runtime is stopped; UnknownName for an incident that is not open, with those that are.
        """
        self._lifecycle.drill(EndDrill(first_line(incident), first_line(by)))

    @bridge
    def unacknowledge(self, incident: str, by: str) -> None:
        """Withdraws the acknowledgement of an incident, whoever made it; nothing changes where there is none.

        Raises: UsageError while the runtime is stopped; UnknownName for an incident that is not open, with those that are.
        """
        self._lifecycle.acknowledge(Unacknowledge(first_line(incident), first_line(by)))

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
        match: MatcherTexts = (),
    ) -> str:
        """Mutes targets for a length, or until a moment such as `2026-01-31T12:30:00Z`. Returns the silence's id.

        `target` is an id, a glob such as `shop*` or ALL; matchers such as `group=shop` or `severity=~info|warning` limit it
        further, and all of them must hold. A silence of the same `id` is replaced as a whole but for its creation, and
        ended by the length `0s`. Without an `id` it has a short one, the same for the same target and matchers: the
        command replaces the former one of these, and stands beside every other.

        Raises: UnknownName for an id of a target that is not watched; UsageError unless exactly one of length and end is
        given, for an end that has passed, and while the runtime is stopped; ValueError for a text that is no length, no
        moment or no matcher.
        """
        now = self._clock.read()
        silence = make_silence(target, length, until, by=by, reason=reason, id=id, match=match, now=now)
        if isinstance(target, str) and names_one(target) and not self._lifecycle.stands_by:
            self._configured.known(target)
        self._lifecycle.silence(Mute(silence))
        return silence.id

    @bridge
    def unsilence(self, id: str, *, by: str = "") -> None:  # noqa: A002  # as `silence` has it
        """Ends a silence now; `by` is recorded as the author of its end.

        Raises: UnknownName where no silence in force has this id, with those that are; UsageError while the runtime is
        stopped.
        """
        self._lifecycle.unsilence(Unmute(first_line(id), first_line(by)))

    @bridge
    def announce(
        self,
        title: str,
        text: str = "",
        *,
        kind: KindLike = AnnouncementKind.NOTICE,
        pages: str | Iterable[str] = (),
        start: str = "",
        until: Duration = "",
        by: str = "",
        id: str | None = None,  # noqa: A002  # the announcement's id
    ) -> str:
        """Tells the readers of public pages (default: of every page) something; returns the announcement's id.

        `kind` is `notice`, `outage` or `maintenance`. A maintenance has an end, and may have a `start` such as
        `2026-01-31T12:30:00Z`; `until` is such a moment, or a length from the start. The text may have paragraphs. An
        announcement of the same `id` that stands is changed. Without an `id` it has a short one, the same for the same title
        and pages.

        Raises: UnknownName for a page that is not configured; UsageError for a title that says nothing, for an end that is missing or has passed, where too many stand, and
        while the runtime is stopped; ValueError for a text that is no moment and no length.
        """
        made = make_announcement(
            title,
            text,
            kind=kind,
            pages=pages,
            start=start,
            until=until,
            by=by,
            id=id,
            now=self._clock.read(),
        )
        if not self._lifecycle.stands_by:
            require_pages(self._configured.given.web, made.pages)
        self._lifecycle.announce(Announce(made))
        return made.id

    @bridge
    def end_announcement(self, id: str, *, by: str = "") -> None:  # noqa: A002  # as `announce` has it
        """Ends an announcement now; it stands among the past ones from then on, and `by` is recorded as the author.

        Raises: UnknownName where none that stands has this id, with those that do; UsageError while the runtime is stopped.
        """
        self._lifecycle.end_announcement(EndAnnouncement(first_line(id), first_line(by)))

    @bridge
    def subscribe(self, *, samples: bool = False) -> Subscription:
        """Returns a stream of events: iterate it from a thread or with `async for`. `samples` includes every sample."""
        return self._lifecycle.feed.subscribe(samples=samples)
