"""The cost of judging one sample with five rules, one of them a p95 over five minutes, for windows of any length, and by kind.

    python bench/rules.py [--pairs 5] [--quick]

Prints one JSON object. Five minutes hold 300 to 100,000 samples, as the cadence is; each figure is the CPU time of
`TargetAggregate.apply` per sample once the window is full. The plain list keeps the same values and sorts them for each sample.
By kind: each kind of rule alone; a sample of a target that must fail, and one that is made of five members, with a rule that counts in
a row; and five rules of as many kinds together.
"""

import argparse
import json
import random
import sys
from collections import deque
from collections.abc import Callable
from math import ceil

from machine import describe
from msgspec.structs import replace
from sidebyside import by_turns, cpu_ns, median_of, ratio_of
from watchkeeper.domain.observation.attempt import AttemptId
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.sample import Sample, sample_without_answer
from watchkeeper.domain.rules.aggregate import TargetAggregate
from watchkeeper.domain.specification.probe import Composite, Http
from watchkeeper.domain.specification.rule import (
    Aggregate,
    Consecutive,
    KOfN,
    Mode,
    Nagios,
    NoData,
    Rule,
    Severity,
    Slo,
    Threshold,
)
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.supervision.composition import composed
from watchkeeper.domain.time.duration import NS_PER_MINUTE
from watchkeeper.domain.time.moment import NS_PER_MS, Moment

WINDOW_NS = 5 * NS_PER_MINUTE
LENGTHS = (300, 3_000, 30_000, 100_000)
SAMPLES = 3_000
PLAIN_SAMPLES = {300: 2_000, 3_000: 400, 30_000: 40, 100_000: 12}
BARS = {"per_sample_us_max": 15.0, "longest_over_shortest_max": 1.5}
SLOW = Threshold(id="slow", value=5_000.0, window="5m", aggregate=Aggregate.P95, severity=Severity.WARNING)
OTHERS: tuple[Rule, ...] = (
    Consecutive(id="down"),
    Threshold(id="certificate", measure="certificate_expiration", operator="<", value=48 * 3_600_000.0),
    Threshold(id="stuck", measure="status", operator=">=", value=500, window=5, mode=Mode.CONSECUTIVE),
    NoData(id="silent"),
)


SLO = Slo(objective="99.9%")
CHANGE = Threshold(
    id="slower", value=900.0, mode=Mode.RELATIVE_CHANGE, window="1m", baseline="4m", aggregate=Aggregate.P50
)
SOME = KOfN(id="some", bad=3, of=10)
KINDS: dict[str, Rule] = {
    "consecutive": OTHERS[0],
    "no_data": OTHERS[3],
    "k_of_n": SOME,
    "nagios": Nagios(id="hard"),
    "threshold": SLOW,
    "each_value": OTHERS[2],
    "rate_of_change": Threshold(id="rising", value=1e9, mode=Mode.RATE_OF_CHANGE, window="5m"),
    "relative_change": CHANGE,
    "recover": replace(SLOW, recover=3_000.0),
    "min_samples": replace(SLOW, min_samples=5),
}
FIVE: tuple[Rule, ...] = (SLOW, OTHERS[0], SOME, CHANGE)
"""With both rules of an objective, which is the fifth."""
MEMBERS = Composite(worst_of=("a", "b", "c", "d", "e"))
Judge = Callable[[Sample], object]


def samples(length: int, count: int) -> list[Sample]:
    """As many as fill the window and then some, with latencies as noisy as they really are."""
    chance = random.Random(length)
    gap_ns = WINDOW_NS // length
    return [
        Sample(
            target="shop",
            epoch=1,
            attempt=number + 1,
            at=Moment(number * gap_ns, number * gap_ns),
            outcome=Outcome.UP,
            latency_ns=int(chance.lognormvariate(15.4, 0.6)),
            status=200,
            certificate_expires_in_ns=30 * 24 * 60 * NS_PER_MINUTE,
        )
        for number in range(count)
    ]


def aggregate(rules: tuple[Rule, ...], *, slo: bool = False) -> TargetAggregate:
    target = Target(id="shop", http=Http(url="http://shop.example/"), rules=rules, default_rules=False)
    return TargetAggregate(replace(target, slo=SLO) if slo else target, 1)


def applying(rules: tuple[Rule, ...], *, slo: bool = False) -> Judge:
    judge = aggregate(rules, slo=slo)
    return lambda sample: judge.apply(sample, sample.at)


