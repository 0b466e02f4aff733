"""The past of a target as charts and tables show it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from ....domain.observation.observation import Phases
from ....domain.public_value import milliseconds
from ....domain.specification.rule import Aggregate, RuleState, Threshold
from ....domain.specification.target import Target
from ....domain.units import NS_PER_HOUR
from ....host.access.target_past import SPANS, Part, TargetPast, problem_spans
from ..charts.axis import Tick, has_clock_times, time_ticks
from ..charts.day_strip import DayRow, day_marks, day_rows, strip_label
from ..charts.latency import Point, SpeedLimit, latency_chart, latency_label
from ..charts.phases import PhaseRow, phase_chart
from ..charts.timeline import Shown, Stretch, segments, status_strip, summary
from ..frame import PageFrame
from .figures import figure_rows

SPAN_WORDS = {
    "1h": "the last hour",
    "24h": "the last 24 hours",
    "7d": "the last 7 days",
    "30d": "the last 30 days",
    "90d": "the last 90 days",
    "1y": "the last year",
}
_CONDITION = re.compile(r"\[RESPONSE_TIME\] *<=? *([1-9]\d{0,8}(?:\.\d+)?)$", re.IGNORECASE)
"""A condition that an answer is not too slow."""


class PastView(NamedTuple):
    """The charts of a span with their tables."""

    span: str
    words: str
    """`the last 24 hours`."""
    part_ns: int
    summary: str
    """The status in words: `down 12 min, up 23 h 48`."""
    strip: Markup
    latency: Markup
    has_answers: bool
    """Whether there is any latency to draw; a heartbeat has none."""
    rows: Markup
    """The same in figures, newest first."""
    stretches: tuple[Stretch, ...]
    """The parts that were not simply up, newest first."""
    axis_said: str
    """The zone of the axis: `times in Europe/Vienna`, or `days in UTC`."""


class DaysView(NamedTuple):
    """The strip of 90 days."""

    marks: list[tuple[int, str]]
    label: str
    rows: list[DayRow]


def past_view(past: TargetPast, target: Target, span: str, frame: PageFrame) -> PastView:
    """Returns the charts of a span, with times in the zone of their reader."""
    bounds = past.since_ns, past.until_ns
    ticks = time_ticks(*bounds, frame.zone)
    parts = segments(_stretches(past, target), *bounds)
    words = SPAN_WORDS[span]
    said = summary(parts)
    shown = [part for part in past.parts if part.until_ns > past.since_ns]
    return PastView(
        span=span,
        words=words,
        part_ns=past.parts[0].until_ns - past.parts[0].since_ns if past.parts else SPANS[span].part_ns,
        summary=said,
        strip=status_strip(parts, ticks, f"Status of {words}: {said}"),
        latency=_latency(past, points_of(shown), target, words, ticks),
        has_answers=any(part.p50_ns is not None for part in shown),
        rows=figure_rows(reversed(shown), frame),
        stretches=tuple(part for part in reversed(parts) if part.state is not Shown.UP),
        axis_said=axis_said(*bounds, frame),
    )


def axis_said(since_ns: int, until_ns: int, frame: PageFrame) -> str:
    """Returns the zone of the axis of a span, in words."""
    return f"times in {frame.zone_name}" if has_clock_times(since_ns, until_ns) else "days in UTC"


def _latency(
    past: TargetPast, points: Sequence[Point], target: Target, words: str, ticks: Sequence[Tick]
) -> Markup:
    problems = [
        problem
        for problem in problem_spans(past.incidents, past.until_ns)
        if problem.until_ns > past.since_ns
    ]
    return latency_chart(
        points,
        (past.since_ns, past.until_ns),
        ticks,
        limits=speed_limits(target),
        problems=problems,
        gap_ns=target.stale_after_ns,
        label=latency_label(points, words),
    )


def points_of(parts: Iterable[Part]) -> list[Point]:
    """Returns parts of the past as points of a chart."""
    return [
        Point(
            part.since_ns,
            part.until_ns,
            milliseconds(part.p50_ns),
            milliseconds(part.p95_ns),
            milliseconds(part.max_ns),
            part.samples,
            part.bad,
        )
        for part in parts
    ]


def speed_limits(target: Target) -> list[SpeedLimit]:
    """Returns the bounds of rules and conditions on the response time, which the chart draws as dashed lines."""
    of_rules = [
        SpeedLimit(
            rule.bound,
            f"{rule.id}: {_figure_of(rule)} {rule.operator} {rule.text_of(rule.bound)}{_unit(rule)}",
        )
        for rule in target.judged_rules
        if isinstance(rule, Threshold)
        and rule.measure == "response_time"
        and not rule.is_of_change
        and rule.state is not RuleState.RETIRED
        and rule.bound > 0
    ]
    of_conditions = [
        found for text in (*target.expect, *target.warnings) if (found := _CONDITION.match(text))
    ]
    return of_rules + [SpeedLimit(float(found[1]), found[0]) for found in of_conditions]


def _figure_of(rule: Threshold) -> str:
    return "" if rule.aggregate is Aggregate.LAST else rule.aggregate.value


def _unit(rule: Threshold) -> str:
    return "" if isinstance(rule.value, str) else " ms"


def _stretches(past: TargetPast, target: Target) -> Iterator[Stretch]:
    """Yields what is known of a span: where there are samples, what incidents took, and when nothing was seen."""
    # A sample stands for its target until the next one is overdue.
    reach_ns = target.stale_after_ns if target.stale_after_ns > NS_PER_HOUR else 0
    for part in past.parts:
        longer_ns = max(reach_ns, target.stale_after_ns if part.until_ns - part.since_ns < NS_PER_HOUR else 0)
        yield Stretch(max(part.since_ns, past.began_ns), part.until_ns + longer_ns, Shown.UP)
    for since_ns, until_ns in past.blind:
        yield Stretch(since_ns, until_ns, Shown.BLIND)
    for problem in problem_spans(past.incidents, past.until_ns):
        yield Stretch(problem.since_ns, problem.until_ns, Shown.DOWN if problem.is_down else Shown.DEGRADED)


def days_view(past: TargetPast, count: int = 90) -> DaysView:
    """Returns the strip of days that a page of one target shows."""
    return DaysView(
        day_marks(past.days, past.until_day - count), strip_label(past.days, count), day_rows(past.days)
    )


def phases_view(rows: Iterable[tuple[str, Phases | None]]) -> tuple[Markup, list[PhaseRow]]:
    """Returns the chart of the phases of attempts, each with its label, and the rows that it has."""
    found = [PhaseRow(label, phases) for label, phases in rows if phases is not None]
    found = [row for row in found if row.parts]
    return phase_chart(found), found
