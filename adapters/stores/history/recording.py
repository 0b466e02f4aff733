"""A recording: the samples of all targets hour by hour, with what was decided and told meanwhile, for a replay."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import apsw
import msgspec

from ....domain.incidents.digest import Digest
from ....domain.incidents.incident import Transition
from ....domain.observation.outcome import Outcome, Reason
from ....domain.units import NS_PER_HOUR
from ..sqlite.connection import rows
from .chunks import unpack
from .sample_tables import US_PER_DAY, US_PER_HOUR, Findable, day_table
from .stored import FoundRow

_CHUNKS = "SELECT target, data FROM chunk WHERE hour = ? ORDER BY target"
_EXPLANATIONS = "SELECT target, at_us, text FROM explanation WHERE at_us >= ? AND at_us < ?"
_FIRST = "SELECT min(hour) FROM chunk"
# The position of a step grows with time, and so does that of the first step of an incident.
_STEPS = """
SELECT body FROM chain WHERE channel = '' AND incident IN (
    SELECT id FROM incident JOIN chain ON chain.position = incident.position
    WHERE json_extract(body, '$.opened_at_ns') >= ?) ORDER BY chain.position
"""
_NOTICES = """
SELECT outbox.channel, outbox.incident, target, rule, outbox.change, created_at_ns, state, coalesce(reminder, 0), coalesce(addition.body, '')
FROM outbox JOIN incident ON incident.id = outbox.incident LEFT JOIN addition USING (key)
WHERE created_at_ns >= ? AND created_at_ns < ? ORDER BY outbox.ordinal
"""
_DIGESTS = msgspec.json.Decoder(Digest)
_STEP = msgspec.json.Decoder(Transition)


class HourOfTarget(NamedTuple):
    """The samples of one target in one hour, in the order of time, a column each."""

    at_us: list[int]
    """Since 1970."""
    findings: list[int]
    """Numbers whose meanings the recording has."""
    statuses: list[int | None]
    latencies_us: list[int | None]


class ToldNotice(NamedTuple):
    """A notice of the record."""

    channel: str
    subject: str
    """`shop/down`, or `3 of shop: group=api` of a digest."""
    change: str
    """The kind of its transition, or `reminder`."""
    at_ns: int
    """When it was made (wall)."""
    is_delivered: bool
    places: tuple[str, ...]
    """Its incidents, as `shop/down`."""
    incident_ids: tuple[str, ...]


class Recording(Findable):
    """Reads within one transaction, which should be short: a writer's log grows meanwhile."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self._names: dict[int, str] = dict(rows(connection, "SELECT id, name FROM target"))

    @property
    def meanings(self) -> Mapping[int, tuple[Outcome, Reason]]:
        """The meanings of the numbers of findings."""
        return self._findings

    @property
    def first_ns(self) -> int | None:
        """When the first sample may have been taken (wall), to the hour; None without any."""
        first = self._connection.execute(_FIRST).get
        hours = [day * 24 for day in self._days] + ([] if first is None else [first])
        return min(hours) * NS_PER_HOUR if hours else None

    def hour(self, hour: int) -> dict[str, HourOfTarget]:
        """Returns the samples of an hour (counted from 1970) by target."""
        first_us = hour * US_PER_HOUR
        found: dict[int, HourOfTarget] = {}
        for target, data in self._connection.execute(_CHUNKS, (hour,)):
            at_us, findings, statuses, latencies_us = unpack(data)
            absolute = [first_us + within_us for within_us in at_us]
            found[target] = HourOfTarget(absolute, list(findings), list(statuses), list(latencies_us))
        if hour // 24 in self._days and hour not in self._sealed:
            for target, raw in self._raw(hour).items():
                found[target] = _merged(raw, found.get(target))
        return {self._names[target]: samples for target, samples in found.items() if target in self._names}

    def _raw(self, hour: int) -> dict[int, list[FoundRow]]:
        day, day_us = hour // 24, hour // 24 * US_PER_DAY
        begin_us = hour * US_PER_HOUR - day_us
        found: dict[int, list[FoundRow]] = {}
        for target, at_us, finding, status, latency_us in self._connection.execute(
            f"SELECT target, at_us, finding, status, latency_us FROM {day_table(day)}"  # noqa: S608 - a number
            " WHERE at_us >= ? AND at_us < ? ORDER BY at_us",
            (begin_us, begin_us + US_PER_HOUR),
        ):
            found.setdefault(target, []).append((day_us + at_us, finding, status, latency_us))
        return found

    def explanations(self, hour: int) -> dict[tuple[str, int], str]:
        """Returns the explanations of the samples of an hour that were not up, by target and microsecond."""
        span = (hour * US_PER_HOUR, (hour + 1) * US_PER_HOUR)
        return {
            (self._names[target], at_us): text
            for target, at_us, text in self._connection.execute(_EXPLANATIONS, span)
            if target in self._names
        }

    def steps(self, since_ns: int) -> Iterator[Transition]:
        """Yields the steps of the incidents whose first bad sample was taken since a wall time, in their order."""
        for (body,) in self._connection.execute(_STEPS, (since_ns,)):
            yield _STEP.decode(body)

    def notices(self, since_ns: int, until_ns: int) -> Iterator[ToldNotice]:
        """Yields the notices that were made in a span of wall time, in their order; tests of channels are in no record."""
        for channel, incident, target, rule, change, at_ns, state, reminder, body in self._connection.execute(
            _NOTICES, (since_ns, until_ns)
        ):
            digest = _DIGESTS.decode(body) if body else None
            own = f"{target}/{rule}"
            members = () if digest is None else digest.members
            places = tuple(f"{each.target}/{each.rule}" for each in members) or (own,)
            ids = tuple(each.incident_id for each in members) or (incident,)
            subject = own if digest is None else f"{len(members)} of {digest.group}"
            said = "reminder" if reminder else change
            yield ToldNotice(channel, subject, said, at_ns, state == "delivered", places, ids)


def _merged(raw: Collection[FoundRow], sealed: HourOfTarget | None) -> HourOfTarget:
    """Returns raw rows with those that were sealed before; a row that is in both is one row."""
    found = {row[0]: row for row in raw}
    if sealed is not None:
        found.update((row[0], row) for row in zip(*sealed, strict=True))
    ordered = [row for _, row in sorted(found.items())]
    at_us, findings, statuses, latencies_us = zip(*ordered, strict=True)
    return HourOfTarget(list(at_us), list(findings), list(statuses), list(latencies_us))
