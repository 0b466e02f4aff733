"""The record of one incident, read for its page: its steps, who was told, and the answers around it."""

from functools import partial
from typing import NamedTuple

from ...adapters.stores.record_reader import RecordReader
from ...domain.incidents.delivery_try import DeliveryTry
from ...domain.incidents.incident import Incident, Transition
from ...domain.incidents.record import BlindInterval, Outgoing
from ...domain.incidents.told import ChannelTold
from ...domain.observation.evidence import Evidence
from ...domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_US
from .target_past import RAW_SAMPLES_MAX, Part, PastSample, is_shown_raw, parts_of_rollups, parts_of_samples

EARLIER_SHOWN = 5
EARLIER_READ = 200
"""Incidents of the same target that are read: for the newest ones, and for how many there were in 90 days."""
EVIDENCE_SHOWN = 10
PARTS = 120
"""The parts in which the answers around an incident are drawn, about."""


class IncidentPast(NamedTuple):
    """The record of one incident as of one reading."""

    steps: tuple[Transition, ...]
    """Its life, oldest first."""
    notices: tuple[Outgoing, ...]
    tries: tuple[DeliveryTry, ...]
    """Every try of every channel, oldest first."""
    told: tuple[ChannelTold, ...]
    evidence: tuple[Evidence, ...]
    """The evidence of its first bad answers, oldest first."""
    blind: tuple[BlindInterval, ...]
    """Spans in which the runtime could not see, while it was open."""
    earlier: tuple[Incident, ...]
    """The incidents of the same target that opened before it, newest first."""
    span: tuple[int, int]
    """The wall times of the answers around it."""
    parts: tuple[Part, ...]
    samples: tuple[PastSample, ...]
    """Those of the span, oldest first; empty where they are no longer kept one by one, or are too many."""


def span_around(incident: Incident, every_ns: int, now_ns: int) -> tuple[int, int]:
    """Returns the span to show around an incident: half of its length on both sides, an hour at least and a day at most.

    The hour is shorter where a fast cadence makes so many answers in it that they could not be shown one by one.
    """
    end_ns = now_ns if incident.resolved_at_ns is None else incident.resolved_at_ns
    least_ns = min(NS_PER_HOUR, RAW_SAMPLES_MAX // 4 * every_ns)
    around_ns = min(NS_PER_DAY, max(least_ns, (end_ns - incident.opened_at_ns) // 2))
    return incident.opened_at_ns - around_ns, min(now_ns, end_ns + around_ns)


def read_incident(reader: RecordReader, incident: Incident, every_ns: int, now_ns: int) -> IncidentPast:
    """Returns the record of an incident; `every_ns` is the cadence of its target. Blocks. Raises: StoreError."""
    since_ns, until_ns = span_around(incident, every_ns, now_ns)
    end_ns = now_ns if incident.resolved_at_ns is None else incident.resolved_at_ns
    samples: tuple[PastSample, ...] = ()
    if is_shown_raw(partial(reader.hourly, incident.target), since_ns, until_ns, every_ns):
        samples = reader.samples(incident.target, since_ns, until_ns + 1)
    if samples:
        part_ns = max((until_ns - since_ns) // PARTS // NS_PER_MINUTE, 1) * NS_PER_MINUTE
        parts = tuple(parts_of_samples(samples, part_ns))
    else:
        hours = reader.hourly(incident.target, since_ns, until_ns)
        parts = tuple(parts_of_rollups(hours, NS_PER_HOUR))
    # A store keeps microseconds.
    first_ns = incident.opened_at_ns // NS_PER_US * NS_PER_US
    same = reader.incidents(target=incident.target, limit=EARLIER_READ)
    return IncidentPast(
        steps=reader.transitions(incident.id),
        notices=reader.notices(incident.id),
        tries=reader.deliveries(incident=incident.id),
        told=reader.told(incident.id),
        evidence=reader.evidence(incident.target, first_ns, end_ns + 1)[:EVIDENCE_SHOWN],
        blind=tuple(each for each in reader.blind(incident.opened_at_ns) if each.started_at_ns < end_ns),
        earlier=tuple(each for each in same if each.opened_at_ns < incident.opened_at_ns),
        span=(since_ns, until_ns),
        parts=parts,
        samples=samples,
    )
