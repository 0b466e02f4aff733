"""Two processes on one store in virtual time: one effective owner, nothing lost, nothing told twice; not so without the fence."""

from collections import Counter

import pytest
from shared_store import Ground, Unfenced
from simulator.run import quiet

OUTAGES = 6
SEEDS = range(24)


def run(seed, **named):
    """Runs both processes through one story of outages and faults."""
    ground = Ground(seed, OUTAGES, **named)
    with quiet():
        ground.live()
    return ground


@pytest.fixture(scope="module")
def grounds():
    return [run(seed) for seed in SEEDS]


def test_faults_of_the_owner_lose_and_repeat_nothing(grounds):
    assert {seed: found for seed, ground in enumerate(grounds) if (found := ground.faults())} == {}


def test_every_kind_of_fault_and_takeover_has_happened(grounds):
    seen = Counter(event for ground in grounds for event in ground.happenings)
    assert (
        min(
            seen["killed"],
            seen["frozen between turns"],
            seen["frozen before a commit"],
            seen["frozen after a commit"],
            seen["frozen with a notice on its way"],
            seen["claimed a free store"],
            seen["claimed from a frozen owner"],
            seen["a ended by itself"] + seen["b ended by itself"],
        )
        >= 10
    )


def test_the_same_runs_fail_without_the_fence():
    failed = [seed for seed in SEEDS if run(seed, store=Unfenced).faults()]
    assert len(failed) > len(SEEDS) // 3
