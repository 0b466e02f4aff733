"""Which tests run a line, and how long each takes: recorded once for each folder of tests, and kept by what both are."""

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec
from copies import ROOT, Copy, digest_of, spread
from coverage import CoverageData
from drawing import Mutant

KEPT = ROOT / "build" / "mutants"
SUITES = (
    "protocol",
    "configuration",
    "simulation",
    "runtime",
    "actors",
    "stores",
    "domain",
    "testing",
    "scenarios",
    "keys",
    "adapters",
)
"""Folders of tests that are about the core and run it in the process of pytest itself."""
DOCUMENTS = {
    "limits.md": (
        *(
            f"domain/limits/{name}.py"
            for name in ("answers", "configuration", "notices", "outside", "record", "running")
        ),
        "domain/policy.py",
        "domain/supervision/admission.py",
        "domain/supervision/restart.py",
        "domain/supervision/retry.py",
    ),
    "configuration.md": tuple(
        f"domain/specification/{name}.py"
        for name in ("channel", "configuration", "probe", "rule", "target", "text")
    ),
}
TABLES = {
    file: f"tests/docs/test_generated.py::test_a_document_holds_what_the_code_says[{document}]"
    for document, files in DOCUMENTS.items()
    for file in files
}
"""Files of bounds, policies and defaults, and the test that compares all of them with a document; it goes first."""
GIVEN_S = 5.0
"""The time that is allowed for a file of tests that was given, tenfold."""
RECORDING_S_MAX = 1_800
SETTINGS = """[run]
branch = false
source = {root}
omit = */tests/*
disable_warnings = no-data-collected
"""


class Covered(msgspec.Struct, frozen=True):
    """The lines that one folder of tests runs."""

    seconds: dict[str, float]
    """By test: how long it takes. Tests that do not pass catch nothing and are left out."""
    lines: dict[str, dict[int, tuple[int, ...]]]
    """By file and line: the tests that run it, by their place among the above."""

    def tests_of(self, file: str, line: int) -> tuple[str, ...]:
        """The names of the tests that run a line."""
        tests = tuple(self.seconds)
        return tuple(tests[number] for number in self.lines.get(file, {}).get(line, ()))


class Cover:
    """The lines that all recorded folders run."""

    def __init__(self, suites: list[Covered]) -> None:
        self.seconds = dict.fromkeys(TABLES.values(), 0.0)
        self.seconds |= {test: seconds for suite in suites for test, seconds in suite.seconds.items()}
        self._suites = suites

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that run what a mutant changes, the quickest first.

        A line that runs at import is no test's own: there, they are those of all lines that use the name it is assigned to.
        """
        used = self._uses(mutant.function.rpartition(".")[2]) if mutant.at_import else None
        places = used or [(mutant.file, line) for line in mutant.lines]
        found = {
            test for suite in self._suites for file, line in places for test in suite.tests_of(file, line)
        }
        if mutant.at_import and mutant.file in TABLES:
            found.add(TABLES[mutant.file])
        return sorted(found, key=lambda test: (self.seconds[test], test))

    def _uses(self, name: str) -> list[tuple[str, int]]:
        """The lines of the product that mention a name."""
        files = {file for suite in self._suites for file in suite.lines}
        return [
            (file, number)
            for file in sorted(files if name else ())
            for number, line in enumerate(lines_in(file), 1)
            if name in line and re.search(rf"\b{re.escape(name)}\b", line)
        ]


class Given:
    """Files of tests that are to catch every mutant."""

    def __init__(self, files: list[str]) -> None:
        self.seconds = dict.fromkeys(files, GIVEN_S)

    def tests_of(self, _mutant: Mutant) -> list[str]:
        """All files, for any mutant."""
        return list(self.seconds)


@cache
def lines_in(file: str) -> tuple[str, ...]:
    path = ROOT / file
    return tuple(path.read_text().splitlines()) if path.is_file() else ()


def recorded(copies: list[Copy], kept: Path = KEPT) -> Cover:
    """The coverage of all folders, read from files where nothing has changed since; blocks while it is recorded."""
    kept.mkdir(parents=True, exist_ok=True)
    paths = {suite: kept / f"{suite}-{suite_digest(suite)}.json" for suite in SUITES}
    missing = [suite for suite, path in paths.items() if not path.exists()]
    for _ in spread(lambda suite, copy: record(copy, suite, paths[suite]), missing, copies):
        pass
    return Cover([msgspec.json.decode(path.read_bytes(), type=Covered) for path in paths.values()])


def suite_digest(suite: str) -> str:
    """Changes with the product and with this folder of tests."""
    others = {path.name for path in (ROOT / "tests").iterdir()} - {suite, "conftest.py"}
    return digest_of(ROOT, frozenset(others))


def record(copy: Copy, suite: str, path: Path) -> None:
    """Run a folder of tests under coverage, and keep the lines that it runs."""
    data, times, settings = (path.with_suffix(end) for end in (".coverage", ".times", ".ini"))
    settings.write_text(SETTINGS.format(root=copy.root))
    times.write_text("")
    options = ("--cov", f"--cov-config={settings}", "--cov-context=test", "--cov-report=", "-p", "timed")
    environment = {"COVERAGE_FILE": str(data), "MUTANTS_TIMES": str(times)}
    copy.pytest([*options, f"tests/{suite}"], RECORDING_S_MAX, environment)
    seconds = dict(map(json.loads, times.read_text().splitlines()))
    path.write_bytes(msgspec.json.encode(Covered(seconds, lines_of(data, copy.root, seconds))))
    for left in (data, times, settings):
        left.unlink()


def lines_of(data: Path, root: Path, tests: Iterable[str]) -> dict[str, dict[int, tuple[int, ...]]]:
    """By file and line: the tests that run it, as places among these."""
    numbers = {test: number for number, test in enumerate(tests)}
    read = CoverageData(str(data))
    read.read()
    return {
        str(Path(file).relative_to(root)): {
            line: tuple({numbers[test] for test in map(node_id, contexts) if test in numbers})
            for line, contexts in read.contexts_by_lineno(file).items()
        }
        for file in read.measured_files()
    }


def node_id(context: str) -> str:
    """The test that a context of coverage speaks of: it names the phase, too."""
    return context.rpartition("|")[0]
