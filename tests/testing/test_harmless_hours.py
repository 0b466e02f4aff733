"""Hours that a replay passes over: judged sample by sample, they give the same transitions."""

from random import Random

import pytest
from watchkeeper import Consecutive, Http, KOfN, Nagios, NoData, Target, Threshold
from watchkeeper.adapters.stores.history.recording import HourOfTarget
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.units import NS_PER_HOUR
from watchkeeper.testing.replaying.judging import TargetJudge
from watchkeeper.testing.replaying.times import VirtualTime

UP, DOWN, LATE = 1, 2, 3
MEANINGS = {
    UP: (Outcome.UP, Reason.OK),
    DOWN: (Outcome.DOWN, Reason.CONNECTION_REFUSED),
    LATE: (Outcome.TIMED_OUT, Reason.TIMED_OUT),
}
BEGIN_NS = 490_000 * NS_PER_HOUR
RULES = {
    "defaults": (),
    "last": (Threshold(id="slow", value=500),),
    "p95 of 10 minutes": (Threshold(id="slow", value=300, window="10m", aggregate="p95", for_="3m"),),
    "mean of 90 minutes": (Threshold(id="slow", value=150, window="90m", aggregate="mean"),),
    "largest of 200": (Threshold(id="slow", value=600, window=200, aggregate="max"),),
    "five in a row": (Threshold(id="slow", value=200, window=5, mode="consecutive", keep_firing_for="10m"),),
    "too quick": (Threshold(id="quick", value=10.2, operator="<", window=10, aggregate="min"),),
    "status": (Threshold(id="odd", measure="status", value=299, window="20m", aggregate="max"),),
    "rate": (Threshold(id="grows", value=2, mode="rate_of_change", window=4),),
    "k of n": (KOfN(id="some", bad=4, of=40, for_="5m"),),
    "soft and hard": (Nagios(id="state", max_check_attempts=4),),
    "availability": (
        Threshold(id="lost", measure="availability", operator="<", value=90, window="1h", aggregate="mean"),
    ),
    "a window of two days": (Threshold(id="slow", value=90, window="48h", aggregate="mean"),),
    "silence and blips": (Consecutive(id="down", after=1), NoData(id="silent", after="4m")),
    "a measure that no record keeps": (
        Threshold(id="old", measure="certificate_expiration", operator="<", value="14d"),
    ),
}


def hours(dice):
    """Ten hours of a check a minute: most are good, and some have slow answers, failures or gaps."""
    for hour in range(10):
        kind = dice.choice(["good", "good", "good", "slow", "bad", "gap"])
        first_us = (490_000 + hour) * 3_600_000_000
        columns = ([], [], [], [])
        begin = dice.randrange(60)
        for minute in range(60):
            if kind == "gap" and begin <= minute < begin + 7:
                continue
            is_odd = begin <= minute < begin + dice.randrange(3, 20)
            finding = dice.choice([DOWN, LATE, UP]) if kind == "bad" and is_odd else UP
            latency_us = (
                dice.randrange(400_000, 900_000)
                if kind == "slow" and is_odd
                else dice.randrange(10_000, 60_000)
            )
            row = (first_us + minute * 60_000_000, finding, 200 if finding == UP else None, latency_us)
            for column, value in zip(columns, row, strict=True):
                column.append(value)
        yield HourOfTarget(*columns)


def transitions(rules, seed, *, skips):
    judge = TargetJudge(
        Target(id="shop", every="1m", http=Http(url="http://shop.example/"), rules=rules),
        VirtualTime(BEGIN_NS),
        [],
    )
    found, skipped = [], 0
    for hour in hours(Random(seed)):  # for tests, not for secrets
        if skips and judge.skip(hour, UP):
            skipped += 1
            continue
        found += [each for each in judge.judge(hour, MEANINGS, {}) if each.transitions]
    found += judge.pass_time(BEGIN_NS + 11 * NS_PER_HOUR)
    steps = [
        (each.at_ns, step.rule, step.change, step.opened_at_ns) for each in found for step in each.transitions
    ]
    return steps, skipped


@pytest.mark.parametrize("name", RULES)
def test_hours_that_are_passed_over_change_nothing(name):
    skipped, steps = 0, []
    for seed in range(12):
        quickly, passed = transitions(RULES[name], seed, skips=True)
        assert quickly == transitions(RULES[name], seed, skips=False)[0]
        skipped += passed
        steps += quickly
    assert steps
    assert bool(skipped) is (name not in {"rate", "a window of two days"})


def test_a_first_hour_is_judged_sample_by_sample():
    judge = TargetJudge(Target(id="shop", http=Http(url="http://shop.example/")), VirtualTime(BEGIN_NS), [])
    hour = next(hours(Random(1)))  # as above
    assert not judge.skip(hour, UP)


def good_hour(number, slow=()):
    """An hour of a check a minute, whose answers are slow in some minutes."""
    first_us = (490_000 + number) * 3_600_000_000
    latencies = [900_000 if minute in slow else 20_000 for minute in range(60)]
    return HourOfTarget(
        [first_us + minute * 60_000_000 for minute in range(60)], [UP] * 60, [200] * 60, latencies
    )


@pytest.mark.parametrize("window", ["20m", 20])
def test_an_hour_into_which_a_window_with_a_bad_value_reaches_is_judged(window):
    rule = Threshold(id="slow", value=500, window=window, aggregate="max", for_="10m")
    judge = TargetJudge(
        Target(id="shop", every="1m", http=Http(url="http://shop.example/"), rules=[rule]),
        VirtualTime(BEGIN_NS),
        [],
    )
    [*judge.judge(good_hour(0, slow=range(52, 56)), MEANINGS, {})]
    assert not judge.skip(good_hour(1), UP)
    found = [each for each in judge.judge(good_hour(1), MEANINGS, {}) if each.transitions]
    assert [step.change for each in found for step in each.transitions] == ["opened", "resolved"]
    assert judge.skip(good_hour(2), UP)
