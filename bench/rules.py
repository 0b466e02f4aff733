"""The cost of judging one sample with five rules, one of them a p95 over five minutes, for windows of any length, and by kind.

    python bench/rules.py [--pairs 5] [--quick]

Prints one JSON object. Five minutes hold 300 to 100,000 samples, as the cadence is; each figure is the CPU time of
`TargetAggregate.apply` per sample once the window is full. The plain list keeps the same values and sorts them for each sample.
By kind: k of n, Nagios, a value of recovery and a relative change, each alone; an objective with both its rules; and five of them, with
the page of an objective, together.
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
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.rules.aggregate import TargetAggregate
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import (
    Aggregate,
    Consecutive,
    KOfN,
    Mode,
    Nagios,
    NoData,
    Rule,
    RuleState,
    Severity,
    Slo,
    Threshold,
)
from watchkeeper.domain.specification.target import Target
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
KINDS: dict[str, Rule] = {
    "k_of_n": KOfN(id="some", bad=3, of=10),
    "nagios": Nagios(id="hard"),
    "recover": Threshold(
        id="slow", value=5_000.0, recover=3_000.0, window="5m", min_samples=5, aggregate=Aggregate.P95
    ),
    "relative_change": Threshold(
        id="slower",
        value=900.0,
        mode=Mode.RELATIVE_CHANGE,
        window="1m",
        baseline="4m",
        aggregate=Aggregate.P50,
    ),
}


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


def ours(length: int) -> Callable[[], float]:
    """Microseconds per sample; the window stays full from one call to the next."""
    return judging(aggregate((SLOW, *OTHERS)), length)


def judging(judge: TargetAggregate, length: int) -> Callable[[], float]:
    """The same of any aggregate."""
    made = samples(length, length + 20 * SAMPLES)
    for sample in made[:length]:
        judge.apply(sample, sample.at)
    ahead = iter(range(length, len(made), SAMPLES))

    def run() -> float:
        start = next(ahead)

        def work() -> None:
            for sample in made[start : start + SAMPLES]:
                judge.apply(sample, sample.at)

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
    """Microseconds per sample, with 300 in a window, of each kind alone, of an objective, and of five kinds together."""
    page = (*KINDS.values(), Consecutive(id="slo-ticket", state=RuleState.RETIRED))
    judges = {name: aggregate((rule,)) for name, rule in KINDS.items()}
    judges |= {"slo": aggregate((), slo=True), "five_kinds": aggregate(page, slo=True)}
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
