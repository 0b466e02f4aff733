"""Cases of rules on two lines: the samples of a target, one letter each, and what became of its incident."""

from collections.abc import Iterable

from records import sample_at
from watchkeeper.domain.incidents.incident import Transition, TransitionKind
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.rules.aggregate import TargetAggregate
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.rule import Rule, Slo
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S

LETTERS = {
    ".": Outcome.UP,
    "x": Outcome.DOWN,
    "t": Outcome.TIMED_OUT,
    "w": Outcome.DEGRADED,
    "?": Outcome.UNKNOWN,
}
STEPS = {TransitionKind.OPENED: "O", TransitionKind.CHANGED: "C", TransitionKind.RESOLVED: "R"}
EVERY_NS = 10 * NS_PER_S


def watched(*rules: Rule, slo: Slo | None = None, every: str = "10s") -> TargetAggregate:
    """The aggregate of a target with these rules alone."""
    more = {} if slo is None else {"slo": slo}
    target = Target(
        id="shop", every=every, tcp=Tcp(host="a", port=1), rules=rules, default_rules=False, **more
    )
    return TargetAggregate(target, 1)


def samples(line: str, every_ns: int = EVERY_NS) -> list[Sample]:
    """The samples of a line, one a period."""
    return [
        sample_at(number * every_ns, outcome=LETTERS[letter], attempt=number, latency_ns=NS_PER_S // 1_000)
        for number, letter in enumerate(line.replace(" ", ""), 1)
    ]


def steps_of(aggregate: TargetAggregate, line: str, every_ns: int = EVERY_NS) -> list[Transition]:
    """The transitions of all samples of a line."""
    return [step for sample in samples(line, every_ns) for step in aggregate.apply(sample, sample.at)]


def course(aggregate: TargetAggregate, taken: Iterable[Sample]) -> str:
    """A letter for each sample: `-` without an incident, `O` where one opens, `+` while it is open, `C` and `R` for its steps."""
    said = []
    for sample in taken:
        steps = aggregate.apply(sample, sample.at)
        said.append(STEPS[steps[-1].change] if steps else "+" if aggregate.incidents() else "-")
    return "".join(said)
