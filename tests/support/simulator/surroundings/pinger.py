"""The dead man's switch of one simulated process: it takes every ping, and may answer that it does not."""

from collections.abc import Callable
from typing import Protocol

from watchkeeper.domain.time.moment import Deadline
from watchkeeper.testing.script import ANSWER_NS

from ..cases.tape import Stream
from .micro_faults import Site
from .ports import Edge, Running

REFUSED_ONE_IN = 12


class PingObserver(Protocol):
    """Observes every ping."""

    def pinged(self) -> None: ...


class SimulatedPinger:
    """Sends the dead-man's pings of one process."""

    def __init__(self, edge: Edge, observer: PingObserver, stream: Stream) -> None:
        self._edge, self._observer, self._stream = edge, observer, stream

    def ping(self, deadline: Deadline, done: Callable[[str], None]) -> Running:
        edge = self._edge
        edge.hub.pass_site(Site.PORT)
        self._observer.pinged()
        says = "HTTP 503" if self._stream.one_in(REFUSED_ONE_IN) else ""
        after_ns = min(ANSWER_NS, deadline.remaining_ns(edge.read()))
        running = Running(edge, lambda: None, None)
        running.answer_after(after_ns, lambda: None if edge.hub.dead else done(says))
        return running.handed_over()
