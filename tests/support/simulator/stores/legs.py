"""The two stores of a simulated machine: the model in memory, and the real one on a file system that fails on command."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Protocol

import msgspec
from faulty_files import Fault as DiskFault
from faulty_files import FaultsVfs
from watchkeeper.actors.ports import Store
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.auditing.violation import Complain
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.record import Batch, Restored
from watchkeeper.domain.time.moment import Moment

from ..cases.faults import Fault
from ..cases.tape import Stream
from ..invariants.violation import Happened
from .second_look import SecondLook

DISK_FAULTS: dict[Fault, DiskFault] = {
    Fault.DISK_FULL: DiskFault.DISK_FULL,
    Fault.DISK_WRITE_FAILED: DiskFault.WRITE_FAILED,
    Fault.DISK_SHORT_WRITE: DiskFault.SHORT_WRITE,
    Fault.DISK_SYNC_FAILED: DiskFault.FAILED_SYNC,
    Fault.DISK_DEATH: DiskFault.DEATH,
    Fault.DISK_TORN: DiskFault.TORN_DEATH,
}
DEADLY = frozenset({DiskFault.DEATH, DiskFault.TORN_DEATH})
FAULT_EVERY = 12
CALLS_MAX = 12
FLIPS = 8
"""The number of bits of one store that are flipped, one after the other."""
FLIPPED_FRAMES = 6
"""Bits of a WAL are flipped in its last frames: damage of an earlier frame removes more, and is easier to detect."""
_names = count()


class Leg(Store, Protocol):
    """A store that outlives the processes of a run, as disks do."""

    def found(self) -> tuple[Batch, ...]:
        """Returns the batches whose commit was in doubt and that the last opening found complete."""
        ...

    @property
    def killed(self) -> bool:
        """Whether the process died within a call to the disk; asked once after every commit."""
        ...

    def calm(self) -> None:
        """Nothing fails any more."""
        ...

    def abandon(self) -> None:
        """Ends the use by a process that has died."""
        ...

    def remove(self) -> None:
        """Removes every file."""
        ...


class MemoryLeg(MemoryStore):
    """The fast store, in memory: a batch is committed, or it is not."""

    killed = False

    def found(self) -> tuple[Batch, ...]:
        return ()

    def calm(self) -> None:
        """Does nothing: this store has no faults of its own."""

    def abandon(self) -> None:
        self.close()

    def remove(self) -> None:
        self.close()


class Model(MemoryStore):
    """The model of the real store, which shows at any time the state that a restart would restore."""

    def view(self, now: Moment) -> Restored:
        """Returns the state that the store restores after closing and opening."""
        self.close()
        return self.open(now)


class DiskLeg:
    """SQLite on a faulty file system with the model beside it; both must hold the same after every commit."""

    def __init__(
        self,
        stream: Stream,
        faults: tuple[Fault, ...],
        read: Callable[[], Moment],
        complain: Complain,
        happened: Happened,
    ) -> None:
        self._stream = stream
        self._faults = [DISK_FAULTS[fault] for fault in faults if fault in DISK_FAULTS]
        self._flips = Fault.BIT_FLIP in faults
        self._complain = complain
        self._happened = happened
        self._folder = tempfile.TemporaryDirectory(prefix="watchkeeper-", dir=_memory_disk())
        self._vfs = FaultsVfs(f"simulation-{next(_names)}")
        self._numbers = count(1)
        self.folder = Path(self._folder.name)
        self._path = self.folder / "watch-0.db"
        self._real = self._store()
        self._model = Model()
        self._doubtful: Batch | None = None
        self._found: tuple[Batch, ...] = ()
        self._look = SecondLook()
        self._now = read
        self._left = self._gap()
        self._calm = self._touched = False
        self.killed = False

    def _store(self) -> SqliteStore:
        return SqliteStore(str(self._path), vfs=self._vfs.name)

    def _gap(self) -> int:
        return self._stream.below(2 * FAULT_EVERY) or -1

    # The calls of the sink.

    def open(self, now: Moment) -> Restored:
        self._vfs.disarm()
        if self._flips and self._stream.one_in(3):
            self._try_flipped(now)
        restored = self._opened(now)
        wanted = self._model.open(now)
        self._found = ()
        if self._doubtful is not None:
            wanted = self._resolved(restored, wanted, self._doubtful, now)
        self._doubtful = None
        self._compare(restored, wanted)
        return restored

    def _opened(self, now: Moment) -> Restored:
        """S11: the store opens again whatever a dead process or a power cut has left behind."""
        self._touched = True
        try:
            return self._real.open(now)
        except StoreError as error:
            self._complain("S11", f"the store cannot be opened again: {error}")
            raise

    def _resolved(self, restored: Restored, wanted: Restored, doubtful: Batch, now: Moment) -> Restored:
        """Finds whether a failed commit is there completely or not at all, and lets the model follow."""
        if _alike(restored) == _alike(wanted) and len(doubtful.samples) != len(doubtful):
            self._happened("doubt resolved: absent")
            return wanted
        self._model.commit(doubtful)
        self._model.close()
        self._happened("doubt resolved: complete")
        self._found = (doubtful,)
        return self._model.open(now)

    def _compare(self, restored: Restored, wanted: Restored) -> None:
        if _alike(restored) != _alike(wanted):
            self._complain("S12", f"the disk remembers {_alike(restored)}, the model {_alike(wanted)}")

    def commit(self, batch: Batch) -> int:
        self._arm()
        try:
            left_out = self._real.commit(batch)
        except StoreError:
            self._doubtful = batch
            self._happened("disk fault at a commit")
            self.killed = self._deadly
            raise
        finally:
            if not self._deadly:
                self._vfs.disarm()
        self._model.commit(batch)
        # Samples and blind intervals alone do not change the compared state.
        if len(batch) > len(batch.samples) + len(batch.blind):
            self._compare(self._look.restored(str(self._path), self._now()), self._model.view(self._now()))
        return left_out

    @property
    def _deadly(self) -> bool:
        return self._vfs.struck and self._armed in DEADLY

    def _arm(self) -> None:
        self._armed: DiskFault | None = None
        self.killed = False
        self._left -= 1
        if self._left or not self._faults or self._calm:
            return
        self._armed = self._faults[self._stream.below(len(self._faults))]
        self._vfs.arm(self._armed, 1 + self._stream.below(CALLS_MAX))
        self._left = self._gap()

    lease_ns = 0
    """No other process is on the disk."""

    def beat(self) -> None:
        self._real.beat()

    def recall(self, key: str) -> Restored | None:
        return self._real.recall(key)

    def run_maintenance(self, now: Moment) -> bool:
        return self._real.run_maintenance(now)

    def file_problem(self) -> str:
        return self._real.file_problem()

    def close(self) -> None:
        self._look.close()
        self._model.close()
        self._real.close()

    def found(self) -> tuple[Batch, ...]:
        return self._found

    # Events of the disk.

    def calm(self) -> None:
        """Nothing fails any more."""
        self._calm, self._flips = True, False

    def abandon(self) -> None:
        """Kills the process: its writes are there, or after a power cut only the synced ones and some of the others."""
        self._look.close()
        self._model.close()
        self._vfs.disarm()
        self._vfs.arm(DiskFault.DEATH, 1)
        for _ in range(2):
            with suppress(StoreError):
                self._real.close()
        # A file that this process never opened is as the last power cut left it.
        power_cut = self._touched and not self._calm and self._stream.one_in(2)
        contents = self._vfs.durable(lambda _: self._stream.one_in(2)) if power_cut else {}
        self._vfs.disarm()
        if power_cut:
            self._happened("power cut")
            self._move_to(contents)
        self._real = self._store()

    def _move_to(self, contents: dict[str, bytes]) -> None:
        """Moves the store to the content that was durable, under another name."""
        self._touched = False
        old, self._path = self._path, self._path.with_name(f"watch-{next(self._numbers)}.db")
        for name, content in contents.items():
            Path(name.replace(old.name, self._path.name)).write_bytes(content)
        head = Path(f"{old}-head")
        if head.exists():
            Path(f"{self._path}-head").write_bytes(head.read_bytes())

    def _try_flipped(self, now: Moment) -> None:
        """S13: a flipped bit is detected, or it lies where it changes nothing. Puts each bit back."""
        victims = [path for path in (self._path, Path(f"{self._path}-wal")) if _size(path)]
        if not victims:
            return
        for _ in range(FLIPS):
            with self._intact():
                victim = victims[self._stream.below(len(victims))]
                content = bytearray(victim.read_bytes())
                begin, end = _span(content) if victim.name.endswith("-wal") else (0, len(content))
                at = begin * 8 + self._stream.below((end - begin) * 8)
                content[at // 8] ^= 1 << (at % 8)
                victim.write_bytes(content)
                self._open_flipped(victim, at, now)

    def _open_flipped(self, victim: Path, at: int, now: Moment) -> None:
        store = SqliteStore(str(self._path))
        try:
            restored = store.open(now)
        except StoreError:
            self._happened("flipped bit detected")
            return
        finally:
            with suppress(StoreError):
                store.close()
        wanted = self._model.open(now)
        self._model.close()
        if _alike(restored) != _alike(wanted) and self._doubtful is None:
            self._complain("S13", f"bit {at} of {victim.name} is flipped and was not detected")
        self._happened("flipped bit harmless")

    @contextmanager
    def _intact(self) -> Iterator[None]:
        """Restores every file at the end of the block."""
        names = [Path(f"{self._path}{suffix}") for suffix in ("", "-wal", "-shm", "-head")]
        before = {name: name.read_bytes() for name in names if name.exists()}
        try:
            yield
        finally:
            for name in names:
                if name in before:
                    name.write_bytes(before[name])
                else:
                    name.unlink(missing_ok=True)

    def remove(self) -> None:
        self._look.close()
        self._vfs.disarm()
        for _ in range(2):
            with suppress(StoreError):
                self._real.close()
        self._vfs.unregister()
        self._folder.cleanup()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _span(wal: bytearray) -> tuple[int, int]:
    """Returns the begin and the end of the last valid frames of a WAL: behind them may be older ones, from before SQLite restarted the log."""
    salt, frame = wal[16:24], 24 + int.from_bytes(wal[8:12], "big")
    end = 32
    while end < len(wal) and wal[end + 8 : end + 16] == salt:
        end += frame
    return max(0, end - FLIPPED_FRAMES * frame), min(end, len(wal))


def _memory_disk() -> str | None:
    """Returns a folder in memory: real syncs are not needed, as the faulty file system decides which writes are durable."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # a fresh private folder is made in it


def _alike(restored: Restored) -> Restored:
    """Returns the part of a restored state that both stores must agree on.

    The counts of openings and of writes are not in it, nor is what goes along with samples (marks of what was heard, findings):
    it may be lost with a damaged log.
    """
    return msgspec.structs.replace(
        restored,
        epoch=0,
        heard=(),
        latest=(),
        writes=None,
        openings=tuple(sorted(restored.openings, key=lambda opening: opening.incident_id)),
        told=tuple(sorted(restored.told, key=lambda told: (told.incident_id, told.channel))),
        incidents=tuple(sorted(restored.incidents, key=lambda incident: incident.id)),
    )
