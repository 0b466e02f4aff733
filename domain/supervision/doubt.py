"""Doubt: what the runtime itself may have caused in a sample, and is no evidence about its target."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET

from .. import limits
from ..observation.outcome import Outcome, Reason
from ..observation.sample import Sample
from ..units import NS_PER_MS


def doubted(sample: Sample, reason: Reason, why: str) -> Sample:
    """Returns UNKNOWN in place of a sample, with the reason and what the sample was."""
    detail = f"{why}; its sample was {sample.explanation()}"[: limits.DETAIL_CHARACTERS_MAX]
    return msgspec.structs.replace(
        sample, outcome=Outcome.UNKNOWN, reason=reason, failed=(), slow_by_ns=UNSET, detail=detail
    )


def weighed(
    sample: Sample, started_ns: int, deadline_ns: int, waited_ns: int, blocked_since: Callable[[int], int]
) -> Sample:
    """Returns a sample without what a late loop, or a wait for admission, may have decided in it.

    The attempt ran from `started_ns`, at most until `deadline_ns` (monotonic), after it had waited for `waited_ns` of its
    timeout; `blocked_since` tells how long the loop was blocked since a moment. A timeout becomes UNKNOWN where the block or
    the wait may be the cause, and an answer that was too slow and nothing else where the block may be. Any other sample
    states by how much its times may be too long. The findings of other locations are as they measured them.
    """
    if sample.locations is not UNSET:
        return sample
    if sample.outcome is Outcome.TIMED_OUT:
        blocked_ns = blocked_since(started_ns)
        if blocked_ns > (deadline_ns - started_ns) * limits.LAG_SHARE_OF_TIMEOUT:
            return _late(sample, blocked_ns)
        if waited_ns > (deadline_ns - started_ns + waited_ns) * limits.LAG_SHARE_OF_TIMEOUT:
            why = f"it waited for {waited_ns // NS_PER_MS} ms, as runtime.in_flight_max attempts ran"
            return doubted(sample, Reason.OVERLOADED, why)
    # A shared result was measured by an earlier probe. The way to the poller is no part of what it measures.
    blocked_ns = blocked_since(sample.at.monotonic_ns - (sample.shared_age_ns or 0))
    if not blocked_ns:
        return sample
    if sample.slow_by_ns is not UNSET and sample.slow_by_ns <= blocked_ns:
        return _late(sample, blocked_ns)
    return msgspec.structs.replace(sample, blocked_ns=blocked_ns)


def _late(sample: Sample, blocked_ns: int) -> Sample:
    why = f"the runtime's own loop was blocked for {blocked_ns // NS_PER_MS} ms"
    return doubted(sample, Reason.OVERLOADED, why)
