"""The three execution models as actor classes that can be started the stock way, as pykka's own suite starts them.

They differ in the dispatcher that `start` uses. A runtime spawns its actors on dispatchers of its own instead.
"""

import os
import threading
from collections.abc import Callable

from self_driven import SelfDrivenDispatcher
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.run.alarm import Alarm
from watchkeeper.actors.dispatch.run.dispatcher import Dispatcher
from watchkeeper.actors.dispatch.run.loop import LoopDispatcher
from watchkeeper.actors.dispatch.run.pool import PoolDispatcher

_POOL_THREADS = 8


def errand(callback: Callable[[], object]) -> Alarm:
    """Returns a callback that a dispatcher runs like the turn of an actor."""
    return Alarm(callback)


_lock = threading.Lock()
_defaults: dict[tuple[str, int], Dispatcher] = {}


def _default(name: str, make: Callable[[], Dispatcher]) -> Dispatcher:
    """Returns the dispatcher of actors that are started without one: the only state of the process.

    Makes another in a forked child, where the threads of the parent's do not exist.
    """
    with _lock:
        place = (name, os.getpid())
        dispatcher = _defaults.get(place)
        if dispatcher is None:
            dispatcher = _defaults[place] = make()
        return dispatcher


def _started(make: type[LoopDispatcher | SelfDrivenDispatcher]) -> Dispatcher:
    dispatcher = make()
    dispatcher.start()
    return dispatcher


class LoopActor(DispatchedActor):
    """An actor that runs on an event loop's thread."""

    @classmethod
    def default_dispatcher(cls) -> Dispatcher:
        return _default("loop", lambda: _started(LoopDispatcher))


class PoolActor(DispatchedActor):
    """An actor that may block, on a bounded pool of threads."""

    @classmethod
    def default_dispatcher(cls) -> Dispatcher:
        return _default("pool", lambda: PoolDispatcher(_POOL_THREADS, "watchkeeper-pool"))


class SimulatedActor(DispatchedActor):
    """An actor that runs in virtual time."""

    @classmethod
    def default_dispatcher(cls) -> Dispatcher:
        return _default("simulated", lambda: _started(SelfDrivenDispatcher))
