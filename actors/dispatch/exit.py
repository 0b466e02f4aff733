"""How an incarnation of an actor ended, and who is told."""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .address import Address


class ExitReason(Enum):
    """Why an incarnation is no more."""

    NORMAL = "normal"
    """It was asked to stop, and did."""
    CRASHED = "crashed"
    """A handler raised."""
    START_FAILED = "start_failed"
    """`on_start` raised; no message was handled."""
    STOP_FAILED = "stop_failed"
    """It was asked to stop, and `on_stop` raised."""


OnExit: TypeAlias = Callable[["Address", int, ExitReason, BaseException | None], None]
"""Told once per incarnation, on its dispatcher's thread: address, epoch, reason, and the error if there was one."""
