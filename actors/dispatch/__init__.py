"""Where actors run: execution models, mailboxes and addresses."""

from .actor import DispatchedActor
from .address import Address
from .alarm import Alarm
from .alarm_clock import MakeTimer
from .dead_letters import DeadLetters, DeadLetterStatistics
from .delivery import Delivery, Lane, MailboxPolicy, OnlyWhenFull
from .dispatcher import Dispatcher
from .exit import ExitReason, OnExit
from .future import DispatchedFuture
from .gaps import Lag
from .lanes import MailboxFull
from .loop import LoopDispatcher, LoopStatistics
from .models import LoopActor, PoolActor, SimulatedActor
from .pool import PoolDispatcher, PoolStatistics
from .simulated import SimulatedDispatcher, VirtualClock
from .spawning import address_for, spawn
from .statistics import Dropped, MailboxStatistics
from .would_deadlock import WouldDeadlock

__all__ = [
    "Address",
    "Alarm",
    "DeadLetterStatistics",
    "DeadLetters",
    "Delivery",
    "DispatchedActor",
    "DispatchedFuture",
    "Dispatcher",
    "Dropped",
    "ExitReason",
    "Lag",
    "Lane",
    "LoopActor",
    "LoopDispatcher",
    "LoopStatistics",
    "MailboxFull",
    "MailboxPolicy",
    "MailboxStatistics",
    "MakeTimer",
    "OnExit",
    "OnlyWhenFull",
    "PoolActor",
    "PoolDispatcher",
    "PoolStatistics",
    "SimulatedActor",
    "SimulatedDispatcher",
    "VirtualClock",
    "WouldDeadlock",
    "address_for",
    "spawn",
]
