"""Children: the few permanent actors besides the pollers, and how each is brought back."""

from collections.abc import Callable
from typing import NamedTuple

from ..domain.restart import Restart, RestartHistory, RestartPolicy

CHILD_POLICY = RestartPolicy(
    name="infrastructure", backoff_ns_min=100_000_000, quarantine_retry_ns=30_000_000_000
)
"""Without these nothing is recorded or told: short first waits, and tried again soon even from quarantine."""
POLLER_POLICY = RestartPolicy(name="poller")


class Child(NamedTuple):
    """How one child is started, and started again."""

    name: str
    start: Callable[[], None]
    alive: Callable[[], bool]
    policy: RestartPolicy = CHILD_POLICY


class Children:
    """Keeps the restart history of every child that ever failed."""

    def __init__(self, children: tuple[Child, ...]) -> None:
        self._children = {child.name: child for child in children}
        self._histories: dict[str, RestartHistory] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._children

    def alive(self, name: str) -> bool:
        """Whether an incarnation of this child lives."""
        return self._children[name].alive()

    def missing(self) -> tuple[str, ...]:
        """Those of which no incarnation lives."""
        return tuple(name for name, child in self._children.items() if not child.alive())

    def start(self, name: str) -> None:
        """Start the next incarnation. Raises what starting it raises."""
        self._children[name].start()

    def decide(self, name: str, now_ns: int, dice: float, *, in_good_order: bool) -> Restart | None:
        """When to start a child again that has ended; pollers have a policy of their own."""
        history = self._histories.get(name)
        if history is None:
            child = self._children.get(name)
            history = self._histories[name] = RestartHistory(child.policy if child else POLLER_POLICY)
        return history.decide(now_ns, dice, in_good_order=in_good_order)

    def proved_healthy(self, name: str) -> bool:
        """It did its work: its past is forgotten. True when it had been in trouble."""
        history = self._histories.pop(name, None)
        return history is not None and history.restarts > 0

    def forget(self, name: str) -> None:
        self._histories.pop(name, None)

    def quarantined(self) -> tuple[str, ...]:
        return tuple(name for name, history in self._histories.items() if history.quarantined)
