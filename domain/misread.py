"""Where a small text stops making sense."""


class Misread(ValueError):  # noqa: N818 - said by the parsers of small texts, and turned into the caller's own error
    """What is wrong and at which character, counted from zero."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(problem, position)
        self.problem = problem
        self.position = position

    def shifted(self, by: int) -> "Misread":
        """The same trouble, counted from the start of the text that this one stands in."""
        return Misread(self.problem, self.position + by)
