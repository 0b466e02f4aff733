"""The lines that a person reads on a terminal, exactly as they are, in virtual time."""

import logging

import pytest
from msgspec.structs import replace
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState, NoticeReason
from watchkeeper.domain.incidents.record import BlindInterval
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.read_model.event import (
    HealthChanged,
    IncidentChanged,
    NoticeEnded,
    SampleSeen,
    WentBlind,
)
from watchkeeper.domain.read_model.histogram import Percentiles
from watchkeeper.domain.read_model.status import RuntimeStatus
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from watchkeeper.launcher.operate.calm import QUIET_NS, Calm, state_line
from watchkeeper.launcher.operate.drawing import Paper, age_text, drawn_facts
from watchkeeper.launcher.operate.folding import LINES_MAX, WINDOW_NS

WIDE = Paper(100, has_colours=False, is_utf8=True)
NARROW = Paper(40, has_colours=False, is_utf8=True)
COLOURED = Paper(100, has_colours=True, is_utf8=True)
OPENED = opened("inc_7f2c9a01b3d45e6f", opened_at_ns=NOON.wall_ns - 2 * NS_PER_S)
NOTICE = notice_of(OPENED)
ACKNOWLEDGED = then(OPENED, TransitionKind.ACKNOWLEDGED, explanation="acknowledged by ann (rolling back)")
RESOLVED = then(OPENED, TransitionKind.RESOLVED, explanation="ok", reason="recovered")
DRAFT = opened("inc_0a1b2c3d4e5f6071", draft=True, severity=Severity.WARNING)
LINES = {
    "12:00:00Z  critical   shop/down 7f2c opened, began 2s ago: timed_out: no answer": IncidentChanged(
        OPENED
    ),
    "12:00:01Z  seen       shop/down 7f2c acknowledged by ann (rolling back), open for 3s: timed_out: no answer": IncidentChanged(
        ACKNOWLEDGED
    ),
    "12:00:01Z  resolved   shop/down 7f2c after 3s: timed_out: no answer": IncidentChanged(RESOLVED),
    "12:00:01Z  resolved   shop/down 7f2c it was retired, after 3s: timed_out: no answer": IncidentChanged(
        then(OPENED, TransitionKind.RESOLVED, explanation="it was retired", reason="retired")
    ),
    "12:00:01Z  critical   shop/down 7f2c changed: worse: timed_out: no answer": IncidentChanged(
        then(OPENED, TransitionKind.CHANGED, explanation="worse")
    ),
    "12:00:00Z  warning    shop/down 0a1b opened, began 1s ago: timed_out: no answer (a draft: no channel is told)": IncidentChanged(
        DRAFT
    ),
    "12:00:01Z  told       ops: shop/down 7f2c opened": NoticeEnded(
        NOTICE, delivery_of(NOTICE, DeliveryState.DELIVERED)
    ),
    "12:00:01Z  not told   ops: shop/down 7f2c opened: given up after 7 attempts: HTTP 410": NoticeEnded(
        NOTICE, delivery_of(NOTICE, DeliveryState.DEAD, attempts=7, detail="HTTP 410")
    ),
    "12:00:01Z  told       ops: a test": NoticeEnded(
        replace(NOTICE, reason=NoticeReason.TEST), delivery_of(NOTICE, DeliveryState.DELIVERED)
    ),
    "12:00:02Z  blind      for 2s: suspended": WentBlind(
        BlindInterval(NOON.wall_ns, NOON.wall_ns + 2 * NS_PER_S, "suspended")
    ),
    "12:00:00Z  problem    store: the disk is full": HealthChanged("store", "the disk is full"),
    "12:00:00Z  recovered  store": HealthChanged("store", ""),
    "12:00:00Z  sample     shop down": SampleSeen(sample_at(0, outcome=Outcome.DOWN), Status.DOWN),
}


@pytest.mark.parametrize(("line", "event"), LINES.items())
def test_each_event_is_one_line_for_a_person(line, event):
    wide = Paper(200, has_colours=False, is_utf8=True)
    assert Calm().event(event, NOON, wide) == [line]


def test_a_narrow_terminal_has_the_text_below_its_word():
    assert Calm().event(IncidentChanged(OPENED), NOON, NARROW) == [
        "12:00:00Z critical shop/down 7f2c",
        "  opened, began 2s ago: timed_out: no",
        "  answer",
    ]


