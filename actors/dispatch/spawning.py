"""Starts actors under addresses, without pykka's global registry."""

from typing import Any

from ...domain.errors import UsageError
from .actor import DispatchedActor
from .mailbox.address import Address, OnExit
from .mailbox.dead_letters import DeadLetters
from .run.dispatcher import Dispatcher


def address_for(
    actor_class: type[DispatchedActor], name: str, dead_letters: DeadLetters | None = None
) -> Address:
    """Returns a new address with the capacity and policy of the actor class; no incarnation lives there yet."""
    return Address(
        name,
        capacity=actor_class.mailbox_capacity,
        policy=actor_class.mailbox_policy,
        dead_letters=dead_letters,
    )


def spawn(
    actor_class: type[DispatchedActor],
    *args: Any,
    dispatcher: Dispatcher,
    address: Address | None = None,
    on_exit: OnExit | None = None,
    **kwargs: Any,
) -> Address:
    """Starts an actor under an address, on a dispatcher, in its own context; further arguments go to its constructor.

    The address of an actor that has ended restarts it: queued messages go to the new incarnation.

    Raises: UsageError where the address is closed or has a living actor; and any error of the constructor, after which
    no incarnation has lived.
    """
    address = address_for(actor_class, actor_class.__name__) if address is None else address
    if address.alive or address.closed:
        raise UsageError(f"{address!r} is {'closed' if address.closed else 'taken by a living actor'}")
    actor = actor_class.__new__(actor_class)
    # Set before the constructor runs, which by it distinguishes a spawned actor from a stock one.
    actor.actor_inbox = address
    actor.__init__(*args, **kwargs)  # type: ignore[misc]  # the same constructor that `actor_class(...)` calls
    address.settle(actor, dispatcher, on_exit)
    return address
