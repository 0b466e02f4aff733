"""The hash chain: every transition and every delivered state is a link that covers all links before it.

SQLite itself does not notice a lost tail of its WAL nor a flipped bit in a payload: integrity_check says ok to both. Rows
that are no links (attempts to deliver, checkpoints, silences, blind intervals) are counted by commits and carry digests.
"""

from collections.abc import Iterable

import apsw
import msgspec

from ....domain.errors import StoreCorrupt
from ..links import FIRST_HASH, Link, anchor_of, follow, linked
from ..record_state import TRANSITION, Written
from .head import CommitsLost, Head, HeadDisagrees


class Chain:
    """Appends links and verifies them. The head is read anew each time: a rolled-back append leaves nothing behind."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def head(self) -> Head:
        """Returns the head inside the database.

        Raises: StoreCorrupt where it is missing.
        """
        row = self._connection.execute("SELECT epoch, position, hash, writes FROM head").fetchone()
        if row is None:
            raise StoreCorrupt("the head of the chain is missing")
        return Head(*row)

    def append(self, written: Iterable[Written]) -> list[Link]:
        """Adds links inside the caller's transaction: those of a digest, which has up to 5,000 members."""
        head = self.head()
        added = list(linked(head.position, head.hash, written))
        if added:
            # Row by row: at each one SQLite lets the interpreter go to threads that wait for it.
            self._connection.executemany(
                "INSERT INTO chain VALUES (?, ?, ?, ?, ?, ?)",
                ((*msgspec.structs.astuple(link), of) for link, of in added),
            )
            last, link_hash = added[-1]
            self._connection.execute("UPDATE head SET position = ?, hash = ?", (last.position, link_hash))
        return [link for link, _ in added]

    def first(self, incident: str) -> str | None:
        """Returns the body of the first step of an incident."""
        found: str | None = self._connection.execute(
            "SELECT body FROM chain WHERE incident = ? AND channel = ? AND sequence = 1",
            (incident, TRANSITION),
        ).get
        return found

    def count_write(self) -> None:
        """Counts a commit of more than samples, inside of it: without it the count falls short of the head outside."""
        self._connection.execute("UPDATE head SET writes = writes + 1")

    def begin_epoch(self, known: int) -> int:
        """Counts this opening; `known` is the highest epoch heard of outside, for a database that was restored."""
        epoch = max(self.head().epoch, known) + 1
        self._connection.execute("UPDATE head SET epoch = ?", (epoch,))
        return epoch

    def verify(self, outside: Head | None, *, whole: bool = False) -> int:
        """Recomputes the links and compares both heads; returns the position after which it began.

        A long chain is verified from an anchor on, so that opening takes bounded time; `whole` takes all of it.

        Raises: StoreCorrupt where a link or a head does not verify; CommitsLost or HeadDisagrees where the head outside
            says otherwise.
        """
        head = self.head()
        start = (
            0 if whole else anchor_of(head.position, head.position if outside is None else outside.position)
        )
        found = self._connection.execute("SELECT * FROM chain WHERE position > ? ORDER BY position", (start,))
        position, previous = follow(found, start, self._hash_at(start))
        if (position, previous) != (head.position, head.hash):
            raise StoreCorrupt(f"the chain ends at {position} and its head says {head.position}")
        self._compare(head, outside)
        return start

    def _compare(self, head: Head, outside: Head | None) -> None:
        """The database may be ahead of the head beside it, by what was committed last; never behind."""
        if outside is None:
            return
        lost = outside.position - head.position
        if lost > 0:
            raise CommitsLost(f"{lost} committed links are lost: {outside.position} were written")
        if outside.writes > head.writes:
            raise CommitsLost(
                f"{outside.writes - head.writes} commits are lost: {outside.writes} were written"
            )
        if self._hash_at(outside.position) != outside.hash:
            raise HeadDisagrees(f"link {outside.position} is not the one that was committed")

    def _hash_at(self, position: int) -> bytes:
        if position == 0:
            return FIRST_HASH
        row = self._connection.execute("SELECT hash FROM chain WHERE position = ?", (position,)).fetchone()
        if row is None:
            raise StoreCorrupt(f"link {position} of the chain is missing")
        return bytes(row[0])
