"""The way to the shards that other nodes run, within one deadline."""

from collections.abc import Collection
from typing import Any, Protocol

from ...actors.ports import Clock
from ...domain import limits
from ...domain.time.moment import Deadline
from ...protocol.codec import encode
from ...protocol.message import Message
from ..sharing.peer_wire import read_reply, without_monotonic


class ShardOwners(Protocol):
    """Asks the nodes that run other shards; see `CommandSender`."""

    def ask(self, shards: Collection[int], message: bytes, until: Deadline) -> list[bytes]: ...

    def owner_of(self, until: Deadline, *, incident: str = "", key: str = "") -> int | None: ...


class RemoteOwners:
    """Has the owners of shards on other nodes answer a message. Blocks; any thread may use it."""

    def __init__(self, owners: ShardOwners, clock: Clock) -> None:
        self._owners, self._clock = owners, clock

    def until(self, until_ns: int | None = None) -> Deadline:
        """Returns the deadline of a command that begins now, or of a question that has one."""
        now = self._clock.read()
        left_ns = limits.COMMAND_PASSED_NS if until_ns is None else until_ns - now.monotonic_ns
        return Deadline.after(now, max(0, min(left_ns, limits.COMMAND_PASSED_NS)))

    def ask(self, shards: Collection[int], message: Message, until: Deadline) -> Any:
        """Returns the answer of the owners, of several the last. Raises: what one of them raises; as `CommandSender.ask` does."""
        replies = self._owners.ask(shards, encode(without_monotonic(message)), until)
        answers = [read_reply(message, reply) for reply in replies]
        return answers[-1]

    def owner_of(self, until: Deadline, *, incident: str = "", key: str = "") -> int | None:
        """Returns the shard of an incident or of a notice; None where there is none. Raises: StoreError."""
        return self._owners.owner_of(until, incident=incident, key=key)
