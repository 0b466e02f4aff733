"""What a mailbox tells of itself."""

from dataclasses import dataclass

from ...domain.policy import OverflowPolicy


@dataclass(frozen=True, slots=True)
class Dropped:
    """Messages of one class that one policy dropped."""

    message: str
    """The name of the message class."""
    overflow: OverflowPolicy
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxStatistics:
    """Where every accepted message is: handled, queued, dropped or a dead letter."""

    queued: int
    handled: int
    dropped: tuple[Dropped, ...]
    dead: int
    """Messages that came after the address was closed, or waited when it was."""
    epoch: int
    """The incarnation, counted from 1; 0 before the first."""
    restarts: int

    @property
    def dropped_total(self) -> int:
        """Dropped by any policy."""
        return sum(dropped.count for dropped in self.dropped)
