"""Looks at the owners of all shards, again and again, by a connection that no fault of a node touches."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import psycopg

LOOK_EVERY_S = 0.05
ANSWER_S = 3
_LOOK = "SELECT shard, owner, epoch, commits FROM watchkeeper.shard"


class Owned(NamedTuple):
    """A shard at a look."""

    owner: str
    epoch: int


class Claim(NamedTuple):
    """A shard that was seen with another owner than before."""

    after: float
    """The begin of the look before, by which it was not made yet, in seconds since 1970."""
    at: float
    """When it was seen."""
    owner: str


class ShardWatch:
    """A thread that keeps the newest row of each shard, and when its epoch was seen first."""

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn = dsn
        self.rows: dict[int, Owned] = {}
        self.commits: dict[int, int] = {}
        self._since: dict[tuple[int, int], float] = {}
        self._claims: dict[int, list[Claim]] = {}
        self.looked_at = 0.0
        """The monotonic time of the last look that succeeded."""
        self.look_began_at = 0.0
        """When that look began, in seconds since 1970: every claim that was made before is known."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(2 * ANSWER_S)

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            try:
                with psycopg.connect(self._dsn(), autocommit=True, connect_timeout=ANSWER_S) as connection:
                    self._look_by(connection)
            except (psycopg.Error, OSError):
                continue

    def _look_by(self, connection: psycopg.Connection) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            began_at = time.time()
            found = connection.execute(_LOOK).fetchall()
            now = time.monotonic()
            for shard, owner, epoch, commits in found:
                self._since.setdefault((shard, epoch), now)
                if owner and (shard not in self.rows or self.rows[shard].owner != owner):
                    self._claims.setdefault(shard, []).append(Claim(self.look_began_at, time.time(), owner))
                self.rows[shard], self.commits[shard] = Owned(owner, epoch), commits
            self.looked_at, self.look_began_at = now, began_at

    def wait_for(self, look: Callable[[dict[int, Owned]], bool], within_s: float) -> bool:
        """Waits until the rows of a look fulfil a condition. Returns False where they do not in time."""
        ends = time.monotonic() + within_s
        while True:
            if self.rows and look(dict(self.rows)):
                return True
            if time.monotonic() > ends:
                return False
            self._over.wait(LOOK_EVERY_S)

    def wait_until_stable(
        self, quiet_s: float, within_s: float, is_right: Callable[[dict[int, Owned]], bool]
    ) -> bool:
        """Waits until the rows have been right, and no epoch has changed, for a while."""
        ends = time.monotonic() + within_s
        before, since = dict(self.rows), time.monotonic()
        while time.monotonic() < ends:
            self._over.wait(LOOK_EVERY_S)
            now = dict(self.rows)
            if now != before or not now or not is_right(now) or time.monotonic() - self.looked_at > 1.0:
                before, since = now, time.monotonic()
            elif time.monotonic() - since >= quiet_s:
                return True
        return False

    def claims_of(self, shard: int | None) -> list[Claim]:
        """Returns the claims of a shard so far, in order."""
        return list(self._claims.get(-1 if shard is None else shard, ()))

    def claimed_at(self, shard: int, after: int) -> float:
        """Returns the monotonic time at which a shard was first seen in an epoch after this one."""
        return min(at for (of, epoch), at in dict(self._since).items() if of == shard and epoch > after)
