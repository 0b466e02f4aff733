"""The verb `test-rules`: runs files of rule tests in virtual time."""

import os
import signal
from pathlib import Path

import click

from ...adapters.clock import SystemClock
from ...domain.errors import ConfigurationError
from ...domain.units import NS_PER_S
from ...testing.ruletests.cases import PlannedTest
from ...testing.ruletests.reading import read_tests
from ...testing.ruletests.report import as_document, difference_lines, summary
from ...testing.ruletests.running import RuleTestResult, run_test
from ..operate.signals import handled
from ..output import ExitStatus
from ..see.tables import print_json


def run_files(files: tuple[Path, ...], *, as_json: bool) -> ExitStatus:
    """Runs every test of these files and prints what came of each. Raises: ConfigurationError where a file is not valid."""
    clock = SystemClock()
    begun_ns = clock.monotonic_ns()
    results = []
    # As an exception, Ctrl-C would crash one actor of a test, which is restarted.
    with handled(signal.SIGINT, signal.SIG_DFL):
        for planned in _planned(files):
            result = run_test(planned)
            results.append(result)
            if not as_json:
                _print(result)
    if as_json:
        print_json(as_document(results))
    else:
        click.echo(summary(results, (clock.monotonic_ns() - begun_ns) / NS_PER_S))
    return ExitStatus.FINE if all(result.passed for result in results) else ExitStatus.FAILED


def _planned(files: tuple[Path, ...]) -> list[PlannedTest]:
    """Returns the tests of all files. Raises: ConfigurationError with the problems of every file."""
    planned: list[PlannedTest] = []
    problems: list[str] = []
    for file in files:
        try:
            planned += read_tests(file, os.environ)
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(*problems)
    return planned


def _print(result: RuleTestResult) -> None:
    click.echo(f"{result.planned}  {'ok' if result.passed else 'FAILED'}")
    for line in difference_lines(result):
        click.echo(f"  {line}")
