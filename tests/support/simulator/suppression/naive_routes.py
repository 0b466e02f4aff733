"""The naive judgement of who is told of an incident."""

from collections.abc import Iterable, Mapping

import msgspec
from watchkeeper.domain.incidents.incident import Incident
from watchkeeper.domain.specification.channel import Channel
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.duration import parse_duration

from .policy import Policy, selects, texts_of


class Told(msgspec.Struct, frozen=True):
    """A channel that is to be told of an incident."""

    channel: str
    after_ns: int = 0
    """How long after the opening."""
    route: str = ""
    labels: tuple[tuple[str, str], ...] | None = None
    """The values by which the incident is grouped; None: it is told alone."""
    wait_ns: int = 0
    interval_ns: int = 0
    remind_every_ns: int | None = None
    quiet: tuple[str, ...] = ()
    is_escalation: bool = False


class NaiveRoutes:
    """Reads the routes of a case one after the other for every question."""

    def __init__(self, policy: Policy, channels: Iterable[Channel], roster: Mapping[str, Target]) -> None:
        self._policy = policy
        self._channels = {channel.id: channel for channel in channels}
        self._roster = roster

    def texts(self, incident: Incident) -> dict[str, str]:
        """Returns the texts of an incident, with those that its target has now."""
        target = self._roster.get(incident.target)
        metadata: TargetMetadata = incident.metadata if target is None else target.metadata
        return texts_of(incident.target, incident.rule, incident.severity.value, metadata)

    def told(self, incident: Incident) -> dict[str, Told]:
        """Returns each channel that is to be told of an incident; by two routes or steps, the first counts.

        A drill is told by the route that it tries out, whatever that matches, and in a group of its own.
        """
        drill = incident.drill
        named: list[Told] = [Told(name, self._after_ns(name)) for name in incident.notify]
        later: list[Told] = []
        texts = self.texts(incident)
        for position, route in enumerate(self._policy.routes if not named else ()):
            name = route.id or f"routes[{position}]"
            if not (drill.route == name if drill else selects(route.match, texts)):
                continue
            own = (("drill", incident.id),) if drill else ()
            labels = tuple((label, texts.get(label, "")) for label in route.group_by)
            common = Told(
                "",
                route=name,
                labels=(*labels, *own) if labels else None,
                wait_ns=parse_duration(route.group_wait),
                interval_ns=parse_duration(route.group_interval),
                remind_every_ns=None if route.remind_every is None else parse_duration(route.remind_every),
                quiet=() if drill and drill.despite_holds else route.quiet,
            )
            later_on = msgspec.structs.replace(common, is_escalation=True)
            named += [self._as(common, name, 0) for name in route.to]
            later += [
                self._as(later_on, name, parse_duration(step.after))
                for step in route.escalate
                for name in step.to
            ]
            if drill or not route.continue_:
                break
        later.sort(key=lambda each: each.after_ns)
        return {each.channel: each for each in reversed((*named, *later))}

    def _as(self, common: Told, channel: str, after_ns: int) -> Told:
        return msgspec.structs.replace(
            common, channel=channel, after_ns=max(after_ns, self._after_ns(channel))
        )

    def _after_ns(self, channel: str) -> int:
        return parse_duration(self._channels[channel].after) if channel in self._channels else 0

    def pace(self, name: str) -> tuple[int, int]:
        """Returns how long the first notice of a group waits, and the time between two digests, by the name of its route."""
        named = {route.id or f"routes[{at}]": route for at, route in enumerate(self._policy.routes)}
        return parse_duration(named[name].group_wait), parse_duration(named[name].group_interval)

    def is_mild(self, incident: Incident, channel: str) -> bool:
        """Whether a channel does not want to hear of an incident of this severity."""
        order = tuple(Severity)
        return order.index(incident.severity) < order.index(self._channels[channel].min_severity)
