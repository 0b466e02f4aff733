"""Events as people read them."""

import pytest
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import BlindInterval
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.read_model.event import (
    HealthChanged,
    IncidentChanged,
    NoticeEnded,
    SampleSeen,
    WentBlind,
)
from watchkeeper.domain.read_model.status import IN_THE_OUTBOX, UNWRITTEN, AbandonedWork
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.launcher.operate.telling import line_of, lines_of_end

OPENED = opened("inc_7f2c9a01b3d45e6f")
NOTICE = notice_of(OPENED)
LINES = {
    "2026-01-01T12:00:00.000Z ERROR opened: shop/down (critical) 7f2c9a01: timed_out: no answer": IncidentChanged(
        OPENED
    ),
    "2026-01-01T12:00:01.000Z INFO acknowledged: shop/down (critical) 7f2c9a01: seen by ann: timed_out: no answer": IncidentChanged(
        then(OPENED, TransitionKind.ACKNOWLEDGED, explanation="seen by ann")
    ),
    "2026-01-01T12:00:01.000Z INFO resolved: shop/down (critical) 7f2c9a01: recovered after 2s: timed_out: no answer": IncidentChanged(
        then(OPENED, TransitionKind.RESOLVED, explanation="ok", reason="recovered")
    ),
    "2026-01-01T12:00:01.000Z INFO resolved: shop/down (critical) 7f2c9a01: it was retired after 2s: timed_out: no answer": IncidentChanged(
        then(OPENED, TransitionKind.RESOLVED, explanation="it was retired", reason="retired")
    ),
    "2026-01-01T12:00:01.000Z INFO notice delivered: ops: opened of shop/down (critical) 7f2c9a01": NoticeEnded(
        NOTICE, delivery_of(NOTICE, DeliveryState.DELIVERED)
    ),
    "2026-01-01T12:00:01.000Z ERROR notice dead: ops: opened of shop/down (critical) 7f2c9a01 after 7 attempts": NoticeEnded(
        NOTICE, delivery_of(NOTICE, DeliveryState.DEAD, attempts=7)
    ),
    "2026-01-01T12:00:02.000Z WARNING blind: for 2s: suspended": WentBlind(
        BlindInterval(NOON.wall_ns, NOON.wall_ns + 2 * NS_PER_S, "suspended")
    ),
    "2026-01-01T12:00:00.000Z ERROR problem: store: the disk is full": HealthChanged(
        "store", "the disk is full"
    ),
    "2026-01-01T12:00:00.000Z INFO recovered: store": HealthChanged("store", ""),
    "2026-01-01T12:00:00.000Z INFO sample: shop: down: timed_out: no answer": SampleSeen(
        sample_at(0, outcome=Outcome.DOWN), Status.DOWN
    ),
}


@pytest.mark.parametrize(("line", "event"), LINES.items())
def test_every_event_is_one_line(line, event):
    assert line_of(event, NOON.wall_ns) == line


def test_a_line_stays_one_line_whatever_a_target_sent():
    line = line_of(IncidentChanged(opened(explanation="a\nb\x1b[31m\u202ec")), NOON.wall_ns)
    assert line.isprintable()


NOTICES = (IN_THE_OUTBOX, ("key 1", "key 2"))
ACTORS = ("actors that did not end in time", ("sink",))
RECORDS = (UNWRITTEN, ("the opening of shop/down",))
ALL_LOST = "abandoned: notices left in the outbox: key 1, key 2"
FIRST_TEN = ", ".join(f"key {number}" for number in range(10))
ENDS = {
    "nothing": (AbandonedWork((), "watch.db"), ()),
    "kept": (
        AbandonedWork((NOTICES,), "watch.db"),
        ("kept in watch.db, and sent by the next run: 2 notices: key 1, key 2",),
    ),
    "in memory": (AbandonedWork((NOTICES,)), (ALL_LOST,)),
    "kept beside what is lost": (
        AbandonedWork((ACTORS, NOTICES), "watch.db"),
        (
            "abandoned: actors that did not end in time: sink",
            "kept in watch.db, and sent by the next run: 2 notices: key 1, key 2",
        ),
    ),
    "a thousand notices": (
        AbandonedWork(((IN_THE_OUTBOX, tuple(f"key {number}" for number in range(1_000))),), "watch.db"),
        (f"kept in watch.db, and sent by the next run: 1000 notices: {FIRST_TEN} and 990 more",),
    ),
    "a thousand names of what is lost": (
        AbandonedWork((("attempts", tuple(f"key {number}" for number in range(2_010))),), "watch.db"),
        (f"abandoned: attempts: {FIRST_TEN} and 2,000 more",),
    ),
    "of records not written": (
        AbandonedWork((RECORDS, NOTICES), "watch.db"),
        ("abandoned: records not written: the opening of shop/down", ALL_LOST),
    ),
}


def test_the_end_on_a_terminal_counts_notices_and_names_none():
    left, _ = ENDS["kept beside what is lost"]
    assert lines_of_end(left, has_names=False) == (
        "abandoned: actors that did not end in time: sink",
        "kept in watch.db, and sent by the next run: 2 notices",
    )


@pytest.mark.parametrize("case", ENDS)
def test_work_left_at_the_end_is_pending_or_lost(case):
    left, lines = ENDS[case]
    assert lines_of_end(left) == lines
    assert bool(left.lost) == any(line.startswith("abandoned: ") for line in lines)
    assert bool(left) == bool(lines)
