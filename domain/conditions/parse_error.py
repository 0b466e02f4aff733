"""Where a small text stops making sense."""

from collections.abc import Iterator
from contextlib import contextmanager


class ParseError(ValueError):
    """What is wrong and at which character, counted from zero."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(problem, position)
        self.problem = problem
        self.position = position


@contextmanager
def counted_from(position: int) -> Iterator[None]:
    """Tell the troubles of a part by their place in the text that it stands in, `position` being its first character."""
    try:
        yield
    except ParseError as trouble:
        raise ParseError(trouble.problem, trouble.position + position) from None
