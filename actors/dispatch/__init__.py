"""Where actors run: execution models, mailboxes and addresses."""

from .actor import DispatchedActor
from .address import Address, OnExit
from .alarm import Alarm, AlarmClock, MakeTimer
from .dead_letters import DeadLetters
from .dispatcher import Dispatcher
from .future import DispatchedFuture
from .loop import LoopDispatcher
from .mailbox import ExitReason
from .message_queue import MailboxFull, MailboxPolicy
from .pool import PoolDispatcher
from .simulated import SimulatedDispatcher, VirtualClock
from .spawning import address_for, spawn
from .would_deadlock import WouldDeadlock

__all__ = [
    "Address",
    "Alarm",
    "AlarmClock",
    "DeadLetters",
    "DispatchedActor",
    "DispatchedFuture",
    "Dispatcher",
    "ExitReason",
    "LoopDispatcher",
    "MailboxFull",
    "MailboxPolicy",
    "MakeTimer",
    "OnExit",
    "PoolDispatcher",
    "SimulatedDispatcher",
    "VirtualClock",
    "WouldDeadlock",
    "address_for",
    "spawn",
]
