"""The nursery: starts and stops pollers, and remembers the address of each."""

from typing import Protocol

from ..domain.target import Target
from ..protocol.poller import PollerMessage
from .behaviour import Listener
from .context import PollerContext
from .dispatch import Address, DeadLetters, DispatchedActor, Dispatcher, Lane, address_for, spawn
from .dispatch.exit import OnExit
from .poller import Poller

POLLER = "poller/"
"""What the names of pollers begin with; the rest is the target's id."""


class MakeAddress(Protocol):
    """Makes the address of an actor before any incarnation lives."""

    def __call__(
        self, actor_class: type[DispatchedActor], name: str, *, dead_letters: DeadLetters | None = None
    ) -> Address: ...


class Nursery:
    """Owned by the supervisor; it outlives the supervisor's incarnations as the pollers do."""

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

    def keeps(self, address: Address) -> bool:
        """Whether this very address is still in use; that of a stopped poller is not, even if its name is again."""
        return self._addresses.get(address.name.removeprefix(POLLER)) is address

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
        if address is None:
            return
        if address.alive:
            address.stop(Lane.CONTROL)
        else:
            address.close()  # nobody will ever live here again

    def stop_all(self) -> None:
        for target in list(self._addresses):
            self.stop(target)
