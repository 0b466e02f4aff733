"""Addresses through which the simulator observes every message and may disturb it."""

from collections import deque
from typing import TYPE_CHECKING, Any, cast

from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.mailbox.address import Address
from watchkeeper.actors.dispatch.mailbox.dead_letters import DeadLetters
from watchkeeper.actors.dispatch.mailbox.mailbox import Incarnation
from watchkeeper.actors.dispatch.mailbox.message_queue import content

from .hub import Hub

if TYPE_CHECKING:
    from pykka._envelope import Envelope


class _Witness:
    """Takes the actor's place in its mailbox, and reports each message to the hub before and after it is handled."""

    def __init__(self, address: "WatchedAddress", hub: Hub) -> None:
        self._address = address
        self._hub = hub
        self.actor: Incarnation

    def on_receive(self, message: Any) -> Any:
        self._address.handled += 1
        self._hub.handling(self._address, message)
        answer = self.actor.on_receive(message)
        self._hub.handled(self._address)
        return answer

    def _answer(self, envelope: "Envelope[Any]") -> bool:
        """Handles a question; see `DispatchedActor`."""
        self._address.handled += 1
        self._address.forget_head()
        return self.actor._answer(envelope)  # the mailbox runs its own actor, through this


class WatchedAddress(Address):
    """A production address whose messages go through the hub of its process."""

    __slots__ = (
        "_chains",
        "_hub",
        "_witness",
        "capacity",
        "dead",
        "dismissals",
        "dropped_kinds",
        "handled",
        "told",
    )

    def __init__(
        self,
        actor_class: type[DispatchedActor],
        name: str,
        hub: Hub,
        *,
        dead_letters: DeadLetters | None,
    ) -> None:
        self.capacity = actor_class.mailbox_capacity
        super().__init__(
            name, capacity=self.capacity, policy=actor_class.mailbox_policy, dead_letters=dead_letters
        )
        self._hub = hub
        self._witness = _Witness(self, hub)
        self._chains: deque[int] = deque()
        self.told = 0
        """Messages that arrived here, handled or not."""
        self.dismissals = 0
        """Stops that came without a message."""
        self.handled = 0
        """Messages that were given to an incarnation, stops among them."""
        self.dead = 0
        """Messages that no incarnation was left to handle."""
        self.dropped_kinds: list[str] = []
        """The kind of every message that found no room."""

    def tell(self, message: object) -> None:
        self._hub.tell(self, message)

    def resize(self, capacity: int) -> None:
        """Sets the capacity."""
        if not self.closed:
            self._capacity = capacity

    def put(self, envelope: "Envelope[object]") -> None:
        self.told += 1
        super().put(envelope)

    def dismiss(self) -> None:
        self.dismissals += 1
        super().dismiss()

    def _drop(self, item: object) -> None:
        self.dropped_kinds.append(type(content(item)).__name__)
        super()._drop(item)

    def _count_dead(self, message: object) -> None:
        self.dead += 1
        super()._count_dead(message)

    def arrive(self, message: object) -> None:
        """Delivers a message that the hub has let through."""
        self.told += 1
        causality = self._hub.causality
        if causality is not None:
            self._chains.append(causality.of_next())
        super().tell(message)

    def head_chain(self) -> int | None:
        """Returns the causal chain of the next message; after a drop, that of one near it."""
        while len(self._chains) > len(self):
            self._chains.popleft()
        return self._chains[0] if self._chains else None

    def forget_head(self) -> None:
        """Removes the chain of the message that is handled now."""
        if self._chains:
            self._chains.popleft()

    def run_turn(self) -> None:
        self._hub.enter(self.name)
        super().run_turn()
        self._hub.leave()

    def handle_batch(self, actor: Incarnation) -> bool:
        self._witness.actor = actor
        return super().handle_batch(cast("Incarnation", self._witness))

    def retire(self) -> None:
        self._hub.disarm()
        super().retire()
