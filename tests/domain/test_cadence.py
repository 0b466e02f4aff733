"""Cadence: a grid that nothing shifts, on which no tick is served twice and none is replayed."""

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from watchkeeper.domain.cluster.placement import shard_of_text
from watchkeeper.domain.limits import FIRST_LOOK_WITHIN_NS, FIRST_LOOKS_PER_S, SHARED_TICK_NS
from watchkeeper.domain.time.cadence import Cadence

S = 1_000_000_000
NAMES = st.text(min_size=1, max_size=20)
EVERY = st.integers(1, 10 * 86_400 * S)
TIMES = st.integers(0, 10**18)


def on_the_grid(cadence, at_ns):
    return (at_ns - cadence.phase_ns) % cadence.every_ns == 0


@given(NAMES, EVERY)
def test_the_phase_lies_within_one_period(name, every_ns):
    cadence = Cadence.of(name, every_ns)
    assert 0 <= cadence.phase_ns < every_ns
    assert cadence == Cadence.of(name, every_ns)


@given(st.sets(NAMES, min_size=2, max_size=50), st.integers(2, 60_000))
def test_neighbours_of_one_cadence_are_due_at_one_moment(names, ticks):
    every_ns = ticks * SHARED_TICK_NS
    due = {Cadence.of(name, every_ns).next_after(12 * S) for name in names}
    assert all(due_ns % SHARED_TICK_NS == 0 for due_ns in due)


@given(st.integers(1, 500))
def test_a_herd_of_one_cadence_is_spread_over_its_period(seconds):
    every_ns = seconds * S
    phases = [Cadence.of(f"target-{number}", every_ns).phase_ns for number in range(400)]
    quarters = [sum(4 * phase // every_ns == quarter for phase in phases) for quarter in range(4)]
    assert min(quarters) > 60


@given(NAMES, st.sampled_from([2, 4, 8, 16, 32, 64]), st.integers(1, 3_600))
def test_targets_of_a_shard_are_due_at_ticks_of_their_own(name, shards, seconds):
    tick = Cadence.of(name, seconds * S).phase_ns // SHARED_TICK_NS
    assert tick % shards == shard_of_text(name, shards)


@given(NAMES, st.sampled_from([2, 4, 8, 16]), st.sampled_from([S // 4, S // 2]))
def test_targets_of_a_shard_share_ticks_of_a_part_of_a_second_too(name, shards, every_ns):
    tick = Cadence.of(name, every_ns).phase_ns // SHARED_TICK_NS
    assert tick % shards == shard_of_text(name, shards)


@pytest.mark.parametrize("every_ns", [SHARED_TICK_NS, SHARED_TICK_NS // 2])
def test_a_cadence_of_one_tick_or_less_is_spread_within_it(every_ns):
    phases = {Cadence.of(f"target-{number}", every_ns).phase_ns for number in range(100)}
    assert len(phases) > 90


def test_a_target_tracked_at_its_tick_is_checked_at_once():
    cadence = Cadence(every_ns=10, phase_ns=3)
    assert [cadence.first_after(now_ns) for now_ns in (12, 13, 14)] == [13, 13, 23]


def test_the_phase_is_the_same_in_every_process():
    program = (
        "from watchkeeper.domain.time.cadence import Cadence; print(Cadence.of('shop', 30 * 10**9).phase_ns)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert said == {f"{Cadence.of('shop', 30 * S).phase_ns}\n"}


@given(NAMES, EVERY, TIMES)
def test_the_next_due_time_is_the_first_of_the_grid_later_than_now(name, every_ns, now_ns):
    cadence = Cadence.of(name, every_ns)
    due_ns = cadence.next_after(now_ns)
    assert on_the_grid(cadence, due_ns)
    assert now_ns < due_ns <= now_ns + every_ns


@given(NAMES, EVERY, TIMES)
@example("shop", FIRST_LOOK_WITHIN_NS, FIRST_LOOK_WITHIN_NS - 1)
def test_the_first_look_comes_within_a_minute_of_tracking(name, every_ns, now_ns):
    cadence = Cadence.of(name, every_ns)
    first_ns = cadence.first_after(now_ns)
    assert now_ns <= first_ns <= now_ns + min(every_ns, FIRST_LOOK_WITHIN_NS)
    assert every_ns > FIRST_LOOK_WITHIN_NS or on_the_grid(cadence, first_ns)


@given(NAMES, st.integers(1, 1_000), TIMES, st.integers(0, 20_000))
def test_missed_ticks_are_those_between_due_and_now(name, every_ns, start_ns, late_ns):
    cadence = Cadence.of(name, every_ns)
    due_ns = cadence.next_after(start_ns)
    counted, tick = 0, cadence.next_after(due_ns)
    while tick <= due_ns + late_ns:
        counted, tick = counted + 1, cadence.next_after(tick)
    assert cadence.missed_between(due_ns, due_ns + late_ns) == counted


@given(NAMES, st.integers(1, 1_000), st.lists(st.integers(0, 5_000), min_size=1, max_size=40))
def test_however_late_we_are_each_period_is_served_or_missed_once(name, every_ns, lateness):
    cadence = Cadence.of(name, every_ns)
    first_ns = due_ns = cadence.first_after(0)
    served, missed = [], 0
    now_ns = 0
    for late_ns in lateness:
        now_ns = due_ns + late_ns
        served.append(due_ns)
        missed += cadence.missed_between(due_ns, now_ns)
        due_ns = cadence.next_after(now_ns)
    periods = [(at_ns - cadence.phase_ns) // every_ns for at_ns in served]
    assert len(set(periods)) == len(periods)
    assert len(served) + missed == 1 + (now_ns - first_ns) // every_ns


def test_a_slow_grid_is_looked_at_once_before_its_first_tick():
    weekly = Cadence.of("backup", 7 * 86_400 * S)
    first_ns = weekly.first_after(0)
    assert first_ns < 60 * S < weekly.next_after(first_ns)


@given(NAMES, EVERY, TIMES, st.integers(1, 200_000))
def test_a_first_look_never_comes_later_than_the_first_tick(name, every_ns, now_ns, among):
    cadence = Cadence.of(name, every_ns)
    assert now_ns <= cadence.first_after(now_ns, among) <= cadence.next_after(now_ns - 1)


def test_first_looks_at_many_slow_targets_keep_to_their_rate():
    looks = [Cadence.of(f"target-{number}", 86_400 * S).first_after(0, 100_000) for number in range(100_000)]
    in_second = Counter(at_ns // S for at_ns in looks)
    assert max(in_second.values()) < 1.2 * FIRST_LOOKS_PER_S
    assert max(looks) > 90 * S
