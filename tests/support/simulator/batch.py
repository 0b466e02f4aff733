"""A batch: many seeds over a few processes, and the sum of their results."""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import msgspec
from watchkeeper.domain.time.moment import NS_PER_S

from .cases.drawing import draw_case
from .cases.faults import Fault
from .cluster.course import run_course
from .run import Result, run_case
from .sometimes import ENOUGH_SEEDS, never_happened

HOUR_NS = 3_600 * NS_PER_S
COURSE_EVERY = 10
"""Every so many seeds are a course of a cluster, too, in a batch with all faults: they take about an eighth of its time."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The options of every seed of a batch."""

    faults: tuple[Fault, ...] = tuple(Fault)
    minutes: int = 15

    @property
    def has_courses(self) -> bool:
        """Whether courses of a cluster belong to the batch: they have faults of their own."""
        return self.faults == tuple(Fault)


class Figures(msgspec.Struct, kw_only=True):
    """The sum of a batch."""

    seeds: int = 0
    courses: int = 0
    """Those of clusters, beside the seeds."""
    failed: list[Result] = []
    simulated_ns: int = 0
    real_ns: int = 0
    """Of all processes together."""
    steps: int = 0
    sites: int = 0
    processes: int = 0
    traces: dict[str, int] = {}
    sometimes: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Adds the result of one run."""
        if result.nodes > 1:
            self.courses += 1
        else:
            self.seeds += 1
        self.simulated_ns += result.simulated_ns
        self.real_ns += result.real_ns
        self.steps += result.steps
        self.sites += result.sites
        self.processes += result.processes
        self.traces[result.trace] = result.seed
        self.sometimes.update(result.sometimes)
        if result.violations:
            self.failed.append(result)

    def missing(self, order: Order) -> list[str]:
        """Returns the situations that never occurred; none before there were enough seeds to expect them."""
        if self.seeds < ENOUGH_SEEDS:
            return []
        return never_happened(self.sometimes, order.faults, with_courses=order.has_courses)

    def as_builtins(self) -> dict[str, object]:
        """Returns the figures in types that JSON has."""
        return {
            "seeds": self.seeds,
            "courses": self.courses,
            "failed": [result.seed for result in self.failed],
            "simulated_hours": round(self.simulated_ns / HOUR_NS, 1),
            "steps": self.steps,
            "crash_points": self.sites,
            "processes": self.processes,
            "distinct_traces": len(self.traces),
            "run_s": round(self.real_ns / NS_PER_S, 1),
            "times_real_time_per_process": round(self.simulated_ns / max(self.real_ns, 1)),
            "sometimes": dict(sorted(self.sometimes.items())),
        }


def run_seed(seed: int, order: Order) -> Result:
    """Runs one seed for a batch. Keeps no tape: a failure is run again when it is shortened."""
    case = draw_case(seed, allowed=order.faults, minutes=order.minutes)
    try:
        return run_case(case, keep_tape=False)
    except Exception as error:
        raise RuntimeError(f"seed {seed} broke off: {error!r}") from error


class Task(NamedTuple):
    """One run of a batch."""

    seed: int
    is_course: bool = False


class _Job:
    """Picklable: runs a task with its order."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def __call__(self, task: Task) -> Result:
        return run_course(task.seed) if task.is_course else run_seed(task.seed, self._order)


def run_batch(
    seeds: Iterable[int], order: Order, *, processes: int = 1, progress: Callable[[Figures], None]
) -> Figures:
    """Runs all seeds; a failure is kept and does not stop the others."""
    figures = Figures()
    for result in _results(list(_tasks(seeds, order)), order, processes):
        figures.add(result)
        if result.nodes == 1:
            progress(figures)
    return figures


def _tasks(seeds: Iterable[int], order: Order) -> Iterator[Task]:
    for seed in seeds:
        if order.has_courses and seed % COURSE_EVERY == 0:
            yield Task(seed, is_course=True)
        yield Task(seed)


def _results(tasks: list[Task], order: Order, processes: int) -> Iterator[Result]:
    if processes <= 1:
        yield from map(_Job(order), tasks)
        return
    # Spawned, not forked: each process has its own hash seed, so that nothing can come to depend on one.
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(_Job(order), tasks, chunksize=4)


def commit_of_source() -> str:
    """Returns the commit of the running source, for the line that reproduces a failure."""
    root = Path(__file__).resolve().parents[3]
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],  # whichever git is installed
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except OSError:
        return "unknown"
    return found.stdout.strip() or "unknown"


def reproduction(result: Result, order: Order) -> str:
    """Returns the command line that runs a failure again."""
    says = f"# commit {commit_of_source()}: {result.violations[0].line()[:200]}"
    if result.nodes > 1:
        return f"PYTHONPATH=tests/support python -m simulator --course {result.seed}  {says}"
    faults = "all" if order.faults == tuple(Fault) else ",".join(order.faults) or "none"
    return (
        f"PYTHONPATH=tests/support python -m simulator --one {result.seed} --faults {faults} "
        f"--minutes {order.minutes}  {says}"
    )
