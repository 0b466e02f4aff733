"""What the pollers of one runtime share, so that each of them is small."""

from collections.abc import Callable, Mapping

from ..domain.judgement import Expectation
from ..domain.probe import Probe
from ..domain.target import Target
from ..protocol.supervisor import SupervisorMessage
from .behaviour import Listener
from .ports import Clock, Prober


class PollerContext:
    """One object for all pollers; nothing in it changes while they run."""

    __slots__ = ("_probers", "clock", "expectation_of", "supervisor", "through_bytes")

    def __init__(
        self,
        clock: Clock,
        supervisor: Listener[SupervisorMessage],
        probers: Mapping[type[Probe], Prober],
        expectation_of: Callable[[Target], Expectation],
        *,
        through_bytes: bool,
    ) -> None:
        self.clock = clock
        self.supervisor = supervisor
        self._probers = probers
        self.expectation_of = expectation_of
        self.through_bytes = through_bytes

    def prober_for(self, probe: Probe) -> Prober:
        """The driver of a probe's kind."""
        return self._probers[type(probe)]
