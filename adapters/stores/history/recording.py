"""A recording: the samples of all targets hour by hour, with what was decided and told meanwhile, for a replay."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import msgspec

from ....domain.incidents.digest import Digest
from ....domain.incidents.incident import Transition
from ....domain.observation.outcome import Outcome, Reason
from ....domain.units import NS_PER_HOUR
from .chunks import unpack
from .source import US_PER_HOUR, Findable, SampleSource
from .stored import FoundRow

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

    def __init__(self, source: SampleSource) -> None:
        super().__init__(source)
        self._names: dict[int, str] = source.names()

    @property
    def meanings(self) -> Mapping[int, tuple[Outcome, Reason]]:
        """The meanings of the numbers of findings."""
        return self._findings

    @property
    def first_ns(self) -> int | None:
        """When the first sample may have been taken (wall), to the hour; None without any."""
        first = self._source.oldest_chunk()
        hours = self._raw_hours[:1] + ([] if first is None else [first])
        return min(hours) * NS_PER_HOUR if hours else None

    def hour(self, hour: int) -> dict[str, HourOfTarget]:
        """Returns the samples of an hour (counted from 1970) by target."""
        first_us = hour * US_PER_HOUR
        found: dict[int, HourOfTarget] = {}
        for target, data in self._source.chunks_at(hour):
            at_us, findings, statuses, latencies_us = unpack(data)
            absolute = [first_us + within_us for within_us in at_us]
            found[target] = HourOfTarget(absolute, list(findings), list(statuses), list(latencies_us))
        if self._unsealed(hour, hour + 1):
            for target, raw in self._source.raw_at(hour).items():
                found[target] = _merged(raw, found.get(target))
        return {self._names[target]: samples for target, samples in found.items() if target in self._names}

    def explanations(self, hour: int) -> dict[tuple[str, int], str]:
        """Returns the explanations of the samples of an hour that were not up everywhere, by target and microsecond."""
        span = (hour * US_PER_HOUR, (hour + 1) * US_PER_HOUR)
        return {
            (self._names[target], at_us): text
            for target, at_us, text in self._source.explanations_between(*span)
            if target in self._names
        }

    def steps(self, since_ns: int) -> Iterator[Transition]:
        """Yields the steps of the incidents whose first bad sample was taken since a wall time, in their order."""
        for body in self._source.steps_since(since_ns):
            yield _STEP.decode(body)

    def notices(self, since_ns: int, until_ns: int) -> Iterator[ToldNotice]:
        """Yields the notices that were made in a span of wall time, in their order; tests of channels are in no record."""
        for (
            channel,
            incident,
            target,
            rule,
            change,
            at_ns,
            state,
            reminder,
            body,
        ) in self._source.notices_between(since_ns, until_ns):
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
