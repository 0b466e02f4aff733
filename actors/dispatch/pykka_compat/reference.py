"""pykka's actor reference, with a `stop` that is safe on a dispatcher's own thread."""

from typing import Any

from pykka import ActorRef, Future

from ..run.would_deadlock import on_dispatcher_thread


class DispatchedRef(ActorRef[Any]):
    """A reference whose blocking `stop` does not wait on a thread that runs actors.

    When a stock actor raises a BaseException, pykka stops every registered actor within its turn and waits for each.
    On a shared thread it would wait for itself; here it only asks the others to stop.
    """

    def stop(self, *, block: bool = True, timeout: float | None = None) -> Any:
        """Asks the actor to stop. Blocks for it except on a dispatcher's thread. Returns True where it was alive."""
        if not block or not on_dispatcher_thread():
            return super().stop(block=block, timeout=timeout)
        alive = self.is_alive()
        stopping: Future[bool] = super().stop(block=False)
        del stopping
        return alive
