"""Cached snapshots of the status, for pages with many readers: one question answers all of them within an age."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress

from ..actors.ports import Clock
from ..adapters.clock import SystemClock
from ..domain.limits import SNAPSHOT_NS_MAX
from ..domain.policy import CachePolicy
from ..domain.read_model.status import RuntimeStatus
from ..domain.time.moment import Deadline, Moment
from .own_thread import in_own_thread

POLICY = CachePolicy(
    name="status snapshots",
    key="the status of the runtime: the only entry",
    owner="the runtime",
    fresh_for_ns=SNAPSHOT_NS_MAX,
    entries_max=1,
    invalidation="by age, at most each question's own `max_age`; at each start, stop, reload and command",
)


class StatusCache:
    """Owns the newest status. `load` asks the runtime for a new one and blocks."""

    def __init__(
        self, load: Callable[[], RuntimeStatus], answer_within_ns: int, clock: Clock | None = None
    ) -> None:
        self._load = load
        self._answer_within_ns = answer_within_ns
        self._clock = clock or SystemClock()
        self._guard = threading.RLock()
        """Held for look-ups, never while loading or waiting."""
        self._kept: tuple[int, RuntimeStatus] | None = None
        """When its load began, for it may be as old as that, and what it gave."""
        self._loading: Future[RuntimeStatus] | None = None

    def status(self, max_age_ns: int) -> RuntimeStatus:
        """A status that is no older. Blocks; raises what loading raises, and TimeoutError when that takes too long."""
        if max_age_ns <= 0:
            return self._load()
        deadline = Deadline.after(self._clock.read(), self._answer_within_ns)
        while True:
            with self._guard:
                now = self._clock.read()
                kept = self._fresh(max_age_ns, now)
                if kept is not None:
                    return kept
                leads = self._loading is None
                loading = self._loading = self._loading or Future()
            if leads:
                return self._lead(loading, now)
            with suppress(CancelledError):
                return self._await(loading, deadline.remaining_s(now))

    async def status_async(self, max_age_ns: int) -> RuntimeStatus:
        """Returns the same from an event loop: a cached status at once, else by a thread made for this question."""
        with self._guard:
            kept = self._fresh(max_age_ns, self._clock.read())
        if kept is not None:
            return kept
        return await in_own_thread("watchkeeper-status", lambda: self.status(max_age_ns))

    def after_fork(self) -> None:
        """Resets the cache in a forked child, where a thread that exists only in the parent may hold the lock."""
        self._guard = threading.RLock()
        self._kept = self._loading = None

    def forget(self) -> None:
        """Drops the cached status: a start, stop or command has made it outdated."""
        with self._guard:
            self._kept = self._loading = None

    def _fresh(self, max_age_ns: int, now: Moment) -> RuntimeStatus | None:
        if self._kept is None or now.monotonic_ns - self._kept[0] > min(max_age_ns, POLICY.fresh_for_ns):
            return None
        return self._kept[1]

    @staticmethod
    def _await(loading: "Future[RuntimeStatus]", within_s: float) -> RuntimeStatus:
        try:
            return loading.result(within_s)
        except TimeoutError as error:
            if loading.done():
                raise
            raise TimeoutError("the runtime did not say in time how it stands") from error

    def _lead(self, mine: "Future[RuntimeStatus]", begun: Moment) -> RuntimeStatus:
        try:
            status = self._load()
        except BaseException as error:
            self._land(mine, None)
            if isinstance(error, Exception):
                mine.set_exception(error)
            else:
                # This thread is torn away (KeyboardInterrupt): one of those that wait loads instead.
                mine.cancel()
            raise
        self._land(mine, (begun.monotonic_ns, status))
        mine.set_result(status)
        return status

    def _land(self, mine: "Future[RuntimeStatus]", kept: tuple[int, RuntimeStatus] | None) -> None:
        """Ends a load. A status that became outdated during the load is not kept."""
        with self._guard:
            if self._loading is mine:
                self._loading, self._kept = None, kept or self._kept
