"""Draws small random changes of the core and puts each to the tests that run the changed line: a nightly command of its own.

    python tests/mutants/run.py --count 200 --seed 1 --jobs 2 --minutes 60

Each mutant differs from the tree by one comparison, constant, operator, branch or statement. Its tests run the quickest
first, up to the first that fails; a mutant that makes them go on for ever is found, too. A survivor is printed with its
diff and the number of tests that let it pass. It exits with 1 when more than one in twenty survives. A mutant that is no
other behaviour is listed in explained.toml, with the reason, as a seeded bug is (a function, a pattern and what is put), and
counts neither as drawn nor as survived. `--only FILE` or `--only FILE:LINE` puts all its mutants to their tests, to see a survivor die; with `--against FILE`, to all tests of
that file instead, which needs no record of what runs which line.

A process that has imported all tests forks for each mutant within a function (served.py), which takes a second instead of five.

Which test runs which line is recorded first, under coverage, and kept in build/mutants until the product or the folder of
tests changes: about ten minutes. The tools at hand fit neither the tree nor the question: mutmut leaves out decorated functions
and everything outside functions, cosmic-ray runs one command for every mutant, and neither draws a sample by a seed.
"""

import argparse
import ast
import random
import subprocess
import sys
import tempfile
import tomllib
from functools import cache
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[1] / "teeth"))
sys.path.insert(0, str(Path(__file__).parent))

import msgspec
from chosen import files_of
from copies import FAILED, ROOT, Copy, NoVerdict, spread
from covering import SUITES, Cover, Given, recorded
from drawing import CORE, Mutant, core_files, mutants_of
from patterns import replaced
from served import PASSED, Answer, Asked

EXPLAINED = Path(__file__).with_name("explained.toml")
SURVIVORS_SHARE_MAX = 0.05
FIRST_TESTS = 40
START_S_MAX = 30.0
"""The time for pytest to begin; beyond it, tests may take ten times as long as when they were recorded."""
FORK_S_MAX = 15.0
"""The same where a process forks that has imported the tests: a second alone, several while the machine is busy."""
NO_TEST = "no test runs it"


