"""The results of rule tests, for people and for programs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...domain.time.duration import format_duration
from ...domain.time.moment import wall_text
from ...domain.units import NS_PER_MS
from .running import Mismatch, RuleTestResult

NOTHING = "nothing"


def difference_lines(result: RuleTestResult) -> Iterator[str]:
    """Yields the differences of one test, each with its place in the file; nothing for a test that passed."""
    for each in result.mismatches:
        place = f"{result.planned.file}:{each.line}:{each.column}"
        yield f"{place}: {each.at or format_duration(each.at_ns)} ({wall_text(each.wall_ns)}), {each.what}"
        yield from _columns(each)
    if result.error:
        yield f"{result.planned.file}: {result.error}"


def _columns(mismatch: Mismatch) -> Iterator[str]:
    for title, texts in (
        ("expected", mismatch.expected or (NOTHING,)),
        ("seen", mismatch.seen or (NOTHING,)),
        ("", mismatch.why),
    ):
        for at, text in enumerate(texts):
            yield f"  {title if at == 0 else '':<9} {text}"


def summary(results: Sequence[RuleTestResult], real_s: float) -> str:
    """Returns the last line: how many tests passed, and how much virtual time they took."""
    failed = sum(not result.passed for result in results)
    virtual_ns = sum(result.planned.length_ns for result in results)
    counts = f"{failed} failed, {len(results) - failed} passed" if failed else f"{len(results)} passed"
    return f"{counts}, {format_duration(virtual_ns)} of virtual time in {real_s:.2f} s"


def as_document(results: Iterable[RuleTestResult]) -> dict[str, Any]:
    """Returns the results as plain data with stable keys."""
    rows = [_row(result) for result in results]
    failed = sum(not row["passed"] for row in rows)
    return {"passed": len(rows) - failed, "failed": failed, "tests": rows}


def _row(result: RuleTestResult) -> dict[str, Any]:
    return {
        "file": result.planned.file,
        "name": result.planned.name,
        "passed": result.passed,
        "virtual_ms": result.planned.length_ns / NS_PER_MS,
        "error": result.error,
        "differences": [
            {
                "line": each.line,
                "column": each.column,
                "after_ms": each.at_ns / NS_PER_MS,
                "at": wall_text(each.wall_ns),
                "what": each.what,
                "expected": list(each.expected),
                "seen": list(each.seen),
                "waits": list(each.why),
            }
            for each in result.mismatches
        ],
    }
