"""The latency of a span: p50, p95 and the longest of each part of it, what failed, and the limits of rules."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from ....domain.read_model.days import ProblemSpan
from ....domain.units import NS_PER_MS
from ..words import latency
from .axis import Tick, milliseconds_text, round_top, value_ticks
from .frame import LEFT, RIGHT, WIDTH, Axis, time_labels
from .svg import element, path, picture

HEIGHT, TOP, BASE = 190.0, 22.0, 164.0
LIMIT_WITHIN = 8.0
"""A limit that is so many times what is usual is named at the upper edge, so that the answers can be read."""
USUAL = 0.9
"""The share of the parts whose p95 the axis shows whole; the slowest are marked where they leave it."""


class Point(NamedTuple):
    """The answers of one part of a span. Latencies in milliseconds; None without an answer that counts."""

    since_ns: int
    until_ns: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    max_ms: float | None = None
    answers: int = 0
    bad: int = 0

    @property
    def middle_ns(self) -> int:
        return (self.since_ns + self.until_ns) // 2


class SpeedLimit(NamedTuple):
    """The bound of a rule or condition on the response time."""

    value_ms: float
    label: str


class _Scale(NamedTuple):
    top: float

    def y(self, value_ms: float) -> float:
        return BASE - min(1.0, value_ms / self.top) * (BASE - TOP)


def latency_chart(
    points: Sequence[Point],
    span: tuple[int, int],
    ticks: Sequence[Tick],
    *,
    limits: Sequence[SpeedLimit] = (),
    problems: Sequence[ProblemSpan] = (),
    edges: Sequence[tuple[int, str]] = (),
    gap_ns: int = 0,
    label: str,
) -> Markup:
    """Returns the chart over a span; `problems` are spans of incidents, washed behind it, `edges` are moments with words.

    Lines go on over parts without samples that are no longer than `gap_ns`: of a target that is seldom checked.
    """
    axis, scale = Axis(*span), _Scale(round_top(_reach(points, limits)))
    behind = [_wash(problem, axis) for problem in problems]
    lines = [
        element("path", class_=kind, d=drawn)
        for kind, drawn in (
            ("max", path(_line(points, axis, scale, "max_ms", gap_ns))),
            ("p95", path(_line(points, axis, scale, "p95_ms", gap_ns))),
            ("p50", path(_line(points, axis, scale, "p50_ms", gap_ns))),
        )
        if drawn
    ]
    return picture(
        "chart latency",
        WIDTH,
        HEIGHT,
        label,
        [
            *behind,
            *_frame(scale),
            *(_limit(limit, scale) for limit in limits),
            *lines,
            *_beyond(points, axis, scale),
            *_failures(points, axis),
            *_edges(edges, axis),
            *time_labels(ticks, axis, BASE + 18),
        ],
    )


def _reach(points: Iterable[Point], limits: Iterable[SpeedLimit]) -> float:
    """Returns the greatest value that the axis must show: what is usual with some air, and limits that are near it."""
    slow = sorted(point.p95_ms for point in points if point.p95_ms is not None)
    usual = slow[int(USUAL * (len(slow) - 1))] if slow else 0.0
    near = [limit.value_ms * 1.15 for limit in limits if not usual or limit.value_ms <= LIMIT_WITHIN * usual]
    return max(usual * 1.8, *near, 0.0)


def _line(
    points: Sequence[Point], axis: Axis, scale: _Scale, name: str, gap_ns: int
) -> Iterable[tuple[float, float] | None]:
    """Yields the places of one figure; None where there was no answer or no part for too long, which breaks the line.

    The longest answers break it where they leave the picture, too: a comb of them would hide the rest.
    """
    reached_ns = points[0].since_ns if points else 0
    for point in points:
        value = getattr(point, name)
        if point.since_ns > reached_ns + gap_ns:
            yield None
        reached_ns = point.until_ns
        is_away = value is None or (name == "max_ms" and value > scale.top)
        yield None if is_away else (axis.x(point.middle_ns), scale.y(value))


def _frame(scale: _Scale) -> Iterable[Markup]:
    for value in value_ticks(scale.top):
        y = scale.y(value)
        yield element("line", class_="ax" if not value else "grid", x1=LEFT, y1=y, x2=RIGHT, y2=y)
        yield element(
            "text", milliseconds_text(value), class_="value", x=LEFT - 6, y=y + 4, text_anchor="end"
        )


def _limit(limit: SpeedLimit, scale: _Scale) -> Markup:
    if limit.value_ms > scale.top:
        said = f"{limit.label} \N{UPWARDS ARROW}"
        return element("text", said, class_="limit", x=RIGHT, y=TOP + 12, text_anchor="end")
    y = scale.y(limit.value_ms)
    line = element("line", class_="limit", x1=LEFT, y1=y, x2=RIGHT, y2=y)
    return line + element(
        "text", limit.label, class_="limit", x=RIGHT, y=max(y - 4, TOP + 9), text_anchor="end"
    )


def _wash(problem: ProblemSpan, axis: Axis) -> Markup:
    begin, end = axis.x(problem.since_ns), axis.x(problem.until_ns)
    end = min(RIGHT, max(end, begin + 1.5))
    kind = "wash" if problem.is_down else "wash mild"
    return element("rect", class_=kind, x=begin, y=TOP, width=end - begin, height=BASE - TOP)


def _edges(edges: Iterable[tuple[int, str]], axis: Axis) -> Iterable[Markup]:
    for at_ns, words in edges:
        x = axis.x(at_ns)
        is_right = x < (LEFT + RIGHT) / 2
        yield element("line", class_="edge", x1=x, y1=TOP, x2=x, y2=BASE)
        yield element(
            "text",
            words,
            x=x + (5 if is_right else -5),
            y=TOP + 24,
            text_anchor="start" if is_right else "end",
        )


def _beyond(points: Iterable[Point], axis: Axis, scale: _Scale) -> Iterable[Markup]:
    """Yields small triangles at the upper edge where the longest answer is beyond it, and where p95 is."""
    drawn: dict[str, list[str]] = {"beyond": [], "beyond slow": []}
    for point in points:
        if point.max_ms is not None and point.max_ms > scale.top:
            kind = "beyond" if (point.p95_ms or 0.0) <= scale.top else "beyond slow"
            x = min(RIGHT - 3, max(LEFT + 3, axis.x(point.middle_ns)))
            drawn[kind].append(f"M{x - 3:.1f} {TOP:.1f}h6l-3 -5z")
    for kind, triangles in drawn.items():
        if triangles:
            title = element("title", "longer than the axis reaches: the figures say how long")
            yield element("path", title, class_=kind, d="".join(triangles))


def _failures(points: Sequence[Point], axis: Axis) -> Iterable[Markup]:
    """Yields one element whose squares at the top are the parts with bad answers: taller with their share."""
    drawn = []
    for point in points:
        if not point.bad:
            continue
        share = point.bad / max(point.bad, point.answers)
        width = min(5.0, max(1.5, axis.x(point.until_ns) - axis.x(point.since_ns) - 0.6))
        x = min(RIGHT - width, max(LEFT, axis.x(point.middle_ns) - width / 2))
        height = 3.0 + 6.0 * share
        drawn.append(f"M{x:.1f} {14 - height:.1f}h{width:.1f}v{height:.1f}h-{width:.1f}z")
    if drawn:
        yield element("path", element("title", "bad answers"), class_="bad", d="".join(drawn))


def latency_label(points: Sequence[Point], what: str) -> str:
    """Returns the chart in one sentence."""
    answered = [point for point in points if point.p50_ms is not None]
    bad = sum(point.bad for point in points)
    failures = f"; {bad:,} bad" if bad else ""
    if not answered:
        return f"Latency of {what}: no answer{failures}"
    low, high = (edge(point.p50_ms or 0.0 for point in answered) for edge in (min, max))
    longest = max(point.max_ms or 0.0 for point in answered)
    texts = [latency(int(value * NS_PER_MS)) for value in (low, high, longest)]
    return f"Latency of {what}: half of the answers within {texts[0]} to {texts[1]}, the longest {texts[2]}{failures}"
