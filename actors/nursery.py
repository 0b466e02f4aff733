"""The nursery: starts and stops pollers, and remembers the address of each."""

from ..domain.target import Target
from ..protocol.poller import PollerMessage
from .behaviour import Listener
from .context import PollerContext
from .dispatch import Address, DeadLetters, Dispatcher, Lane, address_for, spawn
from .dispatch.exit import OnExit
from .poller import Poller

POLLER = "poller/"
"""What the names of pollers begin with; the rest is the target's id."""


class Nursery:
    """Owned by the supervisor; it outlives the supervisor's incarnations as the pollers do."""

    def __init__(
        self, dispatcher: Dispatcher, context: PollerContext, on_exit: OnExit, dead_letters: DeadLetters
    ) -> None:
        self._dispatcher = dispatcher
        self._context = context
        self._on_exit = on_exit
        self._dead_letters = dead_letters
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

    def start(self, target: Target) -> None:
        """Start the target's poller, or its next incarnation. Raises what constructing it raises."""
        address = self._addresses.get(target.id)
        if address is None:
            address = address_for(Poller, POLLER + target.id, dead_letters=self._dead_letters)
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
            address.stop(Lane.CONTROL)

    def stop_all(self) -> None:
        for target in list(self._addresses):
            self.stop(target)
