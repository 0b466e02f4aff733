"""`drill`: a route tried out, shown as its channels answer."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from ...adapters.clock import SystemClock
from ...domain.errors import NotRunning, UnknownName, UsageError
from ...domain.limits import DRILL_NS
from ...domain.line import count_of, one_line
from ...domain.specification.rule import Severity
from ...domain.time.duration import duration_ns, format_duration
from ...domain.units import NS_PER_MS, NS_PER_S
from ..options import Where
from ..output import ExitStatus
from ..see.tables import print_json
from ..see.waits import reason_text
from .reach import plain, running

if TYPE_CHECKING:
    from ...client.answers import DrillAnswer, DrillChannel, IncidentNoticeRow
    from ...client.connection import Connection

_LOOK_EVERY_S = 0.25
_PATIENCE_NS = 60 * NS_PER_S
"""How long after its earliest moment a channel may take to answer before the drill goes on without it."""
_OTHERWISE = "its group"
_STATES = {"delivered": "took it", "dead": "did not take it", "pending": "has not answered"}


class NewDrill(NamedTuple):
    """The drill as the command line says it."""

    route: str
    length: str
    severity: str
    despite_holds: bool


class _Seen(NamedTuple):
    """The newest notice of one kind of step to a channel."""

    channel: str
    change: str
    state: str
    took: str
    detail: str


def drill(where: Where, asked: NewDrill, *, as_json: bool) -> ExitStatus:
    """Drills a route. Returns FAILED where a channel did not take a notice. Raises: UnknownName; NotRunning."""
    connection = running(where)
    begun = connection.drill(
        asked.route,
        length=asked.length,
        severity=Severity(asked.severity),
        despite_holds=asked.despite_holds,
    )
    watch = _Watch(
        connection, begun, duration_ns(asked.length) if asked.length else DRILL_NS, as_json=as_json
    )
    watch.say_beginning()
    try:
        watch.follow("opened")
    finally:
        # Also after Ctrl-C: nobody is to be left with a drill that does not end.
        watch.end()
    watch.follow("resolved")
    return watch.conclude()


def end_drills(where: Where, route: str, *, as_json: bool) -> ExitStatus:
    """Ends the open drills of a route. Raises: UnknownName where none is open; NotRunning."""
    connection = running(where)
    found = [row for row in connection.incidents(open_only=True) if row.drill == route]
    if not found:
        raise UnknownName(f"no drill of the route {one_line(route)} is open")
    ended = [connection.end_drill(row.id) for row in found]
    if as_json:
        print_json({"ended": [plain(row) for row in ended]})
    else:
        click.echo(f"{route}: {count_of(len(ended), 'drill')} ended")
    return ExitStatus.FINE


class _Watch:
    """Looks at the notices of one drill until every channel has answered."""

    def __init__(
        self, connection: "Connection", begun: "DrillAnswer", length_ns: int, *, as_json: bool
    ) -> None:
        self._connection, self._begun, self._as_json = connection, begun, as_json
        self._clock, self._pause = SystemClock(), threading.Event()
        self._began_ns = self._clock.monotonic_ns()
        self._length_ns = length_ns
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._held: dict[str, str] = {}
        """The reason that holds back the beginning, by channel."""
        self._told: list[DrillChannel] = [
            each for each in begun.channels if each.is_told and each.after_ms * NS_PER_MS < length_ns
        ]

    def say_beginning(self) -> None:
        """Says whom the drill tells, and whom it does not."""
        if self._as_json:
            return
        incident = self._begun.incident
        click.echo(f"drill {incident.id} of the route {incident.drill} ({incident.severity.value})")
        for each in self._begun.channels:
            if not each.is_told:
                click.echo(f"  {each.channel}: is not told, because it takes graver incidents only")
            elif each not in self._told:
                after = format_duration(int(each.after_ms) * NS_PER_MS)
                click.echo(f"  {each.channel}: is not told, because its turn comes after {after}: try --for")

    def follow(self, change: str) -> None:
        """Shows each answer to the notices of a step as it comes, until all have come or it takes too long."""
        waiting = [each for each in self._told if self._expects(each.channel, change)]
        until_ns = (
            self._until_ns(waiting) if change == "opened" else self._clock.monotonic_ns() + _PATIENCE_NS
        )
        while waiting and self._clock.monotonic_ns() < until_ns:
            for seen in self._news(change):
                self._show(seen)
            waiting = [each for each in waiting if not self._has_ended(each.channel, change)]
            if waiting and change == "opened" and self._are_held(waiting, until_ns):
                return
            if waiting:
                self._pause.wait(_LOOK_EVERY_S)

    def _are_held(self, waiting: list["DrillChannel"], until_ns: int) -> bool:
        """Whether all that waits is held back for longer than the drill waits for it; notes by what."""
        now_ns = self._clock.read().wall_ns
        ends_ns = now_ns + until_ns - self._clock.monotonic_ns()
        holds = {
            row.channel: row for row in self._connection.waits() if row.incident == self._begun.incident.id
        }
        found = [holds.get(each.channel) for each in waiting]
        held = [
            row
            for row in found
            if row is not None and (row.until is None or row.until.timestamp() * NS_PER_S > ends_ns)
        ]
        self._held |= {row.channel: reason_text(row, now_ns) for row in held}
        return len(held) == len(waiting)

    def _expects(self, channel: str, change: str) -> bool:
        """Whether a channel is to hear of a step: of the end only where it knows of the beginning."""
        opened = self._seen.get((channel, "opened"))
        return change == "opened" or (opened is not None and opened.state == "delivered")

    def _until_ns(self, waiting: list["DrillChannel"]) -> int:
        """Until when an answer is waited for: a while after the last turn, and at most until the drill is over."""
        last_ns = max((int(each.after_ms * NS_PER_MS) for each in waiting), default=0)
        return self._began_ns + min(last_ns + _PATIENCE_NS, self._length_ns)

    def _has_ended(self, channel: str, change: str) -> bool:
        seen = self._seen.get((channel, change))
        return seen is not None and seen.state != "pending"

    def _news(self, change: str) -> Iterator[_Seen]:
        for row in self._connection.incident_notices(self._begun.incident.id):
            seen = _seen_of(row)
            key = seen.channel, seen.change
            if seen.change == change and self._seen.get(key) != seen:
                self._seen[key] = seen
                yield seen

    def _show(self, seen: _Seen) -> None:
        if self._as_json or (seen.state == "pending" and not seen.detail):
            return
        detail = f": {seen.detail}" if seen.detail else ""
        click.echo(f"  {seen.took}  {seen.channel}  {seen.change}  {_STATES[seen.state]}{detail}")

    def end(self) -> None:
        """Ends the drill, which may have ended by itself meanwhile."""
        try:
            self._connection.end_drill(self._begun.incident.id)
        except (UsageError, UnknownName, NotRunning):
            return

    def conclude(self) -> ExitStatus:
        """Says who did not take it, and returns FAILED where there is one."""
        missing = [
            each.channel
            for each in self._told
            if not all(
                self._seen.get((each.channel, change), _NOTHING).state == "delivered"
                for change in ("opened", "resolved")
            )
        ]
        if self._as_json:
            answers = [seen._asdict() for seen in self._seen.values()]
            print_json({**plain(self._begun), "answers": answers, "missing": missing})
        elif missing:
            for channel in missing:
                click.echo(f"  {channel}: {self._why(channel)}")
            click.echo(f"{count_of(len(missing), 'channel')} of {len(self._told)} did not take it")
        else:
            click.echo(f"{count_of(len(self._told), 'channel')} took the beginning and the end")
        return ExitStatus.FAILED if missing or not self._told else ExitStatus.FINE

    def _why(self, channel: str) -> str:
        opened = self._seen.get((channel, "opened"))
        if opened is None:
            return f"no notice left, held back by {self._held.get(channel, _OTHERWISE)} (try --despite-holds)"
        if opened.state != "delivered":
            return _STATES[opened.state]
        return f"the end: {_STATES[self._seen.get((channel, 'resolved'), _NOTHING).state]}"


_NOTHING = _Seen("", "", "pending", "", "")


def _seen_of(row: "IncidentNoticeRow") -> _Seen:
    state = row.state.value
    last = row.tries[-1] if row.tries else None
    detail = last.detail if last is not None and last.detail else (row.detail if state == "dead" else "")
    return _Seen(row.channel, row.change.value, state, f"{row.at:%H:%M:%S}", one_line(detail))
