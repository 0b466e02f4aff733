"""The poller registry, which starts and stops pollers, and the roster of targets and pollers with its handover."""

from collections.abc import Callable
from typing import NamedTuple

from ...domain.incidents.own_problems import POLLER
from ...domain.specification.target import Target
from ...domain.supervision.blindness import BlindnessDetector
from ...domain.supervision.last_heard import LastHeard
from ...protocol.poller import PollerMessage
from ..dispatch.mailbox.address import Address
from ..ports import Listener


class PollerRegistry:
    """Starts and stops pollers and keeps the address of each. A part of the roster, and owned with it."""

    def __init__(
        self, make_address: Callable[[str], Address], spawn: Callable[[Address, Target], None]
    ) -> None:
        self._make_address = make_address
        self._spawn = spawn
        self._addresses: dict[str, Address] = {}

    def __contains__(self, target: str) -> bool:
        return target in self._addresses

    def poller(self, target: str) -> Listener[PollerMessage]:
        """Returns the address of a target's poller, which stays the same for every incarnation."""
        return self._addresses[target]

    def alive(self, target: str) -> bool:
        """Returns True where an incarnation of the target's poller lives."""
        address = self._addresses.get(target)
        return address is not None and address.alive

    def missing(self) -> tuple[str, ...]:
        """Returns the names of the pollers without a living incarnation."""
        return tuple(address.name for address in self._addresses.values() if not address.alive)

    def start(self, target: Target) -> None:
        """Starts the target's poller or its next incarnation; raises the errors of its constructor."""
        address = self._addresses.get(target.id)
        if address is None:
            address = self._addresses[target.id] = self._make_address(POLLER + target.id)
        self._spawn(address, target)

    def stop(self, target: str) -> None:
        """Ends a poller for good; messages that are still sent to it become dead letters."""
        address = self._addresses.pop(target, None)
        if address is not None:
            address.dismiss()

    def stop_all(self) -> None:
        for target in list(self._addresses):
            self.stop(target)


class Roster(NamedTuple):
    """The targets that the supervisor watches, and their pollers, which go on running while no supervisor lives."""

    targets: dict[str, Target]
    pollers: PollerRegistry
    heard: dict[str, LastHeard]
    """Per heartbeat: the record may not have it yet when the next incarnation begins."""
    blindness: BlindnessDetector
    """It has the last reading of the clocks: the machine may sleep while no supervisor lives."""


class RosterHandover:
    """Passes the roster from one incarnation of the supervisor to the next; it has exactly one owner at any time.

    An incarnation owns it from its construction to its end: `on_end` gives it back after a crash as after a stop.
    Before the first and between two incarnations this object holds it for the system. Used on the thread of the
    supervisor's dispatcher, or before it runs.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster: Roster | None = roster

    def look(self) -> Roster:
        """Returns the roster without taking it.

        Raises: ValueError while an incarnation owns it, which is an internal fault.
        """
        if self._roster is None:
            raise ValueError("the roster belongs to a supervisor that has not ended")
        return self._roster

    def take(self) -> Roster:
        """Returns the roster to its new owner and keeps nothing; raises ValueError as `look` does."""
        roster, self._roster = self.look(), None
        return roster

    def give_back(self, roster: Roster) -> None:
        """Takes the roster back for the next incarnation."""
        self._roster = roster