def turning() -> Judge:
    """A target that must fail, and fails."""
    judge = aggregate(OTHERS[:1])

    def turn(sample: Sample) -> object:
        failed = replace(sample, outcome=Outcome.DOWN, reason=Reason.CONNECTION_REFUSED)
        return judge.apply(failed.turned(), sample.at)

    return turn


def composing() -> Judge:
    """A target of five members, all of which are up."""
    judge, outcomes = aggregate(OTHERS[:1]), dict.fromkeys(MEMBERS.members, Outcome.UP)

    def compose(sample: Sample) -> object:
        found = composed(MEMBERS, outcomes)
        attempt = AttemptId(sample.target, sample.epoch, sample.attempt)
        made = sample_without_answer(attempt, sample.at, found.outcome, Reason.OK, found.detail)
        return judge.apply(made, sample.at)

    return compose


def ours(length: int) -> Callable[[], float]:
    """Microseconds per sample; the window stays full from one call to the next."""
    return judging(applying((SLOW, *OTHERS)), length)


def judging(judge: Judge, length: int) -> Callable[[], float]:
    """The same of any judge."""
    made = samples(length, length + 20 * SAMPLES)
    for sample in made[:length]:
        judge(sample)
    ahead = iter(range(length, len(made), SAMPLES))

    def run() -> float:
        start = next(ahead)

        def work() -> None:
            for sample in made[start : start + SAMPLES]:
                judge(sample)

        return cpu_ns(work, SAMPLES) / 1e3

    return run


def plain(length: int) -> Callable[[], float]:
    """The same with the p95 from a plain list, sorted for every sample."""
    judge = aggregate(OTHERS)
    count = PLAIN_SAMPLES[length]
    made = samples(length, length + 20 * count)
    values = deque((sample.latency_ns or 0) / NS_PER_MS for sample in made[:length])
    ahead = iter(range(length, len(made), count))

    def run() -> float:
        start = next(ahead)

        def work() -> None:
            for sample in made[start : start + count]:
                judge.apply(sample, sample.at)
                values.append((sample.latency_ns or 0) / NS_PER_MS)
                values.popleft()
                ranked = sorted(values)
                if ranked[ceil(0.95 * len(ranked)) - 1] > SLOW.value:
                    raise RuntimeError("no sample is as slow as that")

        return cpu_ns(work, count) / 1e3

    return run


def measure(pairs: int) -> dict[str, dict[str, float]]:
    """Measures every length in every round, and takes the fastest round as the cost.

    The work is always the same, so another round is slower only by the machine, whose phases differ up to 1.8 times.
    """
    count = len(LENGTHS)
    seen = by_turns([*map(ours, LENGTHS), *map(plain, LENGTHS)], pairs)
    found = {}
    for place, length in enumerate(LENGTHS):
        found[str(length)] = {
            "ours_us": round(min(each[place] for each in seen), 2),
            "ours_median_us": round(median_of(seen, place), 2),
            "plain_list_us": round(median_of(seen, place + count), 1),
            "times_cheaper": round(ratio_of(seen, place + count, place), 1),
        }
        print(f"{length} samples: {found[str(length)]}", file=sys.stderr)
    return found


def by_kind(pairs: int) -> dict[str, float]:
    """Microseconds per sample, with 300 in a window: of no rule, of each kind alone, and of five kinds together."""
    judges = {"no_rule": applying(())}
    judges |= {name: applying((rule,)) for name, rule in KINDS.items()}
    judges |= {"slo": applying((), slo=True), "upside_down": turning(), "composite": composing()}
    judges["five_kinds"] = applying(FIVE, slo=True)
    rounds = by_turns([judging(judge, LENGTHS[0]) for judge in judges.values()], pairs)
    return {name: round(min(each[at] for each in rounds), 2) for at, name in enumerate(judges)}


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two pairs: a look, not a figure to quote")
    options = parser.parse_args(arguments)
    pairs = 2 if options.quick else options.pairs
    found, kinds = measure(pairs), by_kind(pairs)
    costs = [found[str(length)]["ours_us"] for length in LENGTHS]
    constant = round(costs[-1] / costs[0], 2)
    met = {
        "per_sample": max(*costs, kinds["five_kinds"]) <= BARS["per_sample_us_max"],
        "constant": constant <= BARS["longest_over_shortest_max"],
    }
    summary = {"window_samples": found, "longest_over_shortest": constant, "kinds_us": kinds}
    print(json.dumps({**summary, "bars": BARS, "met": met, "pairs": pairs, "machine": describe()}, indent=2))
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
