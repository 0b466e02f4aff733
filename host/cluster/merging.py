"""The answers of several engines as one."""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from itertools import chain
from typing import TypeVar

from msgspec.structs import replace

from ...domain.incidents.record import BlindInterval, joined_intervals
from ...domain.incidents.told import ChannelBacklog
from ...domain.read_model.distribution import Distribution
from ...domain.read_model.histogram import Percentiles
from ...domain.read_model.metrics import PartMetrics, PhaseDurations, RuntimeMetrics
from ...domain.read_model.status import AbandonedWork, RuntimeStatus, TargetStatus

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
A = TypeVar("A", bound=Hashable)
B = TypeVar("B", bound=Hashable)


def merged_status(
    answers: Sequence[RuntimeStatus], order: Iterable[str], unread: Iterable[TargetStatus] = ()
) -> RuntimeStatus:
    """Returns one status of those of several shards; `order` has the targets as they are configured, `unread` those of no answer.

    Percentiles of lateness cannot be joined: each is the worst of any shard.
    """
    rows = {row.id: row for row in (*unread, *chain.from_iterable(each.targets for each in answers))}
    counters: Counter[str] = Counter()
    for answer in answers:
        counters.update(dict(answer.counters))
    lateness = [answer.lateness for answer in answers] or [Percentiles(0, 0, 0, 0, 0)]
    return RuntimeStatus(
        at_ns=max((answer.at_ns for answer in answers), default=0),
        targets=tuple(rows[name] for name in order if name in rows),
        incidents=tuple(
            sorted(chain.from_iterable(each.incidents for each in answers), key=lambda one: one.opened_at_ns)
        ),
        silences=_each_once((one for each in answers for one in each.silences), lambda one: one.id),
        problems=_each_once((one for each in answers for one in each.problems), lambda one: one[0]),
        blind=tuple(joined_intervals(sorted((one for each in answers for one in each.blind), key=_begin))),
        lateness=Percentiles(
            sum(each.count for each in lateness),
            *(
                max(getattr(each, name) for each in lateness)
                for name in ("p50_ns", "p90_ns", "p99_ns", "max_ns")
            ),
        ),
        counters=tuple(sorted(counters.items())),
        announcements=_each_once((one for each in answers for one in each.announcements), lambda one: one.id),
        waits=tuple(chain.from_iterable(each.waits for each in answers)),
        pinged_at_ns=max(
            (each.pinged_at_ns for each in answers if each.pinged_at_ns is not None), default=None
        ),
    )


def _begin(interval: BlindInterval) -> int:
    return interval.started_at_ns


def without_targets(status: RuntimeStatus, targets: Collection[str]) -> RuntimeStatus:
    """Returns a status without the rows of some targets."""
    if not targets:
        return status
    return replace(status, targets=tuple(row for row in status.targets if row.id not in targets))


def merged_metrics(answers: Sequence[RuntimeMetrics]) -> RuntimeMetrics:
    """Returns the figures of several shards as those of one runtime: counts are summed, of delays the worst counts. Raises: ValueError for none."""
    durations = _summed(
        ((one.group, one.kind, one.phase), one.durations) for each in answers for one in each.durations
    )
    return RuntimeMetrics(
        at_ns=max(each.at_ns for each in answers),
        targets=tuple(chain.from_iterable(each.targets for each in answers)),
        durations=tuple(PhaseDurations(*key, found) for key, found in durations.items()),
        lateness=_joined([each.lateness for each in answers]),
        open_incidents=tuple(_counted(pair for each in answers for pair in each.open_incidents).items()),
        transitions=_counted_by_two(row for each in answers for row in each.transitions),
        notices=_counted_by_two(row for each in answers for row in each.notices),
        tries=_counted_by_two(row for each in answers for row in each.tries),
        delays=tuple(
            (*key, found)
            for key, found in _summed(
                ((one[0], one[1]), one[2]) for each in answers for one in each.delays
            ).items()
        ),
        backlogs=_backlogs([one for each in answers for one in each.backlogs]),
        parts=_parts([one for each in answers for one in each.parts]),
        blind_ns=tuple(_worst(pair for each in answers for pair in each.blind_ns).items()),
        loop_lag_ns=max((each.loop_lag_ns for each in answers), default=0),
        in_flight=sum(each.in_flight for each in answers),
        commits=_joined([each.commits for each in answers]),
    )


def merged_work(answers: Iterable[AbandonedWork]) -> AbandonedWork:
    """Returns the undone work of several shards by its kind."""
    left: dict[str, tuple[str, ...]] = {}
    store = None
    for answer in answers:
        store = store or answer.store
        for what, names in answer.left:
            left[what] = (*left.get(what, ()), *names)
    return AbandonedWork(tuple(left.items()), store)


def _each_once(found: Iterable[V], key: Callable[[V], Hashable]) -> tuple[V, ...]:
    first: dict[Hashable, V] = {}
    for one in found:
        first.setdefault(key(one), one)
    return tuple(first.values())


def _counted(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    counts: dict[K, int] = {}
    for key, count in pairs:
        counts[key] = counts.get(key, 0) + count
    return counts


def _counted_by_two(rows: Iterable[tuple[A, B, int]]) -> tuple[tuple[A, B, int], ...]:
    """Returns the sum of each pair of the first two columns."""
    return tuple((*key, count) for key, count in _counted(((one, two), by) for one, two, by in rows).items())


def _worst(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    """Returns the greatest of each: the shards of a machine are blind together, and a sum would count an hour once for each."""
    worst: dict[K, int] = {}
    for key, length in pairs:
        worst[key] = max(worst.get(key, 0), length)
    return worst


def _summed(pairs: Iterable[tuple[K, Distribution]]) -> dict[K, Distribution]:
    found: dict[K, list[Distribution]] = {}
    for key, one in pairs:
        found.setdefault(key, []).append(one)
    return {key: _joined(each) for key, each in found.items()}


def _joined(found: Sequence[Distribution]) -> Distribution:
    counts = tuple(map(sum, zip(*(each.counts for each in found), strict=True)))
    return Distribution(found[0].bounds_ns, counts, sum(each.sum_ns for each in found))


def _backlogs(found: Iterable[ChannelBacklog]) -> tuple[ChannelBacklog, ...]:
    kept: dict[str, ChannelBacklog] = {}
    for one in found:
        before = kept.get(one.channel)
        if before is None:
            kept[one.channel] = one
            continue
        oldest = [each.oldest_at_ns for each in (before, one) if each.oldest_at_ns is not None]
        kept[one.channel] = ChannelBacklog(
            one.channel, before.pending + one.pending, min(oldest, default=None), before.dead + one.dead
        )
    return tuple(kept.values())


def _parts(found: Iterable[PartMetrics]) -> tuple[PartMetrics, ...]:
    kept: dict[str, PartMetrics] = {}
    for one in found:
        before = kept.get(one.part)
        kept[one.part] = one if before is None else _joined_part(before, one)
    return tuple(kept.values())


def _joined_part(first: PartMetrics, second: PartMetrics) -> PartMetrics:
    sums = {
        name: sum(given) if (given := [each for each in pair if each is not None]) else None
        for name in ("queued", "shed", "restarts")
        for pair in [(getattr(first, name), getattr(second, name))]
    }
    return PartMetrics(part=first.part, is_healthy=first.is_healthy and second.is_healthy, **sums)
