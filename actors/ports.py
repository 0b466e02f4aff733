"""Ports: the protocols through which actors use adapters and each other; adapters and fakes implement them."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from ..domain.incidents.announcement import Announcement
from ..domain.incidents.incident import Incident
from ..domain.incidents.notice import Answer, Notice
from ..domain.incidents.record import Batch, Restored, Silence
from ..domain.observation.attempt import CancelOutcome, ProbeRequest
from ..domain.observation.observation import Observation
from ..domain.read_model.event import Event
from ..domain.time.moment import Deadline, Moment
from ..protocol.courier import CourierMessage
from ..protocol.owner import OwnerMessage
from ..protocol.recorder import RecorderMessage
from ..protocol.sink import SinkMessage
from ..protocol.supervisor import SupervisorMessage

Heard_contra = TypeVar("Heard_contra", contravariant=True)


class Listener(Protocol[Heard_contra]):
    """The receiver of one actor's messages: an address, or a list in a test."""

    def tell(self, message: Heard_contra, /) -> None: ...


class Neighbours(NamedTuple):
    """The actors to which the supervisor and the sink send messages, including each other."""

    supervisor: Listener[SupervisorMessage]
    owner: Listener[OwnerMessage]
    sink: Listener[SinkMessage]
    recorder: Listener[RecorderMessage]
    couriers: Mapping[str, Listener[CourierMessage]]


class Clock(Protocol):
    """Reads wall and monotonic time together."""

    def read(self) -> Moment: ...

    def boot_ns(self) -> int:
        """Returns the time since boot in ns, including suspended time."""
        ...


class Cancellable(Protocol):
    """A running probe or delivery."""

    def cancel(self) -> CancelOutcome:
        """Stops it now; harmless when repeated. After WITHOUT_EFFECT its callback is never called."""
        ...


class Prober(Protocol):
    """Runs probes of one kind without blocking the dispatcher that calls it."""

    def start(self, request: ProbeRequest, done: Callable[[Observation], None]) -> Cancellable:
        """Starts an attempt; `done` is called exactly once, on the dispatcher's thread, never from within `start`.

        The driver ends by itself at the deadline, with an observation of the phases that it reached.
        """
        ...


class LocationListener(Protocol):
    """Hears how other locations answer. Called on the dispatcher's thread."""

    def counted(self, counter: str, by: int) -> None: ...

    def problem(self, location: str, detail: str) -> None:
        """A location has a problem; an empty detail ends it."""
        ...


class Messenger(Protocol):
    """Delivers notices to one channel without blocking the dispatcher that calls it."""

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> Cancellable:
        """Starts an attempt; `done` is called exactly once, on the dispatcher's thread, never from within `send`.

        `memory` is that of the last answer that accepted a notice of the same incident or group; empty before the first.
        """
        ...


class Pinger(Protocol):
    """Tells a dead man's switch far away that this runtime works, without blocking the dispatcher that calls it."""

    def ping(self, deadline: Deadline, done: Callable[[str], None]) -> Cancellable:
        """Starts a ping; `done` is called once, never from within `ping`, with why it failed, empty where it arrived."""
        ...


class Publisher(Protocol):
    """Passes events to subscribers, and knows the open incidents. Never blocks and never raises."""

    def publish(self, event: Event) -> None: ...

    def resume(self, incidents: Iterable[Incident]) -> None:
        """Replaces the open incidents: the record has told them all."""
        ...

    def show_silences(self, silences: Iterable[Silence]) -> None:
        """Replaces the silences in force."""
        ...

    def show_announcements(self, announcements: Iterable[Announcement]) -> None:
        """Replaces the announcements that stand."""
        ...


class Store(Protocol):
    """The durable record. Used only by the sink, on the sink's thread; its methods block."""

    def open(self, now: Moment) -> Restored:
        """Claims the store for this process, verifies it and returns its state.

        Raises: StoreBusy where another process, which it names, owns it; StoreFenced where another has claimed it since this
        store object was open; StoreCorrupt or StoreError.
        """
        ...

    @property
    def lease_ns(self) -> int:
        """How long after its last commit or beat no other process may claim the store; 0 where none ever can."""
        ...

    def beat(self) -> None:
        """Renews the lease without a commit. Raises: StoreFenced where another process has claimed the store; StoreError."""
        ...

    def commit(self, batch: Batch) -> int:
        """Writes the whole batch durably in one transaction; idempotent by key.

        Returns the number of samples that were left out, because their clock is outside the range of the store.

        Raises: StoreError where the transaction failed; nothing of the batch is visible then. StoreFenced where another
        process has claimed the store: this one takes nothing more.
        """
        ...

    def recall(self, key: str) -> Restored | None:
        """Returns a dead letter with its incident's newest state and its channel's last delivered step, or None."""
        ...

    def run_maintenance(self, now: Moment) -> bool:
        """Does one bounded slice of sealing, rolling up and dropping what retention allows to drop.

        Returns whether work is left that should not wait for the next round.

        Raises: StoreError where the slice failed.
        """
        ...

    def file_problem(self) -> str:
        """Returns why the next start would not find the data written now, and what to do; empty where all is well."""
        ...

    def close(self) -> None: ...
