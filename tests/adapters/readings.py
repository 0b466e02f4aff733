"""By which policy the caches of tests keep what they are given."""

from watchkeeper.domain.policy import CachePolicy
from watchkeeper.domain.time.moment import NS_PER_S

FRESH_NS = 10 * NS_PER_S


def policy(**settings):
    chosen = {"fresh_for_ns": FRESH_NS, "entries_max": 3, **settings}
    return CachePolicy(name="readings", key="a letter", owner="the test", **chosen)