class Explained(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mutant that no test can tell from the tree."""

    file: str
    within: str = msgspec.field(default="", name="in")
    find: str
    put: str = ""
    why: str

    def source(self) -> str:
        """The file as this mutant makes it. Raises Misfit when it no longer fits the code."""
        return replaced((ROOT / self.file).read_text(), self.within, self.find, self.put)


class Fate(msgspec.Struct, frozen=True):
    """The outcome of putting one mutant to its tests."""

    mutant: Mutant
    diff: str
    caught_by: str
    """A test, or why the tests did not end; empty: it survived."""
    tests: int
    """How many were run, at most."""
    left_out: int
    """How many more would run it, for which there was no time."""
    seconds: float

    def lines(self) -> str:
        """The report of it for people."""
        mutant = self.mutant
        place = f"{mutant.file}:{mutant.line} {mutant.kind}"
        if self.caught_by:
            return f"caught   {place}: {self.caught_by}  [{self.seconds:.0f} s]"
        tests = f"{self.tests} tests" + (f", {self.left_out} left out" if self.left_out else "")
        return f"SURVIVED {place} in {mutant.function}: {tests if self.tests else NO_TEST}  [{self.seconds:.0f} s]\n{self.diff}"


def explanations() -> tuple[Explained, ...]:
    return msgspec.convert(tomllib.loads(EXPLAINED.read_text())["mutant"], tuple[Explained, ...])


@cache
def explained_shapes() -> frozenset[tuple[str, str]]:
    return frozenset((each.file, shape(each.source())) for each in explanations())


def shape(source: str) -> str:
    return ast.dump(ast.parse(source))


def is_explained(mutant: Mutant) -> bool:
    return (mutant.file, shape(mutant.source)) in explained_shapes()


def every_mutant(folders: tuple[str, ...]) -> list[Mutant]:
    return [
        mutant for file in core_files(ROOT, folders) for mutant in mutants_of(file, (ROOT / file).read_text())
    ]


def drawn(mutants: list[Mutant], count: int, seed: int) -> tuple[list[Mutant], int]:
    """So many mutants, and how many of the explained were met on the way to them."""
    chosen: list[Mutant] = []
    met = 0
    for mutant in random.Random(seed).sample(mutants, len(mutants)):
        if len(chosen) == count:
            break
        if is_explained(mutant):
            met += 1
        else:
            chosen.append(mutant)
    return chosen, met


class Server:
    """The process of one copy that forks for each mutant; it starts at the first question."""

    def __init__(self, copy: Copy) -> None:
        self._copy = copy
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, file: str, before: str, source: str, tests: list[str], seconds: float) -> str | None:
        """The first test that fails, empty when all pass; None when the mutant takes a process of its own."""
        process = self._process = self._process or self._start()
        question = Asked(file, before, source, str(written(tests, self._copy)), seconds)
        process.stdin.write(msgspec.json.encode(question) + b"\n")
        process.stdin.flush()
        answer = msgspec.json.decode(process.stdout.readline(), type=Answer)
        return None if answer.is_unfit else answer.caught_by

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()

    def _start(self) -> subprocess.Popen[bytes]:
        script = self._copy.root / "tests" / "mutants" / "served.py"
        process = subprocess.Popen(
            [sys.executable, "-P", str(script), *(f"tests/{suite}" for suite in SUITES)],
            cwd=self._copy.root,
            env=self._copy.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if process.stdout.readline() != b"ready\n":
            raise NoVerdict("the tests could not be imported")
        return process


def fate(mutant: Mutant, copy: Copy, cover: Cover | Given, server: Server, tests_s_max: float) -> Fate:
    """Put a mutant in, run its tests, take it out. Few tests first: most mutants are caught by one of them."""
    began_s = monotonic()
    tests = cover.tests_of(mutant)
    spent_s, affordable = 0.0, 0
    while affordable < len(tests) and spent_s <= tests_s_max:
        spent_s += cover.seconds[tests[affordable]]
        affordable += 1
    chosen = tests[:affordable]
    before = (copy.root / mutant.file).read_text()
    take_out = copy.write(mutant.file, mutant.source)
    try:
        caught = ""
        for some in filter(None, (chosen[:FIRST_TESTS], chosen[FIRST_TESTS:])):
            if not caught:
                seconds = START_S_MAX + 10 * sum(cover.seconds[test] for test in some)
                answer = (
                    None
                    if mutant.at_import
                    else server.ask(mutant.file, before, mutant.source, some, seconds)
                )
                caught = caught_by(some, copy, seconds) if answer is None else answer
    finally:
        take_out()
    return Fate(
        mutant, mutant.diff(before), caught, len(chosen), len(tests) - affordable, monotonic() - began_s
    )


def caught_by(tests: list[str], copy: Copy, seconds: float) -> str:
    """The first test that fails in a process of its own; empty when all pass."""
    try:
        ended = run_chosen(tests, copy, seconds, "-x")
    except NoVerdict as error:
        return str(error)
    if ended.returncode in PASSED:
        return ""
    return (FAILED.findall(ended.stdout) or [f"pytest ended with {ended.returncode}"])[0]


def run_chosen(
    tests: list[str], copy: Copy, seconds: float, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run these tests in this order. Raises NoVerdict where they do not end in time."""
    environment = {"MUTANTS_TESTS": str(written(tests, copy))}
    return copy.pytest([*options, "-p", "chosen", *files_of(tests)], seconds, environment)


def written(tests: list[str], copy: Copy) -> Path:
    """The file that names the tests for the plugin."""
    names = copy.root.parent / "tests-of-a-mutant"
    names.write_text("\n".join(tests))
    return names


def control(mutants: list[Mutant], copy: Copy, cover: Cover | Given, server: Server) -> set[str]:
    """Of the tests that are to be run first, those that fail on the tree as it is, in a fork."""
    tests = sorted({test for mutant in mutants for test in cover.tests_of(mutant)[:FIRST_TESTS]})
    seconds = START_S_MAX + 10 * sum(cover.seconds[test] for test in tests)
    failures: set[str] = set()
    file = mutants[0].file
    source = (copy.root / file).read_text()
    while found := server.ask(
        file, source, source, [test for test in tests if test not in failures], seconds
    ):
        failures.add(found)
        if found not in tests:
            break
    return failures


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draws mutants of the core and puts them to the tests.")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--minutes", type=float, default=120.0, help="begin no further mutant after that long"
    )
    parser.add_argument(
        "--tests-seconds",
        type=float,
        default=60.0,
        help="run no more tests of one mutant than took that long",
    )
    parser.add_argument(
        "--folder", action="append", default=[], help=f"draw here instead of {', '.join(CORE)}"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="FILE:LINE", help="all mutants of a line"
    )
    parser.add_argument(
        "--against", action="append", default=[], metavar="FILE", help="a file of tests, for all mutants"
    )
    return parser.parse_args(arguments)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def chosen(wanted: argparse.Namespace) -> tuple[list[Mutant], int]:
    mutants = every_mutant(tuple(wanted.folder) or CORE)
    if wanted.only:
        asked = [
            mutant
            for mutant in mutants
            if not {mutant.file, f"{mutant.file}:{mutant.line}"}.isdisjoint(wanted.only)
        ]
        return [mutant for mutant in asked if not is_explained(mutant)], sum(map(is_explained, asked))
    say(f"seed {wanted.seed}: {wanted.count} of {len(mutants)} mutants")
    return drawn(mutants, wanted.count, wanted.seed)


def main(arguments: list[str]) -> int:
    wanted, began_s = options(arguments), monotonic()
    mutants, met = chosen(wanted)
    fates: list[Fate] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [Copy(Path(folder, f"copy-{number}")) for number in range(wanted.jobs)]
        cover = Given(wanted.against) if wanted.against else recorded(copies)
        servers = {copy: Server(copy) for copy in copies}

        def in_time(mutant: Mutant, copy: Copy) -> Fate | None:
            late = monotonic() - began_s > 60 * wanted.minutes
            return None if late else fate(mutant, copy, cover, servers[copy], wanted.tests_seconds)

        try:
            failures = control(mutants, copies[0], cover, servers[copies[0]])
            if failures:
                sys.stderr.write("\n".join(["the unchanged tree fails:", *sorted(failures), ""]))
                return 2
            for found in spread(in_time, mutants, copies):
                if found is not None:
                    fates.append(found)
                    say(found.lines())
        finally:
            for server in servers.values():
                server.close()
    survived = sum(not each.caught_by for each in fates)
    say(f"{met} explained")
    say(f"{len(fates)} drawn, {survived} survived")
    return 1 if survived > SURVIVORS_SHARE_MAX * len(fates) or not fates else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
