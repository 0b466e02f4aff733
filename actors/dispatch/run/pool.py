"""The dispatcher that runs blocking actors on a bounded number of threads."""

import threading
from queue import SimpleQueue

from ....domain.errors import UsageError
from .dispatcher import Dispatcher, Runnable
from .would_deadlock import mark_thread


class PoolDispatcher(Dispatcher):
    """Runs actors that may block on at most `threads` threads; one thread at a time runs an actor.

    `adopt` makes the threads as actors are added. A sender never does: making a thread can block.
    """

    def __init__(self, threads: int, name: str = "watchkeeper-pool") -> None:
        super().__init__()
        self._name = name
        self._threads_max = threads
        self._threads: list[threading.Thread] = []
        self._ready: SimpleQueue[Runnable | None] = SimpleQueue()
        self._running: dict[int | None, Runnable] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def stop(self, timeout_s: float) -> tuple[str, ...]:
        """Starts no further turn, and blocks for each thread at most `timeout_s` seconds.

        Returns `thread: actor` for each turn that did not end in time.
        """
        with self._lock:
            self._stopped = True
        self._ready.put(None)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout_s)
        running = {thread: self._running.get(thread.ident) for thread in self._threads}
        return tuple(f"{thread.name}: {actor!r}" for thread, actor in running.items() if actor is not None)

    def schedule(self, runnable: Runnable) -> None:
        """Queues a turn for the next free thread. Callable from any thread."""
        self._ready.put(runnable)

    def adopt(self, runnable: Runnable) -> None:
        """Holds the reference to an actor until it ends, and starts a thread for it below the bound.

        Raises: UsageError after `stop`.
        """
        with self._lock:
            if self._stopped:
                raise UsageError(f"{self!r} has been stopped")
            super().adopt(runnable)
            wanted = min(self._threads_max, len(self._actors))
            if len(self._threads) < wanted:
                thread = threading.Thread(
                    target=self._run, name=f"{self._name}-{len(self._threads)}", daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def __repr__(self) -> str:
        return f"<PoolDispatcher {self._name}: {len(self._actors)} actors, {len(self._threads)} threads>"

    def _run(self) -> None:
        mark_thread(self)
        mine = threading.get_ident()
        while (runnable := self._ready.get()) is not None and not self._stopped:
            self._running[mine] = runnable
            runnable.run_turn()
            del self._running[mine]
        # Each thread passes the end mark on to the next.
        self._ready.put(None)
