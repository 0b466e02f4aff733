"""Regular expressions of conditions, matched in time linear in the text."""

from typing import Any, Self

import msgspec

from ..limits import CONDITION_PATTERN_STEPS_MAX
from ..specification.matcher import compiled_pattern
from .parse_error import ParseError


class Expression(msgspec.Struct, frozen=True):
    """A compiled regular expression (RE2), found anywhere in a text unless it says `^` or `$`.

    RE2 builds an automaton as it reads, at 2 ns a character. A text that needs ever new states of it costs up to 5 ns for each
    character and each instruction of the program, so the program is bounded (measured on 64 KiB).
    """

    search: Any
    """The search of the compiled pattern, in bytes."""

    @classmethod
    def compile(cls, pattern: str) -> Self:
        """Raises: ParseError for what is no expression of RE2, and for one that is too large."""
        try:
            compiled = compiled_pattern(pattern)
        except ValueError as error:
            raise ParseError(f"{error}", 0) from None
        steps = compiled.programsize
        if steps > CONDITION_PATTERN_STEPS_MAX:
            problem = (
                f"the pattern has {steps} steps, more than {CONDITION_PATTERN_STEPS_MAX}: "
                "write fewer alternatives, or smaller numbers in {}"
            )
            raise ParseError(problem, 0)
        return cls(compiled.search)

    def matches(self, text: str) -> bool:
        """True when the expression is found in the text."""
        return self.search(text.encode("utf-8", "replace")) is not None
