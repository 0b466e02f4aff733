"""A small run of the kill leg: a few kills at random, one at some points, and the losses that the audit notices."""

import msgspec
import pytest
from records import delivery_of, notice_of, opened, then
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Outgoing

from tests.system.audit import lost_and_collapsed
from tests.system.crashing import POINTS
from tests.system.kill import faults_of, kill_at_point, kill_at_random

PASSED_TWICE = ("commit.after", "send.after", "answer.before")
"""Points that a process passes at least twice: for the opening and for the end of an incident."""


@pytest.mark.slow
def test_kills_at_random_moments_lose_and_repeat_nothing(tmp_path):
    figures = kill_at_random(tmp_path, seed=1, kills=5)
    assert faults_of(figures) == {}
    assert figures["kills"] == 5
    assert figures["acknowledged_writes"] > 0


@pytest.mark.parametrize("point", PASSED_TWICE)
def test_a_crash_at_a_named_point_loses_and_repeats_nothing(tmp_path, point):
    figures = kill_at_point(tmp_path, point, targets=1, passings_max=1)
    assert faults_of(figures) == {}
    assert (figures["point_crashes"], figures["notices_applied"]) == (1, 2)


def test_the_points_that_are_named_are_those_there_are():
    assert set(PASSED_TWICE) < set(POINTS)


def row(step, delivered_at_ns):
    notice = notice_of(step)
    delivery = msgspec.structs.replace(delivery_of(notice, DeliveryState.DELIVERED), at_ns=delivered_at_ns)
    return Outgoing(notice, delivery)


FIRST = opened()
SECOND = then(FIRST, TransitionKind.CHANGED)
THIRD = then(SECOND, TransitionKind.RESOLVED)


@pytest.mark.parametrize(
    ("told", "lost", "collapsed"),
    [
        ([], 3, 0),
        ([row(FIRST, FIRST.at_ns)], 2, 0),
        ([row(THIRD, THIRD.at_ns)], 2, 0),
        ([row(FIRST, SECOND.at_ns - 1), row(THIRD, THIRD.at_ns)], 1, 0),
        ([row(FIRST, SECOND.at_ns), row(THIRD, THIRD.at_ns)], 0, 1),
        ([row(FIRST, 0), row(SECOND, 0), row(THIRD, 0)], 0, 0),
    ],
)
def test_an_undelivered_transition_is_skipped_unless_another_was_pending(told, lost, collapsed):
    assert lost_and_collapsed((FIRST, SECOND, THIRD), told) == (lost, collapsed)
