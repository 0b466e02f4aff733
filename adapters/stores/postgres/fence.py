"""The fence: the row of the owner, which every write advances first, and a claim takes over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import psycopg
from psycopg import errors

from ....domain import limits
from ....domain.errors import StoreBusy, StoreError
from ....domain.supervision.tenure import Tenure, fenced
from ....domain.units import NS_PER_MS
from ..links import RecordEnd
from ..record_state import without_zero_bytes as text
from .connection import BoundedConnection, Parameters, roll_back

_COLUMNS = "owner, incarnation, epoch, commits, beats, configuration"
LEASE = f"interval '{limits.TENURE_LEASE_NS // NS_PER_MS} milliseconds'"
"""The time without a sign of life after which an owner or a node is silent, for statements."""
_READ = f"""
SELECT {_COLUMNS}, clock_timestamp() - alive_at >= {LEASE}, backend, position, hash, writes FROM shard WHERE shard = %s
"""  # noqa: S608 - constants
_MINE = "shard = %s AND epoch = %s AND incarnation = %s AND commits = %s"
_CLAIM = f"""
UPDATE shard SET owner = %s, incarnation = %s, epoch = greatest(epoch, %s) + 1, commits = commits + 1, beats = 0,
    configuration = %s, alive_at = clock_timestamp(), backend = pg_backend_pid()
WHERE shard = %s AND epoch = %s AND incarnation = %s AND commits = %s AND beats = %s
    AND (owner = '' OR incarnation = %s OR %s OR clock_timestamp() - alive_at >= {LEASE})
RETURNING epoch, commits
"""  # noqa: S608 - constants
ADVANCE = f"""
UPDATE shard SET commits = commits + 1, alive_at = clock_timestamp(), configuration = %s, position = %s, hash = %s, writes = %s
WHERE {_MINE} RETURNING shard, commits
"""  # noqa: S608 - constants
# A division by zero ends the transaction before anything else of it is done: the statements behind it are sent already.
REQUIRE = f"WITH mine AS ({ADVANCE}) SELECT 1 / count(*) FROM mine"  # noqa: S608 - constants
_BEAT = f"""
UPDATE shard SET beats = beats + 1, alive_at = clock_timestamp(), configuration = %s WHERE {_MINE}
"""  # noqa: S608 - constants
_RELEASE = f"""
UPDATE shard SET owner = '', incarnation = '', commits = commits + 1 WHERE {_MINE}
"""  # noqa: S608 - constants


class OwnerRow(msgspec.Struct, frozen=True):
    """The row of a shard as its owner left it: the tenure, and the end of the chain."""

    tenure: Tenure
    is_silent: bool
    """Whether its owner has shown no sign of life for a whole lease by the clock of the server."""
    backend: int
    """The process of the server that serves the owner."""
    end: RecordEnd


def read_owner(connection: BoundedConnection, shard: int) -> OwnerRow:
    """Returns the row of a shard. Raises: StoreError where there is none."""
    row = connection.execute(_READ, (shard,)).fetchone()
    if row is None:
        raise StoreError(f"the store has no shard {shard}")
    owner, incarnation, epoch, commits, beats, configuration, is_silent, backend, *end = row
    tenure = Tenure(
        owner=owner,
        incarnation=incarnation,
        epoch=epoch,
        commits=commits,
        beats=beats,
        # No lock shows the death of an owner here: its silence alone does.
        has_lock=False,
        configuration=configuration,
    )
    return OwnerRow(tenure, bool(is_silent), backend, RecordEnd(end[0], bytes(end[1]), end[2]))


class Fence:
    """The tenure of one connection on one shard. Every write goes through it."""

    def __init__(
        self, connection: BoundedConnection, shard: int, shown: str, configuration: Callable[[], str]
    ) -> None:
        """`configuration` returns the text of the owner about its configuration, which every write renews."""
        self._connection, self._shard, self._shown = connection, shard, shown
        self._configuration = configuration
        self.current = Tenure()
        self.end = RecordEnd()

    def claim(self, owner: str, incarnation: str, known: int, lapsed: Tenure | None) -> None:
        """Takes the shard over; `known` is the highest epoch that this owner has had, for a database that was restored.

        Raises: StoreBusy where its owner lives.
        """
        row = read_owner(self._connection, self._shard)
        found, has_lapsed = row.tenure, row.tenure == lapsed
        configuration = text(self._configuration())
        said = (text(owner), incarnation, known, configuration, self._shard)
        condition = (found.epoch, found.incarnation, found.commits, found.beats, incarnation, has_lapsed)
        taken = self._taken((*said, *condition), row)
        if taken is None:
            now = read_owner(self._connection, self._shard).tenure
            raise StoreBusy(f"{self._shown} is held by {now.owner or 'another process'}")
        self.current = Tenure(
            owner=owner,
            incarnation=incarnation,
            epoch=taken[0],
            commits=taken[1],
            has_lock=False,
            configuration=configuration,
        )
        self.end = row.end

    def _taken(self, said: Parameters, row: OwnerRow) -> Any:
        """Runs the claim. A dead owner's connection that holds the row in the middle of a commit is ended, once."""
        try:
            return self._connection.execute(_CLAIM, said).fetchone()
        except errors.LockNotAvailable:
            if not row.is_silent:
                raise
            with suppress(psycopg.Error):
                self._connection.execute("SELECT pg_terminate_backend(%s)", (row.backend,))
            return self._connection.execute(_CLAIM, said).fetchone()

    def advancing(self, end: RecordEnd) -> Parameters:
        """Returns the values of ADVANCE and REQUIRE for a commit after which the record ends there."""
        mine = self.current
        said = (text(self._configuration()), end.position, end.hash, end.writes)
        return (*said, self._shard, mine.epoch, mine.incarnation, mine.commits)

    def advanced(self, end: RecordEnd) -> None:
        """Notes a commit that is durable."""
        self.current, self.end = self.current.advanced(), end

    def _mine(self) -> Parameters:
        mine = self.current
        return self._shard, mine.epoch, mine.incarnation, mine.commits

    def beat(self) -> None:
        """Shows that the owner lives. Raises: as `lost` says."""
        said = (text(self._configuration()), *self._mine())
        if self._connection.execute(_BEAT, said).rowcount != 1:
            raise self.lost()
        self.current = self.current.beaten()

    def release(self) -> None:
        """Leaves the shard to anybody, unless another has claimed it."""
        self._connection.execute(_RELEASE, self._mine())

    @contextmanager
    def writing(self, end: RecordEnd | None = None) -> Iterator[None]:
        """A transaction that first proves that the shard is still this owner's; of statements that are sent one by one.

        Raises: as `lost` says.
        """
        end = end or self.end
        self._connection.execute("BEGIN")
        try:
            self._advance(end)
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            roll_back(self._connection)
            raise
        self.advanced(end)

    def _advance(self, end: RecordEnd) -> None:
        if self._connection.execute(ADVANCE, self.advancing(end)).fetchone() is None:
            raise self.lost()

    def lost(self) -> StoreError | OSError:
        """Returns why the row is no longer as this owner left it: another has claimed it, or the database went back in time."""
        now = read_owner(self._connection, self._shard).tenure
        if now.supersedes(self.current):
            return fenced(self._shown, now)
        return OSError(f"{self._shown} went back in time, as after a restored backup: it is opened again")
