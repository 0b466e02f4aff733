"""The newest attempts of a target, each with its sample."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ....domain.observation.attempt import AttemptRecord
from ....domain.observation.evidence import Evidence
from ....domain.observation.sample import Sample
from ....domain.units import NS_PER_US
from ....host.access.target_past import PastSample
from ..words import instant


class AttemptView(NamedTuple):
    """One attempt."""

    name: str
    """The numbers of its process and of itself; empty where only its sample is kept."""
    address: str
    """The part of the address of its page that names it: its time, which finds it for as long as its sample is kept."""
    state: str
    due_ns: int
    """When it began, where it is not known when it was due."""
    late_ns: int | None
    missed: int
    took_ns: int | None
    """How long the answer took; None without one."""
    outcome: str
    """The outcome of its sample; of an attempt without one, empty."""
    status: int | None
    why: str
    at_ns: int | None
    """When it began; None where it never did."""


def attempt_views(
    records: Sequence[AttemptRecord], samples: Iterable[PastSample], newest: Sample | None
) -> list[AttemptView]:
    """Returns attempts, the newest first. The sample of each is the one that begins with it, to the microsecond."""
    by_time: Mapping[int, PastSample] = {each.at_ns // NS_PER_US: each for each in samples}
    return [_view(record, by_time, newest) for record in reversed(records)]


def _view(record: AttemptRecord, by_time: Mapping[int, PastSample], newest: Sample | None) -> AttemptView:
    at_ns = None if record.started is None else record.started.wall_ns
    kept = None if at_ns is None else by_time.get(at_ns // NS_PER_US)
    status, why, took_ns = None, "", None
    if newest is not None and (newest.epoch, newest.attempt) == (record.attempt.epoch, record.attempt.number):
        status, took_ns = newest.status, newest.latency_ns
        why = "" if newest.reason == "ok" and newest.outcome == "up" else newest.explanation()
    elif kept is not None:
        status, took_ns, why = kept.status, kept.latency_ns, kept.explanation
    name = f"{record.attempt.epoch}-{record.attempt.number}"
    return AttemptView(
        name=name,
        address=name if at_ns is None else instant(at_ns),
        state=record.state.value.replace("_", " "),
        due_ns=record.due.wall_ns,
        late_ns=record.lateness_ns,
        missed=record.missed,
        took_ns=took_ns,
        outcome=record.outcome,
        status=status,
        why=why,
        at_ns=at_ns,
    )


def kept_view(at_ns: int, sample: PastSample | None, evidence: Evidence | None) -> AttemptView:
    """Returns an attempt of which only its sample or its evidence is kept, or both."""
    failed = evidence.failed if evidence is not None else ()
    return AttemptView(
        name="",
        address=instant(at_ns),
        state="bad answer" if sample is None else "finished",
        due_ns=at_ns,
        late_ns=None,
        missed=0,
        took_ns=None if sample is None else sample.latency_ns,
        outcome="" if sample is None else sample.outcome.value,
        status=None if sample is None else sample.status,
        why=", ".join(failed) if sample is None else sample.explanation,
        at_ns=at_ns,
    )
