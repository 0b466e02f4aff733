"""The database of a cluster: the rows of nodes and shards under its own clock, one of which each commit has to advance."""

from copy import deepcopy
from typing import Protocol

import msgspec
from msgspec.structs import replace
from watchkeeper.adapters.stores.memory import MemoryStore, SharedRecord
from watchkeeper.adapters.stores.record_state import RecordDraft, apply
from watchkeeper.domain import limits
from watchkeeper.domain.cluster.membership import ClusterView, Member, ShardRow
from watchkeeper.domain.cluster.stamp import ConfigurationStamp, read_stamp
from watchkeeper.domain.errors import StoreBusy, StoreCorrupt, StoreError
from watchkeeper.domain.incidents.incident import Transition
from watchkeeper.domain.incidents.record import Batch, Restored
from watchkeeper.domain.supervision.tenure import Tenure, fenced
from watchkeeper.domain.time.moment import Moment

OF_CONFIGURATIONS = frozenset({"removed", "retired", "changed"})
"""The reasons of ends that a configuration causes, and no target."""
LEASE_NS = limits.TENURE_LEASE_NS


class NodeRow(msgspec.Struct, kw_only=True):
    """The row of a node."""

    incarnation: str
    stamp: ConfigurationStamp
    is_able: bool
    beat_at_ns: int
    skew_ns: int
    problems: str = ""
    """Its own problems, as it has left them for the others."""


class ShardRecord(SharedRecord):
    """The row of a shard, and its record."""

    def __init__(self, shard: int) -> None:
        super().__init__()
        self.shard = shard
        self.tenure = Tenure(has_lock=False)
        self.alive_at_ns = 0

    @property
    def node(self) -> str:
        """The incarnation of the node that owns it."""
        return self.tenure.incarnation.partition("/")[0]


class Claimed(msgspec.Struct, frozen=True):
    """One claim, as the database has granted it."""

    shard: int
    epoch: int
    incarnation: str
    at_ns: int
    taken_from: str = ""
    """The owner that had not released it."""


class Database:
    """All rows. Nothing of it fails by itself: the stores and nodes ask the ground whether they reach it."""

    def __init__(self, shards: int, wall_ns: int) -> None:
        self.now_ns = 0
        """Its monotonic time, which no node sees."""
        self._wall_ns = wall_ns
        self.nodes: dict[str, NodeRow] = {}
        self.shards = [ShardRecord(shard) for shard in range(shards)]
        self.claims: list[Claimed] = []
        """These outlive a rewind: they have happened."""
        self.commits: list[Claimed] = []
        """Each with the tenure that it was accepted from."""
        self.ended_by_configuration: list[Transition] = []
        self._kept: tuple[dict[str, NodeRow], list[ShardRecord]] | None = None

    def pass_to(self, now_ns: int) -> None:
        """Follows the time of a node that asks now."""
        self.now_ns = max(self.now_ns, now_ns)

    def beat(
        self, name: str, incarnation: str, stamp: ConfigurationStamp, now: Moment, *, is_able: bool
    ) -> ClusterView:
        """Shows that a node lives, and returns what it sees. Raises: StoreBusy where another living node has its name."""
        found = self.nodes.get(name)
        if found and found.incarnation != incarnation and self._lives(found.beat_at_ns):
            raise StoreBusy(f"another process is the node {name!r}")
        self.nodes[name] = NodeRow(
            incarnation=incarnation,
            stamp=stamp,
            is_able=is_able,
            beat_at_ns=self.now_ns,
            skew_ns=self.skew_of(now),
            problems=found.problems if found else "",
        )
        return self.view()

    def exchange(self, name: str, incarnation: str, problems: str, *, is_teller: bool) -> dict[str, str]:
        """Keeps the own problems of a node, and returns those of the other living ones to the one that tells of them."""
        mine = self.nodes.get(name)
        if mine is not None and mine.incarnation == incarnation:
            mine.problems = problems
        return {
            other: row.problems
            for other, row in sorted(self.nodes.items())
            if is_teller and other != name and row.problems and self._lives(row.beat_at_ns)
        }

    def skew_of(self, now: Moment) -> int:
        """Returns how far a wall clock is ahead of that of the database."""
        return now.wall_ns - self._wall_ns - self.now_ns

    def leave(self, name: str, incarnation: str) -> None:
        """Takes the row of a node away."""
        found = self.nodes.get(name)
        if found is not None and found.incarnation == incarnation:
            del self.nodes[name]

    def view(self) -> ClusterView:
        """Returns all rows as they are."""
        members = tuple(
            Member(
                name=name,
                incarnation=row.incarnation,
                process=name,
                stamp=row.stamp,
                is_able=row.is_able,
                is_alive=self._lives(row.beat_at_ns),
                silent_ns=self.now_ns - row.beat_at_ns,
                skew_ns=row.skew_ns,
            )
            for name, row in sorted(self.nodes.items())
        )
        shards = tuple(
            ShardRow(
                shard=record.shard,
                incarnation=record.node,
                owner=record.tenure.owner,
                epoch=record.tenure.epoch,
                stamp=read_stamp(record.tenure.configuration) or ConfigurationStamp(),
                is_silent=not self._lives(record.alive_at_ns),
            )
            for record in self.shards
        )
        return ClusterView(members=members, shards=shards)

    def _lives(self, at_ns: int) -> bool:
        return self.now_ns - at_ns < LEASE_NS

    # Time that goes back.

    def keep(self) -> None:
        """Takes the copy to which `rewind` goes back."""
        self._kept = deepcopy((self.nodes, self.shards))

    def rewind(self) -> None:
        """Forgets all since the copy, as a fail-over to a standby that was behind does; its clock goes on."""
        if self._kept is None:
            return
        nodes, shards = self._kept
        self._kept = None
        self.nodes = nodes
        for record, old in zip(self.shards, shards, strict=True):
            # In place: the stores of all nodes go on with what is there now.
            record.draft, record.writes = old.draft, old.writes
            record.tenure, record.alive_at_ns = old.tenure, old.alive_at_ns


