"""The families of metrics: name, kind, labels and help, and the series of each in the figures of one scrape.

Labels are ids, groups, kinds and words of a fixed set; no address, no text of an error and no id of an incident is one.
"""

from collections.abc import Callable, Iterable, Iterator

from ...domain.read_model.distribution import Distribution
from ...domain.read_model.metrics import PartMetrics, RuntimeMetrics, TargetMetrics
from ...domain.rules.aggregate import Status
from ...domain.units import NS_PER_S
from .family import Family, LabelTexts, Scrape, Series, clean
from .process_families import PROCESS

STATUS_CODES = {Status.UP: 0, Status.DEGRADED: 1, Status.DOWN: 2, Status.UNKNOWN: 3, Status.PAUSED: 4}


def _of_runtime(read: Callable[[RuntimeMetrics], Iterable[Series]]) -> Callable[[Scrape], Iterable[Series]]:
    """Returns what `read` finds in the figures of the runtime; nothing without those."""
    return lambda scrape: () if scrape.figures.runtime is None else read(scrape.figures.runtime)


def _of_targets(
    end: str, read: Callable[[TargetMetrics], float | None]
) -> Callable[[Scrape], Iterable[Series]]:
    """Returns one series for each target of which `read` finds a value."""

    def series(scrape: Scrape) -> Iterator[Series]:
        for labels, target in scrape.targets:
            value = read(target)
            if value is not None:
                yield end, labels, value

    return series


def _of_parts(end: str, read: Callable[[PartMetrics], int | None]) -> Callable[[Scrape], Iterable[Series]]:
    return _of_runtime(
        lambda figures: (
            (end, (clean(part.part),), value) for part in figures.parts if (value := read(part)) is not None
        )
    )


def _seconds(length_ns: int | None) -> float | None:
    return None if length_ns is None else length_ns / NS_PER_S


def _histogram(labels: LabelTexts, found: Distribution) -> Iterator[Series]:
    counts = found.cumulative()
    for bound_ns, count in zip(found.bounds_ns, counts, strict=False):
        yield "_bucket", (*labels, repr(bound_ns / NS_PER_S)), count
    yield "_bucket", (*labels, "+Inf"), counts[-1]
    yield "_count", labels, counts[-1]
    yield "_sum", labels, found.sum_ns / NS_PER_S


# Of single targets.


def _attempts(scrape: Scrape) -> Iterator[Series]:
    for labels, target in scrape.targets:
        for outcome, count in target.attempts:
            yield "_total", (*labels, outcome.value), count


def _responses(scrape: Scrape) -> Iterator[Series]:
    for labels, target in scrape.targets:
        yield "_count", labels, target.answered
        yield "_sum", labels, target.response_ns / NS_PER_S


def _locations(scrape: Scrape) -> Iterator[Series]:
    for labels, target in scrape.targets:
        for location, is_good in target.locations:
            yield "", (*labels, clean(location)), int(is_good)


_TARGET = ("target", "group")
TARGETS: tuple[Family, ...] = (
    Family(
        "watchkeeper_target_status",
        "gauge",
        "The status of a target: 0 up, 1 degraded, 2 down, 3 unknown, 4 paused.",
        _TARGET,
        _of_targets("", lambda target: STATUS_CODES[target.status]),
    ),
    Family(
        "watchkeeper_target_attempts",
        "counter",
        "Attempts by outcome.",
        (*_TARGET, "outcome"),
        _attempts,
    ),
    Family(
        "watchkeeper_target_response_seconds",
        "summary",
        "Response times of the attempts that had an answer.",
        _TARGET,
        _responses,
    ),
    Family(
        "watchkeeper_target_last_sample_timestamp_seconds",
        "gauge",
        "When the newest sample of a target was taken.",
        _TARGET,
        _of_targets("", lambda target: _seconds(target.sampled_at_ns)),
    ),
    Family(
        "watchkeeper_target_certificate_expiry_timestamp_seconds",
        "gauge",
        "When the certificate ends that a target last showed.",
        _TARGET,
        _of_targets("", lambda target: _seconds(target.certificate_ends_ns)),
    ),
    Family(
        "watchkeeper_target_missed_ticks",
        "counter",
        "Ticks of a target that passed without an attempt.",
        _TARGET,
        _of_targets("_total", lambda target: target.missed),
    ),
    Family(
        "watchkeeper_target_location_up",
        "gauge",
        "Whether a target is up or degraded from a location; absent for one that has not answered.",
        (*_TARGET, "location"),
        _locations,
    ),
)


# Of the runtime.


def _durations(figures: RuntimeMetrics) -> Iterator[Series]:
    for each in figures.durations:
        yield from _histogram((clean(each.group), each.kind, each.phase), each.durations)


def _notices(figures: RuntimeMetrics) -> Iterator[Series]:
    for channel, end, count in figures.notices:
        yield "_total", (clean(channel), end.value), count


