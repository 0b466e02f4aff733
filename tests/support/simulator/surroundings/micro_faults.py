"""Micro faults: faults at one message, one commit or one send. Every site is counted; a fault strikes at some of them."""

from enum import StrEnum

from ..cases.faults import Fault
from ..cases.tape import Stream


class InjectedCrash(BaseException):  # not an Exception: no handler may contain it
    """Ends an actor at this site. Production code that catches Exception does not catch it."""


class ProcessDied(BaseException):  # as above
    """Ends the process at this site: none of its code runs any more."""


class Site(StrEnum):
    """A place where a micro fault can strike."""

    TELL = "tell"
    TOLD = "told"
    HANDLE = "handle"
    HANDLED = "handled"
    CLOCK = "clock"
    PORT = "port"
    """Around a commit, a send, the start or the cancelling of a probe."""


class Kind(StrEnum):
    """The kinds of micro faults."""

    CRASH = "crash"
    DIE = "die"
    DELAY = "delay"
    DUPLICATE = "duplicate"
    STALE = "stale"


KIND_OF: dict[Fault, Kind] = {
    Fault.CRASH: Kind.CRASH,
    Fault.DEATH: Kind.DIE,
    Fault.DELAY: Kind.DELAY,
    Fault.DUPLICATE: Kind.DUPLICATE,
    Fault.STALE_ANSWER: Kind.STALE,
}
WEIGHTS: dict[Kind, int] = {Kind.CRASH: 2, Kind.DIE: 1, Kind.DELAY: 6, Kind.DUPLICATE: 4, Kind.STALE: 2}


class MicroFaults:
    """Decides the sites and the kinds of micro faults. It outlives the processes of a run."""

    def __init__(self, stream: Stream, faults: tuple[Fault, ...], every: int) -> None:
        self._stream = stream
        self._kinds = [KIND_OF[fault] for fault in faults if fault in KIND_OF]
        self._weighted = [kind for kind in self._kinds for _ in range(WEIGHTS[kind])]
        self._every = every
        self._pending: Kind | None = None
        self.sites = 0
        """The number of sites up to the next fault, counted from the begin of the run."""
        self.left = 0
        """The number of sites left until the next fault; negative where none will come."""
        self.rearm()

    def rearm(self) -> None:
        """Draws the distance to the next fault. A draw of zero ends all faults."""
        self._pending = None
        gap = self._stream.below(2 * self._every) if self._weighted else 0
        self._wait(gap or -1)

    def only(self, kind: Kind, at_site: int) -> None:
        """Sets one fault at one site, counted from here, and none after it."""
        self._weighted = []
        self._pending = kind
        self._wait(at_site)

    def calm(self) -> None:
        """Ends all faults."""
        self._weighted = []
        self._pending = None
        self._wait(-1)

    def postpone(self) -> None:
        """Moves the fault to the next site: this one belongs to a process that has died."""
        self._wait(1)

    def _wait(self, sites: int) -> None:
        self.sites -= self.left
        self.left = sites
        self.sites += sites

    @property
    def passed(self) -> int:
        """Sites passed so far."""
        return self.sites - self.left

    def strike(self, site: Site, *, armed: bool) -> Kind | None:
        """Returns the fault at the site where the countdown ends. A kind that does not fit the site waits for one that fits."""
        if self._pending is None:
            self._pending = self._weighted[self._stream.below(len(self._weighted))]
        kind = self._pending
        fits = armed if kind is Kind.CRASH else kind is Kind.DIE or site is Site.TELL
        if not fits:
            self._wait(1)
            return None
        self.rearm()
        return kind
