"""The composition of an engine: the only place that joins the actors, the drivers and the store of a run."""

import asyncio
from collections.abc import Callable
from random import SystemRandom
from typing import NamedTuple

from ..actors.dispatch.run.alarm import MillisecondTimer
from ..actors.driver_loop import DriverLoop
from ..actors.engine import Engine, EngineDependencies
from ..actors.ports import Publisher, Store
from ..actors.system import Asked
from ..adapters.clock import SystemClock
from ..adapters.drivers import Drivers
from ..adapters.expectations import Expectations
from ..adapters.kernel_timer import KernelTimer, has_kernel_timer
from ..adapters.masking import secrets_in
from ..adapters.stores.memory import MemoryStore
from ..adapters.stores.opening import make_store
from ..domain.incidents.own_problems import WithOthers
from ..domain.specification.configuration import Configuration
from ..domain.supervision.tenure import Tenure
from .configured import ConfiguredTargets
from .subscriptions import Subscriptions


class Claim(NamedTuple):
    """How an engine comes to its store."""

    lapsed: Tenure | None
    """The tenure of a frozen owner, which is to be claimed; None where the store is free."""
    stamp: Callable[[], str]
    """Returns the stamp of the configuration, for other processes; called on the sink's thread."""
    is_outdated: bool
    """Whether a former owner had a newer configuration: then nothing that this one lacks is resolved."""


AT_ONCE = Claim(None, str, is_outdated=False)
"""Of a store that no other process shares."""


def make_engine(
    configuration: Configuration,
    configured: ConfiguredTargets,
    feed: Subscriptions,
    host_loop: asyncio.AbstractEventLoop | None,
    memory: MemoryStore,
    claim: Claim = AT_ONCE,
) -> Engine:
    """Returns an engine that is ready to start; without a file its record is `memory`, which outlives it.

    `claim` says as which owner it opens the file.

    Its loop thread runs already, because drivers are made on that thread.
    """
    options = configuration.runtime
    store: Store = (
        make_store(options.store, options.retention, lapsed=claim.lapsed, configuration=claim.stamp)
        if options.store
        else memory
    )
    return engine_on(
        driver_loop(configuration, configured, host_loop),
        store,
        configuration,
        configured,
        EngineUses(
            feed,
            asked=configured.show,
            is_whole=configured.is_whole and not claim.is_outdated,
            is_outdated=outdated_until_reload(claim.stamp, is_outdated=claim.is_outdated),
        ),
    )


class EngineUses(NamedTuple):
    """The host's side of one engine; see `EngineDependencies`."""

    feed: Publisher
    asked: Asked
    is_whole: bool
    is_outdated: Callable[[], bool]
    owns_loop: bool = True
    with_others: WithOthers = tuple


def driver_loop(
    configuration: Configuration,
    configured: ConfiguredTargets,
    host_loop: asyncio.AbstractEventLoop | None,
) -> DriverLoop:
    """Returns a running loop with the drivers of a configuration."""
    clock, functions = SystemClock(), configured.callables
    return DriverLoop(
        clock,
        KernelTimer if has_kernel_timer() else MillisecondTimer,
        lambda dispatcher: Drivers(
            dispatcher.loop, clock, dispatcher.call_at, configuration, functions, host_loop
        ),
    )


def engine_on(
    loop: DriverLoop,
    store: Store,
    configuration: Configuration,
    configured: ConfiguredTargets,
    uses: EngineUses,
) -> Engine:
    """Returns an engine on a loop and a store, which `configuration` describes."""
    configured.mask.learn(secrets_in(configuration))
    return Engine(
        configuration,
        EngineDependencies(
            clock=SystemClock(),
            loop=loop,
            owns_loop=uses.owns_loop,
            store=store,
            publisher=uses.feed,
            expectation_of=Expectations(),
            dice=SystemRandom().random,
            asked=uses.asked,
            discreet=configured.mask,
            is_whole=uses.is_whole,
            is_outdated=uses.is_outdated,
            with_others=uses.with_others,
        ),
    )


def outdated_until_reload(stamp: Callable[[], str], *, is_outdated: bool) -> Callable[[], bool]:
    """Returns whether the configuration of a process is older than that of the last owner: until it has another one itself.

    `stamp` returns the stamp of its configuration.
    """
    first = stamp()
    return lambda: is_outdated and stamp() == first
