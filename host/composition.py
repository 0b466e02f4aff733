"""The composition of an engine: the one place that joins the actors, the drivers and the store of a run."""

import asyncio
from random import SystemRandom

from ..actors.dispatch.alarm import MillisecondTimer
from ..actors.engine import Engine, Fittings
from ..actors.ports import Store
from ..adapters.clock import SystemClock
from ..adapters.expectations import Expectations
from ..adapters.feed import Feed
from ..adapters.host_side import HostSide
from ..adapters.kernel_timer import KernelTimer, has_kernel_timer
from ..adapters.outside import Outside
from ..adapters.stores.memory import MemoryStore
from ..adapters.stores.sqlite import SqliteStore
from ..domain.configuration import Configuration


def make_engine(
    configuration: Configuration,
    configured: HostSide,
    feed: Feed,
    host_loop: asyncio.AbstractEventLoop | None,
) -> Engine:
    """An engine that is ready to start. Its loop thread runs already, because drivers are made on that thread."""
    clock, options, functions = SystemClock(), configuration.runtime, configured.callables
    store: Store = SqliteStore(options.store, options.retention) if options.store else MemoryStore()
    return Engine(
        configuration,
        Fittings(
            clock=clock,
            make_timer=KernelTimer if has_kernel_timer() else MillisecondTimer,
            outside=lambda dispatcher: Outside(
                dispatcher.loop, clock, dispatcher.call_at, configuration, functions, host_loop
            ),
            store=store,
            publisher=feed,
            expectation_of=Expectations(),
            dice=SystemRandom().random,
            asked=configured.show,
        ),
    )
