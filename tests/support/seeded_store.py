"""A store with a past: months of samples with outages, their incidents and notices, written through the store's own door."""

import random
from collections.abc import Iterator

from records import delivery_of, notice_of, then
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.delivery_try import DeliveryTry, TryResult
from watchkeeper.domain.incidents.incident import Transition, TransitionKind, incident_id
from watchkeeper.domain.incidents.notice import DeliveryState, Notice
from watchkeeper.domain.incidents.record import Batch, BlindInterval
from watchkeeper.domain.observation.evidence import Evidence
from watchkeeper.domain.observation.observation import Phases
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.time.moment import Moment
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S

NOON_BODY = '{"status": "overloaded", "queue": 4112}'


PART_NS = 20 * NS_PER_DAY


class Outage:
    """A span in which a target fails, before now."""

    def __init__(
        self,
        target: str,
        ago_ns: int,
        length_ns: int,
        severity: Severity = Severity.CRITICAL,
        *,
        is_open: bool = False,
        rule: str = "down",
    ) -> None:
        self.target = target
        self.ago_ns = ago_ns
        self.length_ns = length_ns
        self.severity = severity
        self.is_open = is_open
        self.rule = rule


OUTAGES = (
    Outage("payments-api", 71 * NS_PER_DAY, 50 * NS_PER_MINUTE),
    Outage("payments-api", 40 * NS_PER_DAY, 5 * NS_PER_HOUR),
    Outage("payments-api", 19 * NS_PER_DAY, 9 * NS_PER_MINUTE),
    Outage("payments-api", 18 * NS_PER_DAY, 90 * NS_PER_MINUTE, Severity.WARNING, rule="slow"),
    Outage("payments-api", 3 * NS_PER_DAY, 26 * NS_PER_MINUTE),
    Outage("payments-api", 38 * NS_PER_MINUTE, 38 * NS_PER_MINUTE, is_open=True),
    Outage("storefront", 28 * NS_PER_DAY, 30 * NS_PER_MINUTE, Severity.WARNING, rule="slow"),
    Outage("search", 30 * NS_PER_HOUR, 28 * NS_PER_HOUR, Severity.WARNING, rule="slow"),
)


def seed(
    path: str,
    now_ns: int,
    targets: tuple[str, ...] = ("payments-api", "storefront", "search"),
    *,
    days: int = 90,
    every_ns: int = 5 * NS_PER_MINUTE,
    outages: tuple[Outage, ...] = OUTAGES,
    recent: tuple[int, int] = (2 * NS_PER_HOUR, 10 * NS_PER_S),
    notify: tuple[str, ...] = ("oncall", "ops-chat", "mail"),
) -> list[str]:
    """Fills a new store with the past of targets until now; returns the ids of the incidents.

    `recent` is how long its newest samples are closer together, and their distance.
    """
    begin_ns = now_ns - days * NS_PER_DAY
    store = SqliteStore(path)
    store.open(Moment(0, begin_ns))
    chosen = [each for each in outages if each.target in targets and each.ago_ns < days * NS_PER_DAY]
    # In parts, each summed up before the next: a store has so many tables of raw samples at most.
    for first_ns in range(begin_ns, now_ns, PART_NS):
        end_ns = min(first_ns + PART_NS, now_ns)
        for number, target in enumerate(targets):
            fine_ns = max(first_ns, min(end_ns, now_ns - recent[0]))
            for span, step_ns in (((first_ns, fine_ns), every_ns), ((fine_ns, end_ns), recent[1])):
                samples = tuple(_samples(target, span, now_ns, step_ns, chosen, number))
                store.commit(Batch(samples=samples))
        _sum_up(store, Moment(end_ns - begin_ns + NS_PER_DAY, end_ns))
    # As in a life: the record has them in the order in which they opened.
    by_time = sorted(chosen, key=lambda each: -each.ago_ns)
    found = [_outage(store, outage, now_ns, notify) for outage in by_time]
    blind_ns = now_ns - 10 * NS_PER_DAY - 3 * NS_PER_HOUR
    store.commit(Batch(blind=(BlindInterval(blind_ns, blind_ns + 12 * NS_PER_MINUTE, "suspended"),)))
    store.close()
    return found


def _sum_up(store: SqliteStore, now: Moment) -> None:
    store.run_maintenance(now.shifted(-limits.HOUSE_SETTLE_NS))
    for _ in range(4_000):
        if not store.run_maintenance(now):
            return


