"""Concurrency: execution models, mailboxes and addresses, on which every actor runs.

Never here: monitoring. No module of this folder knows targets or incidents.
"""

from .actor import DispatchedActor
from .mailbox.address import Address, OnExit
from .mailbox.dead_letters import DeadLetters
from .mailbox.mailbox import ExitReason
from .mailbox.message_queue import MailboxFull, MailboxPolicy
from .run.alarm import Alarm, AlarmClock, MakeTimer
from .run.dispatcher import Dispatcher
from .run.future import DispatchedFuture
from .run.loop import LoopDispatcher
from .run.pool import PoolDispatcher
from .run.simulated import SimulatedDispatcher, VirtualClock
from .run.would_deadlock import WouldDeadlock
from .spawning import address_for, spawn

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
