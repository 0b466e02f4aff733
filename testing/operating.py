"""The commands of an operator to a world: incidents, drills, silences, announcements and dead letters."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable

from ..actors.system import System
from ..domain.incidents.announcement import AnnouncementKind
from ..domain.incidents.record import AllTargets
from ..domain.specification.configuration import Configuration
from ..domain.specification.rule import Severity, SeverityLike
from ..domain.specification.target import Target
from ..domain.time.duration import Duration
from ..host.access.announcing import KindLike, make_announcement
from ..host.access.drilling import make_drill
from ..host.restart_buffer import HostReport
from ..host.silencing import MatcherTexts, make_acknowledgement, make_silence, names_one
from ..host.subscriptions import Subscriptions
from ..protocol.owner import EndDrill, Unacknowledge
from ..protocol.sink import Announce, EndAnnouncement, Mute, Redrive, Unmute
from .clock import ManualClock


class OperatorCommands(ABC):
    """The commands about incidents, silences and announcements of World, which has the parts that they reach."""

    clock: ManualClock
    feed: Subscriptions
    system: System
    _configuration: Configuration
    _targets: dict[str, Target]

    @abstractmethod
    def tell(self, command: HostReport) -> None:
        """Takes a command as a runtime hands it over."""

    def acknowledge(
        self,
        incident: str,
        by: str = "operator",
        note: str = "",
        *,
        until: Duration = "",
        until_worse: bool | None = None,
    ) -> None:
        """Acknowledges an incident by its id, as `Runtime.acknowledge` does.

        Raises: UnknownName for an incident that is not open; UsageError for an end that has passed.
        """
        self.feed.require_open(incident)
        self.tell(
            make_acknowledgement(incident, by, note, until, until_worse=until_worse, now=self.clock.read())
        )

    def drill(
        self,
        route: str,
        by: str = "operator",
        length: Duration = "",
        *,
        severity: SeverityLike = Severity.CRITICAL,
        despite_holds: bool = False,
    ) -> str:
        """Begins a drill of a route, as `Runtime.drill` does, and returns the id of its incident.

        Raises: UnknownName for a route that is not there.
        """
        begun = make_drill(
            route,
            by,
            length,
            severity,
            despite_holds=despite_holds,
            routes=self._configuration.routes,
            now=self.clock.read(),
        )
        self.tell(begun)
        return begun.incident

    def end_drill(self, incident: str, by: str = "operator") -> None:
        """Ends a drill. Raises: UnknownName for an incident that is not open."""
        self.feed.require_open(incident)
        self.tell(EndDrill(incident, by))

    def unacknowledge(self, incident: str, by: str = "operator") -> None:
        """Withdraws an acknowledgement. Raises: UnknownName for an incident that is not open."""
        self.feed.require_open(incident)
        self.tell(Unacknowledge(incident, by))

    def silence(
        self,
        target: str | AllTargets,
        length: Duration = "",
        *,
        until: str = "",
        by: str = "",
        reason: str = "",
        id: str | None = None,  # noqa: A002  # as of a runtime
        match: MatcherTexts = (),
    ) -> str:
        """Mutes targets as `Runtime.silence` does, and returns the silence's id. Raises: KeyError for an unknown target."""
        now = self.clock.read()
        silence = make_silence(target, length, until, by=by, reason=reason, id=id, match=match, now=now)
        if isinstance(target, str) and names_one(target):
            require_known("target", target, self._targets)
        self.tell(Mute(silence))
        return silence.id

    def unsilence(self, id: str, *, by: str = "") -> None:  # noqa: A002  # as of a runtime
        """Ends a silence, as `Runtime.unsilence` does. Raises: UnknownName where none in force has this id."""
        self.feed.silences.require(id, self.clock.read())
        self.tell(Unmute(id, by))

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
        id: str | None = None,  # noqa: A002  # as of a runtime
    ) -> str:
        """Announces as `Runtime.announce` does, and returns the announcement's id."""
        now = self.clock.read()
        made = make_announcement(
            title, text, kind=kind, pages=pages, start=start, until=until, by=by, id=id, now=now
        )
        self.tell(Announce(made))
        return made.id

    def end_announcement(self, id: str, *, by: str = "") -> None:  # noqa: A002  # as of a runtime
        """Ends an announcement, as `Runtime.end_announcement` does. Raises: UnknownName where none that stands has this id."""
        self.feed.announcements.require(id, self.clock.read())
        self.tell(EndAnnouncement(id, by))

    def redrive(self, key: str) -> bool:
        """Sends a dead letter again. Returns False where it is none, or where its channel has received a later notice."""
        return bool(self.system.sink.ask(Redrive(key), 60.0))


def require_known(kind: str, name: str, known: Collection[str]) -> None:
    """Raises: KeyError for a name that is not known, with those that are."""
    if name not in known:
        raise KeyError(f"no {kind} {name!r}; there are {', '.join(known) or 'none'}")
