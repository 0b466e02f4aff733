"""The tests of a file for pytest, or for any other runner of tests."""

from pathlib import Path

from .cases import PlannedTest
from .reading import read_tests
from .report import difference_lines
from .running import RuleTestResult, run_test


class RuleCase:
    """One test of a file of rule tests."""

    def __init__(self, planned: PlannedTest) -> None:
        self.planned = planned

    @property
    def name(self) -> str:
        """The name of the test."""
        return self.planned.name

    def run(self) -> RuleTestResult:
        """Runs the test in virtual time, and returns its result."""
        return run_test(self.planned)

    def check(self) -> None:
        """Runs the test. Raises: AssertionError with the differences where anything is not as expected."""
        result = self.run()
        if not result.passed:
            raise AssertionError("\n".join((str(self.planned), *difference_lines(result))))

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<RuleCase {self.planned}>"


def rule_cases(file: str | Path) -> list[RuleCase]:
    """Returns the tests of a file of rule tests, for `pytest.mark.parametrize("case", rule_cases("shop.rules.yaml"), ids=str)`.

    Raises: ConfigurationError with every problem of the file, each with its line and column.
    """
    return [RuleCase(planned) for planned in read_tests(file)]
