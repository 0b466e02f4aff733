"""Records for tests, with sensible values: an incident's transitions, their notices, and samples."""

from typing import Any

import msgspec
from watchkeeper.domain.incidents.digest import Grouping, digest_of, member_of
from watchkeeper.domain.incidents.incident import Incident, Transition, TransitionKind
from watchkeeper.domain.incidents.notice import (
    Delivery,
    DeliveryState,
    Notice,
    NoticeReason,
    make_digest,
    make_notice,
)
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Moment

NOON = Moment(monotonic_ns=NS_PER_S, wall_ns=1_767_268_800 * NS_PER_S)
"""2026-01-01T12:00:00Z, one second after the machine has started."""
SHOP_DOWN = Incident(
    id="inc_1",
    sequence=1,
    change=TransitionKind.OPENED,
    target="shop",
    rule="down",
    severity=Severity.CRITICAL,
    at_ns=1_767_225_600 * NS_PER_S,
    opened_at_ns=1_767_225_600 * NS_PER_S,
    cause="[STATUS] (503) == 200",
    reason="condition_failed",
    explanation="[STATUS] (503) == 200",
)
"""An incident that opened at 2026-01-01T00:00:00Z, as channels are given one."""


def opened(incident: str = "inc_1", target: str = "shop", rule: str = "down", **fields: Any) -> Transition:
    """Returns the first transition of an incident."""
    said: dict[str, Any] = {
        "severity": Severity.CRITICAL,
        "at_ns": NOON.wall_ns,
        "opened_at_ns": NOON.wall_ns - NS_PER_S,
        "reason": "timed_out",
        "explanation": "timed_out: no answer",
        "evidence": (1, 2, 3),
        "notify": ("ops",),
    } | fields
    found = said["explanation"] or said["reason"]
    said = {"cause": found, "latest": found} | said
    return Transition(id=incident, sequence=1, change=TransitionKind.OPENED, target=target, rule=rule, **said)


def then(transition: Transition, change: TransitionKind, **fields: Any) -> Transition:
    """Returns the transition after `transition`, a second later."""
    at_ns = transition.at_ns + NS_PER_S
    ended = {"resolved_at_ns": at_ns} if change is TransitionKind.RESOLVED else {}
    said = {"sequence": transition.sequence + 1, "change": change, "at_ns": at_ns} | ended | fields
    return msgspec.structs.replace(transition, **said)


def notice_of(transition: Transition, channel: str = "ops") -> Notice:
    """Returns the notice of a transition for a channel."""
    return make_notice(
        transition.incident, channel, transition.change, transition.at_ns, NoticeReason.TRANSITION
    )


def delivery_of(notice: Notice, state: DeliveryState, attempts: int = 1, detail: str = "") -> Delivery:
    """Returns the delivery of a notice in a state, a second after the notice was made."""
    at_ns = notice.created_at_ns + NS_PER_S
    return Delivery(key=notice.key, state=state, attempts=attempts, at_ns=at_ns, detail=detail)


def sample_at(after_ns: int, target: str = "shop", outcome: Outcome = Outcome.UP, **fields: Any) -> Sample:
    """Returns a sample of a target, taken `after_ns` after noon."""
    up = outcome is Outcome.UP
    said: dict[str, Any] = {
        "epoch": 1,
        "attempt": after_ns,
        "reason": Reason.OK if up else Reason.TIMED_OUT,
        "latency_ns": 5 * NS_PER_MS,
        "status": 200 if up else None,
        "detail": "" if up else "no answer",
    } | fields
    return Sample(target=target, at=NOON.shifted(after_ns), outcome=outcome, **said)


def digest_of_steps(
    *steps: Transition, channel: str = "ops", at_ns: int | None = None, reminder: int = 0
) -> Notice:
    """Returns the digest that tells a channel of transitions, as made a second after the last of them."""
    grouping = Grouping("shop", (("group", "shop"),))
    members = [member_of(step.incident, step.change) for step in steps]
    digest = digest_of(grouping, members, ())
    lead = next(step.incident for step in steps if step.incident_id == digest.members[0].incident_id)
    made_ns = max(step.at_ns for step in steps) + NS_PER_S if at_ns is None else at_ns
    change = TransitionKind.OPENED if digest.opened_count else TransitionKind.RESOLVED
    return make_digest(digest, lead, channel, change, made_ns, reminder)
