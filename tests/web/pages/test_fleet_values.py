"""The values of the overview: words, lines of groups, the picture of the days, and sparklines."""

import asyncio
import re
from typing import NamedTuple

import pytest
from watchkeeper.domain.incidents.record import BlindInterval
from watchkeeper.domain.read_model.days import DayRun, DayState, FleetDays, TargetDays
from watchkeeper.domain.read_model.histogram import Percentiles
from watchkeeper.domain.read_model.status import RuntimeStatus
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from watchkeeper.web.pages.fleet.rows import days_in_words, in_path, spark_of
from watchkeeper.web.pages.fleet.sections import tally_of
from watchkeeper.web.pages.fleet.speech import axis_of, picture_of, sight_of
from watchkeeper.web.pages.words import duration, latency, number, percent, sentence

NOW_NS = 20_786 * NS_PER_DAY + NS_PER_HOUR
"""In the night of Sunday, 29 November 2026."""


class Hours:
    """The latency of one target."""

    def __init__(self, values, bad=()):
        self.values, self.bad = values, bad

    def latency_ms(self, target):
        return self.values

    def is_bad(self, target):
        return [number in self.bad for number in range(len(self.values))]


class Named:
    def __init__(self, id_):
        self.id = id_


def fleet(**runs):
    unknown = TargetDays((DayRun(100, 30, DayState.NO_DATA),), None)
    return FleetDays(100, 130, {name: TargetDays(tuple(of), 1.0) for name, of in runs.items()}, unknown)


@pytest.mark.parametrize(
    ("length_ns", "said"),
    [
        (-1, "0 s"),
        (59 * NS_PER_S, "59 s"),
        (NS_PER_MINUTE, "1 min"),
        (99 * NS_PER_MINUTE, "99 min"),
        (100 * NS_PER_MINUTE, "1 h 40"),
        (2 * NS_PER_HOUR + 5 * NS_PER_MINUTE, "2 h 05"),
        (NS_PER_DAY, "24 h"),
        (2 * NS_PER_DAY, "2 d"),
        (400 * NS_PER_DAY, "400 d"),
    ],
)
def test_a_length_is_said_as_people_say_it(length_ns, said):
    assert duration(length_ns) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (None, "–"),
        (1.0, "100.00 %"),
        (0.999999, "99.99 %"),
        (0.5, "50.00 %"),
        (0.0, "0.00 %"),
        (0.29, "29.00 %"),
    ],
)
def test_a_share_is_cut_and_not_rounded(share, said):
    assert percent(share) == said


def test_figures_have_units_and_few_digits():
    assert [latency(ns) for ns in (None, 32_000, 400_000, 18 * NS_PER_MS, 1_250 * NS_PER_MS)] == [
        "–",
        "32 \N{MICRO SIGN}s",
        "0.4 ms",
        "18 ms",
        "1.2 s",
    ]
    assert [number(count) for count in (0, 3, 12, 13, 5_000)] == ["no", "three", "twelve", "13", "5,000"]
    assert [sentence(text) for text in ("it is", "It is.", "")] == ["It is.", "It is.", "."]


def test_a_name_in_an_address_is_one_segment():
    assert [in_path(name) for name in ("shop", "a/b", "ü ?", "..", "\ud800")] == [
        "shop",
        "a%2Fb",
        "%C3%BC%20%3F",
        "..",
        "%3F",
    ]


def test_days_are_counted_by_state_whatever_their_runs():
    days = fleet(
        a=[DayRun(100, 10, DayState.NO_DATA), DayRun(120, 1, DayState.DOWN, NS_PER_HOUR)],
        b=[
            DayRun(119, 1, DayState.DEGRADED, 1),
            DayRun(120, 1, DayState.DOWN, 1),
            DayRun(129, 1, DayState.BLIND),
        ],
    )
    tally = asyncio.run(tally_of([Named("a"), Named("b"), Named("new")], days))
    assert tally[DayState.DOWN] == [0] * 20 + [2] + [0] * 9
    assert tally[DayState.NO_DATA] == [2] * 10 + [1] * 20
    assert (sum(tally[DayState.DEGRADED]), tally[DayState.BLIND][29], sum(tally[DayState.CALM])) == (1, 1, 0)
    assert days_in_words(days.of("b"), 30) == "27 calm, 1 degraded, 1 down, 1 not seen"
    assert days_in_words(days.of("new"), 30) == "30 no data"


