"""Puts every seeded bug into a copy of the tree and says who catches it: `python tests/teeth/run.py --jobs 2`.

First the unchanged tree must pass every command that is to catch something. Then, for each bug, its tests run up to the
first that fails, and seeds of the simulator up to the first that finds something. It exits with 1 unless all are caught.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parent))

import msgspec
from catalogue import Bug, catalogue, changed
from copies import NOTHING, PASSED, ROOT, Copy, Find, NoVerdict, digest_of, spread

CONTROL_S_MAX = 1_200


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one bug."""

    id: str
    breaks: tuple[str, ...]
    tests: Find | None
    simulator: Find | None
    """None: it was not asked."""
    seconds: float

    @property
    def caught(self) -> bool:
        return any(find is not None and find.caught for find in (self.tests, self.simulator))

    def line(self) -> str:
        found = [
            f"{name} ({find.by})"
            for name, find in self.finds()
            if find is not None and find.caught == self.caught
        ]
        word = "caught by" if self.caught else "NOT CAUGHT:"
        return f"{self.id:<46} {word} {', '.join(found)}  [{self.seconds:.0f} s]"

    def finds(self) -> Iterator[tuple[str, Find | None]]:
        yield "tests", self.tests
        yield "simulator", self.simulator


class Line(msgspec.Struct, frozen=True):
    """A row as it is kept for a later run."""

    tree: str
    bug: str
    row: Row


def verdict(ask: Callable[[], Find]) -> Find:
    """Returns the finds of a command; one that could not run has none, and ends no other bug's turn."""
    try:
        return ask()
    except NoVerdict as error:
        return Find(False, str(error))


def examined(bug: Bug, copy: Copy, wanted: argparse.Namespace) -> Row:
    """Put a bug in, run what is to catch it, take it out."""
    began_s = monotonic()
    take_out = copy.put_in(bug)
    try:
        tests = verdict(lambda: copy.test(bug.tests)) if wanted.by != "simulator" else None
        enough = wanted.first and tests is not None and tests.caught
        ask = wanted.by != "tests" and not bug.beyond and not enough
        simulator = verdict(lambda: copy.simulate(wanted.seeds, wanted.seconds)) if ask else None
    finally:
        take_out()
    return Row(id=bug.id, breaks=bug.breaks, tests=tests, simulator=simulator, seconds=monotonic() - began_s)


def control(bugs: list[Bug], copy: Copy, wanted: argparse.Namespace) -> list[str]:
    """Returns the failures of the unchanged tree: with any, no find below means anything."""
    failures = []
    if wanted.by != "simulator":
        tests = list(dict.fromkeys(path for bug in bugs for path in bug.tests))
        find = verdict(lambda: copy.test(tests, CONTROL_S_MAX))
        failures += [find.by] if find.by != PASSED else []
    if wanted.by != "tests":
        find = verdict(lambda: copy.simulate(wanted.seeds, 4 * wanted.seconds))
        failures += [find.by] if not find.by.endswith(NOTHING) else []
    return failures


def rows_of(bugs: list[Bug], copies: list[Copy], wanted: argparse.Namespace) -> Iterator[Row]:
    """One row a bug, as each is done."""
    return spread(lambda bug, copy: examined(bug, copy, wanted), bugs, copies)


def kept(path: Path | None, bugs: list[Bug], digest: str) -> dict[str, Row]:
    """Rows of an earlier run with the very same bugs on the very same tree."""
    if path is None or not path.exists():
        return {}
    known = {bug.id: repr(bug) for bug in bugs}
    # A line without its end was being written when the run was stopped.
    whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    path.write_text("".join(whole))
    lines = [msgspec.json.decode(line, type=Line) for line in whole]
    return {
        line.row.id: line.row for line in lines if line.tree == digest and known.get(line.row.id) == line.bug
    }


def keep(path: Path | None, line: Line) -> None:
    if path is not None:
        with path.open("ab") as log:
            log.write(msgspec.json.encode(line) + b"\n")


def summary(rows: list[Row], seconds: float) -> dict[str, object]:
    asked = [row for row in rows if row.simulator is not None]
    return {
        "bugs": len(rows),
        "caught": sum(row.caught for row in rows),
        "not_caught": sorted(row.id for row in rows if not row.caught),
        "caught_by_tests": sum(row.tests is not None and row.tests.caught for row in rows),
        "put_to_the_simulator": len(asked),
        "caught_by_the_simulator_alone": sum(row.simulator.caught for row in asked if row.simulator),
        "seconds": round(seconds),
    }


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Puts seeded bugs into copies of the tree and says who catches them."
    )
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="this bug; may be repeated")
    parser.add_argument(
        "--sample", type=int, default=0, metavar="N", help="N bugs, spread over the catalogue"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=60, help="seeds of the simulator for each bug, at most")
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="CPU seconds of the simulator for each bug"
    )
    parser.add_argument("--by", choices=("both", "tests", "simulator"), default="both")
    parser.add_argument(
        "--first", action="store_true", help="ask the simulator only about what no test catches"
    )
    parser.add_argument("--no-control", action="store_true", help="take it that the unchanged tree passes")
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="keep rows here, and go on where it ended"
    )
    parser.add_argument("--tree", type=Path, default=ROOT, help="the tree to copy")
    return parser.parse_args(arguments)


def fitting(bugs: list[Bug], tree: Path) -> list[Bug]:
    """The bugs themselves. Raises ValueError that names those that no longer fit the code."""
    misfits = []
    for bug in bugs:
        try:
            changed(bug, (tree / bug.file).read_text())
        except (OSError, ValueError, SyntaxError) as error:
            misfits.append(f"{bug.id}: {error}")
    if misfits:
        raise ValueError("\n".join(misfits))
    return bugs


def chosen(wanted: argparse.Namespace) -> list[Bug]:
    """The bugs asked for. Raises ValueError for a name that no bug has."""
    bugs = catalogue()
    unknown = sorted(set(wanted.only) - {bug.id for bug in bugs})
    if unknown:
        raise ValueError(f"no bug is called {', '.join(unknown)}")
    if wanted.only:
        return [bug for bug in bugs if bug.id in wanted.only]
    return (
        [bugs[len(bugs) * index // wanted.sample] for index in range(wanted.sample)]
        if wanted.sample
        else [*bugs]
    )


def main(arguments: list[str]) -> int:
    wanted, began_s = options(arguments), monotonic()
    try:
        bugs = fitting(chosen(wanted), wanted.tree)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    digest = digest_of(wanted.tree)
    rows = kept(wanted.resume, bugs, digest)
    left = [bug for bug in bugs if bug.id not in rows]
    with tempfile.TemporaryDirectory(prefix="teeth-") as folder:
        copies = [Copy(Path(folder, f"copy-{number}"), wanted.tree) for number in range(wanted.jobs)]
        if any(digest_of(copy.root) != digest for copy in copies):
            sys.stderr.write(f"{wanted.tree} was changed while it was copied\n")
            return 2
        failures = [] if wanted.no_control or not left else control(left, copies[0], wanted)
        if failures:
            sys.stderr.write("\n".join(["the unchanged tree fails:", *failures, ""]))
            return 2
        for row in rows_of(left, copies, wanted):
            rows[row.id] = row
            say(row.line())
            keep(wanted.resume, Line(digest, repr(next(bug for bug in left if bug.id == row.id)), row))
    say(json.dumps(summary(list(rows.values()), monotonic() - began_s), indent=1))
    return 0 if all(row.caught for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
