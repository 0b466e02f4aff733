"""Copies a store that no process runs into a new one of either kind: all of it, compared row by row, or nothing."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ....domain import limits
from ....domain.errors import StoreBusy, StoreCorrupt, StoreError
from ....domain.public_value import PublicValue
from ....domain.store_place import is_database, shown_store, stated_shards
from ....domain.time.moment import Moment
from ..opening import count_shards, holder_of, make_store
from ..place import beside, database_place, require_postgres
from ..sqlite.backup import draft_of, refuse_taken
from ..sqlite.connection import connect_reader, connect_writer, explained, transaction
from ..sqlite.files import real_path
from ..sqlite.head import make_path_durable
from ..sqlite.schema import migrate
from .sqlite_side import SqliteSide
from .tables import TABLES, Digested, Side, WrittenSide, paced


class Copied(PublicValue, frozen=True):
    """A finished copy of a store in another one."""

    store: str
    """The new store, without a password."""
    links: int
    """Links of the hash chain, each recomputed from the copy."""
    incidents: int
    samples: int
    """Samples that were not sealed yet."""
    chunks: int
    """Sealed hours, one of each target."""


def copy_store(old: str, new: str, now: Moment, progress: Callable[[str], None] = lambda _: None) -> Copied:
    """Copies a store into a new one, and compares each table of both before the new one is there. Blocks.

    The old store is owned meanwhile, so that no runtime writes it, and is left as it was. `progress` is told of each table.

    Raises: StoreBusy where a process runs the old store; StoreError where the new one is there already or cannot be written;
        StoreCorrupt where a store does not verify. Then nothing is left of the new one.
    """
    _require_two(old, new)
    for place in (old, new):
        if is_database(place):
            require_postgres()
    _require_one_shard(old, new)
    _require_old(old)
    if holder := holder_of(old):
        raise StoreBusy(f"{holder} runs {shown_store(old)}: stop it first")
    owner = make_store(old)
    owner.open(now)
    try:
        with _reading(old) as source, _writing(new) as target:
            copied = copy_between(source, target, shown_store(new), owner.beat, progress)
            # The last look before the copy is there for good: another process may have claimed the old store meanwhile.
            owner.beat()
            return copied
    finally:
        owner.close()


def _require_two(old: str, new: str) -> None:
    """Raises: StoreError where both are one store."""
    if beside(old) == beside(new):
        raise StoreError(f"{shown_store(new)} is OLD itself: name another place for the copy")


def _require_one_shard(old: str, new: str) -> None:
    """Raises: StoreError where a store has several shards, each with a chain of its own, which no copy could join or divide."""
    if is_database(new) and stated_shards(new) not in {None, 1}:
        raise StoreError(
            f"{shown_store(new)}: a copy has one shard: leave shards out; only a store that begins empty has several"
        )
    if (shards := count_shards(old)) > 1 and is_database(old):
        raise StoreError(f"{shown_store(old)} has {shards} shards: only a store with one can be copied")


def _require_old(old: str) -> None:
    """Raises: StoreError where there is no old store, which opening it would make."""
    if not is_database(old):
        if not Path(old).exists():
            raise StoreError(f"there is no store at {old}")
        return
    from ..postgres.reader import require_store

    require_store(database_place(old))


def copy_between(
    source: Side,
    target: WrittenSide,
    shown: str,
    pace: Callable[[], None] = lambda: None,
    progress: Callable[[str], None] = lambda _: None,
) -> Copied:
    """Fills a new store, which `shown` names, with all of another one, and compares both. `pace` is called now and then.

    Raises: StoreCorrupt where something is other in the copy.
    """
    counts: dict[str, int] = {}
    for table in TABLES:
        progress(table.name)
        read = Digested(paced(source.rows(table), pace))
        target.write(table, read)
        _require_same(table.name, read, Digested(paced(target.rows(table), pace)))
        counts[table.name] = read.count
    progress("samples")
    raw = Digested(paced(source.raw(), pace))
    target.write_raw(raw, source.open_days())
    _require_same("samples", raw, Digested(paced(target.raw(), pace)))
    target.write_end(*source.end())
    if target.open_days() != source.open_days():
        raise StoreCorrupt("the days that are not summed up are others in the copy: nothing was kept of it")
    links = target.verify()
    return Copied(shown, links, counts["incident"], raw.count, counts["chunk"])


def _require_same(name: str, read: Digested, written: Digested) -> None:
    written.drained()
    if (read.count, read.digest) != (written.count, written.digest):
        raise StoreCorrupt(
            f"the copy of {name} does not read back as it was written"
            f" ({read.count} rows, {written.count} in the copy): nothing was kept of it"
        )


def _reading(store: str) -> AbstractContextManager[Side]:
    return _reading_database(store) if is_database(store) else _reading_file(store)


def _writing(store: str) -> AbstractContextManager[WrittenSide]:
    return _writing_database(store) if is_database(store) else _writing_file(store)


@contextmanager
def _reading_file(store: str) -> Iterator[Side]:
    with explained(f"reading {store}"):
        connection = connect_reader(real_path(store))
        try:
            connection.execute("BEGIN")
            yield SqliteSide(connection)
        finally:
            connection.close()


@contextmanager
def _writing_file(store: str) -> Iterator[WrittenSide]:
    place = Path(store)
    with explained(f"writing {store}"):
        refuse_taken("", place, replace=False)
        for end in ("-wal", "-head", "-shm"):
            if os.path.lexists(f"{place}{end}"):
                raise StoreError(
                    f"{place}{end} is there, of a store that was there before: move it away first"
                )
        with draft_of(place) as draft:
            connection = connect_writer(draft)
            try:
                migrate(connection)
                with transaction(connection):
                    yield SqliteSide(connection)
            finally:
                connection.close()
            make_path_durable(draft)
            Path(draft).replace(place)
            make_path_durable(str(place.absolute().parent))


@contextmanager
def _reading_database(store: str) -> Iterator[Side]:
    from ..postgres.connection import connect, reading
    from ..postgres.connection import explained as explained_database
    from .postgres_side import PostgresSide

    place = database_place(store)
    with explained_database(f"reading {place.shown}"):
        connection = connect(place, limits.POSTGRES_COPY_NS)
        try:
            with reading(connection):
                yield PostgresSide(connection)
        finally:
            connection.close()


@contextmanager
def _writing_database(store: str) -> Iterator[WrittenSide]:
    from ..postgres.connection import connect
    from ..postgres.connection import explained as explained_database
    from ..postgres.connection import transaction as database_transaction
    from ..postgres.schema import make_new
    from .postgres_side import PostgresSide

    place = database_place(store)._replace(shards=1)
    with explained_database(f"writing {place.shown}"):
        connection = connect(place, limits.POSTGRES_COPY_NS)
        try:
            with database_transaction(connection):
                make_new(connection, place)
                yield PostgresSide(connection)
        finally:
            connection.close()
