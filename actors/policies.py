"""The policies that the actors follow, as values that can be printed."""

from collections.abc import Collection
from typing import Any

from ..domain.limits import DATABASE_COMMIT_GRID_NS, DATABASE_COMMIT_SAMPLES_NS, PING_TIMEOUT_NS
from ..domain.policy import CancellationPolicy, MailboxOverflow, OverflowPolicy
from ..domain.specification.channel import Channel
from ..domain.specification.configuration import RuntimeOptions
from ..domain.store_place import is_database
from ..domain.supervision.admission import AdmissionPolicy
from ..domain.supervision.own_network import ConnectivityPolicy
from ..domain.supervision.progress import PingPolicy
from ..domain.supervision.restart import (
    DATABASE_REOPEN_POLICY,
    RestartPolicy,
    SupervisorPolicies,
)
from ..domain.supervision.retry import RetryPolicy
from ..domain.time.duration import parse_duration
from .behaviour import Behaviour
from .courier import Courier
from .owner import AggregateOwner
from .poller import Poller
from .recorder import Recorder
from .sink import IncidentSink
from .supervisor.supervisor import Supervisor

ActorPolicy = (
    ConnectivityPolicy
    | PingPolicy
    | RetryPolicy
    | RestartPolicy
    | CancellationPolicy
    | AdmissionPolicy
    | MailboxOverflow
)

ACTORS: tuple[type[Behaviour[Any]], ...] = (
    Supervisor,
    Poller,
    AggregateOwner,
    IncidentSink,
    Courier,
    Recorder,
)


def supervisor_policies(channels: Collection[Channel], options: RuntimeOptions) -> SupervisorPolicies:
    """Returns the policies that a supervisor of these channels applies."""
    speaking = options.connectivity
    connectivity = (
        ConnectivityPolicy()
        if speaking is None
        else ConnectivityPolicy(targets=speaking.targets, every=speaking.every)
    )
    retries = {
        channel.id: RetryPolicy(
            name=f"channel {channel.id}", give_up_after_ns=parse_duration(channel.give_up_after)
        )
        for channel in channels
    }
    admission = AdmissionPolicy(in_flight_max=options.in_flight_max)
    ping = _ping_policy(channels, options)
    found = SupervisorPolicies(admission, retries, connectivity=connectivity, ping=ping)
    if not is_database(options.store or ""):
        return found
    return found._replace(
        reopen=DATABASE_REOPEN_POLICY,
        commit_samples_ns=DATABASE_COMMIT_SAMPLES_NS,
        commit_grid_ns=DATABASE_COMMIT_GRID_NS,
    )


def _ping_policy(channels: Collection[Channel], options: RuntimeOptions) -> PingPolicy:
    if options.ping is None:
        return PingPolicy()
    every = [channel.id for channel in channels]
    told = [channel.id for channel in channels if channel.log is None]
    return PingPolicy(
        every_ns=parse_duration(options.ping.every), timeout_ns=PING_TIMEOUT_NS, channels=tuple(told or every)
    )


def actor_policies(channels: Collection[Channel], options: RuntimeOptions) -> tuple[ActorPolicy, ...]:
    """Returns every policy in use: retry, restart, cancellation, admission, and the overflow of each mailbox."""
    applied = supervisor_policies(channels, options)
    return (
        *applied.retries.values(),
        applied.reopen,
        applied.children,
        applied.pollers,
        applied.cancellation,
        applied.admission,
        applied.connectivity,
        *([applied.ping] if applied.ping.every_ns else []),
        *map(_mailbox_overflow, ACTORS),
    )


def _mailbox_overflow(actor: type[Behaviour[Any]]) -> MailboxOverflow:
    return MailboxOverflow(
        name=f"mailbox of {actor.__name__}",
        messages_max=actor.mailbox_capacity,
        dropped=tuple(message.__name__ for message in actor.sheds),
        policy=_overflow_policy(actor),
    )


def _overflow_policy(actor: type[Behaviour[Any]]) -> OverflowPolicy:
    if actor.mailbox_policy is None:
        return OverflowPolicy.REJECT
    return OverflowPolicy.DROP_OLDEST if actor.sheds else OverflowPolicy.NEVER_DROP
