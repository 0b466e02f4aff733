"""Events as people read them."""

import pytest
from watchkeeper.domain.aggregate import Status
from watchkeeper.domain.event import HealthMoved, IncidentMoved, NoticeEnded, SampleSeen, WentBlind
from watchkeeper.domain.incident import Change
from watchkeeper.domain.moment import NS_PER_S
from watchkeeper.domain.notice import DeliveryState
from watchkeeper.domain.outcome import Outcome
from watchkeeper.domain.record import BlindInterval
from watchkeeper.launcher.telling import line_of
from watchkeeper.testing.records import NOON, delivery_of, notice_of, opened, sample_at, then

OPENED = opened()
NOTICE = notice_of(OPENED)
LINES = {
    "2026-01-01T12:00:00.000Z opened: shop/down (critical): timed_out: no answer": IncidentMoved(OPENED),
    "2026-01-01T12:00:01.000Z resolved: shop/down (critical): recovered": IncidentMoved(
        then(OPENED, Change.RESOLVED, explanation="", reason="recovered")
    ),
    "2026-01-01T12:00:01.000Z notice delivered: ops: opened of shop/down (critical)": NoticeEnded(
        NOTICE, delivery_of(NOTICE, DeliveryState.DELIVERED)
    ),
    "2026-01-01T12:00:01.000Z notice dead: ops: opened of shop/down (critical) after 7 attempts": NoticeEnded(
        NOTICE, delivery_of(NOTICE, DeliveryState.DEAD, attempts=7)
    ),
    "2026-01-01T12:00:02.000Z blind: for 2s: suspended": WentBlind(
        BlindInterval(NOON.wall_ns, NOON.wall_ns + 2 * NS_PER_S, "suspended")
    ),
    "2026-01-01T12:00:00.000Z trouble: store: the disk is full": HealthMoved("store", "the disk is full"),
    "2026-01-01T12:00:00.000Z well again: store": HealthMoved("store", ""),
    "2026-01-01T12:00:00.000Z sample: shop: down: timed_out: no answer": SampleSeen(
        sample_at(0, outcome=Outcome.DOWN), Status.DOWN
    ),
}


class AtNoon:
    """A clock that stands still."""

    def read(self):
        return NOON


@pytest.mark.parametrize(("line", "event"), LINES.items())
def test_every_event_is_one_line(line, event):
    assert line_of(event, AtNoon()) == line


def test_a_line_stays_one_line_whatever_a_target_sent():
    line = line_of(IncidentMoved(opened(explanation="a\nb\x1b[31m\u202ec")))
    assert line.isprintable()
