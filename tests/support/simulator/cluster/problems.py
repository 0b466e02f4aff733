"""An own problem of the engine of one shard: whichever node runs it, the owner of the first shard tells of it once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Protocol

from watchkeeper.domain import limits
from watchkeeper.domain.time.moment import NS_PER_S

PART = "plugins"
TEXT = "the plugin of a target is not there"
BEGINS_NS_MAX = 60 * NS_PER_S
ENDS_NS_MIN, ENDS_NS_MAX = 140 * NS_PER_S, 180 * NS_PER_S
HASTY = {
    "OWN_PROBLEMS_EVERY_NS": 5 * NS_PER_S,
    "NODE_PROBLEMS_EVERY_NS": NS_PER_S,
    "OWN_PROBLEM_PATIENCE_NS": 5 * NS_PER_S,
    # Longer than a node is ever away: its problem is not over while it is.
    "OWN_PROBLEM_GONE_NS": 36 * NS_PER_S,
}
"""These times, which are minutes, as a course has them: it lasts for five minutes, and something strikes every 40 s."""


PATIENCE_NS = HASTY["OWN_PROBLEM_PATIENCE_NS"] - NS_PER_S
"""No such problem is told before: it lies in the store with its second."""


@contextmanager
def hasty() -> Iterator[None]:
    """Shortens the times of own problems for one course."""
    known = {name: getattr(limits, name) for name in HASTY}
    _set(HASTY)
    try:
        yield
    finally:
        _set(known)


def _set(values: Mapping[str, int]) -> None:
    for name, value in values.items():
        setattr(limits, name, value)


class ShardProblem:
    """The shard whose engine has the problem, wherever it runs, and from when to when, by the time of the ground."""

    def __init__(self, seed: int, shards: int) -> None:
        # Its own draws: those of the faults stay what they are. The first shard would tell of its own.
        chance = Random(f"own problem/{seed}")
        self.shard = chance.randrange(1, shards)
        self.began_ns = chance.randrange(BEGINS_NS_MAX)
        self.ended_ns = chance.randrange(ENDS_NS_MIN, ENDS_NS_MAX)

    def is_on(self, shard: int, at_ns: int) -> bool:
        """Whether a shard has it at a time."""
        return shard == self.shard and self.began_ns <= at_ns < self.ended_ns


def is_cause(cause: str, teller: str) -> bool:
    """Whether a node may give the cause: its own one as it is, that of another node with the name of that one."""
    node, mark, text = cause.rpartition(": ")
    return text == TEXT and (not mark or (node.startswith("node ") and node != f"node {teller}"))


class Rows(Protocol):
    """The texts that nodes leave for each other; see `Database`."""

    def exchange(self, name: str, incarnation: str, problems: str, *, is_teller: bool) -> dict[str, str]: ...


class Reporter(Protocol):
    """A process, which reaches the database or not; see `Process`."""

    incarnation: str

    @property
    def name(self) -> str: ...

    @property
    def skew_ns(self) -> int: ...

    def rows(self) -> Rows:
        """Raises: ProcessDied in a dead process; StoreError where the database cannot be reached."""
        ...


class Reports:
    """The place for the own problems of a node in the database."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter, self.name = reporter, reporter.name

    @property
    def skew_ns(self) -> int:
        return self._reporter.skew_ns

    def exchange(self, problems: str, *, is_teller: bool) -> dict[str, str]:
        """Leaves the text of this node, and returns those of others for the one that tells. Raises: StoreError."""
        rows = self._reporter.rows()
        return rows.exchange(self.name, self._reporter.incarnation, problems, is_teller=is_teller)