def _tries(figures: RuntimeMetrics) -> Iterator[Series]:
    for channel, result, count in figures.tries:
        yield "_total", (clean(channel), result.value), count


def _delays(figures: RuntimeMetrics) -> Iterator[Series]:
    for channel, end, found in figures.delays:
        yield from _histogram((clean(channel), end.value), found)


def _oldest(figures: RuntimeMetrics) -> Iterator[Series]:
    for backlog in figures.backlogs:
        if backlog.oldest_at_ns is not None:
            yield "", (clean(backlog.channel),), backlog.oldest_at_ns / NS_PER_S


RUNTIME: tuple[Family, ...] = (
    Family(
        "watchkeeper_attempt_duration_seconds",
        "histogram",
        "Durations of attempts by phase; `total` is the response time of those that had an answer.",
        ("group", "kind", "phase"),
        _of_runtime(_durations),
    ),
    Family(
        "watchkeeper_lateness_seconds",
        "histogram",
        "The time from the moment at which an attempt was due to its start.",
        (),
        _of_runtime(lambda figures: _histogram((), figures.lateness)),
    ),
    Family(
        "watchkeeper_incidents_open",
        "gauge",
        "Open incidents.",
        ("severity",),
        _of_runtime(lambda figures: (("", (level.value,), count) for level, count in figures.open_incidents)),
    ),
    Family(
        "watchkeeper_incidents",
        "counter",
        "Changes of incidents.",
        ("severity", "change"),
        _of_runtime(
            lambda figures: (
                ("_total", (level.value, change.value), count) for level, change, count in figures.transitions
            )
        ),
    ),
    Family(
        "watchkeeper_notices",
        "counter",
        "Notices that were delivered, or given up (dead).",
        ("channel", "result"),
        _of_runtime(_notices),
    ),
    Family(
        "watchkeeper_notice_attempts",
        "counter",
        "Tries to deliver that had an answer.",
        ("channel", "result"),
        _of_runtime(_tries),
    ),
    Family(
        "watchkeeper_notice_delay_seconds",
        "histogram",
        "The time from the making of a notice to its delivery, or until it was given up.",
        ("channel", "result"),
        _of_runtime(_delays),
    ),
    Family(
        "watchkeeper_notices_pending",
        "gauge",
        "Notices that wait for their channel.",
        ("channel",),
        _of_runtime(
            lambda figures: (("", (clean(each.channel),), each.pending) for each in figures.backlogs)
        ),
    ),
    Family(
        "watchkeeper_notices_dead",
        "gauge",
        "Dead letters: notices that were given up and that an operator may send again.",
        ("channel",),
        _of_runtime(lambda figures: (("", (clean(each.channel),), each.dead) for each in figures.backlogs)),
    ),
    Family(
        "watchkeeper_oldest_pending_notice_timestamp_seconds",
        "gauge",
        "When the notice was made that has waited longest; absent where none waits.",
        ("channel",),
        _of_runtime(_oldest),
    ),
    Family(
        "watchkeeper_mailbox_messages",
        "gauge",
        "Messages that wait in the mailbox of a part.",
        ("part",),
        _of_parts("", lambda part: part.queued),
    ),
    Family(
        "watchkeeper_shed_messages",
        "counter",
        "Messages that a full mailbox has dropped; of the store, samples and evidence that it did not take in time.",
        ("part",),
        _of_parts("_total", lambda part: part.shed),
    ),
    Family(
        "watchkeeper_restarts",
        "counter",
        "Restarts of a part after a crash.",
        ("part",),
        _of_parts("_total", lambda part: part.restarts),
    ),
    Family(
        "watchkeeper_part_healthy",
        "gauge",
        "Whether a part has no problem.",
        ("part",),
        _of_parts("", lambda part: int(part.is_healthy)),
    ),
    Family(
        "watchkeeper_blind_seconds",
        "counter",
        "Time in which the runtime could not observe its targets.",
        ("cause",),
        _of_runtime(
            lambda figures: (("_total", (cause,), length / NS_PER_S) for cause, length in figures.blind_ns)
        ),
    ),
    Family(
        "watchkeeper_loop_lag_seconds",
        "gauge",
        "The greatest delay of a wake-up of the runtime's loop within the last minute.",
        (),
        _of_runtime(lambda figures: [("", (), figures.loop_lag_ns / NS_PER_S)]),
    ),
    Family(
        "watchkeeper_in_flight",
        "gauge",
        "Attempts that run.",
        (),
        _of_runtime(lambda figures: [("", (), figures.in_flight)]),
    ),
    Family(
        "watchkeeper_store_commit_seconds",
        "histogram",
        "Durations of the commits of the record.",
        (),
        _of_runtime(lambda figures: _histogram((), figures.commits)),
    ),
)


FAMILIES = (*PROCESS, *RUNTIME, *TARGETS)
"""All families, but for those of the process that prometheus-client has: `process_...`."""
