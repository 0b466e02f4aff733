"""Invariants of notices: none leaves while it is surely held, too early, or about what is seen or over."""

from collections.abc import Callable

from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.incidents.digest import DigestMember, Grouping, ToldStep
from watchkeeper.domain.incidents.incident import Incident, TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState, Notice
from watchkeeper.domain.incidents.record import Batch, Restored
from watchkeeper.domain.specification.channel import Channel

from .naive_holds import NaiveHolds
from .naive_routes import NaiveRoutes, Told


class TellingRules:
    """Checks S22 for all that holds, S39 for digests, and S40 for reminders and for channels that are told later."""

    def __init__(
        self,
        durable: Durable,
        holds: NaiveHolds,
        routes: NaiveRoutes,
        complain: Complain,
        happened: Callable[[str], None],
    ) -> None:
        self._durable, self._holds, self._routes = durable, holds, routes
        self._complain, self._happened = complain, happened
        self._made_ns: dict[tuple[str, Grouping], int] = {}
        """When the last digest of each group was made (wall)."""
        self._last_ns: dict[tuple[str, str], int] = {}
        """When a channel was last told of an incident (wall), a reminder included."""

    def opened(self, restored: Restored) -> None:
        """S41: the store knows of each member of a delivered digest that its channel was told."""
        known = {(told.incident_id, told.channel): told.sequence for told in restored.told}
        for incident in restored.incidents:
            for (name, channel), sequence in self._durable.told.items():
                if name == incident.id and known.get((name, channel)) != sequence:
                    self._complain("S41", f"{channel} was told step {sequence} of {name}: {known}")

    def committing(self, batch: Batch) -> None:
        """Called before a batch is in the book."""
        self._holds.moving = frozenset(step.target for step in batch.transitions)
        steps = {(step.incident_id, step.sequence): step.incident for step in batch.transitions}
        for notice in batch.notices:
            if notice.key in self._durable.notices:
                continue
            if notice.digest:
                self._paced(notice)
            for step in notice.steps:
                incident = steps.get((step.incident_id, step.sequence)) or self._recorded(step)
                if incident is not None:
                    self._checked(notice, step, incident)
        self._delivered(batch)

    def committed(self, batch: Batch) -> None:
        """Called once a batch is in the book: names what holds the incidents that have opened."""
        for step in batch.transitions:
            if step.change is not TransitionKind.OPENED or step.draft:
                continue
            for told in self._routes.told(step.incident).values():
                reason = self._holds.surely_holds(step.incident, told, step.at_ns)
                if reason:
                    self._happened(f"held by {reason}")

    def _recorded(self, step: ToldStep) -> Incident | None:
        life = self._durable.lives.get(step.incident_id, [])
        return life[step.sequence - 1] if step.sequence <= len(life) else None

    def _delivered(self, batch: Batch) -> None:
        for delivery in batch.deliveries:
            notice = self._durable.notices.get(delivery.key)
            known = self._durable.deliveries.get(delivery.key)
            if notice is None or delivery.state is not DeliveryState.DELIVERED:
                continue
            if known is not None and known.state is DeliveryState.DELIVERED:
                continue  # it is committed again
            for step in notice.steps:
                self._last_ns[step.incident_id, notice.channel] = delivery.at_ns

    def _checked(self, notice: Notice, step: ToldStep, incident: Incident) -> None:
        told = self._routes.told(incident).get(notice.channel)
        reason = self._holds.surely_holds(incident, told, notice.created_at_ns)
        if reason:
            self._complain("S22", f"{notice.key} tells {step.change} of {incident.target} despite {reason}")
        if notice.reminder:
            self._reminded(notice, step, incident, told)
        elif step.change is TransitionKind.OPENED:
            self._begun(notice, incident, told)

    def _is_settled(self, told: Incident) -> bool:
        """Whether an incident is over or seen, by what is told and by what was committed before."""
        latest = [told, *self._durable.lives.get(told.id, ())][-1]
        newest = told if told.sequence >= latest.sequence else latest
        return not newest.is_open or newest.acknowledged_at_ns is not None

    def _begun(self, notice: Notice, incident: Incident, told: Told | None) -> None:
        if self._is_settled(incident):
            self._complain("S40", f"{notice.channel} is told of {incident.target}, which is over or seen")
        if self._holds.has_flapped(incident):
            self._happened("told after flapping")
        if told is None or not told.after_ns:
            return
        self._happened("escalated" if told.is_escalation else "told after a while")
        opened_ns = self._holds.opened_wall_ns(incident)
        if not self._holds.is_clock_set and notice.created_at_ns < opened_ns + told.after_ns:
            self._complain("S40", f"{notice.channel} is told of {incident.target} before its time")

    def _reminded(self, notice: Notice, step: ToldStep, incident: Incident, told: Told | None) -> None:
        self._happened("reminder")
        if self._is_settled(incident):
            self._complain("S40", f"{notice.channel} is reminded of {incident.target}, which is over or seen")
        last_ns = self._last_ns.get((step.incident_id, notice.channel))
        every_ns = None if told is None else told.remind_every_ns
        if every_ns is None or self._holds.is_clock_set or notice.digest:
            return
        if last_ns is not None and notice.created_at_ns < last_ns + every_ns:
            self._complain("S40", f"{notice.channel} is reminded of {step.incident_id} too early")

    def _paced(self, notice: Notice) -> None:
        """S39: at most one digest an interval for each group and channel, and none before its wait is over."""
        place = (notice.channel, notice.digest.grouping)  # type: ignore[union-attr]
        last_ns, self._made_ns[place] = self._made_ns.get(place), notice.created_at_ns
        wait_ns, interval_ns = self._routes.pace(place[1].route)
        first_ns = min(self._due_ns(member, notice.channel) for member in notice.digest.members)  # type: ignore[union-attr]
        self._happened("digest")
        kinds = {member.is_open for member in notice.digest.members}  # type: ignore[union-attr]
        if len(kinds) == 2:
            self._happened("digest with ends and openings")
        if len(notice.steps) > 1:
            self._happened("digest of several incidents")
        if self._holds.is_clock_set:
            return
        if notice.created_at_ns < self._since_ns(notice.channel, place[1], first_ns) + wait_ns:
            self._complain("S39", f"{notice.key} does not wait for others: {notice}")
        if last_ns is not None and notice.created_at_ns < last_ns + interval_ns:
            self._complain("S39", f"{notice.key} is the second digest within {interval_ns} ns: {notice}")

    def _since_ns(self, channel: str, grouping: Grouping, first_ns: int) -> int:
        """Returns since when a group may have waited: one that left it meanwhile, held, over or of another severity, has begun its
        wait, too.
        """
        since_ns = first_ns
        for name, life in self._durable.lives.items():
            known = self._durable.told.get((name, channel), 0)
            ways = [self._routes.told(step).get(channel) for step in life[known:]]
            if not any(way and (way.route, way.labels) == (grouping.route, grouping.labels) for way in ways):
                continue
            if known < len(life) and (life[-1].is_open or life[-1].at_ns >= first_ns):
                since_ns = min(since_ns, life[known].at_ns)
        return since_ns

    def _due_ns(self, member: DigestMember, channel: str) -> int:
        """Returns the time of the first step of a member that its channel was not told."""
        told = self._durable.told.get((member.incident_id, channel), 0)
        life = self._durable.lives.get(member.incident_id, ())
        return life[told].at_ns if told < len(life) else member.at_ns


def delayed(channels: tuple[Channel, ...]) -> frozenset[str]:
    """Returns the channels that are told some time after an opening."""
    return frozenset(channel.id for channel in channels if channel.after != "0s")
