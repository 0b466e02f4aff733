"""Starting actors without pykka's global registry."""

from typing import Any

from ...domain.errors import UsageError
from .actor import DispatchedActor
from .mailbox.address import Address, OnExit
from .mailbox.dead_letters import DeadLetters
from .run.dispatcher import Dispatcher


def address_for(
    actor_class: type[DispatchedActor], name: str, *, dead_letters: DeadLetters | None = None
) -> Address:
    """An address with the capacity and the policy that actors of this class want, before any of them lives."""
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
    """Start an actor under an address, on a dispatcher, in a context of its own; further arguments are its own.

    With the address of an actor that has ended this is its restart: what waits goes to the new incarnation. What the
    constructor raises is raised here, and then no incarnation has lived.
    """
    address = address_for(actor_class, actor_class.__name__) if address is None else address
    if address.alive or address.closed:
        raise UsageError(f"{address!r} is {'closed' if address.closed else 'taken by a living actor'}")
    actor = actor_class.__new__(actor_class)
    # Set before the constructor runs: it tells a spawned actor from one that is started the stock way.
    actor.actor_inbox = address
    actor.__init__(*args, **kwargs)  # type: ignore[misc]  # the very constructor that `actor_class(...)` would call
    address.settle(actor, dispatcher, on_exit)
    return address
