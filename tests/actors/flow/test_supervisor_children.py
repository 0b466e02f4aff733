"""The children of a supervisor that is alone with listeners: each is restarted at its moment while it is wanted."""

import pytest
from watchkeeper.actors.supervisor.restart_tracker import Child
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.protocol.recorder import CounterIncreased, HealthReported, TargetTracked
from watchkeeper.protocol.supervisor import (
    ChildExited,
    Drain,
    Untrack,
)

from tests.actors.flow.alone import Alone

S = 1_000_000_000
MS = 1_000_000


class Part:
    """A permanent actor: its address, and the targets that each of its starts was given."""

    def __init__(self, name):
        self.name, self.alive, self.starts, self.failing = name, True, [], False

    def start(self, targets):
        self.starts.append([target.id for target in targets])
        if self.failing:
            raise LookupError("not yet")
        self.alive = True

    def child(self):
        return Child(self, self.start)


@pytest.fixture
def parts():
    return {name: Part(name) for name in ("recorder", "sink")}


@pytest.fixture
def family(shop, parts):
    """A supervisor with two permanent children and two targets, of which one is a heartbeat."""
    job = shop("job", tcp=None, heartbeat=Heartbeat(grace="1h"))
    return Alone(shop(every="1h"), job, children=[part.child() for part in parts.values()])


def crash(alone, part, name=None):
    part.alive = False
    alone.tell(ChildExited(name or part.name, 1, "crashed", "ValueError('bug')"))


def test_a_child_that_ended_is_restarted_after_its_backoff_and_its_problem_ends(family, parts):
    family.recorder.clear()
    crash(family, parts["sink"])
    assert family.reported() == [("sink", "crashed: ValueError('bug')")]
    family.run("89ms")
    assert parts["sink"].starts == []
    family.run("1ms")
    assert parts["sink"].starts == [["shop", "job"]]
    assert family.reported()[1:] == [("sink", "")]
    assert family.recorder.of(TargetTracked) == []


def test_a_recorder_that_is_restarted_is_told_every_target_again(family, parts):
    before = family.recorder.of(TargetTracked)
    family.recorder.clear()
    crash(family, parts["recorder"])
    family.run("90ms")
    assert family.recorder.of(TargetTracked) == before
    assert [said.target for said in before] == ["shop", "job"]


def test_the_end_of_a_child_that_lives_again_is_no_news(family, parts):
    family.recorder.clear()
    family.tell(ChildExited("sink", 1, "crashed", ""))
    family.run("1m")
    assert (parts["sink"].starts, family.recorder.of(HealthReported)) == ([], [])


def test_a_child_that_was_started_by_another_is_not_started_twice(family, parts):
    family.recorder.clear()
    crash(family, parts["sink"])
    parts["sink"].alive = True
    family.run("1s")
    assert (parts["sink"].starts, family.reported()) == ([], [("sink", "crashed: ValueError('bug')")])


def test_a_start_that_fails_is_reported_and_tried_again_after_a_longer_wait(family, parts):
    family.recorder.clear()
    parts["sink"].failing = True
    crash(family, parts["sink"])
    family.run("90ms")
    assert family.reported()[1:] == [("sink", "start_failed: LookupError('not yet')")]
    parts["sink"].failing = False
    family.run("179ms")
    assert len(parts["sink"].starts) == 1
    family.run("1ms")
    assert len(parts["sink"].starts) == 2
    assert family.reported()[-1] == ("sink", "")


def test_a_child_that_ends_again_and_again_is_quarantined_and_tried_later(family, parts):
    family.recorder.clear()
    for _ in range(6):
        crash(family, parts["sink"])
        family.run("2s")
    assert family.reported()[-1] == ("sink", "crashed, quarantined: ValueError('bug')")
    assert len(parts["sink"].starts) == 5
    family.run("28s")
    assert len(parts["sink"].starts) == 6


def test_a_poller_is_restarted_by_its_own_policy_and_its_problem_ends_with_an_answer(family):
    family.recorder.clear()
    crash(family, family.pollers["shop"], "poller/shop")
    family.run("899ms")
    assert family.starts == [(0, "shop")]
    family.run("1ms")
    assert family.starts == [(0, "shop"), (900 * MS, "shop")]
    assert CounterIncreased("poller_restarts", 1) in family.recorder.of(CounterIncreased)
    assert family.reported() == [("poller/shop", "crashed: ValueError('bug')")]
    family.answer(family.run_to_start())
    assert family.reported()[1:] == [("poller/shop", "")]
    crash(family, family.pollers["shop"], "poller/shop")
    before_ns = family.now_ns()
    family.run("900ms")
    assert family.starts[-1] == (before_ns + 900 * MS, "shop")


def test_a_poller_that_never_failed_has_no_problem_to_end(family):
    family.recorder.clear()
    family.answer(family.run_to_start())
    assert family.reported() == []


@pytest.mark.parametrize("gone", ["untracked", "a heartbeat"])
def test_a_poller_whose_work_is_gone_is_not_restarted(family, shop, gone):
    family.failing.add("shop")
    crash(family, family.pollers["shop"], "poller/shop")
    family.run("1s")
    assert family.reported()[-1] == ("poller/shop", "start_failed: LookupError('no such probe')")
    family.failing.clear()
    if gone == "untracked":
        family.tell(Untrack("shop"))
    else:
        family.track(shop(tcp=None, heartbeat=Heartbeat(grace="1h")))
    assert family.reported()[-1] == ("poller/shop", "")
    family.recorder.clear()
    family.tell(ChildExited("poller/shop", 1, "crashed", ""))
    family.run("1h")
    assert (family.starts, family.reported()) == ([(0, "shop")], [])


def test_children_that_are_missing_at_the_start_are_started_at_once(shop, parts):
    parts["sink"].alive = False
    alone = Alone(shop(every="1h"), children=[part.child() for part in parts.values()])
    assert parts["sink"].starts == [["shop"]]
    alone.pollers["shop"].alive = False
    alone.crash()
    alone.start()
    assert len(alone.starts) == 2


def test_nothing_is_restarted_during_a_drain(family, parts):
    family.run_to_start()
    family.tell(Drain(10 * S))
    crash(family, parts["sink"])
    family.run("1s")
    assert parts["sink"].starts == []
    assert ("sink", "crashed: ValueError('bug')") not in family.reported()
