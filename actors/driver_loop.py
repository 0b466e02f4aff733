"""The event loop of engines and the drivers on it: of one engine, or of several that share them."""

import logging
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Protocol, TypeAlias

from ..domain.limits import START_WITHIN_S
from ..domain.line import first_line
from ..domain.specification.probes.kinds import Probe
from ..domain.specification.target import Target
from ..domain.time.moment import NS_PER_S
from .dispatch.run.alarm import MakeTimer
from .dispatch.run.loop import LoopDispatcher
from .ports import Clock, LocationListener, Messenger, Pinger, Prober

CLOSE_SLACK_NS = NS_PER_S
"""The time for closing after a drain that used up its own; each thread gets the same time to end."""
Left: TypeAlias = list[tuple[str, tuple[str, ...]]]
"""Kinds of work that were left undone, each with the names concerned."""
logger = logging.getLogger(__name__)


class DriverSet(Protocol):
    """All drivers of one runtime; used only on the loop's thread."""

    @property
    def probers(self) -> Mapping[type[Probe], Prober]: ...

    @property
    def messengers(self) -> Mapping[str, Messenger]: ...

    @property
    def pinger(self) -> Pinger | None: ...

    def located(self, target: Target) -> Prober | None:
        """Returns the prober of a target that is probed from several locations; None for any other."""
        ...

    def report_locations(self, listener: LocationListener) -> None:
        """Tells how locations answer, from now on."""
        ...

    def forget_locations(self, listener: LocationListener) -> None:
        """Tells it no more."""
        ...

    def close(self) -> tuple[str, ...]:
        """Releases everything. Returns the host's functions that still run and cannot be stopped."""
        ...


class EngineClock(Clock, Protocol):
    """A clock that also reads the monotonic time alone."""

    def monotonic_ns(self) -> int: ...


class DriverLoop:
    """Owns an event loop on a thread of its own, and the drivers, which are made, used and closed there."""

    def __init__(
        self,
        clock: EngineClock,
        make_timer: MakeTimer,
        make_drivers: Callable[[LoopDispatcher], DriverSet],
    ) -> None:
        """Starts the loop. Blocks until the drivers are made; raises what keeps them from it, and then nothing is left."""
        self.dispatcher = LoopDispatcher(monotonic_ns=clock.monotonic_ns, make_timer=make_timer)
        self.dispatcher.start()
        try:
            self.drivers = self.dispatcher.perform(lambda: make_drivers(self.dispatcher), START_WITHIN_S)
        except BaseException:
            self.dispatcher.stop(CLOSE_SLACK_NS / NS_PER_S)
            raise

    def close(self, within_s: float) -> Left:
        """Closes the drivers. Returns what still runs, or could not be closed; raises nothing."""
        said: SimpleQueue[Left] = SimpleQueue()

        def close() -> None:
            try:
                said.put([("callables that still run", self.drivers.close())])
            except Exception as error:
                logger.exception("The drivers could not be closed")
                said.put([("not closed", (first_line(f"drivers: {error!r}"),))])

        # A plain callback: a blocked loop runs it before the later callback that stops the loop, however late.
        self.dispatcher.loop.call_soon_threadsafe(close)
        try:
            return said.get(timeout=within_s)
        except Empty:
            return [("not closed in time", ("drivers: the runtime's own loop is blocked",))]

    def stop(self) -> tuple[str, ...]:
        """Ends the loop. Returns the name of its thread where it did not end in time."""
        return self.dispatcher.stop(CLOSE_SLACK_NS / NS_PER_S)
