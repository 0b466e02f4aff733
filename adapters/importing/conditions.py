"""Texts of conditions that several importers write."""

import re

from .imported import literal

_RANGE = re.compile(r"\s*([1-5]\d\d)\s*-\s*([1-5]\d\d)\s*")
DOT_IS_NO_LINE_END = "(?-s)"
"""Begins a regular expression of a peer in which `.` matches no line end."""


def matches(expression: str) -> str:
    """Returns the right side of a condition that holds where an expression in the syntax of RE2 is found."""
    flags = DOT_IS_NO_LINE_END if re.search(r"(?<!\\)\.", expression) else ""
    return f"matches({flags}{literal(expression)})"


def contains(text: str) -> str:
    """Returns the right side of a condition that holds where a text is found, letter by letter."""
    quoted = "".join(f"\\{each}" if each in r"\.+*?()|[]{}^$" else each for each in text)
    return f"matches({literal(quoted)})"


def status_condition(statuses: list[str]) -> str | None:
    """Returns a condition on the status for codes such as `200` and ranges such as `200-299`; None without any."""
    terms = []
    for status in statuses:
        span = _RANGE.fullmatch(status)
        low, high = span.groups() if span else (status.strip(), "")
        is_class = low[1:] == "00" and high == f"{low[:1]}99"
        terms.append(f"{low[0]}xx" if is_class else f"{low}-{high}" if high and high != low else low)
    if not terms:
        return None
    return f"[STATUS] == {terms[0]}" if len(terms) == 1 else f"[STATUS] == any({', '.join(terms)})"
