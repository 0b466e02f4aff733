"""Commands for a store that no process runs: decided by the domain, and committed by the store itself under its lock.

A step is recorded without its notices: the sink of the next run makes those that are due, as after any restart.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from ..adapters.clock import SystemClock
from ..adapters.stores.opening import count_shards, holder_of, make_reader, make_store
from ..domain.errors import NotRunning, StoreBusy, StoreFenced, UnknownName, UsageError
from ..domain.incidents.acknowledgement import acknowledged, unacknowledged
from ..domain.incidents.announcement import Announcement, AnnouncementKind
from ..domain.incidents.incident import Incident, Transition
from ..domain.incidents.notice import DeliveryState
from ..domain.incidents.record import (
    AllTargets,
    Batch,
    Checkpoint,
    HeardMark,
    PauseMark,
    Restored,
    Silence,
)
from ..domain.limits import GENERATIONS_PER_RUN
from ..domain.line import first_line
from ..domain.observation.attempt import AttemptId
from ..domain.observation.observation import Measurement
from ..domain.observation.outcome import Outcome, Reason
from ..domain.observation.sample import sample_without_answer
from ..domain.read_model.silence_preview import SilencePreview, preview_of
from ..domain.rules.aggregate import TargetAggregate
from ..domain.specification.metadata import NO_METADATA
from ..domain.specification.problem import quoted, suggestion
from ..domain.specification.target import Target
from ..domain.specification.web import Web
from ..domain.store_place import shown_store
from ..domain.time.duration import Duration
from ..domain.time.moment import Moment
from ..host.access.announcing import KindLike, make_announcement, require_pages, require_room
from ..host.silencing import MatcherTexts, make_acknowledgement, make_silence, names_one, scope_of
from .questions import login_name

if TYPE_CHECKING:
    from .answers import AnnouncementRow, IncidentRow, SilenceRow


class OfflineStore:
    """The store of a runtime that does not run, held for a few commands, which have the names of those of a runtime.

    Used in `with`: it is opened and verified as by a run, under the same lock, and no `run` can start until the end. Each
    command is durable when it returns. Not for use by several threads. It gives no sign of life between two commands: after
    a lease a process that stands by takes the store, and the next command raises StoreBusy and has no effect.
    """

    def __init__(
        self, path: str, targets: Iterable[Target] = (), *, author: str = "", web: Web | None = None
    ) -> None:
        """`targets` are those of the configuration, which heartbeats are judged by; `web` has its public pages."""
        self._web = web
        self._path, self._shown = path, shown_store(path)
        self._targets = {target.id: target for target in targets}
        self._author = author or login_name()
        self._clock = SystemClock()
        self._store = make_store(path)
        self._restored = Restored()
        self._recorded: tuple[str, ...] = ()
        self._attempts = 0

    @property
    def name(self) -> str:
        return self._shown

    def __enter__(self) -> Self:
        """Opens the store. Raises: StoreBusy while a process runs it; NotRunning for one with several shards, which only nodes can write; StoreError where
        there is none."""
        if count_shards(self._path) > 1:
            raise NotRunning(f"no node runs {self._shown}: start one, then give the command again")
        # A reader refuses a missing file, where opening it would create an empty store.
        self._recorded = make_reader(self._path).targets()
        self._restored = self._store.open(self._clock.read())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()

    def _commit(self, batch: Batch) -> None:
        """Writes a command. Raises: StoreBusy where a process that stood by has taken the store meanwhile."""
        try:
            self._store.commit(batch)
        except StoreFenced:
            holder = holder_of(self._path) or "another process"
            raise StoreBusy(f"{holder} has taken {self._shown} meanwhile: give it the command") from None

    # Questions.

    def incidents(self, *, open_only: bool = True) -> "tuple[IncidentRow, ...]":
        """Returns the open incidents, the newest first."""
        from ..web.shapes.documents import incident_row

        del open_only
        found = sorted(self._open(), key=lambda incident: -incident.opened_at_ns)
        return tuple(incident_row(incident) for incident in found)

    def _open(self) -> list[Incident]:
        latest = {finding.incident_id: finding.text for finding in self._restored.latest}
        return [
            replace(incident, latest=latest.get(incident.id, incident.latest))
            for incident in self._restored.incidents
            if incident.is_open
        ]

    def told_channels(self, incident: str) -> tuple[str, ...]:
        """Returns the channels that were told of an open incident."""
        return tuple(sorted(each.channel for each in self._restored.told if each.incident_id == incident))

    def target_names(self) -> tuple[str, ...]:
        """Returns the configured and the recorded targets."""
        return tuple(dict.fromkeys((*self._targets, *self._recorded)))

    def _known(self, target: str) -> str:
        names = self.target_names()
        if target not in names:
            raise UnknownName(f"no target is named {quoted(target)}{suggestion(target, names)}")
        return target

    # Commands.

    def acknowledge(
        self,
        incident: str,
        by: str = "",
        note: str = "",
        *,
        until: Duration = "",
        until_worse: bool | None = None,
    ) -> "IncidentRow":
        """Records that somebody has seen an open incident, until a moment, for a length or until it is worse, if given.

        The first who has seen it stays. Raises: UnknownName for an incident that is not open; UsageError and ValueError as
        `Runtime.acknowledge` does.
        """
        found, now = self._open_incident(incident), self._clock.read()
        said = make_acknowledgement(
            incident, by or self._author, note, until, until_worse=until_worse, now=now
        )
        step = acknowledged(
            found, said.by, said.note, said.until_ns, now.wall_ns, until_worse=said.until_worse
        )
        return self._stepped(found, step)

    def unacknowledge(self, incident: str, by: str = "") -> "IncidentRow":
        """Withdraws the acknowledgement of an open incident. Raises: UnknownName where it is not open or has none."""
        found = self._open_incident(incident)
        step = unacknowledged(found, self._clock.read().wall_ns, first_line(by or self._author))
        if step is None:
            raise UnknownName(f"the incident {incident} is not acknowledged")
        return self._stepped(found, step)

    def _open_incident(self, name: str) -> Incident:
        found = next((each for each in self._open() if each.id == name), None)
        if found is None:
            raise UnknownName(f"no open incident has the id {name!r}")
        return found

    def _stepped(self, found: Incident, step: Transition | None) -> "IncidentRow":
        """Commits a step, if there is one, and returns the state after it."""
        from ..web.shapes.documents import incident_row

        if step is None:
            return incident_row(found)
        self._commit(Batch(transitions=(step,)))
        self._follow((step,))
        return incident_row(step.incident)

    def _follow(self, steps: Iterable[Transition]) -> None:
        """Notes committed steps, so that later commands build on them."""
        state = {incident.id: incident for incident in self._restored.incidents}
        for step in steps:
            state[step.incident_id] = step.incident
        self._restored = replace(self._restored, incidents=tuple(state.values()))

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
    ) -> "SilenceRow":
        """Mutes targets (ALL: every one) for a length, or until a moment.

        Raises: UnknownName; UsageError and ValueError as `Runtime.silence` does.
        """
        from ..web.shapes.documents import silence_row

        if isinstance(target, str) and names_one(target):
            self._known(target)
        now = self._clock.read()
        made = make_silence(
            target,
            length,
            until,
            by=by or self._author,
            reason=reason,
            id=id,
            match=match,
            now=now,
        )
        return silence_row(self._mute(made, now))

    def unsilence(self, id: str, *, by: str = "") -> "SilenceRow":  # noqa: A002  # the silence's id
        """Ends a silence; returns it as it was. Raises: UnknownName where none of this id is in force."""
        from ..web.shapes.documents import silence_row

        found = next((each for each in self._restored.silences if each.id == id), None)
        if found is None:
            raise UnknownName(f"no silence in force has the id {id!r}")
        now = self._clock.read()
        self._mute(found.ended(now.wall_ns, first_line(by or self._author)), now)
        return silence_row(found)

    def preview(self, target: str | AllTargets, *, match: MatcherTexts = ()) -> SilencePreview:
        """Returns what a silence would mute now."""
        muted, matchers = scope_of(target, match)
        configured = {name: each.metadata for name, each in self._targets.items()}
        return preview_of(
            Silence(id="", target=muted, match=matchers, until_ns=0),
            {name: configured.get(name, NO_METADATA) for name in self.target_names()},
            [incident for incident in self._restored.incidents if incident.is_open],
        )

    def silences(self) -> tuple[Silence, ...]:
        """Returns the silences in force."""
        return self._restored.silences

    def _mute(self, silence: Silence, now: Moment) -> Silence:
        others = {each.id: each for each in self._restored.silences}
        known, former = others.pop(silence.id, None), others.pop(silence.former_id or "", None)
        # One of an earlier version goes on under its present id.
        ended = () if former is None else (replace(former, until_ns=now.wall_ns),)
        silence = silence.after(known or former, now.wall_ns)
        self._commit(Batch(silences=(*ended, silence)))
        in_force = (silence,) if silence.until_ns > now.wall_ns else ()
        self._restored = replace(self._restored, silences=(*others.values(), *in_force))
        return silence

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
    ) -> "AnnouncementRow":
        """Tells the readers of public pages something. Raises: UsageError and ValueError as `Runtime.announce` does."""
        from ..web.shapes.announcement_rows import announcement_row

        now, author = self._clock.read(), by or self._author
        made = make_announcement(
            title, text, kind=kind, pages=pages, start=start, until=until, by=author, id=id, now=now
        )
        if self._web is not None:
            require_pages(self._web, made.pages)
        standing = {each.id: each for each in self._announcements()}
        require_room(standing, made.id)
        return announcement_row(self._recorded_announcement(made.after(standing.get(made.id))))

    def end_announcement(self, id: str, *, by: str = "") -> "AnnouncementRow":  # noqa: A002  # as above
        """Ends an announcement; returns it as it was. Raises: UnknownName where none of this id stands."""
        from ..web.shapes.announcement_rows import announcement_row

        found = next((each for each in self._announcements() if each.id == id), None)
        if found is None:
            raise UnknownName(f"no announcement that stands has the id {id!r}")
        self._recorded_announcement(found.ended(self._clock.read().wall_ns, first_line(by or self._author)))
        return announcement_row(found)

    def announcements(self) -> "tuple[AnnouncementRow, ...]":
        """Returns the announcements that stand, by id."""
        from ..web.shapes.announcement_rows import announcement_row

        return tuple(map(announcement_row, self._announcements()))

    def _announcements(self) -> tuple[Announcement, ...]:
        now_ns = self._clock.read().wall_ns
        return tuple(each for each in self._restored.announcements if each.stands(now_ns))

    def _recorded_announcement(self, announcement: Announcement) -> Announcement:
        self._commit(Batch(announcements=(announcement,)))
        others = tuple(each for each in self._restored.announcements if each.id != announcement.id)
        self._restored = replace(self._restored, announcements=(*others, announcement))
        return announcement

    def pause(self, target: str, *, by: str = "") -> None:
        """Pauses a target from the next run on. Raises: UnknownName."""
        self._known(target)
        if all(mark.target != target for mark in self._restored.pauses):
            now_ns = self._clock.read().wall_ns
            self._keep_pause(PauseMark(target, now_ns, first_line(by or self._author)))

    def resume(self, target: str, *, by: str = "") -> None:
        """Ends a commanded pause. Raises: UnknownName; UsageError for a target that its configuration pauses."""
        del by
        configured = self._targets.get(self._known(target))
        if configured is not None and configured.paused:
            raise UsageError(
                f"the configuration itself pauses {target}: take its `paused` away, as nothing runs that could resume it"
            )
        if any(mark.target == target for mark in self._restored.pauses):
            self._keep_pause(PauseMark(target, None))

    def _keep_pause(self, mark: PauseMark) -> None:
        self._commit(Batch(pauses=(mark,)))
        others = tuple(each for each in self._restored.pauses if each.target != mark.target)
        kept = (*others, mark) if mark.at_ns is not None else others
        self._restored = replace(self._restored, pauses=kept)

    def dead_letters(self) -> tuple[str, ...]:
        """Returns the keys of the notices that were given up, the oldest first."""
        return tuple(outgoing.notice.key for outgoing in make_reader(self._path).outbox(DeliveryState.DEAD))

    def redrive_all(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Puts dead letters back into the outbox, all or none; returns the keys of those that are none."""
        now_ns = self._clock.read().wall_ns
        recalled = {key: self._store.recall(key) for key in keys}
        refused = tuple(key for key, found in recalled.items() if found is None or not found.outbox)
        if not refused:
            pending = (found.outbox[0].delivery.redriven(now_ns) for found in recalled.values() if found)
            self._commit(Batch(deliveries=tuple(pending)))
        return refused

    def heartbeat(
        self, target: str, *, ok: bool = True, detail: str = "", exit_status: int | None = None
    ) -> None:
        """Reports to a target with `heartbeat`: it is heard now, and its rules judge the report.

        Raises: UnknownName; UsageError for a target of another kind, for a paused one, and without its configuration.
        """
        spec, now = self._judged_by(target), self._clock.read()
        restored = self._restored
        self._attempts += 1
        # The epoch is this opening's own, so that no attempt of a run has this number.
        attempt = AttemptId(target, restored.epoch, self._attempts)
        outcome, reason = (Outcome.UP, Reason.OK) if ok else (Outcome.DOWN, Reason.REPORTED)
        figures = () if exit_status is None else (Measurement("exit_status", exit_status),)
        answer = sample_without_answer(attempt, now, outcome, reason, first_line(detail))
        sample = replace(answer, measurements=figures)
        saved = next((each for each in restored.checkpoints if each.target == target), None)
        # Ends of rules that the configuration lacks are left to the next run, which has read all of it.
        rules = {rule.id for rule in spec.judged_rules}
        own = [each for each in self._open() if each.target == target and each.rule in rules]
        aggregate = TargetAggregate(spec, restored.epoch * GENERATIONS_PER_RUN + 1)
        steps = (*aggregate.restore(saved, own, now), *aggregate.apply(sample, now))
        state = aggregate.checkpoint()
        missed = next((mark.missed_at_ns for mark in restored.heard if mark.target == target), None)
        batch = Batch(
            transitions=steps,
            samples=(sample,),
            checkpoints=(Checkpoint(target, state, now.wall_ns),),
            heard=(HeardMark(target, now.wall_ns, missed),),
            latest=tuple(each for each in aggregate.latest() if each.incident_id not in _ids(steps)),
        )
        self._commit(batch)
        others = tuple(each for each in restored.checkpoints if each.target != target)
        self._restored = replace(
            restored, checkpoints=(*others, *batch.checkpoints), latest=(*restored.latest, *batch.latest)
        )
        self._follow(steps)

    def _judged_by(self, target: str) -> Target:
        spec = self._targets.get(self._known(target))
        if spec is None:
            raise UsageError(
                f"the rules of {target} are in its configuration: name that with -c FILE, as nothing runs that knows it"
            )
        if spec.kind != "heartbeat":
            raise UsageError(f"target {target!r} takes no heartbeats: it is of kind {spec.kind}")
        if spec.paused or any(mark.target == target for mark in self._restored.pauses):
            raise UsageError(f"target {target!r} is paused: a report counts for nothing until it is resumed")
        return spec


def _ids(steps: Iterable[Transition]) -> set[str]:
    return {step.incident_id for step in steps}
