"""The records of a store: the batch of one transaction, and the state that a restart restores."""

from datetime import datetime
from typing import Annotated

import msgspec

from ..limits import INTEGER_MAX
from ..observation.sample import Sample
from ..public_value import PublicValue
from ..time.moment import utc
from .incident import Incident, Transition
from .notice import Delivery, LastDelivered, Notice


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """The state of one target's rules, as bytes that only the aggregate reads; empty without anything to resume."""

    target: str
    state: bytes
    at_ns: int


class BlindInterval(PublicValue, frozen=True, gc=False):
    """An interval in which the runtime could not observe its targets: suspended, stalled, clock stepped. Wall times."""

    started_at_ns: int
    ended_at_ns: int
    cause: str

    @property
    def started_at(self) -> datetime:
        """The beginning, in UTC."""
        return utc(self.started_at_ns)

    @property
    def ended_at(self) -> datetime:
        """The end, in UTC."""
        return utc(self.ended_at_ns)


class Silence(PublicValue, frozen=True, kw_only=True, gc=False):
    """An operator's silence with an end: notices wait, while probing and judging go on."""

    id: str
    target: str | None = None
    """None mutes every target."""
    until_ns: Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    """Wall time; a silence that was ended early has that moment."""
    by: str = ""

    @property
    def until(self) -> datetime:
        """The end, in UTC."""
        return utc(self.until_ns)

    def __post_init__(self) -> None:
        # The sink retries a batch for ever: one that the store cannot write would block all later ones.
        if abs(self.until_ns) > INTEGER_MAX:
            raise ValueError(
                "a silence ends between the years 1678 and 2262: no other moment can be recorded"
            )


class HeardMark(msgspec.Struct, frozen=True, gc=False):
    """When a target was last heard; the empty name stands for the runtime itself."""

    target: str
    at_ns: int | None
    """Wall time; None takes the mark away."""
    missed_at_ns: int | None = None
    """The newest moment at which it missed a report."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one transaction: all of them are durable or none."""

    transitions: tuple[Transition, ...] = ()
    notices: tuple[Notice, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    samples: tuple[Sample, ...] = ()
    blind: tuple[BlindInterval, ...] = ()
    silences: tuple[Silence, ...] = ()
    heard: tuple[HeardMark, ...] = ()

    def __len__(self) -> int:
        """Returns the number of records; marks of what was heard only go along with these and are none."""
        return sum(len(getattr(self, name)) for name in self.__struct_fields__ if name != "heard")


class Outgoing(PublicValue, frozen=True):
    """A notice of the outbox with the state of its delivery."""

    notice: Notice
    delivery: Delivery


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """The state that a store restores when it is opened."""

    epoch: int = 1
    """The number of openings of this store; each opening has a higher one."""
    incidents: tuple[Incident, ...] = ()
    """The open incidents, and resolved ones whose end is not yet delivered to some channel."""
    outbox: tuple[Outgoing, ...] = ()
    """The pending notices, oldest first."""
    told: tuple[LastDelivered, ...] = ()
    """The last delivered notices of the incidents above."""
    dead: tuple[Outgoing, ...] = ()
    """The dead letters of the incidents above: only an operator sends them again."""
    checkpoints: tuple[Checkpoint, ...] = ()
    silences: tuple[Silence, ...] = ()
    """The silences that had not ended at their last write."""
    heard: tuple[HeardMark, ...] = ()
    """When each target was last heard, and until when the last process ran."""
