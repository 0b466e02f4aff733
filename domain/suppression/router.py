"""Routing: the channels that are told of an incident, in the order of the configuration."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import UNSET
from msgspec.structs import replace

from ..incidents.delivery_plan import Recipient
from ..incidents.incident import Incident
from ..incidents.trials.drill import Drill
from ..specification.configuration import Configuration
from ..specification.matcher import Selection, Subject, parsed
from ..specification.metadata import TargetMetadata
from ..specification.routing import Route


class Router:
    """Chooses the recipients of an incident: those that its target names, or else those of the routes that match."""

    def __init__(self, configuration: Configuration) -> None:
        """Raises: ValueError for a matcher that cannot be read."""
        delays = {channel.id: channel.after_ns for channel in configuration.channels}
        self._named = {name: Recipient(channel=name, after_ns=after_ns) for name, after_ns in delays.items()}
        self._routes = tuple(_RouteMatch(route, at, delays) for at, route in enumerate(configuration.routes))

    def recipients(self, incident: Incident, metadata: TargetMetadata) -> tuple[Recipient, ...]:
        """Returns the channels that are told of an incident, each once.

        The channels that the target names come first and alone. Otherwise the first route that matches has the incident, and the
        next one too where it says `continue`. A channel that a route names keeps its first route, and comes before those of later
        steps, which are told at the earliest step that names them.
        """
        if incident.drill is not UNSET:
            return self._of_drill(incident, incident.drill, metadata)
        if incident.notify:
            known = (self._named.get(name) or Recipient(channel=name) for name in incident.notify)
            return _each_once(known)
        return self.routed(Subject(incident.target, metadata, incident.rule, incident.severity))

    def routed(self, subject: Subject) -> tuple[Recipient, ...]:
        """Returns the channels that the routes name for an incident whose target names none."""
        matching = tuple(self._matching(subject))
        if not matching:
            return ()
        named = [recipient for route in matching for recipient in route.named(subject)]
        further = [recipient for route in matching for recipient in route.escalated(subject)]
        return _each_once((*named, *sorted(further, key=lambda recipient: recipient.after_ns)))

    def _of_drill(self, incident: Incident, drill: Drill, metadata: TargetMetadata) -> tuple[Recipient, ...]:
        """Returns the channels of the route that is tried out, whatever it matches. A drill shares no digest with anything else."""
        subject = Subject(incident.target, metadata, incident.rule, incident.severity)
        tried = next((route for route in self._routes if route.id == drill.route), None)
        if tried is None:
            return ()
        alone = [
            replace(
                recipient,
                group=None if recipient.group is None else (*recipient.group, ("drill", incident.id)),
                quiet=() if drill.despite_holds else recipient.quiet,
            )
            for recipient in (*tried.named(subject), *tried.escalated(subject))
        ]
        return _each_once(alone)

    def _matching(self, subject: Subject) -> Iterator["_RouteMatch"]:
        for route in self._routes:
            if route.selection.accepts(subject):
                yield route
                if not route.goes_on:
                    return


def name_of(route: Route, position: int) -> str:
    """Returns the name of the route at a position of the configuration, which may have no id."""
    return route.id or f"routes[{position}]"


class _RouteMatch:
    """A route made ready to be asked often."""

    def __init__(self, route: Route, position: int, delays: Mapping[str, int]) -> None:
        """`delays` has the shortest delay of each channel."""
        self.selection, self.goes_on = Selection(parsed(route.match)), route.continue_
        self.id = name_of(route, position)
        self._group_by = route.group_by
        common = Recipient(
            channel="",
            route=self.id,
            group_wait_ns=route.group_wait_ns,
            group_interval_ns=route.group_interval_ns,
            remind_every_ns=route.remind_every_ns,
            quiet=route.quiet,
        )
        self._named = tuple(
            replace(common, channel=channel, after_ns=delays.get(channel, 0)) for channel in route.to
        )
        self._escalated = tuple(
            replace(
                common,
                channel=channel,
                after_ns=max(step.after_ns, delays.get(channel, 0)),
                is_escalation=True,
            )
            for step in route.escalate
            for channel in step.to
        )

    def named(self, subject: Subject) -> Iterable[Recipient]:
        """Returns the channels that are told at once."""
        return self._grouped(self._named, subject)

    def escalated(self, subject: Subject) -> Iterable[Recipient]:
        """Returns the channels of its steps."""
        return self._grouped(self._escalated, subject)

    def _grouped(self, recipients: tuple[Recipient, ...], subject: Subject) -> Iterable[Recipient]:
        if not self._group_by:
            return recipients
        group = tuple((name, subject.text(name) or "") for name in self._group_by)
        return [replace(recipient, group=group) for recipient in recipients]


def _each_once(recipients: Iterable[Recipient]) -> tuple[Recipient, ...]:
    """Returns the first recipient of each channel."""
    first: dict[str, Recipient] = {}
    for recipient in recipients:
        first.setdefault(recipient.channel, recipient)
    return tuple(first.values())
