"""Micro faults: what goes wrong at one message, one commit, one send. Sites are counted, and trouble comes at some of them."""

from enum import StrEnum

from ..cases.faults import Fault
from ..cases.tape import Stream


class InjectedCrash(BaseException):  # not an Exception: no handler may take it for trouble of its own
    """An actor ends here. It is no Exception, so that production code that contains those cannot contain it."""


class ProcessDied(BaseException):  # as above
    """The whole process ends here; nothing of it happens any more."""


class Site(StrEnum):
    """A place where something can go wrong."""

    TELL = "tell"
    TOLD = "told"
    HANDLE = "handle"
    HANDLED = "handled"
    CLOCK = "clock"
    PORT = "port"
    """Around a commit, a send, the start or the cancelling of a probe."""


class Kind(StrEnum):
    """What can go wrong there."""

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


class Troubles:
    """Decides at which site which trouble comes. It outlives the processes of a run."""

    def __init__(self, stream: Stream, faults: tuple[Fault, ...], every: int) -> None:
        self._stream = stream
        self._kinds = [KIND_OF[fault] for fault in faults if fault in KIND_OF]
        self._weighted = [kind for kind in self._kinds for _ in range(WEIGHTS[kind])]
        self._every = every
        self._pending: Kind | None = None
        self.sites = 0
        """How many were passed, all told."""
        self.left = 0
        """How many are left until the next trouble; below zero: none will come."""
        self.rearm()

    def rearm(self) -> None:
        """Wait for the next. A draw of zero ends all trouble."""
        self._pending = None
        gap = self._stream.below(2 * self._every) if self._weighted else 0
        self._wait(gap or -1)

    def only(self, kind: Kind, at_site: int) -> None:
        """One trouble at one site, counted from here; then none."""
        self._weighted = []
        self._pending = kind
        self._wait(at_site)

    def calm(self) -> None:
        """No more trouble."""
        self._weighted = []
        self._pending = None
        self._wait(-1)

    def postpone(self) -> None:
        """What comes, comes at the next site: this one belongs to a process that is gone."""
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
        """The countdown has ended at a site: what happens here. What does not fit waits for a site that it fits."""
        if self._pending is None:
            self._pending = self._weighted[self._stream.below(len(self._weighted))]
        kind = self._pending
        fits = armed if kind is Kind.CRASH else kind is Kind.DIE or site is Site.TELL
        if not fits:
            self._wait(1)
            return None
        self.rearm()
        return kind
