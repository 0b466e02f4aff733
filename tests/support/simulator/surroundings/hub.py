"""The hub: every message of one simulated process passes here, in the order of its pair, and may meet a fault."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, assert_never

import msgspec
from watchkeeper.domain.time.moment import NS_PER_MS
from watchkeeper.protocol.owner import Acknowledge, BeginDrill, EndDrill, ResumeFrom
from watchkeeper.protocol.poller import CancelAttempt
from watchkeeper.protocol.sink import (
    Commit,
    CourierStarted,
    DeliveryAnswered,
    Mute,
    RecordSamples,
    Redrive,
    RetryDelivery,
)
from watchkeeper.protocol.supervisor import (
    AttemptCancelled,
    AttemptFinished,
    Beat,
    ChannelRecovered,
    DeliverySettled,
    Pause,
    Resume,
    Track,
    Untrack,
)

from ..cases.tape import Stream
from .causality import Causality
from .micro_faults import InjectedCrash, Kind, MicroFaults, ProcessDied, Site

if TYPE_CHECKING:
    from .addresses import WatchedAddress

OUTSIDE = "outside"
DELAY_NS_MAX = 30 * NS_PER_MS
"""Shorter than LATE_NS of the ports, so that a late answer comes behind every delayed message."""
REPEATABLE = (
    Acknowledge,
    BeginDrill,
    EndDrill,
    AttemptCancelled,
    AttemptFinished,
    Beat,
    CancelAttempt,
    ChannelRecovered,
    Commit,
    CourierStarted,
    DeliveryAnswered,
    DeliverySettled,
    Mute,
    Pause,
    RecordSamples,
    Redrive,
    Resume,
    RetryDelivery,
    Track,
    Untrack,
)
"""Messages that have the same effect when they arrive twice in a row."""


class Halt:
    """Tells the run to stop after the present turn: a process has died, or an invariant is violated."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = False


class Observer(Protocol):
    """Observes every message as it is handled."""

    def handling(self, name: str, epoch: int, message: object) -> None: ...

    def resuming(self, generation: int) -> None:
        """The sink tells the owner its new generation; judgements of older ones are stale."""
        ...

    def happened(self, what: str) -> None: ...


