"""The nursery: starts and stops pollers, and remembers the address of each; and the roster, which it is a part of."""

from typing import NamedTuple, Protocol

from ...domain.specification.target import Target
from ...protocol.poller import PollerMessage
from ..dispatch import Address, DeadLetters, DispatchedActor, Dispatcher, OnExit, address_for, spawn
from ..poller import Poller, PollerContext
from ..ports import Listener

POLLER = "poller/"
"""What the names of pollers begin with; the rest is the target's id."""


class MakeAddress(Protocol):
    """Makes the address of an actor before any incarnation lives."""

    def __call__(
        self, actor_class: type[DispatchedActor], name: str, *, dead_letters: DeadLetters | None = None
    ) -> Address: ...


class PollerRegistry:
    """Part of the roster, and owned with it."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        context: PollerContext,
        on_exit: OnExit,
        dead_letters: DeadLetters,
        make_address: MakeAddress = address_for,
    ) -> None:
        self._dispatcher = dispatcher
        self._context = context
        self._on_exit = on_exit
        self._dead_letters = dead_letters
        self._make_address = make_address
        self._addresses: dict[str, Address] = {}

    def __len__(self) -> int:
        return len(self._addresses)

    def __contains__(self, target: str) -> bool:
        return target in self._addresses

    def poller(self, target: str) -> Listener[PollerMessage]:
        """Where a target's poller listens, whichever incarnation lives."""
        return self._addresses[target]

    def alive(self, target: str) -> bool:
        """Whether an incarnation is there to work."""
        address = self._addresses.get(target)
        return address is not None and address.alive

    def missing(self) -> tuple[str, ...]:
        """The names of pollers of which no incarnation lives."""
        return tuple(address.name for address in self._addresses.values() if not address.alive)

    def start(self, target: Target) -> None:
        """Start the target's poller, or its next incarnation. Raises what constructing it raises."""
        address = self._addresses.get(target.id)
        if address is None:
            address = self._make_address(Poller, POLLER + target.id, dead_letters=self._dead_letters)
            self._addresses[target.id] = address
        spawn(
            Poller,
            self._context,
            self._context.expectation_of(target),
            dispatcher=self._dispatcher,
            address=address,
            on_exit=self._on_exit,
        )

    def stop(self, target: str) -> None:
        """End a poller for good; what is still told to it is a dead letter."""
        address = self._addresses.pop(target, None)
        if address is not None:
            address.dismiss()

    def stop_all(self) -> None:
        for target in list(self._addresses):
            self.stop(target)


class Roster(NamedTuple):
    """The targets that the supervisor watches, and their pollers, which go on while there is no supervisor."""

    targets: dict[str, Target]
    pollers: PollerRegistry


class RosterHandover:
    """Passes the roster from one incarnation of the supervisor to the next; it has exactly one owner at any time.

    An incarnation owns it from its making to its end, however it ends: a crash in the middle of a message gives it back
    as a stop does. Between two incarnations, and before the first, it lies here and is the system's. Used on the thread
    of the supervisor's dispatcher, or before anything runs.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster: Roster | None = roster

    def look(self) -> Roster:
        """What lies here. Raises ValueError while an incarnation owns it: that is a bug of ours."""
        if self._roster is None:
            raise ValueError("the roster belongs to a supervisor that has not ended")
        return self._roster

    def take(self) -> Roster:
        """Own it from now on; nothing is left here. Raises ValueError as `look` does."""
        roster, self._roster = self.look(), None
        return roster

    def give_back(self, roster: Roster) -> None:
        """Leave it to the next incarnation."""
        self._roster = roster
