"""The cancellation policy of attempts: when one that runs is asked to stop. What became of it is an AttemptState."""

import msgspec

from . import limits


class CancellationPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt is cancelled at its deadline, when its target is paused or removed, and in the middle of a drain."""

    name: str = "attempts"
    slack_ns: int = limits.DEADLINE_SLACK_NS
    """How long after a deadline the answer that says so may still arrive before the attempt is cancelled."""
    drain_share: float = 0.5
    """How much of the time for a drain an attempt under way is left alone."""
