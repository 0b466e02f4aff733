"""The figures of a runtime and of its doors, read for a scrape of its metrics."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ...actors.dispatch.run.future import blocking, run_blocking
from ...domain.errors import WatchkeeperError
from ...domain.limits import SCRAPE_ANSWER_NS
from ...domain.policy import CachePolicy
from ...domain.read_model.metrics import RuntimeMetrics
from ...domain.read_model.node_status import ShardCounts
from ...domain.units import NS_PER_S
from ...protocol.recorder import GetMetrics
from ..own_thread import in_own_thread
from ..sharing.engine_access import EngineAccess, prepare_for_forks
from ..sharing.standby import RuntimeRole

POLICY = CachePolicy(
    name="scrapes",
    key="the format of the metrics: two entries for each site",
    owner="the site of the web doors",
    fresh_for_ns=NS_PER_S,
    entries_max=2,
    invalidation="by age",
)
_FILES = {"database": "", "wal": "-wal"}
"""The files of a store, as the ends of their names."""


class Traffic:
    """Counts the requests and the open event streams of all doors of a runtime. Any thread may use it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._streams = 0

    def in_child(self) -> None:
        """Replaces the lock in a forked child, where a thread that exists only in the parent may hold it."""
        self._guard = threading.Lock()

    def answered(self, route: str, status: int) -> None:
        """Counts a request by the path of its route, and by the hundred of its status."""
        with self._guard:
            self._requests[route, status // 100] += 1

    def stream_changed(self, by: int) -> None:
        """Counts an event stream that was opened (1) or has ended (-1)."""
        with self._guard:
            self._streams += by

    def read(self) -> tuple[dict[tuple[str, int], int], int]:
        """Returns the requests so far, and the streams that are open now."""
        with self._guard:
            return dict(self._requests), self._streams


class ScrapedFigures(NamedTuple):
    """All that one scrape tells."""

    role: RuntimeRole
    runtime: RuntimeMetrics | None
    """None in a process that does not watch: it stands by, or is stopped."""
    file_bytes: dict[str, int]
    """The size of each file of the store."""
    requests: dict[tuple[str, int], int]
    streams: int
    counts: ShardCounts | None = None
    """The nodes and shards of the store; None where this process shares none."""


class MetricsSource:
    """Reads the figures of one runtime."""

    def __init__(self, access: EngineAccess, store: Callable[[], str | None]) -> None:
        self._access = access
        self._store = store
        self._measuring = threading.Lock()
        self.traffic = Traffic()
        prepare_for_forks(self)

    def in_child(self) -> None:
        """Replaces the locks in a forked child, as `Traffic` does."""
        self._measuring = threading.Lock()
        self.traffic.in_child()

    def read(self, *, targets: bool) -> ScrapedFigures:
        """Returns the figures, with those of single targets or without. Blocks.

        Raises: UsageError, StoreError or TimeoutError where the runtime watches and does not answer within five seconds.
        """
        role, counts = self._access.role, self._access.shard_counts()
        # A node that runs no shard now has no figures of its own.
        is_watching = role == "active" and (counts is None or counts.owned > 0)
        runtime = self._asked(targets=targets) if is_watching else None
        return ScrapedFigures(role, runtime, dict(self._file_bytes()), *self.traffic.read(), counts)

    def read_calmly(self, *, targets: bool) -> ScrapedFigures:
        """Returns the figures as `read` does; those of the process alone where the runtime does not answer."""
        try:
            return self.read(targets=targets)
        except (WatchkeeperError, TimeoutError):
            counts = self._access.shard_counts()
            return ScrapedFigures(self._access.role, None, {}, *self.traffic.read(), counts)

    async def read_async(self, *, targets: bool) -> ScrapedFigures:
        """Returns the figures as `read` does, from an event loop, which it never blocks."""
        return await in_own_thread("watchkeeper-metrics", lambda: self.read(targets=targets))

    def _asked(self, *, targets: bool) -> RuntimeMetrics:
        question = GetMetrics(targets)
        answer: RuntimeMetrics = run_blocking(
            self._access.answer("recorder", question, blocking, SCRAPE_ANSWER_NS)
        )
        return answer

    def _file_bytes(self) -> Iterator[tuple[str, int]]:
        """Yields the size of each file that is there; nothing while an earlier look hangs on a disk that is gone."""
        if not self._measuring.acquire(blocking=False):
            return
        try:
            store = self._store()
            for name, end in _FILES.items() if store else ():
                try:
                    yield name, Path(f"{store}{end}").stat().st_size
                except OSError:
                    continue
        finally:
            self._measuring.release()