def test_the_picture_says_its_worst_day_and_shows_no_day_without_data_as_calm():
    days = fleet(
        a=[DayRun(100, 20, DayState.NO_DATA), DayRun(120, 1, DayState.DOWN, 1)],
        b=[DayRun(100, 20, DayState.NO_DATA), DayRun(120, 1, DayState.DEGRADED, 1)],
    )
    picture = picture_of(days, asyncio.run(tally_of([Named("a"), Named("b")], days)), 2)
    assert picture.most == "most: 2 on 1 May"
    assert (
        picture.label
        == "Targets in trouble on each of the last 30 days (UTC): 1 day with trouble, most on 1 May: 2"
    )
    assert [len(re.findall("M", path)) for path in (picture.calm, picture.down, picture.degraded)] == [
        10,
        1,
        1,
    ]


def test_a_day_of_thousands_in_trouble_stays_in_the_picture():
    runs = {f"t{number}": [DayRun(129, 1, DayState.DOWN, 1)] for number in range(3_000)}
    days = fleet(**runs)
    picture = picture_of(days, asyncio.run(tally_of(map(Named, runs), days)), len(runs))
    heights = [float(found) for found in re.findall(r"v-([\d.]+)", picture.down)]
    assert heights == [64.0]


class Watched(NamedTuple):
    """A target as far as the first sentences need it."""

    kind: str = "http"
    paused: bool = False
    sample: str | None = None


CHECKED = Watched(sample="an answer")
LATE = Percentiles(9, 1, 2, 4 * NS_PER_MS, 5 * NS_PER_MS)


def status(**fields):
    said = {
        "problems": (),
        "blind": (),
        "lateness": Percentiles(0, 0, 0, 0, 0),
        "targets": (CHECKED,),
    } | fields
    lists = dict.fromkeys(("incidents", "silences", "counters"), ())
    return RuntimeStatus(at_ns=NOW_NS, **lists, **said)


class Frame:
    """The present moment."""

    def since(self, wall_ns):
        return NOW_NS - wall_ns


def test_the_runtime_says_how_well_it_sees():
    blind = BlindInterval(NOW_NS - 2 * NS_PER_DAY, NOW_NS - 2 * NS_PER_DAY + NS_PER_HOUR, "suspended")
    seen = sight_of(status(blind=(blind,), lateness=LATE), Frame())
    assert (seen.is_clear, seen.first) == (True, "Everything is seen")
    assert seen.rest == ": last blind 47 h ago for 60 min; checks run 4.0 ms late at the 99th percentile."
    assert sight_of(status(), Frame()).rest == "."
    stuck = sight_of(status(problems=(("store", "the disk is full"), ("sink", "x"), ("owner", "y"))), Frame())
    assert (stuck.is_clear, stuck.first) == (False, "watchkeeper itself has a problem, and two more")
    assert stuck.rest == ": store: the disk is full"


def test_the_runtime_says_nothing_of_checks_before_the_first():
    begun = sight_of(
        status(targets=(Watched(), Watched("heartbeat", sample="a report")), lateness=LATE), Frame()
    )
    assert begun == (True, "The first checks are on their way", ".")
    reported = sight_of(status(targets=(Watched("heartbeat"), Watched(paused=True)), lateness=LATE), Frame())
    assert reported == (True, "Everything is seen", ".")


def test_the_axis_of_a_month_has_mondays_and_that_of_a_quarter_has_firsts():
    assert axis_of(30, NOW_NS).labels == [(2, "2 Nov"), (9, "9"), (16, "16"), (23, "23")]
    assert axis_of(90, NOW_NS).labels == [(0, "1 Sep"), (30, "1 Oct"), (61, "1 Nov")]


@pytest.mark.parametrize(
    ("values", "bad", "line", "strokes"),
    [
        ([None, None], (), "", ""),
        ([None, None], (1,), "", "M4 1h4"),
        ([10.0, 10.0, 10.0], (), "M1 20h1l4 0l4 0", ""),
        ([0.0, 10.0], (0,), "M1 20h1l4-17", "M0 1h4"),
        ([5.0, None, 5.0], (), "M1 20h1M9 20h1", ""),
    ],
)
def test_a_sparkline_breaks_where_there_is_no_answer_and_is_flat_where_nothing_varies(
    values, bad, line, strokes
):
    assert spark_of("shop", Hours(values, bad)) == (line, strokes)
