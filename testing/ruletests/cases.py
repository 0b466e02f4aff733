"""The planned tests of a file: everything in it is checked and ready to run."""

from typing import NamedTuple

from ...domain.specification.configuration import Configuration
from ..script import Script
from .series import CheckSeries
from .specification import Act, ExpectedState


class PlannedAct(NamedTuple):
    """An act, when it happens, and what it needs."""

    at_ns: int
    act: Act
    length_ns: int | None = None
    """How long a silence, a drill or an acknowledgement lasts; None for one that does not end by itself."""
    configuration: Configuration | None = None
    """The configuration that a reload takes over."""


class PlannedExpectation(NamedTuple):
    """An expectation, when it is compared, and where it stands."""

    at_ns: int
    expected: ExpectedState
    line: int
    column: int


class PlannedTest(NamedTuple):
    """One test with the configuration that it begins with."""

    file: str
    name: str
    configuration: Configuration
    start_ns: int
    """Wall time."""
    series: dict[str, CheckSeries]
    scripts: dict[str, Script]
    channels: dict[str, Script]
    acts: tuple[PlannedAct, ...]
    """In the order of time."""
    expectations: tuple[PlannedExpectation, ...]
    """In the order of time."""

    @property
    def length_ns(self) -> int:
        """The time from the beginning to the last expectation."""
        return self.expectations[-1].at_ns

    def __str__(self) -> str:
        return f"{self.file}::{self.name}"
