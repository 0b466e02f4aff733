"""What the actors need of the outside and of one another, as protocols: adapters and fakes fit them by shape."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from ..domain.incidents.notice import Answer, Notice
from ..domain.incidents.record import Batch, Restored
from ..domain.observation.attempt import CancelOutcome, ProbeRequest
from ..domain.observation.observation import Observation
from ..domain.time.moment import Deadline, Moment
from ..protocol.courier import CourierMessage
from ..protocol.owner import OwnerMessage
from ..protocol.recorder import RecorderMessage
from ..protocol.sink import SinkMessage
from ..protocol.supervisor import SupervisorMessage

Heard_contra = TypeVar("Heard_contra", contravariant=True)


class Listener(Protocol[Heard_contra]):
    """Where messages of one kind are told: an address, or a test's list."""

    def tell(self, message: Heard_contra, /) -> None: ...


class Neighbours(NamedTuple):
    """The actors that the supervisor and the sink tell, each other among them."""

    supervisor: Listener[SupervisorMessage]
    owner: Listener[OwnerMessage]
    sink: Listener[SinkMessage]
    recorder: Listener[RecorderMessage]
    couriers: Mapping[str, Listener[CourierMessage]]


class Clock(Protocol):
    """Both hands, read together."""

    def read(self) -> Moment: ...

    def boot_ns(self) -> int:
        """Time since boot with suspended time included."""
        ...


class Cancellable(Protocol):
    """Something under way."""

    def cancel(self) -> CancelOutcome:
        """Stop it now. After WITHOUT_EFFECT its callback is never called; it may be called twice harmlessly."""
        ...


class Prober(Protocol):
    """Runs probes of one kind without blocking the dispatcher it is called on."""

    def start(self, request: ProbeRequest, done: Callable[[Observation], None]) -> Cancellable:
        """Begin an attempt; `done` is called exactly once, on the dispatcher's thread, never from within `start`.

        A driver ends by itself at the deadline, with an observation that says how far it came.
        """
        ...

    def close(self) -> None:
        """Release every descriptor and thread; what was under way is cancelled."""
        ...


class Messenger(Protocol):
    """Takes notices to one channel without blocking the dispatcher it is called on."""

    def send(
        self, notice: Notice, attempt: int, deadline: Deadline, done: Callable[[Answer], None]
    ) -> Cancellable:
        """Begin one attempt; `done` is called exactly once, on the dispatcher's thread, never from within `send`."""
        ...

    def close(self) -> None:
        """Release every descriptor and thread."""
        ...


class Store(Protocol):
    """The record. Used by the sink alone, on the sink's thread."""

    def open(self, now: Moment) -> Restored:
        """Take the store for this process, verify it and say what it remembers.

        Raises StoreBusy (another process holds it, by name), StoreCorrupt or StoreError.
        """
        ...

    def commit(self, batch: Batch) -> int:
        """Write the batch durably, or raise StoreError with nothing of it visible; idempotent by key.

        Returns how many samples it left out: those that a clock gone astray has dated outside of what the store takes.
        """
        ...

    def recall(self, key: str) -> Restored | None:
        """A dead letter with the newest state of its incident and what its channel was told; None when there is none."""
        ...

    def run_maintenance(self, now: Moment) -> None:
        """One bounded slice of sealing, rolling up and dropping what retention has released."""
        ...

    def file_problem(self) -> str:
        """Why the next start would not find what is written now, and what to do; empty when it would, and without a file."""
        ...

    def close(self) -> None: ...
