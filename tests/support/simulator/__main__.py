"""The command of the simulator: runs seeds, or one again, or a stored case."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.time.moment import NS_PER_S

from .batch import Figures, Order, reproduction, run_batch
from .cases.case import Case, load_case, save_case
from .cases.drawing import draw_case
from .cases.faults import Fault, parse_faults
from .cluster.course import run_course
from .run import Result, run_case
from .shrink import Shrinker

PROGRESS_EVERY = 25
SHRINK_NS = 60 * NS_PER_S
FAILED = 1
REFUSED = 2


def _seeds(context: click.Context, parameter: click.Parameter, text: str | None) -> range | None:
    del context, parameter
    if text is None:
        return None
    first, _, last = text.partition(":")
    if not (first.isdigit() and last.isdigit() and int(first) < int(last)):
        raise click.BadParameter(f"{text!r} is not a range of seeds: write it like 0:1000")
    return range(int(first), int(last))


def _faults(context: click.Context, parameter: click.Parameter, text: str) -> tuple[Fault, ...]:
    del context, parameter
    try:
        return parse_faults(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.option("--seeds", callback=_seeds, help="Run the seeds from A to B - 1, written A:B.")
@click.option(
    "--one", type=click.IntRange(min=0), help="Run one seed and print its last steps and violations."
)
@click.option(
    "--course",
    type=click.IntRange(min=0),
    help="Run the course of several nodes of one seed, and print what they sent last.",
)
@click.option("--replay", type=click.Path(path_type=Path), help="Run a stored case.")
@click.option("--faults", callback=_faults, default="all", help="all, none, or names joined by commas.")
@click.option("--minutes", type=click.IntRange(1, 10_000), default=15, help="Simulated minutes under faults.")
@click.option("--processes", type=click.IntRange(1, 256), default=1)
@click.option(
    "--store-failures", type=click.Path(path_type=Path), help="Shorten failures and keep them there."
)
def main(
    seeds: range | None,
    one: int | None,
    course: int | None,
    replay: Path | None,
    faults: tuple[Fault, ...],
    minutes: int,
    processes: int,
    store_failures: Path | None,
) -> None:
    """Run the production actors in virtual time under injected faults, and check the invariants after every step."""
    order = Order(faults=faults, minutes=minutes)
    if replay is not None:
        sys.exit(_show(_refusing(lambda: load_case(replay))))
    if one is not None:
        sys.exit(_show(draw_case(one, allowed=order.faults, minutes=order.minutes)))
    if course is not None:
        sys.exit(_tell(run_course(course), "three nodes"))
    if seeds is None:
        raise click.UsageError("name the seeds: --seeds 0:1000, --one 7, --course 7 or --replay FILE")
    sys.exit(_batch(seeds, order, processes, store_failures))


def _refusing(load: Callable[[], Case]) -> Case:
    try:
        return load()
    except (ValueError, OSError) as error:
        click.echo(str(error), err=True)
        sys.exit(REFUSED)


def _batch(seeds: range, order: Order, processes: int, store_failures: Path | None) -> int:
    clock = SystemClock()
    began_ns = clock.read().monotonic_ns

    def progress(figures: Figures) -> None:
        if figures.seeds % PROGRESS_EVERY == 0 or figures.seeds == len(seeds):
            passed_s = (clock.read().monotonic_ns - began_ns) / NS_PER_S
            says = f"{figures.seeds}/{len(seeds)} seeds, {len(figures.failed)} failed, {passed_s:.0f} s"
            click.echo(says, err=True)

    figures = run_batch(seeds, order, processes=processes, progress=progress)
    missing = figures.missing(order)
    summary = figures.as_builtins() | {
        "wall_s": round((clock.read().monotonic_ns - began_ns) / NS_PER_S, 1),
        "never_happened": missing,
    }
    click.echo(json.dumps(summary, indent=1))
    for result in figures.failed:
        click.echo(reproduction(result, order))
        if store_failures is not None and result.nodes == 1:
            _store(result, order, store_failures)
    return FAILED if figures.failed or missing else 0


def _store(result: Result, order: Order, folder: Path) -> None:
    """Shortens a failure and stores it as a regression case."""
    case = draw_case(result.seed, allowed=order.faults, minutes=order.minutes)
    invariant = result.violations[0].invariant
    shrinker = Shrinker(case, invariant, budget_ns=SHRINK_NS)
    path = folder / f"{invariant.lower()}-{result.seed}.json"
    save_case(shrinker.shrink(), path)
    click.echo(f"stored as {path} after {shrinker.tries} tries")


def _show(case: Case) -> int:
    return _tell(run_case(case), case.options)


def _tell(result: Result, what: object) -> int:
    for line in result.tail:
        click.echo(line)
    for violation in result.violations:
        click.echo(violation.line())
    click.echo(f"seed {result.seed}: {result.steps} steps, trace {result.trace}, {what}")
    return FAILED if result.violations else 0


if __name__ == "__main__":
    main()
