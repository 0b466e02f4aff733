"""The invariant of silences detects a late end, and only where the actors that end a silence live."""

import pytest
from records import NOON
from simulator.invariants.silences import SilenceRules
from watchkeeper.domain.incidents.record import Silence
from watchkeeper.domain.time.moment import NS_PER_S

SILENCE = Silence(id="all", until_ns=NOON.wall_ns + 10 * NS_PER_S)


class Watch:
    """The rule with all actors alive, one silence shown, and a check at every given second."""

    def __init__(self):
        self.complaints = []
        self.happened = []
        self.rules = SilenceRules(lambda name, _: self.complaints.append(name), self.happened.append)
        self.rules.process_began()
        for actor in ("sink", "supervisor"):
            self.rules.began(actor, NOON)
        self.rules.shown((SILENCE,))

    def look(self, *seconds, late_ns=0, step_s=0):
        for second in seconds:
            now = NOON.shifted(int(second * NS_PER_S))
            now = type(now)(now.monotonic_ns, now.wall_ns + step_s * NS_PER_S)
            self.rules.woke(now.monotonic_ns - late_ns, now)


def test_a_silence_shown_for_longer_than_a_second_after_its_end_is_caught():
    watch = Watch()
    watch.look(1, 9, 10.5, 11)
    assert watch.complaints == []
    watch.look(11.001)
    assert watch.complaints == ["L14"]


def test_its_end_counts_from_when_it_was_and_not_from_when_somebody_woke():
    watch = Watch()
    watch.look(1, 12)
    assert watch.complaints == ["L14"]


def test_a_silence_that_is_taken_down_in_time_is_fine():
    watch = Watch()
    watch.look(1, 10.4)
    watch.rules.shown(())
    watch.look(12, 15)
    assert (watch.complaints, watch.happened) == ([], ["end of a silence noticed"])


def test_a_wall_clock_that_is_set_leaves_a_second_from_then_on():
    watch = Watch()
    watch.look(1)
    watch.look(2, 2.9, step_s=60)
    assert watch.complaints == []
    watch.look(3.1, step_s=60)
    assert watch.complaints == ["L14"]


@pytest.mark.parametrize("actor", ["sink", "supervisor"])
def test_a_crashed_actor_has_a_second_after_its_restart(actor):
    watch = Watch()
    watch.look(1)
    watch.rules.crashed(actor)
    watch.look(12, 15)
    watch.rules.began(actor, NOON.shifted(16 * NS_PER_S))
    watch.look(16, 17)
    assert watch.complaints == []
    watch.look(17.1)
    assert watch.complaints == ["L14"]


def test_a_stall_of_everything_is_not_held_against_anybody():
    watch = Watch()
    watch.look(1)
    watch.look(20, late_ns=8 * NS_PER_S)
    watch.look(20.9)
    assert watch.complaints == []


@pytest.mark.parametrize("end", ["process_began", "recorder"])
def test_a_read_model_that_is_gone_shows_nothing(end):
    watch = Watch()
    watch.look(1)
    if end == "recorder":
        watch.rules.crashed(end)
    else:
        watch.rules.process_began()
    watch.look(15)
    assert watch.complaints == []