class ShardLink(Protocol):
    """The way of one engine to its shard: what may strike there, and what its owner says of itself."""

    node: str
    incarnation: str
    """That of the store, which begins with the incarnation of the node."""
    stamp_text: str
    known_epoch: int

    def reach(self) -> None:
        """Raises: StoreError where the database cannot be reached; what ends the process."""
        ...

    def struck(self, point: str) -> None:
        """A point at which a fault may strike. Raises: what ends the process; StoreError for an answer that never comes."""
        ...


class ClusterStore(MemoryStore):
    """The store of one engine on one shard, with the rules of PostgreSQL: what does not find its row as it left it has no effect."""

    def __init__(self, database: Database, shard: int, link: ShardLink) -> None:
        super().__init__(database.shards[shard], link.incarnation)
        self._database, self._row, self._link = database, database.shards[shard], link
        self._known = Tenure()

    @property
    def tenure(self) -> Tenure:
        """The row as this owner left it."""
        return self._known

    @property
    def shard(self) -> int:
        return self._row.shard

    @property
    def is_current(self) -> bool:
        """Whether no other has claimed the shard since."""
        return self._row.tenure.incarnation == self._name

    @property
    def owns(self) -> bool:
        """Whether a commit would be accepted now."""
        return self._is_open and self._failure is None and self._is_mine()

    def _is_mine(self) -> bool:
        return self._row.tenure == self._known

    def open(self, now: Moment) -> Restored:
        self._link.reach()
        restored = super().open(now)
        return replace(restored, epoch=self._known.epoch)

    def _claim(self) -> None:
        row, found = self._row, self._row.tenure
        if self._tenure is not None and found.supersedes(self._tenure):
            self._fenced = fenced(f"shard {self.shard}", found)
        if self._fenced is not None:
            raise self._fenced
        is_silent = self._database.now_ns - row.alive_at_ns >= LEASE_NS
        if found.owner and found.incarnation != self._name and not is_silent:
            raise StoreBusy(f"the shard is held by {found.owner}")
        row.tenure = self._tenure = self._known = Tenure(
            owner=self._link.node,
            incarnation=self._name,
            epoch=max(found.epoch, self._known.epoch, self._link.known_epoch) + 1,
            commits=found.commits + 1,
            has_lock=False,
            configuration=self._link.stamp_text,
        )
        row.alive_at_ns = self._database.now_ns
        self._database.claims.append(replace(self._claimed(), taken_from=found.incarnation))

    def _claimed(self) -> Claimed:
        return Claimed(self._row.shard, self._known.epoch, self._name, self._database.now_ns)

    def beat(self) -> None:
        self._require_use()
        self._advance(self._known.beaten())

    def commit(self, batch: Batch) -> int:
        self._link.struck("before a commit")
        self._require_use()
        self._database.ended_by_configuration += [
            each for each in batch.transitions if each.reason in OF_CONFIGURATIONS
        ]
        draft = RecordDraft(self._record)
        try:
            apply(draft, batch)
        except StoreCorrupt as error:
            self._failure = str(error)
            raise
        self._record.take_over(draft)
        self._shared.writes += batch.is_counted
        self._advance(self._known.advanced())
        self._database.commits.append(self._claimed())
        try:
            self._link.struck("after a commit")
        except StoreError as error:
            self._failure = str(error)
            raise
        if batch.deliveries:
            self._link.struck("once a notice leaves")
        return 0

    def _advance(self, tenure: Tenure) -> None:
        self._row.tenure = self._known = tenure
        self._row.alive_at_ns = self._database.now_ns

    def _require_use(self) -> None:
        if not self._is_open:
            raise StoreError("the store is not open")
        if self._fenced is not None:
            raise self._fenced
        if self._failure is not None:
            raise StoreError(f"the store takes nothing until it is opened again: {self._failure}")
        try:
            self._link.reach()
            self._require_mine()
        except StoreError as error:
            self._failure = str(error)
            raise

    def _require_mine(self) -> None:
        """Refuses what comes from a former owner, and from one whose database went back in time."""
        found = self._row.tenure
        if found == self._known:
            return
        if found.supersedes(self._known):
            self._fenced = fenced(f"shard {self.shard}", found)
            raise self._fenced
        raise StoreError("the store went back in time: it is opened again")

    def close(self) -> None:
        try:
            self._link.reach()
        except StoreError:
            self._is_open = False
            return
        if self.owns:
            self._row.tenure = self._known.released()
        self._is_open = False