def _samples(
    target: str, span: tuple[int, int], now_ns: int, every_ns: int, outages: list[Outage], number: int
) -> Iterator[Sample]:
    chance = random.Random(number * 1_000 + span[0] // PART_NS)
    spans = [
        (now_ns - each.ago_ns, now_ns - each.ago_ns + each.length_ns, each.severity)
        for each in outages
        if each.target == target
    ]
    for at_ns in range(*span, every_ns):
        severity = next((kind for since, until, kind in spans if since <= at_ns < until), None)
        swing = 1 + 0.5 * ((at_ns // NS_PER_HOUR % 24) in range(8, 19))
        latency_ms = (22 + 9 * number) * swing * chance.lognormvariate(0, 0.25)
        latency_ms *= 40 if chance.random() < 0.004 else 1
        outcome, failed, status = Outcome.UP, (), 200
        if severity is Severity.CRITICAL:
            outcome, failed, status = Outcome.DOWN, ("[STATUS] (503) == 200",), 503
        elif severity is not None:
            outcome, latency_ms = Outcome.DEGRADED, latency_ms + 380
            failed = (f"[RESPONSE_TIME] ({latency_ms:.0f}) < 300",)
        yield Sample(
            target=target,
            epoch=1,
            attempt=at_ns // every_ns,
            at=Moment(at_ns, at_ns),
            outcome=outcome,
            reason=Reason.CONDITION_FAILED if failed else Reason.OK,
            latency_ns=int(latency_ms * NS_PER_MS),
            status=status,
            failed=failed,
        )


def _outage(store: SqliteStore, outage: Outage, now_ns: int, notify: tuple[str, ...]) -> str:
    opened_ns = now_ns - outage.ago_ns
    decided_ns = opened_ns + NS_PER_MINUTE
    is_down = outage.severity is Severity.CRITICAL
    said = (
        "condition_failed: [STATUS] (503) == 200" if is_down else "p95 of response_time is 412 ms, > 300 ms"
    )
    opened = Transition(
        id=incident_id(outage.target, outage.rule, 1, 1, opened_ns),
        sequence=1,
        change=TransitionKind.OPENED,
        target=outage.target,
        rule=outage.rule,
        severity=outage.severity,
        about=TargetMetadata(group="Payments", name=outage.target.replace("-", " ")),
        at_ns=decided_ns,
        opened_at_ns=opened_ns,
        reason="condition_failed" if is_down else "threshold",
        explanation=said,
        cause=said,
        latest=said,
        evidence=(1, 2, 3),
        notify=notify,
    )
    phases = Phases(
        dns_ns=1_200_000,
        connect_ns=3_100_000,
        tls_ns=11_000_000,
        first_byte_ns=24_000_000,
        transfer_ns=1_900_000,
    )
    evidence = tuple(
        Evidence(
            target=outage.target,
            at_ns=opened_ns + after_ns,
            ip="10.0.3.7",
            phases=phases,
            failed=("[STATUS] (503) == 200",),
            body=NOON_BODY,
        )
        for after_ns in (0, 5 * NS_PER_MINUTE)
    )
    store.commit(Batch(transitions=(opened,), evidence=evidence))
    _deliver(store, opened, is_stuck=outage.is_open)
    if not outage.is_open:
        seen = then(
            opened,
            TransitionKind.ACKNOWLEDGED,
            at_ns=decided_ns + NS_PER_MINUTE,
            acknowledged_at_ns=decided_ns + NS_PER_MINUTE,
            acknowledged_by="anna",
            note="rolling back",
            reason="acknowledged",
            explanation="acknowledged by anna",
        )
        end_ns = opened_ns + outage.length_ns
        ended = then(
            seen,
            TransitionKind.RESOLVED,
            at_ns=end_ns,
            resolved_at_ns=end_ns,
            reason="recovered",
            explanation="ok",
        )
        store.commit(Batch(transitions=(seen,)))
        store.commit(Batch(transitions=(ended,)))
        _deliver(store, ended, is_stuck=False, is_refused=not is_down)
    return opened.id


def _deliver(store: SqliteStore, transition: Transition, *, is_stuck: bool, is_refused: bool = False) -> None:
    """Delivers to each channel at once, but to the last one at its second try, not yet, or never."""
    for number, channel in enumerate(transition.notify):
        notice = notice_of(transition, channel)
        last = number == len(transition.notify) - 1
        store.commit(Batch(notices=(notice,)))
        if last:
            _tried(store, notice, 1, TryResult.FAILED, "HTTP 421: try again later", DeliveryState.PENDING)
        if last and is_refused:
            _tried(store, notice, 2, TryResult.REFUSED, "HTTP 410: this address is gone", DeliveryState.DEAD)
        elif last and is_stuck:
            _tried(store, notice, 2, TryResult.UNKNOWN, "", DeliveryState.PENDING)
        else:
            _tried(store, notice, 1 + last, TryResult.ACCEPTED, "HTTP 202", DeliveryState.DELIVERED)


def _tried(
    store: SqliteStore, notice: Notice, attempt: int, result: TryResult, detail: str, state: DeliveryState
) -> None:
    at_ns = notice.created_at_ns + (attempt - 1) * 30 * NS_PER_S
    answered = None if result is TryResult.UNKNOWN else 212 * NS_PER_MS
    tried = DeliveryTry(
        key=notice.key,
        attempt=attempt,
        channel=notice.channel,
        at_ns=at_ns,
        took_ns=answered,
        result=result,
        detail=detail,
    )
    store.commit(Batch(tries=(tried,), deliveries=(delivery_of(notice, state, attempt, detail),)))
