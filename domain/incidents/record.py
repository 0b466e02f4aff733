"""What is written down together, and what comes back after a restart."""

from typing import Annotated

import msgspec

from ..limits import INTEGER_MAX
from ..observation.sample import Sample
from .incident import Incident, Transition
from .notice import Delivery, LastDelivered, Notice


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """The state of one target's rules as bytes that only the aggregate reads; empty when there is nothing to resume."""

    target: str
    state: bytes
    at_ns: int


class BlindInterval(msgspec.Struct, frozen=True, gc=False):
    """A span in which we could not see: suspended, stalled, clock stepped. Wall times."""

    started_at_ns: int
    ended_at_ns: int
    cause: str


class Silence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An operator's mute with an end: notices wait, probing and judging go on."""

    id: str
    target: str | None = None
    """None mutes every target."""
    until_ns: Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    """Wall time; a silence ended early has the moment it was ended."""
    by: str = ""

    def __post_init__(self) -> None:
        # A batch that the store cannot write is tried for ever, and stands in the way of all that come after it.
        if abs(self.until_ns) > INTEGER_MAX:
            raise ValueError(
                "a silence ends between the years 1678 and 2262: no other moment can be recorded"
            )


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction: all of it is durable or none of it."""

    transitions: tuple[Transition, ...] = ()
    notices: tuple[Notice, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    samples: tuple[Sample, ...] = ()
    blind: tuple[BlindInterval, ...] = ()
    silences: tuple[Silence, ...] = ()

    def __len__(self) -> int:
        return sum(len(getattr(self, name)) for name in self.__struct_fields__)


class Outgoing(msgspec.Struct, frozen=True):
    """A notice of the outbox with what became of it so far."""

    notice: Notice
    delivery: Delivery


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a store remembers when it is opened."""

    epoch: int = 1
    """Counts the openings of this store; every opening has a higher one."""
    incidents: tuple[Incident, ...] = ()
    """Open ones, and resolved ones that some channel has not yet heard the end of."""
    outbox: tuple[Outgoing, ...] = ()
    """Notices that are pending, oldest first."""
    told: tuple[LastDelivered, ...] = ()
    """For the incidents above."""
    dead: tuple[Outgoing, ...] = ()
    """Dead letters about the incidents above: they are not said again by themselves."""
    checkpoints: tuple[Checkpoint, ...] = ()
    silences: tuple[Silence, ...] = ()
    """Those that had not ended when they were written last."""
