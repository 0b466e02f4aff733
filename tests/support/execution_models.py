"""The three execution models as actor classes that can be started the stock way, as pykka's own suite starts them.

They differ in the dispatcher that `start` uses. A runtime spawns its actors on dispatchers of its own instead.
"""

import threading
from collections.abc import Callable

from self_driven import SelfDrivenDispatcher
from watchkeeper.actors.dispatch import DispatchedActor, Dispatcher, LoopDispatcher, PoolDispatcher

_POOL_THREADS = 8
_lock = threading.Lock()
_defaults: dict[str, LoopDispatcher | PoolDispatcher | SelfDrivenDispatcher] = {}


def _default(
    name: str, make: Callable[[], LoopDispatcher | PoolDispatcher | SelfDrivenDispatcher]
) -> Dispatcher:
    """Returns the dispatcher of actors that are started without one: the only state of the process.

    Makes another in a forked child, where the threads of the parent's do not exist.
    """
    with _lock:
        dispatcher = _defaults.get(name)
        if dispatcher is None or not dispatcher.running:
            dispatcher = _defaults[name] = make()
            dispatcher.start()
        return dispatcher


class LoopActor(DispatchedActor):
    """An actor that runs on an event loop's thread."""

    @classmethod
    def default_dispatcher(cls) -> Dispatcher:
        return _default("loop", LoopDispatcher)


class PoolActor(DispatchedActor):
    """An actor that may block, on a bounded pool of threads."""

    @classmethod
    def default_dispatcher(cls) -> Dispatcher:
        return _default("pool", lambda: PoolDispatcher(_POOL_THREADS, "watchkeeper-pool"))


class SimulatedActor(DispatchedActor):
    """An actor that runs in virtual time."""

    @classmethod
    def default_dispatcher(cls) -> Dispatcher:
        return _default("simulated", SelfDrivenDispatcher)
