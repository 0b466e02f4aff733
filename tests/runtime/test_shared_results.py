"""`max_age`: equal probes of several targets share a result, which is marked and counts once for each of them."""

import threading

from msgspec import UNSET
from watchkeeper import Call, Runtime, SampleSeen, Target

DEADLINE_S = 20


class Check:
    """A function that is watched and counts how often it runs."""

    def __init__(self):
        self.guard, self.calls = threading.Lock(), 0

    def __call__(self):
        with self.guard:
            self.calls += 1


def targets(count, **fields):
    return [
        Target(id=f"shop-{number}", call=Call(name="shop"), timeout="5s", **fields) for number in range(count)
    ]


def samples_of(watched, check, enough):
    """Returns the samples up to the one at which `enough` is true."""
    seen = []
    with (
        Runtime(callables={"shop": check}) as runtime,
        runtime.subscribe(samples=True) as events,
    ):
        for target in watched:
            runtime.track(target)
        while not enough(seen):
            event = events.get(DEADLINE_S)
            assert event is not None
            if isinstance(event, SampleSeen):
                seen.append(event.sample)
    return seen


def test_ten_targets_of_one_check_share_a_result_within_max_age():
    check = Check()

    seen = samples_of(
        targets(10, every="1s", max_age="30s"),
        check,
        lambda seen: len({sample.target for sample in seen}) == 10,
    )

    first = {sample.target: sample for sample in reversed(seen)}.values()
    ages = [sample.shared_age_ns for sample in first if sample.shared_age_ns is not UNSET]
    assert len(ages) == 9
    assert all(0 <= age_ns <= 30_000_000_000 for age_ns in ages)
    assert check.calls <= 2 + len(seen) - len(ages)


def test_no_result_counts_twice_for_one_target():
    check = Check()

    seen = samples_of(targets(1, every="20ms", max_age="30s"), check, lambda seen: len(seen) == 10)

    assert check.calls >= len(seen)
    assert {sample.shared_age_ns for sample in seen} == {UNSET}


def test_without_max_age_every_attempt_probes():
    check = Check()

    seen = samples_of(targets(3, every="50ms"), check, lambda seen: len(seen) == 9)

    assert check.calls >= len(seen)
    assert {sample.shared_age_ns for sample in seen} == {UNSET}
