"""Converts untrusted text to one bounded line without control characters for terminals and logs."""

from collections.abc import Sequence

from .limits import DETAIL_CHARACTERS_MAX, NAMES_SHOWN_MAX

MASK = "***"
"""Stands for a secret."""


def escaped(text: str) -> str:
    """Returns the text with every unprintable character written as an escape: `\\n`, `\\x1b`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def one_line(text: str, characters_max: int = DETAIL_CHARACTERS_MAX) -> str:
    """Returns the text on one line, escaped and cut with an ellipsis at `characters_max`."""
    # Cut before escaping, so that the cost depends on the kept line and not on a hostile megabyte of input.
    return cut(escaped(text[: characters_max + 1]), characters_max)


def cut(text: str, characters_max: int) -> str:
    """Returns the text, ended by an ellipsis where it is longer."""
    return text if len(text) <= characters_max else text[: characters_max - 1] + "…"


def first_line(text: str, characters_max: int = DETAIL_CHARACTERS_MAX) -> str:
    """Returns the first line that is not blank, stripped, escaped and cut. Raises: TypeError for what is no text."""
    if not isinstance(text, str):
        raise TypeError(f"expected a text, got {one_line(repr(text))}")
    line = next((line for line in text.splitlines() if line.strip()), "")
    return one_line(line.strip(), characters_max)


def listed(names: Sequence[str]) -> str:
    """Returns names in one bounded line: the first few, each cut, and the count of the others."""
    shown = ", ".join(one_line(name) for name in names[:NAMES_SHOWN_MAX])
    more = len(names) - NAMES_SHOWN_MAX
    return f"{shown} and {more:,} more" if more > 0 else shown


def together(names: Sequence[str]) -> str:
    """Returns `fra`, `fra and iad` or `fra, iad and syd`; empty for no name."""
    others = ", ".join(names[:-1])
    return f"{others} and {names[-1]}" if others else "".join(names)


def count_of(count: int, noun: str) -> str:
    """Returns `1 target` or `2 targets`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
