"""The naive judge of every kind of rule agrees with the production code, and bites where they differ."""

from collections import Counter

import pytest
from msgspec.structs import replace
from simulator.cases.case import Case, Options, Reached, Watched
from simulator.cases.drawing import draw_case
from simulator.recovery.kinds import check_kinds
from simulator.run import Run, quiet, run_case
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.probe import Composite, Http
from watchkeeper.domain.specification.rule import KOfN, Nagios, Slo, Threshold
from watchkeeper.domain.specification.target import Target

KINDS = ("k_of_n", "nagios", "threshold", "burn_rate")


def test_seeds_without_faults_are_recounted_for_every_kind():
    met = Counter()
    for seed in range(24):
        result = run_case(draw_case(seed, allowed=(), minutes=5), keep_tape=False)
        assert [violation.line() for violation in result.violations] == [], f"seed {seed}"
        met.update(result.sometimes)
    assert min(met[f"recounted: {kind}"] for kind in KINDS) > 5
    assert min(met[f"made: {outcome}"] for outcome in ("up", "degraded", "down", "unknown")) > 0


RULES = (
    KOfN(id="some", bad=2, of=4),
    Nagios(id="hard", max_check_attempts=2),
    Threshold(
        id="poor", measure="availability", operator="<", value=60, recover=80, window=4, aggregate="mean"
    ),
)
SHOP = Target(
    id="shop",
    every="5s",
    timeout="2s",
    http=Http(url="http://shop.example/"),
    rules=RULES,
    default_rules=False,
    notify=("ops",),
    slo=Slo(objective="95%", min_samples=2),
)
WHOLE = Target(
    id="whole", every="5s", composite=Composite(worst_of=("shop",)), rules=RULES[:1], default_rules=False
)
CASE = Case(
    seed=1,
    options=Options(minutes=3),
    targets=(
        Watched(target=SHOP, script="ok 30s, down 20s, degraded 15s, ok 10s, down 5s, ok"),
        Watched(target=WHOLE, script="ok"),
    ),
    channels=(Reached(channel=Channel(id="ops", log=Log())),),
)


@pytest.fixture
def run():
    """A whole run in which every rule has opened."""
    with quiet():
        run = Run(CASE)
        run.safety()
        assert {life[-1].rule for life in run.machine.auditor.durable.lives.values()} >= {
            *(rule.id for rule in RULES),
            "slo-page",
        }
        yield run
        run.close()


def broken(run):
    check_kinds(run.machine)
    return {violation.line().partition(" at ")[0] for violation in run.machine.auditor.violations}


def test_a_whole_run_breaks_nothing(run):
    assert broken(run) == set()


@pytest.mark.parametrize("rule", [*(rule.id for rule in RULES), "slo-page", "slo-ticket"])
def test_an_incident_too_few_is_noticed(run, rule):
    lives = run.machine.auditor.durable.lives
    for name in [name for name, life in lives.items() if (life[0].target, life[0].rule) == ("shop", rule)]:
        del lives[name]
    assert broken(run) == {"S3"}


def test_a_hard_state_that_changes_unseen_is_noticed(run):
    lives = run.machine.auditor.durable.lives
    for life in lives.values():
        life[:] = [step for step in life if step.change != "changed"]
    assert broken(run) == {"S3"}


def test_a_composite_sample_that_its_members_do_not_allow_is_noticed(run):
    taken = run.machine.auditor.taken["whole"]
    sample, record = taken[0]
    taken[0] = replace(sample, outcome=Outcome.DEGRADED), record
    assert "S17" in broken(run)


def test_a_target_that_must_fail_is_judged_the_other_way_round():
    targets = (Watched(target=replace(SHOP, upside_down=True), script="ok 1m, down", finally_="down"),)
    result = run_case(replace(CASE, targets=targets))
    assert [violation.line() for violation in result.violations] == []
    assert result.sometimes["verdict: unexpected_answer"] > 0
