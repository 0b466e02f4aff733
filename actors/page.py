"""One commit of the sink: what is written, and who is told once it is."""

from typing import NamedTuple

from ..domain.moment import Moment
from ..domain.notice import Delivery, DeliveryState
from ..domain.outbox import Entry
from ..domain.record import Batch
from ..protocol.recorder import NoticeSettled


class Handed(NamedTuple):
    """A notice whose attempt is in the batch that is being committed."""

    entry: Entry
    delivery: Delivery


class Page(NamedTuple):
    """One commit: what is written, and who is told once it is."""

    batch: Batch
    handed: list[Handed]
    settled: list[NoticeSettled]


def delivery_of(entry: Entry, state: DeliveryState, detail: str, now: Moment) -> Delivery:
    """What is recorded of a notice that is in `state` from now on."""
    return Delivery(
        key=entry.notice.key, state=state, attempts=entry.attempts, at_ns=now.wall_ns, detail=detail
    )