class Hub:
    """Carries every message of one process, and applies the micro faults to them."""

    def __init__(
        self,
        micro_faults: MicroFaults,
        stream: Stream,
        observer: Observer,
        call_after: Callable[[int, Callable[[], object]], object],
        causality: Causality | None,
        halt: Halt,
        lived_ns: Callable[[], int],
    ) -> None:
        self._micro_faults = micro_faults
        self._stream = stream
        self._observer = observer
        self._call_after = call_after
        self._halt = halt
        self._lived_ns = lived_ns
        self._links: dict[tuple[str, str], deque[tuple[WatchedAddress, object]]] = {}
        self._running = OUTSIDE
        self._armed = False
        self._message = ""
        self.causality = causality
        self.dead = False
        self.doomed: dict[str, bool] = {}
        """Actors that crash at their next message: before it (True) or after it."""
        self.parked: dict[str, int] = {}
        """Actors that crash before each message, up to a time of the world's own clock."""

    # Turns.

    def enter(self, name: str) -> None:
        """Begins an actor's turn, in which a crash ends this actor."""
        self._running = name
        self._armed = True

    def disarm(self) -> None:
        """Ends the part of a turn in which a crash may strike: no handler runs from here on."""
        self._armed = False

    def leave(self) -> None:
        self._running = OUTSIDE
        self._armed = False

    def handling(self, address: "WatchedAddress", message: object) -> None:
        """An actor is about to handle a message."""
        if self.causality is not None:
            address.forget_head()
        self._observer.handling(address.name, address.epoch, message)
        self._micro_faults.left -= 1
        if not self._micro_faults.left:
            self._strike(Site.HANDLE)
        if self.doomed and self.doomed.get(address.name):
            del self.doomed[address.name]
            self._crash()
        if self.parked and self.parked.get(address.name, 0) > self._lived_ns():
            self._crash()

    def handled(self, address: "WatchedAddress") -> None:
        """An actor has handled a message."""
        self._micro_faults.left -= 1
        if not self._micro_faults.left:
            self._strike(Site.HANDLED)
        if self.doomed and self.doomed.pop(address.name, None) is not None:
            self._crash()

    # Micro faults.

    def pass_site(self, site: Site) -> Kind | None:
        """Passes a site. Raises the end of the actor or of the process; returns any other fault for the caller to apply."""
        micro_faults = self._micro_faults
        micro_faults.left -= 1
        if micro_faults.left:
            return None
        return self._strike(site)

    def _strike(self, site: Site) -> Kind | None:
        if self.dead:
            self._micro_faults.postpone()
            return None
        kind = self._micro_faults.strike(site, armed=self._armed)
        if kind is Kind.DIE:
            self.die(site)
        if kind is Kind.CRASH:
            self._crash()
        return kind

    def _crash(self) -> None:
        self._armed = False
        self._observer.happened(f"crash of {self._running.split('/')[0]}")
        raise InjectedCrash(self._running)

    def die(self, where: str) -> None:
        """Ends the process: no later action of it has any effect."""
        self._observer.happened(f"death at {where}")
        self.dead = self._halt.now = True
        raise ProcessDied(where)

    # Messages.

    def tell(self, address: "WatchedAddress", message: object) -> None:
        if self.dead:
            return
        if type(message) is ResumeFrom:
            self._observer.resuming(message.generation)
        # Every message passes here, so `pass_site` is repeated in place: a call costs more than the count.
        micro_faults = self._micro_faults
        micro_faults.left -= 1
        fault = None if micro_faults.left else self._strike(Site.TELL)
        if fault is not None:
            self._disturb(fault, address, message)
        elif self._links:
            self._follow(address, message)
        else:
            address.arrive(message)
        micro_faults.left -= 1
        if not micro_faults.left:
            self._strike(Site.TOLD)

    def _follow(self, address: "WatchedAddress", message: object) -> None:
        """Queues a message behind the delayed ones of its pair; without any, delivers it at once."""
        link = self._links.get((self._running, address.name))
        if link is None:
            address.arrive(message)
        else:
            link.append((address, message))

    def _disturb(self, kind: Kind, address: "WatchedAddress", message: object) -> None:
        match kind:
            case Kind.DELAY:
                self._delay(address, message)
            case Kind.DUPLICATE:
                self._follow(address, message)
                if isinstance(message, REPEATABLE):
                    self._observer.happened("duplicate message")
                    self._follow(address, message)
            case Kind.STALE:
                self._follow(address, message)
                if isinstance(message, AttemptFinished):
                    self._observer.happened("stale answer")
                    self._follow(address, _of_older_epoch(message))
            case Kind.CRASH | Kind.DIE:
                raise AssertionError(f"{kind} is raised, not returned")
            case _:
                assert_never(kind)

    def _delay(self, address: "WatchedAddress", message: object) -> None:
        self._observer.happened("delayed message")
        pair = (self._running, address.name)
        if pair in self._links:
            self._links[pair].append((address, message))
            return
        self._links[pair] = deque([(address, message)])
        self._call_after(1 + self._stream.below(DELAY_NS_MAX), lambda: self._release(pair))

    def _release(self, pair: tuple[str, str]) -> None:
        for address, message in self._links.pop(pair, ()):
            if not self.dead:
                address.arrive(message)

    @property
    def waiting(self) -> int:
        """The number of delayed messages."""
        return sum(len(link) for link in self._links.values())


def _of_older_epoch(message: AttemptFinished) -> AttemptFinished:
    attempt = msgspec.structs.replace(message.attempt, epoch=message.attempt.epoch - 1)
    sample = msgspec.structs.replace(message.sample, epoch=attempt.epoch)
    return AttemptFinished(attempt, sample)
