"""Causal chains: the messages that were sent because of one another."""

from itertools import count


class Causality:
    """Divides the messages of a run into chains: the first message that a turn sends continues the turn's own chain."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._running: int | None = None

    def begin(self, chain: int) -> None:
        """Begins a turn that belongs to a chain."""
        self._running = chain

    def new_chain(self) -> int:
        return next(self._numbers)

    def of_next(self) -> int:
        """Returns the chain of the message that is sent now."""
        chain, self._running = self._running, None
        return chain if chain is not None else self.new_chain()