@pytest.mark.parametrize("width", [10, 20, 40, 59, 60, 61, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_no_text_is_lost(width):
    event = IncidentChanged(opened(explanation=f"{'word ' * 30}{'x' * 150} 東京"))
    paper = Paper(width, has_colours=False, is_utf8=True)
    lines = Calm().event(event, NOON, paper)
    assert all(len(line) <= max(width, 32) for line in lines)
    text = "".join("".join(lines).split())
    assert "x" * 150 in text
    assert "東京" in text


def test_colour_is_beside_the_word_and_never_instead_of_it():
    (coloured,) = Calm().event(IncidentChanged(OPENED), NOON, COLOURED)
    (plain,) = Calm().event(IncidentChanged(OPENED), NOON, WIDE)
    assert "\x1b[31m\x1b[1mcritical\x1b[0m" in coloured
    assert coloured.replace("\x1b[31m\x1b[1m", "").replace("\x1b[0m", "") == plain


def test_a_terminal_without_utf_8_gets_escapes():
    event = IncidentChanged(opened(target="héalth", explanation="…東"))
    (line,) = Calm().event(event, NOON, WIDE._replace(is_utf8=False))
    assert line == r"12:00:00Z  critical   h\xe9alth/down 1 opened, began 1s ago: ...\u6771"


def test_a_text_from_outside_stays_on_its_line():
    lines = Calm().event(IncidentChanged(opened(explanation="a\nb\x1b[31m\u202ec")), NOON, WIDE)
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 1


def test_ids_that_begin_alike_are_longer_and_stay_as_they_were_said():
    calm = Calm()
    first, second = opened("inc_7f2c9a01"), opened("inc_7f2c9a55", target="api")
    assert " 7f2c opened" in calm.event(IncidentChanged(first), NOON, WIDE)[0]
    assert " 7f2c9a5 opened" in calm.event(IncidentChanged(second), NOON, WIDE)[0]
    end = then(first, TransitionKind.RESOLVED, explanation="ok", reason="recovered")
    assert " 7f2c after" in calm.event(IncidentChanged(end), NOON, WIDE)[0]


def test_an_outage_of_a_thousand_targets_is_a_few_lines():
    calm, lines = Calm(), []
    for number in range(1_000):
        incident = opened(f"inc_{number:08x}", target=f"t{number}")
        lines += calm.event(IncidentChanged(incident), NOON, WIDE)
        notice = notice_of(incident)
        lines += calm.event(NoticeEnded(notice, delivery_of(notice, DeliveryState.DELIVERED)), NOON, WIDE)
    assert len(lines) == 2 * LINES_MAX
    assert calm.due(NOON, WIDE) == []
    wide = WIDE._replace(width=300)
    names = ", ".join(f"t{number}/down" for number in range(5, 15)) + " and others"
    assert calm.due(NOON.shifted(WINDOW_NS), wide) == [
        f"12:00:10Z  critical   995 more incidents opened: {names}",
        f"12:00:10Z  told       ops: 995 more notices: {names}",
    ]


def test_a_problem_that_changes_all_the_time_shows_its_newest_text():
    calm = Calm()
    said = [
        calm.event(HealthChanged("channel ops", f"HTTP {500 + number}"), NOON, WIDE) for number in range(5)
    ]
    assert said == [["12:00:00Z  problem    channel ops: HTTP 500"], [], [], [], []]
    assert calm.rest(NOON, WIDE) == ["12:00:00Z  problem    4 more changes, now channel ops: HTTP 504"]


def test_the_end_is_told_after_what_was_held_back_of_its_beginning():
    calm = Calm()
    for number in range(3):
        calm.event(HealthChanged("channel ops", f"HTTP {500 + number}"), NOON, WIDE)
    assert calm.event(HealthChanged("channel ops", ""), NOON, WIDE) == [
        "12:00:00Z  problem    2 more changes, now channel ops: HTTP 502",
        "12:00:00Z  recovered  channel ops",
    ]
    for number in range(LINES_MAX + 1):
        calm.event(IncidentChanged(last := opened(f"inc_{number:08x}", target=f"t{number}")), NOON, WIDE)
    end = then(last, TransitionKind.RESOLVED, explanation="ok", reason="recovered")
    assert calm.event(IncidentChanged(end), NOON, WIDE) == [
        "12:00:00Z  critical   1 more incident opened: t5/down",
        "12:00:01Z  resolved   t5/down 00000005 after 2s: timed_out: no answer",
    ]
    assert calm.rest(NOON, WIDE) == []


def record(level, text, *arguments, name="watchkeeper.host.access.doors"):
    return logging.LogRecord(name, level, "file", 1, text, arguments, None)


def test_a_line_of_logging_has_its_level_and_repeats_are_counted():
    calm = Calm()
    warning = record(logging.WARNING, "An unknown token was sent from %s", "10.0.0.7")
    said = [calm.record(warning, warning.getMessage(), NOON, WIDE) for _ in range(LINES_MAX + 2)]
    assert said[0] == ["12:00:00Z  log        warning: An unknown token was sent from 10.0.0.7"]
    assert said[LINES_MAX:] == [[], []]
    assert calm.rest(NOON, WIDE) == [
        "12:00:00Z  log        2 more like this, the last: warning: An unknown token was sent from 10.0.0.7"
    ]
    command = record(logging.INFO, "PUT /x by anna", name="watchkeeper.web.audit")
    assert calm.record(command, "PUT /x by anna", NOON, WIDE) == ["12:00:00Z  command    PUT /x by anna"]
    error = record(logging.ERROR, "It failed")
    assert calm.record(error, "It failed", NOON, WIDE) == ["12:00:00Z  error      error: It failed"]


STATUS = RuntimeStatus(
    at_ns=NOON.wall_ns,
    targets=(),
    incidents=(OPENED,),
    silences=(),
    problems=(),
    blind=(),
    lateness=Percentiles(0, 0, 0, 0, 0),
    counters=(("samples", 4_321),),
)


def test_a_long_silence_is_one_line_about_how_things_are():
    calm = Calm()
    assert not calm.is_quiet(NOON)
    calm.event(IncidentChanged(OPENED), NOON, WIDE)
    later = NOON.shifted(QUIET_NS)
    assert not calm.is_quiet(NOON.shifted(QUIET_NS - 1))
    assert calm.is_quiet(later)
    assert calm.due(later, WIDE) == []
    assert calm.quiet(STATUS, later, WIDE) == [
        "12:10:00Z  quiet      no target; 4,321 samples so far; open: shop/down 7f2c for 10m2s"
    ]
    assert not calm.is_quiet(later)
    assert calm.wait_ns(later) == QUIET_NS
    assert calm.quiet(None, later, WIDE) == ["12:10:00Z  quiet      the runtime does not answer"]


def test_a_new_day_is_said_once():
    calm = Calm()
    calm.event(HealthChanged("store", ""), NOON, WIDE)
    tomorrow = NOON.shifted(NS_PER_DAY)
    assert calm.event(HealthChanged("store", ""), tomorrow, WIDE) == [
        "-- 2026-01-02 --",
        "12:00:00Z  recovered  store",
    ]
    assert len(calm.event(HealthChanged("sink", ""), tomorrow, WIDE)) == 1


def test_incidents_of_an_earlier_run_are_named_at_the_start():
    later = NOON.wall_ns + 3 * NS_PER_HOUR
    assert state_line([OPENED], later) == "from before: shop/down 7f2c (critical, for 3h)"
    assert state_line([], later) == ""


@pytest.mark.parametrize(
    ("length_ns", "text"),
    [(-5, "0s"), (2_900_000_000, "2s"), (59 * 60 * NS_PER_S, "59m"), (NS_PER_HOUR + 61 * NS_PER_S, "1h1m")],
)
def test_an_age_is_as_coarse_as_a_person_reads_it(length_ns, text):
    assert age_text(length_ns) == text


FACTS = [("targets", "2: 2 http"), ("configuration", "a/long/path/of/a/watchkeeper.yaml")]


def test_the_first_lines_name_each_fact_in_a_column():
    assert drawn_facts("watchkeeper is watching", FACTS, "Ctrl-C ends.", WIDE) == [
        "watchkeeper is watching",
        "  targets        2: 2 http",
        "  configuration  a/long/path/of/a/watchkeeper.yaml",
        "Ctrl-C ends.",
        "",
    ]


def test_the_first_lines_of_a_narrow_terminal_stand_below_each_other():
    assert drawn_facts("watchkeeper is watching", FACTS, "Ctrl-C ends.", NARROW._replace(width=24)) == [
        "watchkeeper is watching",
        "  targets",
        "    2: 2 http",
        "  configuration",
        "    a/long/path/of/a/wat",
        "    chkeeper.yaml",
        "Ctrl-C ends.",
        "",
    ]
