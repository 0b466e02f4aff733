"""Where a small text stops making sense."""

from collections.abc import Iterator
from contextlib import contextmanager


class ParseError(ValueError):
    """The fault and the index of its character, counted from zero."""

    def __init__(self, problem: str, position: int) -> None:
        self.problem = problem
        self.position = position


@contextmanager
def counted_from(position: int) -> Iterator[None]:
    """Shifts the errors of a part to their place in the whole text; `position` is the first character of the part.

    Raises: ParseError with the shifted position.
    """
    try:
        yield
    except ParseError as trouble:
        raise ParseError(trouble.problem, trouble.position + position) from None
