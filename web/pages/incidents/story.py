"""The life of an incident: its steps, every try to tell of it, and what else bears on it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ....domain.incidents.delivery_try import DeliveryTry, TryResult
from ....domain.incidents.incident import RECOVERED, Incident, Transition, TransitionKind
from ....domain.incidents.notice import DeliveryState, Notice
from ....domain.incidents.record import Silence
from ....domain.observation.evidence import Evidence
from ....domain.observation.outcome import Outcome
from ....host.access.incident_past import IncidentPast
from ....host.access.target_past import PastSample
from ..words import duration, latency

ORDINALS = ("", "1st", "2nd", "3rd")
_BAD = (Outcome.DOWN, Outcome.TIMED_OUT, Outcome.DEGRADED)
_TOLD = {
    TransitionKind.OPENED: "told",
    TransitionKind.CHANGED: "told of the change",
    TransitionKind.ACKNOWLEDGED: "told that it was seen",
    TransitionKind.RESOLVED: "told that it is over",
}
_CHANGES = {
    "acknowledgement_ended": "The acknowledgement ended by itself",
    "acknowledgement_withdrawn": "The acknowledgement was withdrawn",
    "renamed": "The target was renamed",
    "reconfigured": "The rule was changed",
}


class StoryEvent(NamedTuple):
    """One line of the story."""

    at_ns: int
    order: int
    """Of events at the same time: what was decided comes before what was sent."""
    dot: str
    """The mark of the style sheet: `down`, `ok`, `wait`, `note`, `end`, or empty."""
    title: str
    """Words of the page, in bold; empty where the text says it all."""
    text: str
    code: str = ""
    """The words of a target or rule, as it said them."""
    detail: str = ""
    """Further words in a line of their own."""
    key: str = ""
    """The key of a notice."""


def story_of(
    incident: Incident, past: IncidentPast, silences: Sequence[Silence], now_ns: int
) -> tuple[StoryEvent, ...]:
    """Returns all that happened, in the order of time; `silences` are those in force that mute it."""
    events = [
        *_first_sign(incident, past),
        *(_step(step) for step in past.steps),
        *_tries(past.tries, {each.notice.key: each.notice for each in past.notices}),
        *_given_up(past),
        *(_silence(each, incident) for each in silences),
        *(
            StoryEvent(
                each.started_at_ns,
                1,
                "",
                "Not seen",
                f" for {duration(each.ended_at_ns - each.started_at_ns)}: {each.cause}",
            )
            for each in past.blind
        ),
    ]
    if incident.is_open:
        events += _now(incident, past.samples, now_ns)
    return tuple(sorted(events, key=lambda event: (event.at_ns, event.order)))


def _first_sign(incident: Incident, past: IncidentPast) -> Iterator[StoryEvent]:
    if past.steps and past.steps[0].at_ns == incident.opened_at_ns:
        return
    first = next(
        (each for each in past.evidence if each.at_ns // 1_000 == incident.opened_at_ns // 1_000), None
    )
    sample = next(
        (each for each in past.samples if each.at_ns // 1_000 == incident.opened_at_ns // 1_000), None
    )
    yield StoryEvent(incident.opened_at_ns, 0, "down", "First sign", "", incident.cause, _seen(first, sample))


def _seen(evidence: Evidence | None, sample: PastSample | None) -> str:
    parts = [f"from {evidence.ip}"] if evidence is not None and evidence.ip else []
    if sample is not None and sample.latency_ns is not None:
        parts.append(f"in {latency(sample.latency_ns)}")
    return " ".join(parts)


def _step(step: Transition) -> StoryEvent:
    match step.change:
        case TransitionKind.OPENED:
            later_ns = step.at_ns - step.opened_at_ns
            dated = (
                f"dated back by {duration(later_ns)}, to the first bad answer"
                if later_ns >= 1_000_000_000
                else ""
            )
            said = (
                "Incident opened" if not step.draft else "Incident opened by a draft rule, which tells nobody"
            )
            text = f", {step.severity.value}: rule {step.rule} is broken"
            return StoryEvent(step.at_ns, 2, "down", said, text, detail=dated)
        case TransitionKind.ACKNOWLEDGED:
            note = f": {step.note}" if step.note else ""
            return StoryEvent(
                step.at_ns, 2, "note", "Seen", f" by {step.acknowledged_by or 'somebody'}{note}"
            )
        case TransitionKind.RESOLVED:
            return StoryEvent(
                step.at_ns, 2, "end", "Resolved", f" after {duration(step.lasted_ns or 0)}: {_end_of(step)}"
            )
        case TransitionKind.CHANGED:
            title = _CHANGES.get(step.reason, "Changed")
            return StoryEvent(step.at_ns, 2, "note", title, "", detail=step.explanation or step.reason)


def _end_of(step: Transition) -> str:
    return "good answers again" if step.reason == RECOVERED else (step.explanation or step.reason)


def _tries(tries: Iterable[DeliveryTry], notices: Mapping[str, Notice]) -> Iterator[StoryEvent]:
    for tried in tries:
        notice = notices.get(tried.key)
        change = TransitionKind.OPENED if notice is None else notice.change
        yield _try(tried, change)


def _try(tried: DeliveryTry, change: TransitionKind) -> StoryEvent:
    took = "" if tried.took_ns is None else f" in {latency(tried.took_ns)}"
    detail = f"{ordinal(tried.attempt)} try"
    match tried.result:
        case TryResult.ACCEPTED:
            said = tried.detail or "accepted"
            return StoryEvent(
                tried.at_ns,
                3,
                "ok",
                tried.channel,
                f" {_TOLD[change]}: {said}{took}",
                detail=detail,
                key=tried.key,
            )
        case TryResult.REFUSED:
            said = f" refused it for good: {tried.detail or 'no reason given'}{took}"
            return StoryEvent(tried.at_ns, 3, "down", tried.channel, said, detail=detail, key=tried.key)
        case TryResult.FAILED:
            said = f": {tried.detail or 'failed'}{took}; it is tried again"
            return StoryEvent(tried.at_ns, 3, "wait", tried.channel, said, detail=detail, key=tried.key)
        case TryResult.UNKNOWN:
            said = ": no answer yet; it may have arrived, and a further try has the same key"
            return StoryEvent(tried.at_ns, 3, "wait", tried.channel, said, detail=detail, key=tried.key)


def ordinal(number: int) -> str:
    """Returns `1st`, `2nd`, `3rd`, `4th` ... `11th` ... `21st`."""
    if number % 100 in (11, 12, 13) or number % 10 not in (1, 2, 3):
        return f"{number}th"
    return f"{number}{ORDINALS[number % 10][1:]}"


def _given_up(past: IncidentPast) -> Iterator[StoryEvent]:
    for each in past.notices:
        if each.delivery.state is DeliveryState.DEAD:
            said = f" was not told: given up after {each.delivery.attempts} tries"
            yield StoryEvent(
                each.delivery.at_ns,
                4,
                "down",
                each.notice.channel,
                said,
                detail=each.delivery.detail,
                key=each.notice.key,
            )


def _silence(silence: Silence, incident: Incident) -> StoryEvent:
    at_ns = max(silence.created_at_ns or incident.opened_at_ns, incident.opened_at_ns)
    reason = f": {silence.reason}" if silence.reason else ""
    return StoryEvent(
        at_ns, 2, "note", "Silenced", f" by {silence.by or 'a program'}{reason}", detail="its channels wait"
    )


def _now(incident: Incident, samples: Sequence[PastSample], now_ns: int) -> Iterator[StoryEvent]:
    """Yields the newest finding of an open incident, and how many bad answers have followed each other."""
    row = 0
    for sample in reversed(samples):
        if sample.outcome not in _BAD:
            break
        row += 1
    said = f"{row} bad answers in a row" if row > 1 else "Still open"
    if row or incident.latest != incident.cause:
        at_ns = samples[-1].at_ns if samples else now_ns
        yield StoryEvent(
            max(at_ns, incident.opened_at_ns), 5, "", said, "", incident.latest or incident.cause
        )
