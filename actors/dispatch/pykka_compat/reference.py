"""pykka's actor reference, made safe to stop from a dispatcher's own thread."""

from typing import Any

from pykka import ActorRef, Future

from ..run.would_deadlock import on_dispatcher_thread


class DispatchedRef(ActorRef[Any]):
    """A reference whose blocking `stop` does not wait on a thread that runs actors.

    When a stock actor raises a BaseException, pykka stops every registered actor from within that actor's turn, and
    waits for each. On a shared thread that would wait for itself; the others are asked to stop instead.
    """

    def stop(self, *, block: bool = True, timeout: float | None = None) -> Any:
        """Ask the actor to stop; True when it was alive."""
        if not block or not on_dispatcher_thread():
            return super().stop(block=block, timeout=timeout)
        alive = self.is_alive()
        stopping: Future[bool] = super().stop(block=False)
        del stopping
        return alive
