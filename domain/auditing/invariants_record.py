"""Invariants of the record, checked at every commit and every opening."""

from collections.abc import Iterable, Mapping

from msgspec import UNSET
from msgspec.structs import replace

from ..incidents.digest import SEVERITY_RANK, ToldStep, digest_key
from ..incidents.incident import INCIDENT_TRANSITIONS, Incident, Transition, TransitionKind
from ..incidents.notice import Delivery, DeliveryState, Notice, notice_key
from ..incidents.record import Batch, Restored, Silence
from ..specification.metadata import TargetMetadata
from ..specification.rule import Severity
from ..specification.target import Target
from ..suppression.silence_book import subject_of
from ..time.moment import Moment
from .durable import Durable, News
from .receipts import Receipts
from .violation import Complain
from .waits import PossibleWaits


class RecordRules:
    """Checks S1, S2, S4, S6, S8, S11 to S14, S20, S22 and S33; owns its own copy of the silences."""

    def __init__(self, durable: Durable, receivers: Mapping[str, Receipts], complain: Complain) -> None:
        self._durable = durable
        self._receivers = receivers
        self._complain = complain
        self.floors: dict[str, Severity] = {}
        """The lowest severity that each channel receives; a channel without an entry receives all."""
        self.waits = PossibleWaits()
        self.is_failed = False
        """Whether the store rejects every commit until it is opened again."""
        self._is_open = False
        self._metadata: dict[str, list[TargetMetadata]] | None = None
        self._over: dict[str, Silence] = {}
        self._silences: dict[str, Silence] = {}

    def muted(self, silence: Silence) -> None:
        """Notes that the sink received a silence, or a new end of one."""
        self._silences[silence.id] = silence

    def unmuted(self, name: str, now: Moment) -> None:
        """Notes that the sink received the command that ends a silence."""
        if name in self._silences:
            self.muted(replace(self._silences[name], until_ns=now.wall_ns))

    def described(self, targets: Iterable[Target]) -> None:
        """Notes what is said of watched targets. Where nothing tells it, a silence by group or label is not checked."""
        given = tuple(targets)
        self.waits.described(given)
        if self._metadata is None:
            self._metadata = {}
        for target in given:
            known = self._metadata.setdefault(target.id, [])
            if target.metadata not in known:
                known.append(target.metadata)

    def time_passed(self, now: Moment) -> None:
        """Marks ended silences; they stay ended, even where the wall clock goes back."""
        self.waits.time_passed(now)
        for name, silence in self._silences.items():
            if silence.until_ns <= now.wall_ns:
                self._over[name] = silence

    def sink_began(self, now: Moment) -> None:
        """Starts a new incarnation of the sink, which takes each silence's stored end against the wall clock."""
        self._over = {}
        self._silences = dict(self._durable.silences)
        self.time_passed(now)

    def process_began(self) -> None:
        self.is_failed = self._is_open = False

    # Opening, failing and closing of the store.

    def opened(self, restored: Restored, now: Moment) -> None:
        """Checks S11, S12, S13, S14: the store restores exactly the committed records, under a higher epoch."""
        self.is_failed, self._is_open = False, True
        durable = self._durable
        if restored.epoch <= durable.epoch:
            self._complain("S14", f"epoch {restored.epoch} after epoch {durable.epoch}")
        durable.epoch = restored.epoch
        self._same("open incidents", durable.open_incidents(), [i for i in restored.incidents if i.is_open])
        pending = [durable.notices[key] for key in durable.pending]
        self._same("the outbox", pending, [outgoing.notice for outgoing in restored.outbox])
        told = [t for t in restored.told if durable.told.get((t.incident_id, t.channel)) != t.sequence]
        if told:
            self._complain("S11", f"the store restores {told}, which differs from the committed deliveries")
        marks = [mark for _, mark in sorted(durable.checkpoints.items()) if mark.state]
        self._same("checkpoints", marks, sorted(restored.checkpoints, key=lambda mark: mark.target))
        pauses = [mark for _, mark in sorted(durable.pauses.items()) if mark.at_ns is not None]
        self._same("pauses", pauses, list(restored.pauses))
        silences = [s for _, s in sorted(durable.silences.items()) if s.until_ns > now.wall_ns]
        standing = [each for _, each in sorted(durable.announcements.items()) if each.stands(now.wall_ns)]
        self._same("announcements", standing, list(restored.announcements))
        self._same("silences", silences, sorted(restored.silences, key=lambda silence: silence.id))

    def _same(self, what: str, committed: list, restored: list) -> None:  # type: ignore[type-arg]  # any records
        if committed != restored and sorted(map(repr, committed)) != sorted(map(repr, restored)):
            self._complain("S11", f"{what}: committed {committed}, restored {restored}")

    def committing(self) -> None:
        if self.is_failed or not self._is_open:
            self._complain("S33", "a commit is tried on a store that failed or is not open")

    def failed(self) -> None:
        self.is_failed = True

    def closed(self) -> None:
        self._is_open = False

    # Commits.

    def committed(self, batch: Batch) -> None:
        before = dict(self._durable.silences)
        news = self._durable.apply(batch)
        for silence in batch.silences:
            known = self._silences.get(silence.id)
            if known is not None and known.until_ns == silence.until_ns:
                self._silences[silence.id] = silence  # of a target that was renamed
        for step in news.rivals:
            self._complain("S1", f"{step.target}/{step.rule} has two open incidents")
        for step in news.transitions:
            self._legal(step)
            if step.change is TransitionKind.OPENED:
                self.waits.opened(step)
        self._notices(batch, news, before)
        for delivery in news.deliveries:
            self._delivered(delivery)

    def _legal(self, step: Transition) -> None:
        """Checks S2, S20: the step is legal, and its times are in order."""
        life = self._durable.lives[step.incident_id]
        earlier = life[step.sequence - 2] if 1 < step.sequence <= len(life) else None
        in_place = step.sequence <= len(life) and life[step.sequence - 1] == step.incident
        if not in_place or step.change not in INCIDENT_TRANSITIONS[earlier.change if earlier else None]:
            self._complain("S2", f"{step.change} as step {step.sequence} of {[s.change for s in life]}")
        times = [step.opened_at_ns, step.acknowledged_at_ns, step.resolved_at_ns]
        known = [at for at in times if at is not None]
        if known != sorted(known):
            self._complain("S20", f"opened, acknowledged, resolved at {times}")

    def _notices(self, batch: Batch, news: News, silences_before: dict[str, Silence]) -> None:
        """Checks S4, S6, S22 for the notices and transitions of one batch."""
        seen: dict[tuple[str, int, str, int], None] = {}
        for notice in news.notices:
            self._well_formed(notice)
            for told in notice.steps:
                place = (told.incident_id, told.sequence, notice.channel, notice.reminder)
                if place in seen:
                    self._complain("S6", f"two notices for {place} in one batch")
                seen[place] = None
                self._tells_well(notice, told)
                self._audible(notice, told, silences_before)
        for step in news.transitions:
            self._announced(step, batch)

    def _well_formed(self, notice: Notice) -> None:
        if notice.digest:
            key = digest_key(notice.digest, notice.channel, notice.reminder)
        else:
            key = notice_key(notice.incident.id, notice.sequence, notice.channel, notice.reminder)
        if notice.key != key:
            self._complain("S6", f"the key of {notice} is not derived from it")
        if self._step(notice.incident.id, notice.sequence) != notice.incident:
            self._complain("S4", f"notice {notice.key} is about a step that is not recorded with it")
        if len({step.incident_id for step in notice.steps}) != len(notice.steps):
            self._complain("S6", f"notice {notice.key} tells of an incident twice")

    def _step(self, name: str, sequence: int) -> Incident | None:
        life = self._durable.lives.get(name, [])
        return life[sequence - 1] if sequence <= len(life) else None

    def _tells_well(self, notice: Notice, step: ToldStep) -> None:
        """Checks S4, S6 for one incident of a notice: its step is there, and may be told so."""
        incident = self._step(step.incident_id, step.sequence)
        if incident is None:
            if step.incident_id != notice.incident.id:
                self._complain("S4", f"notice {notice.key} has a member whose step is not recorded with it")
            return
        if incident.draft:
            self._complain("S4", f"notice {notice.key} is about a draft rule")
        if incident.is_open is (step.change is TransitionKind.RESOLVED):
            self._complain("S4", f"notice {notice.key} says {step.change} of {incident}")
        told = self._durable.told.get((step.incident_id, notice.channel))
        if notice.reminder and (told is None or not incident.is_open or incident.acknowledged_at_ns):
            self._complain("S4", f"{notice.channel} would be reminded of {incident}")

    def _audible(self, notice: Notice, step: ToldStep, before: dict[str, Silence]) -> None:
        incident, at_ns = self._step(step.incident_id, step.sequence), notice.created_at_ns
        if incident is None or (incident.drill is not UNSET and incident.drill.despite_holds):
            return
        for silence in before.values():
            now = self._durable.silences[silence.id]
            # The sink adds the moment of creation: the end alone tells one command from the next.
            if silence.id in self._over and self._over[silence.id].until_ns == silence.until_ns:
                continue
            until_ns = min(silence.until_ns, now.until_ns)
            if at_ns < until_ns and self._is_muted(incident, silence):
                self._complain(
                    "S22", f"{step.change} of {incident.target} is sent inside silence {silence.id}"
                )

    def _is_muted(self, incident: Incident, silence: Silence) -> bool:
        """Whether a silence surely mutes an incident: by all texts that its target has had, as a notice may wait to be written."""
        selection = silence.selection()
        if self._metadata is None and selection.needs_metadata:
            return False
        texts = [incident.metadata, *(self._metadata or {}).get(incident.target, ())]
        return all(selection.accepts(subject_of(incident, metadata)) for metadata in texts)

    def _may_be_muted(self, incident: Incident, silence: Silence) -> bool:
        selection = silence.selection()
        return selection.needs_metadata or selection.accepts(subject_of(incident))

    def _announced(self, step: Transition, batch: Batch) -> None:
        """Checks S4 in reverse: each channel that is due for a step that nothing holds has a notice in the same transaction."""
        is_muted = any(self._may_be_muted(step.incident, each) for each in self._durable.silences.values())
        if step.draft or is_muted or self._durable.lives[step.incident_id][-1].sequence != step.sequence:
            return
        for channel in step.notify:
            if channel not in self._receivers or self._spoken_for(step, channel, batch):
                continue
            if self._is_due(step, channel) and not self.waits.allow(step, channel):
                self._complain("S4", f"{step.change} of {step.target} has no notice for {channel}")

    def _is_due(self, step: Transition, channel: str) -> bool:
        """Whether a channel is due for a step: one that knows the incident, for all but changes after an acknowledgement."""
        if (step.incident_id, channel) in self._durable.told:
            return step.acknowledged_at_ns is None or step.change is not TransitionKind.CHANGED
        floor = self.floors.get(channel, Severity.INFO)
        is_mild = SEVERITY_RANK[step.severity] < SEVERITY_RANK[floor]
        return step.is_open and step.acknowledged_at_ns is None and not is_mild

    def _spoken_for(self, step: Transition, channel: str, batch: Batch) -> bool:
        """Whether another notice of the incident is under way to the channel, or was at the time of the decision; one that
        a digest has told goes on with digests, which wait.
        """
        if (step.incident_id, channel) in self._durable.grouped:
            return True
        keys = (*self._durable.pending, *(delivery.key for delivery in batch.deliveries))
        notices = [self._durable.notices[key] for key in keys if key in self._durable.notices]
        return any(said.channel == channel and said.step_of(step.incident_id) for said in notices)

    def _delivered(self, delivery: Delivery) -> None:
        """Checks S8: a notice recorded as delivered has been applied by its receiver."""
        notice = self._durable.notices.get(delivery.key)
        if notice is None:
            self._complain("S4", f"delivery of {delivery.key}, for which there is no notice")
        elif (
            delivery.state is DeliveryState.DELIVERED
            and delivery.key not in self._receivers[notice.channel].applied
        ):
            self._complain("S8", f"{delivery.key} is recorded as delivered; its receiver has not applied it")
