"""Charts: whatever the values, everything is inside the picture, and the shapes say what the values are."""

import re
from datetime import UTC, datetime
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from watchkeeper.domain.observation.observation import Phases
from watchkeeper.domain.read_model.days import DayRun, DayState, ProblemSpan, TargetDays
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from watchkeeper.web.pages.charts.axis import TICKS_MAX, milliseconds_text, round_top, time_ticks, value_ticks
from watchkeeper.web.pages.charts.day_strip import day_marks, day_rows, strip_label
from watchkeeper.web.pages.charts.latency import Point, SpeedLimit, latency_chart, latency_label
from watchkeeper.web.pages.charts.phases import PhaseRow, phase_chart
from watchkeeper.web.pages.charts.sparkline import sparkline
from watchkeeper.web.pages.charts.svg import element, path
from watchkeeper.web.pages.charts.timeline import (
    NARROWEST,
    Shown,
    Stretch,
    lengths_of,
    segments,
    status_strip,
    summary,
)

NOW = 1_767_268_800 * 10**9
NUMBER = r"-?\d+(?:\.\d+)?"


def tree_of(markup):
    return ET.fromstring(str(markup))  # noqa: S314  # made here


def points_of(d):
    """The places that a path touches; relative steps are followed."""
    x = y = 0.0
    for command, body in re.findall(r"([MLmhvlz])([^MLmhvlz]*)", d):
        numbers = [float(number) for number in re.findall(NUMBER, body)]
        match command:
            case "M" | "L":
                x, y = numbers
            case "m" | "l":
                x, y = x + numbers[0], y + numbers[1]
            case "h":
                x += numbers[0]
            case "v":
                y += numbers[0]
        yield x, y


def assert_inside(markup):
    tree = tree_of(markup)
    _, _, width, height = map(float, tree.get("viewBox").split())
    for node in tree.iter():
        places = []
        if node.tag == "rect":
            x, y, w, h = (float(node.get(name)) for name in ("x", "y", "width", "height"))
            assert w >= 0
            assert h >= 0
            places = [(x, y), (x + w, y + h)]
        elif node.tag == "path" and "hatch" not in ET.tostring(node, "unicode"):
            places = [*points_of(node.get("d"))]
        elif node.tag == "line":
            places = [(float(node.get(f"x{end}")), float(node.get(f"y{end}"))) for end in (1, 2)]
        elif node.tag == "text":
            places = [(float(node.get("x")), float(node.get("y")))]
        for x, y in places:
            assert -0.11 <= x <= width + 0.11, ET.tostring(node)
            assert -0.11 <= y <= height + 0.11, ET.tostring(node)


def without_hatch(markup):
    return re.sub(r"<defs>.*?</defs>", "", str(markup))


# Elements.


def test_an_element_escapes_its_text_and_its_attributes():
    made = element("text", "<b>&", title='"><script>')
    assert str(made) == '<text title="&#34;&gt;&lt;script&gt;">&lt;b&gt;&amp;</text>'


def test_a_path_breaks_where_a_value_is_missing():
    assert path([(0, 0), (1, 1), None, (3, 3)]) == "M0 0L1 1M3 3m-1 0h2"
    assert path([]) == ""


# Axes.


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_the_top_of_an_axis_is_round_and_at_most_two_and_a_half_times_its_value(value):
    top = round_top(value)
    assert value <= top <= 2.0 * value + 1e-9
    assert f"{top:e}".partition("e")[0].rstrip("0") in {"1.", "2.", "2.5", "4.", "5.", "6.", "8."}


def test_values_have_a_unit_and_zero_has_none():
    assert [milliseconds_text(value) for value in value_ticks(2_000.0)] == ["0", "1 s", "2 s"]
    assert milliseconds_text(2.5) == "2.5 ms"


