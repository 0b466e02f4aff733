"""The faults that the simulator can inject, by name."""

from collections.abc import Iterable
from enum import StrEnum


class Fault(StrEnum):
    """One kind of fault. Every run draws a subset of the allowed ones."""

    PROBE_LATENCY = "probe_latency"
    """An answer takes far longer than usual, yet less than its timeout."""
    PROBE_HANG = "probe_hang"
    """A driver never answers, against its contract."""
    PROBE_RAISES = "probe_raises"
    PROBE_LATE = "probe_late"
    """A driver answers although it was cancelled, or answers twice."""
    PROBE_UNSTOPPABLE = "probe_unstoppable"
    """A cancelled driver answers that the outcome of the attempt is unknown."""
    STALE_ANSWER = "stale_answer"
    """The supervisor receives an answer of an older incarnation."""
    DELAY = "delay"
    """Messages of one pair wait; their order stays."""
    DUPLICATE = "duplicate"
    TIGHT_MAILBOX = "tight_mailbox"
    """Mailboxes hold one message."""
    CRASH = "crash"
    """An actor ends by an exception: before or after a side effect, at its start, at its end."""
    DEATH = "death"
    """The process dies, before or after a message, a commit or a send."""
    RESTART = "restart"
    """The process is stopped in order and started again."""
    REBOOT = "reboot"
    """The machine reboots: the monotonic clock and the boot time begin again at a smaller value, the wall goes on."""
    STORE_FULL = "store_full"
    """Commits are refused for a while."""
    STORE_IN_DOUBT = "store_in_doubt"
    """A commit fails although it was written."""
    STORE_UNOPENABLE = "store_unopenable"
    DISK_FULL = "disk_full"
    """A write to the disk under SQLite finds no room. The other faults of this prefix strike the same disk."""
    DISK_WRITE_FAILED = "disk_write_failed"
    DISK_SHORT_WRITE = "disk_short_write"
    DISK_SYNC_FAILED = "disk_sync_failed"
    DISK_DEATH = "disk_death"
    """The process dies within a call to the disk."""
    DISK_TORN = "disk_torn"
    """The same, with half of a write done."""
    BIT_FLIP = "bit_flip"
    """One bit of the database or of its log is flipped."""
    WALL_STEP = "wall_step"
    SUSPEND = "suspend"
    STALL = "stall"
    CHANNEL_DOWN = "channel_down"
    CHANNEL_SLOW = "channel_slow"
    """An answer comes after our timeout, and the receiver has taken the notice in by then."""
    CHANNEL_BUSY = "channel_busy"
    """429 and 503."""
    CHANNEL_REFUSES = "channel_refuses"
    """An answer that no retry changes: the notice becomes a dead letter."""
    CHANNEL_RAISES = "channel_raises"
    """The messenger fails to render a notice."""
    CHANNEL_LATE = "channel_late"
    """A channel answers after it was cancelled, or answers twice."""
    RECONFIGURE = "reconfigure"
    """Targets are tracked, untracked, paused, resumed and given other specifications with attempts in flight."""
    SILENCE = "silence"
    ACKNOWLEDGE = "acknowledge"
    REDRIVE = "redrive"
    CHECK_NOW = "check_now"
    """Attempts are commanded beside the grid."""
    ROUTES = "routes"
    """Routes choose the channels, with digests, reminders, escalation steps and quiet windows."""
    MAINTENANCE = "maintenance"
    DEPENDENCIES = "dependencies"
    """Targets depend on others."""
    FLAPPING = "flapping"
    """Targets state when they flap; without it none flaps."""
    DRILL = "drill"
    """Operators try routes out."""
    PING = "ping"
    """A dead-man's ping is configured."""
    STANDSTILL = "standstill"
    """One part that the ping vouches for does nothing for a while: polling, judging, committing or sending."""
    DIGEST_DEATH = "digest_death"
    """The process dies between the decision of a digest, its commit, its post, its answer and the record of that."""


SUPPRESSING = (Fault.ROUTES, Fault.MAINTENANCE, Fault.DEPENDENCIES, Fault.FLAPPING)
"""No faults: conditions under which notices wait or go other ways. They are drawn beside the faults."""
BESIDE = (*SUPPRESSING, Fault.CHECK_NOW, Fault.DRILL, Fault.PING, Fault.STANDSTILL, Fault.DIGEST_DEATH)
"""Drawn from streams of their own: what a seed drew before there were any stays as it was."""
HIDING = frozenset(
    {
        Fault.PROBE_HANG,
        Fault.PROBE_RAISES,
        Fault.CRASH,
        Fault.DEATH,
        Fault.DISK_DEATH,
        Fault.DISK_TORN,
        Fault.RESTART,
        Fault.REBOOT,
        Fault.SUSPEND,
        Fault.STALL,
        Fault.RECONFIGURE,
        Fault.TIGHT_MAILBOX,
        Fault.STANDSTILL,
        Fault.DIGEST_DEATH,
    }
)
"""Faults that keep evidence from being judged: without them the reference knows every transition in advance."""


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Reads `all`, `none` or names joined by commas. Raises: ValueError with the known names."""
    if text in {"all", "none"}:
        return tuple(Fault) if text == "all" else ()
    named = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in named if word not in set(Fault)]
    if unknown or not named:
        known = ", ".join(Fault)
        raise ValueError(f"no fault is called {', '.join(unknown) or text!r}; there are all, none, {known}")
    return in_order(Fault(word) for word in named)


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Returns each once, in the order of definition: draws must not depend on the layout of a set."""
    wanted = list(faults)
    return tuple(fault for fault in Fault if fault in wanted)
