"""Three nodes on one store in virtual time: one effective owner, nothing lost, nothing told twice; not so without the fence."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from simulator.__main__ import main
from simulator.batch import COURSE_EVERY, Order, reproduction, run_batch
from simulator.cases.faults import Fault
from simulator.cluster.controls import ForgetfulPlanner, HastyPlanner, Parts, TimesOfWalls, UnfencedStore
from simulator.cluster.course import run_course
from simulator.invariants.violation import Violation
from simulator.sometimes import OF_COURSES, never_happened

UNFENCED = Parts(store=UnfencedStore)


def said(result):
    return [violation.line() for violation in result.violations]


def broken(result):
    return {violation.invariant for violation in result.violations}


# In the last one a shard with a problem of its own is handed over to a node that then lives long.
@pytest.mark.parametrize("seed", [*range(14), 26])
def test_a_course_breaks_no_invariant(seed):
    assert said(run_course(seed)) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_same_course_fails_without_the_fence(seed):
    assert "S15" in broken(run_course(seed, UNFENCED))


@pytest.mark.parametrize("seed", [11, 34])
def test_without_the_fence_an_outage_is_lost_or_told_twice(seed):
    assert "S6" in broken(run_course(seed, UNFENCED))


@pytest.mark.parametrize("seed", [1, 6])
def test_a_node_that_has_just_come_back_would_take_shards_from_owners_that_live(seed):
    violations = run_course(seed, Parts(planner=HastyPlanner)).violations
    assert "from an owner that lived" in violations[0].says


def test_wall_clocks_of_two_machines_would_make_an_older_configuration_the_newest():
    assert "S30" in broken(run_course(2, Parts(times=TimesOfWalls)))


def test_a_store_that_went_back_in_time_would_give_an_epoch_twice():
    assert "S14" in broken(run_course(7, Parts(planner=ForgetfulPlanner)))


@pytest.mark.slow
def test_a_course_repeats_to_the_bit_under_another_hash_seed():
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "--course", "3"],
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert f"trace {run_course(3).trace}," in done.stdout


def test_a_batch_with_all_faults_has_courses_and_one_with_some_has_none():
    figures = run_batch([COURSE_EVERY], Order(minutes=1), progress=lambda _: None)
    assert (figures.seeds, figures.courses, figures.failed) == (1, 1, [])
    assert figures.as_builtins()["courses"] == 1
    alone = run_batch([COURSE_EVERY], Order(faults=(Fault.CRASH,), minutes=1), progress=lambda _: None)
    assert (alone.seeds, alone.courses) == (1, 0)


def test_a_situation_that_no_course_has_met_is_named():
    counts = dict.fromkeys(OF_COURSES, 1)
    del counts["rewound"]
    assert "rewound" in never_happened(counts, tuple(Fault), with_courses=True)
    assert "rewound" not in never_happened(counts, tuple(Fault))
    assert "handed over" not in never_happened(counts, tuple(Fault), with_courses=True)


def test_a_course_that_fails_names_the_command_that_repeats_it():
    failed = replace(run_course(0), violations=(Violation("S15", "two owners", 1),))
    assert "python -m simulator --course 0  # commit" in reproduction(failed, Order())
    outcome = CliRunner().invoke(main, ["--course", "0"])
    assert outcome.exit_code == 0
    assert "three nodes" in outcome.output


def test_a_course_without_an_end_is_ended():
    assert broken(run_course(0, cpu_s=0.05)) >= {"BOUND"}
