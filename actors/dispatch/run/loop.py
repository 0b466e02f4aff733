"""The dispatcher that runs many actors on one event loop."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import TypeVar

from ....domain.errors import UsageError
from ....domain.limits import BATCH_NS_MAX, BATCH_TURNS_MAX
from ....domain.time.moment import NS_PER_S
from .alarm import Alarm, AlarmClock, MakeTimer, MillisecondTimer, ring_all
from .dispatcher import Dispatcher, Runnable
from .event_loops import close_event_loop, new_event_loop
from .would_deadlock import mark_thread

R = TypeVar("R")
logger = logging.getLogger(__name__)


class LoopDispatcher(Dispatcher):
    """Runs actors in batches of turns on its own event loop, which does its I/O between batches.

    The loop runs on its own thread between `start` and `stop`. Turns are limited in time only where `monotonic_ns` is
    given; batches always are, by the loop's clock without it.
    """

    def __init__(
        self,
        *,
        monotonic_ns: Callable[[], int] | None = None,
        make_timer: MakeTimer = MillisecondTimer,
        name: str = "watchkeeper-loop",
    ) -> None:
        super().__init__()
        self.monotonic_ns = monotonic_ns
        self._name = name
        self.loop = new_event_loop()
        """The event loop, for the I/O of probes and channels."""
        self._clock = monotonic_ns or (lambda: int(self.loop.time() * NS_PER_S))
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread_id = 0
        self._stopped = False
        self._ready: deque[Runnable] = deque()
        # Held while a batch is queued or runs, so that a second one never exists; held from here to the first batch.
        self._coming = threading.Lock()
        self._coming.acquire()
        # Mirrors the held lock for senders, which read it without touching the lock.
        self._armed = True
        self._alarms = AlarmClock(self.loop, self._clock, make_timer, self._ring)
        # Without a given context asyncio copies one for each callback.
        self._context = Context()

    def start(self) -> None:
        """Starts the loop's thread, and with it the actors.

        Raises: UsageError where it was started or stopped before.
        """
        if self._thread.ident is not None or self._stopped:
            raise UsageError(f"{self!r} has been started before")
        self._thread.start()
        self._queue_batch()

    def stop(self, timeout_s: float) -> tuple[str, ...]:
        """Starts no further turn, and blocks at most `timeout_s` seconds for the thread to end.

        Returns the names of threads that did not end in time; empty where all ended.
        """
        if self._stopped:
            return ()
        self._stopped = True
        if self._thread.ident is None:
            close_event_loop(self.loop)
            return ()
        self._call_threadsafe(self.loop.stop)
        if self._thread is threading.current_thread():
            return ()
        self._thread.join(timeout_s)
        return (self._name,) if self._thread.is_alive() else ()

    def schedule(self, runnable: Runnable) -> None:
        """Queues a turn for this batch or the next, from any thread. After `stop` it never runs."""
        self._ready.append(runnable)
        if not self._armed:
            self._wake()

    def perform(self, work: Callable[[], R], within_s: float) -> R:
        """Runs `work` on the loop's thread and blocks at most `within_s` seconds for its result, or raises its error.

        The loop's own thread must not call it: it would wait for itself.
        """

        async def run() -> R:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(within_s)

    def call_at(self, monotonic_ns: int, callback: Callable[[], object]) -> Alarm:
        """Calls back at a moment or soon after, never before it and never from within this call.

        For the loop's thread only, like `cancel` of the alarm that it returns.
        """
        return self._alarms.call_at(monotonic_ns, callback)

    def __repr__(self) -> str:
        return f"<LoopDispatcher {self._name}: {len(self._actors)} actors, {len(self._ready)} ready>"

    def _run(self) -> None:
        self._thread_id = threading.get_ident()
        mark_thread(self)
        try:
            self._run_until_stopped()
        finally:
            self._alarms.close()
            close_event_loop(self.loop)

    def _run_until_stopped(self) -> None:
        """Runs the loop again where code of the host ended it: without the loop nothing is polled or told.

        A coroutine of the host reaches the loop's `stop`, and a SystemExit in a task of its own leaves `run_forever`.
        """
        while True:
            how = "loop.stop()"
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                how = type(error).__name__
            if self._stopped:
                return
            logger.error("A function of the host ended the runtime's event loop (%s): it runs on", how)

    def _call_threadsafe(self, callback: Callable[..., object], *arguments: object) -> None:
        try:
            self.loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            # The loop is closed: nothing runs on it again, and the sender is not at fault.
            return

    def _wake(self) -> None:
        if self._coming.acquire(blocking=False):
            self._armed = True
            self._queue_batch()

    def _queue_batch(self) -> None:
        if threading.get_ident() == self._thread_id:
            self.loop.call_soon(self._run_batch, context=self._context)
        else:
            self._call_threadsafe(self._run_batch)

    def _run_batch(self) -> None:
        clock, ready = self._clock, self._ready
        ends_ns = clock() + BATCH_NS_MAX
        try:
            for _ in range(BATCH_TURNS_MAX):
                if not ready or self._stopped:
                    break
                ready.popleft().run_turn()
                if clock() > ends_ns:
                    break
        finally:
            self._end_batch()

    def _end_batch(self) -> None:
        if self._stopped:
            return
        if self._ready:
            self.loop.call_soon(self._run_batch, context=self._context)
            return
        self._armed = False
        self._coming.release()
        # A sender that saw `_armed` before it was cleared queued no batch: its turn is found here.
        if self._ready:
            self._wake()

    def _ring(self, alarms: Sequence[Alarm]) -> None:
        """Rings alarms and runs the actors that they wake at once: another round of the loop would cost 5 us.

        The engines of a node tick at the same moments: one batch has the turns of all of them.
        """
        if self._stopped:
            return
        # A batch is queued already: it runs the actors.
        if not self._coming.acquire(blocking=False):
            ring_all(alarms)
            return
        self._armed = True
        try:
            ring_all(alarms)
        finally:
            self._run_batch()