SPANS = st.integers(min_value=NS_PER_HOUR, max_value=400 * NS_PER_DAY)
ZONES = st.sampled_from(
    [UTC, ZoneInfo("Europe/Vienna"), ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")]
)


@given(st.integers(min_value=0, max_value=NOW), SPANS, ZONES)
def test_times_of_an_axis_are_a_few_round_ones_inside_the_span(since_ns, length_ns, zone):
    ticks = time_ticks(since_ns, since_ns + length_ns, zone)
    assert len(ticks) <= TICKS_MAX + 1
    assert all(since_ns <= tick.at <= since_ns + length_ns for tick in ticks)
    assert [tick.at for tick in ticks] == sorted({tick.at for tick in ticks})
    assert length_ns < 80 * NS_PER_DAY or ticks


@pytest.mark.parametrize(
    ("length_ns", "first"),
    [(NS_PER_HOUR, "11:00"), (NS_PER_DAY, "12:00"), (7 * NS_PER_DAY, "26 Dec"), (365 * NS_PER_DAY, "Mar")],
)
def test_an_axis_says_hours_then_days_then_months(length_ns, first):
    assert time_ticks(NOW - length_ns, NOW)[0].label == first


def test_hours_of_an_axis_are_those_of_the_readers_zone():
    labels = [tick.label for tick in time_ticks(NOW - NS_PER_DAY, NOW, ZoneInfo("Asia/Kolkata"))]
    assert labels == ["18:00", "21:00", "1 Jan", "03:00", "06:00", "09:00", "12:00", "15:00"]


@pytest.mark.parametrize(
    ("zone", "until", "labels"),
    [
        (
            "Europe/Vienna",
            datetime(2026, 3, 29, 12, tzinfo=UTC),
            "15:00, 18:00, 21:00, 29 Mar, 03:00, 06:00, 09:00, 12:00",
        ),
        (
            "Europe/Vienna",
            datetime(2026, 10, 25, 11, tzinfo=UTC),
            "15:00, 18:00, 21:00, 25 Oct, 03:00, 06:00, 09:00, 12:00",
        ),
        # Here the clock is set forward at midnight.
        (
            "Africa/Cairo",
            datetime(2026, 4, 24, 8, tzinfo=UTC),
            "12:00, 15:00, 18:00, 21:00, 24 Apr, 03:00, 06:00, 09:00",
        ),
    ],
)
def test_hours_of_an_axis_are_round_on_both_sides_of_a_clock_change(zone, until, labels):
    until_ns = int(until.timestamp()) * NS_PER_S
    ticks = time_ticks(until_ns - NS_PER_DAY, until_ns, ZoneInfo(zone))
    assert ", ".join(tick.label for tick in ticks) == labels


# The strip of days.


def test_the_marks_of_days_are_places_and_classes():
    runs = (
        DayRun(100, 30, DayState.NO_DATA),
        DayRun(140, 1, DayState.DOWN, 13 * NS_PER_HOUR),
        DayRun(141, 1, DayState.DEGRADED, NS_PER_MINUTE),
        DayRun(150, 1, DayState.BLIND),
    )
    days = TargetDays(runs, 0.9977)
    assert day_marks(days, 100) == [(0, "n s30"), (40, "d h5"), (41, "w h1"), (50, "u")]
    assert strip_label(days, 90) == (
        "The last 90 days (UTC): 57 calm, 1 degraded, 1 down, 1 not seen, 30 no data; uptime 99.77 %"
    )
    assert [row.said for row in day_rows(days)] == [
        "not seen",
        "degraded for 1 min",
        "down for 13 h 00",
        "no data",
    ]
    assert day_rows(days)[-1].when == "11 Apr 1970 to 10 May 1970"


# The sparkline.


LATENCIES = st.lists(st.none() | st.floats(min_value=0, max_value=1e7), min_size=1, max_size=48)


@given(LATENCIES, st.data())
def test_a_sparkline_stays_in_its_box(values, data):
    is_bad = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    made = sparkline(values, is_bad)
    if any(value is not None for value in values) or any(is_bad):
        assert_inside(made)
    else:
        assert not made


def test_a_steady_day_is_a_flat_sparkline():
    tree = tree_of(sparkline([20.0, 20.2, 20.1]))
    heights = [y for _, y in points_of(tree.find("path").get("d"))]
    assert max(heights) - min(heights) < 1


# The time line of the status.


STRETCHES = st.lists(
    st.builds(
        lambda at, length, state: Stretch(NOW + at, NOW + at + length, state),
        st.integers(-NS_PER_DAY, NS_PER_DAY),
        st.integers(0, NS_PER_DAY),
        st.sampled_from(Shown),
    ),
    max_size=12,
)


@given(STRETCHES)
def test_the_segments_of_a_span_have_no_gap_and_last_as_long_as_it(stretches):
    since_ns, until_ns = NOW, NOW + NS_PER_DAY
    parts = segments(stretches, since_ns, until_ns)
    assert parts[0].since_ns == since_ns
    assert parts[-1].until_ns == until_ns
    assert all(a.until_ns == b.since_ns and a.state is not b.state for a, b in pairwise(parts))
    assert sum(lengths_of(parts).values()) == until_ns - since_ns
    assert_inside(without_hatch(status_strip(parts, time_ticks(since_ns, until_ns), "the day")))


@given(STRETCHES, st.integers(0, NS_PER_DAY - 1))
def test_at_each_moment_the_worst_state_is_shown(stretches, at_ns):
    at_ns += NOW
    there = [each.state for each in stretches if each.since_ns <= at_ns < each.until_ns]
    parts = segments(stretches, NOW, NOW + NS_PER_DAY)
    (shown,) = [part.state for part in parts if part.since_ns <= at_ns < part.until_ns]
    order = list(Shown)
    assert shown is max([Shown.NO_DATA, *there], key=order.index)


def test_an_outage_of_a_second_in_a_year_is_seen():
    whole = Stretch(NOW - 365 * NS_PER_DAY, NOW, Shown.UP)
    outage = Stretch(NOW - 10**9, NOW, Shown.DOWN)
    parts = segments([whole, outage], whole.since_ns, NOW)
    tree = tree_of(status_strip(parts, [], "a year"))
    (bar,) = [node for node in tree.iter("rect") if node.get("class") == "st-down"]
    assert float(bar.get("width")) >= NARROWEST
    assert summary(parts) == "down 1 s, up 364 d"


def test_a_span_without_samples_is_no_data_and_never_up():
    (part,) = segments([], NOW, NOW + NS_PER_DAY)
    assert part.state is Shown.NO_DATA


# The latency.


def parts_of(values):
    return [
        Point(NOW + number * NS_PER_HOUR, NOW + (number + 1) * NS_PER_HOUR, *rest)
        for number, rest in enumerate(values)
    ]


FIGURES = st.lists(
    st.tuples(
        st.none() | st.floats(0, 1e6),
        st.none() | st.floats(0, 1e7),
        st.none() | st.floats(0, 1e8),
        st.integers(0, 99),
        st.integers(0, 99),
    ),
    max_size=40,
)


@given(FIGURES, st.lists(st.floats(min_value=0.001, max_value=1e9), max_size=3))
def test_the_latency_of_any_values_stays_inside_the_picture(values, limits):
    span = NOW, NOW + max(1, len(values)) * NS_PER_HOUR
    made = latency_chart(
        parts_of(values),
        span,
        time_ticks(*span),
        limits=[SpeedLimit(value, "slow") for value in limits],
        problems=[
            ProblemSpan("shop", NOW - NS_PER_DAY, NOW + NS_PER_MINUTE, True),
            ProblemSpan("shop", NOW, NOW, False),
        ],
        edges=[(NOW, "first sign")],
        label=latency_label(parts_of(values), "a day"),
    )
    assert_inside(made)


@given(st.lists(st.floats(min_value=1, max_value=1e4), min_size=2, max_size=20))
def test_a_longer_latency_never_stands_lower(values):
    made = latency_chart(
        parts_of([(value, value, value, 1, 0) for value in values]),
        (NOW, NOW + len(values) * NS_PER_HOUR),
        [],
        label="",
    )
    (line,) = [node for node in tree_of(made).iter("path") if node.get("class") == "p50"]
    drawn = [y for _, y in points_of(line.get("d"))]
    assume(len(drawn) == len(values))
    for one, other in pairwise(sorted(zip(values, drawn, strict=True))):
        assert one[1] >= other[1] - 0.11


def test_a_limit_of_a_rule_is_dashed_and_one_far_above_is_named_at_the_edge():
    points = parts_of([(20.0, 30.0, 40.0, 10, 0)] * 3)
    near = str(
        latency_chart(points, (NOW, NOW + 3 * NS_PER_HOUR), [], limits=[SpeedLimit(100, "slow")], label="")
    )
    far = str(
        latency_chart(points, (NOW, NOW + 3 * NS_PER_HOUR), [], limits=[SpeedLimit(9_000, "slow")], label="")
    )
    assert '<line class="limit"' in near
    assert '<line class="limit"' not in far
    assert "slow \N{UPWARDS ARROW}" in far


def test_the_line_breaks_where_nothing_was_measured_for_long():
    points = parts_of([(20.0, 30.0, 40.0, 10, 0)] * 6)
    del points[2:4]
    span = (NOW, NOW + 6 * NS_PER_HOUR)
    lines = [
        tree_of(latency_chart(points, span, [], gap_ns=gap_ns, label=""))
        .find("./path[@class='p50']")
        .get("d")
        for gap_ns in (0, 3 * NS_PER_HOUR)
    ]
    assert [line.count("M") for line in lines] == [2, 1]


def test_a_chart_says_in_words_what_it_shows():
    points = parts_of([(20.0, 30.0, 40.0, 10, 0), (30.0, 60.0, 4_100.0, 10, 2)])
    said = "Latency of a day: half of the answers within 20 ms to 30 ms, the longest 4.1 s; 2 bad"
    assert latency_label(points, "a day") == said
    assert (
        latency_label(parts_of([(None, None, None, 3, 3)]), "a day") == "Latency of a day: no answer; 3 bad"
    )


# Phases.


LENGTHS = st.none() | st.integers(0, 10**12)


@given(
    st.lists(
        st.builds(
            Phases,
            dns_ns=LENGTHS,
            connect_ns=LENGTHS,
            tls_ns=LENGTHS,
            first_byte_ns=LENGTHS,
            transfer_ns=LENGTHS,
        ),
        max_size=6,
    )
)
def test_phases_stay_inside_and_are_as_long_as_their_sum(phases):
    rows = [PhaseRow(f"attempt {number}", each) for number, each in enumerate(phases)]
    made = phase_chart(rows)
    if any(row.parts for row in rows):
        assert_inside(made)
    else:
        assert not made


def test_a_phase_is_drawn_as_long_as_it_took():
    row = PhaseRow("last answer", Phases(connect_ns=10 * NS_PER_MS, first_byte_ns=30 * NS_PER_MS))
    widths = [float(node.get("width")) for node in tree_of(phase_chart([row])).iter("rect")]
    assert widths[1] == pytest.approx(3 * widths[0], rel=0.01)
    assert row.said == "connect 10 ms, first byte 30 ms"
