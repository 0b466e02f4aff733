"""Time in tests of drivers: the dispatcher's `call_at` on a loop that a test runs by itself, and deadlines on a busy machine."""

from watchkeeper.actors.dispatch.run.alarm import AlarmClock

ANSWER_WITHIN_MS = 10_000
"""The deadline of an attempt that has its answer long before, on a busy machine, too."""
UNENDING = frozenset({"nothing", "drip_head", "drip_body"})
"""The answers of the hostile server that only a deadline ends."""
GRACE_MS = 10_000
"""How late an attempt may end on a busy machine; one that ignored its deadline would wait for a peer that says nothing."""


def time_for(answer, short_ms):
    """Returns the deadline for an answer of the hostile server: the short one only where it must pass."""
    return short_ms if answer in UNENDING else ANSWER_WITHIN_MS


def outlasting(attempt, has_come_so_far, short_ms):
    """Returns what an attempt says that only its deadline ends: a short one, doubled while a busy machine is too slow for it."""
    while not has_come_so_far(seen := attempt(short_ms)) and short_ms < ANSWER_WITHIN_MS:
        short_ms *= 2
    return seen


def call_at_of(loop, clock):
    """Call back on the loop, by the clock that the driver under test is given too."""
    return AlarmClock(loop, lambda: clock.read().monotonic_ns).call_at
