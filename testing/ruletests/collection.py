"""Collection of files of rule tests by pytest: `from watchkeeper.testing.ruletests.collection import pytest_collect_file`.

In a `conftest.py`, this line makes each test of each `*.rules.yaml` below that folder a test of pytest.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .suite import RuleCase, rule_cases

SUFFIXES = (".rules.yaml", ".rules.yml")


class RuleItem(pytest.Item):
    """One test of a file as pytest runs it."""

    def __init__(self, *, case: RuleCase, **named: Any) -> None:
        super().__init__(**named)
        self._case = case

    def runtest(self) -> None:
        """Runs the test. Raises: AssertionError where anything is not as expected."""
        self._case.check()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Returns the differences alone: the place in this code says nothing of the test."""
        if excinfo.errisinstance(AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Returns where the test stands."""
        return self.path, 0, self._case.name


class RuleFile(pytest.File):
    """A file of rule tests as pytest collects it."""

    def collect(self) -> Iterator[RuleItem]:
        """Yields its tests. Raises: ConfigurationError with every problem of the file."""
        for case in rule_cases(self.path):
            yield RuleItem.from_parent(self, name=case.name, case=case)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> RuleFile | None:
    """Collects a file of rule tests by its name; other files are left to others."""
    return RuleFile.from_parent(parent, path=file_path) if file_path.name.endswith(SUFFIXES) else None
