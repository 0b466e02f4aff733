"""The simulated execution model for callers that do not drive it: it runs on its own thread."""

import threading
from collections.abc import Callable

from watchkeeper.actors.dispatch.run.dispatcher import Runnable
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.domain.time.moment import Moment


class _StandingClock:
    """Virtual time that only the dispatcher moves."""

    def __init__(self) -> None:
        self._now = Moment(0, 0)

    def read(self) -> Moment:
        return self._now

    def advance_to(self, monotonic_ns: int) -> None:
        self._now = self._now.shifted(monotonic_ns - self._now.monotonic_ns)


class SelfDrivenDispatcher(SimulatedDispatcher):
    """Runs turns on its own thread, and on each thread that waits for an answer; never on two at once."""

    def __init__(self) -> None:
        super().__init__(_StandingClock())
        self._right_to_step = threading.Lock()
        self._work_came = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name="watchkeeper-simulated", daemon=True)

    def start(self) -> None:
        """Starts the thread that runs actors."""
        self._thread.start()

    def schedule(self, runnable: Runnable) -> None:
        """Adds a turn to those that may run next, and wakes the thread that runs it."""
        super().schedule(runnable)
        self._work_came.release()

    def drive(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Runs turns while it waits, unless another thread does: that one runs everything that is ready."""
        if self._stepping_thread == threading.get_ident():
            super().drive(done, timeout_s)
        if self._right_to_step.acquire(blocking=False):
            try:
                self._run_ready(done)
            finally:
                self._right_to_step.release()

    def _run(self) -> None:
        while True:
            self._work_came.acquire()
            with self._right_to_step:
                self.step()
