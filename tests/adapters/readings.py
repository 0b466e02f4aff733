"""What the caches of both colours are asked for in their tests, and by which policy they keep it."""

import msgspec
from watchkeeper.domain.moment import NS_PER_S
from watchkeeper.domain.policy import CachePolicy

THREADS = 8
FRESH_NS = 10 * NS_PER_S


class Reading(msgspec.Struct, frozen=True):
    figures: tuple[int, ...]


def policy(**settings):
    chosen = {"fresh_for_ns": FRESH_NS, "entries_max": 3, **settings}
    return CachePolicy(name="readings", key="a letter", owner="the test", **chosen)
