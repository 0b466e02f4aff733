"""The common form of everything under way: a request, an attempt, a call. It stands alone because each room has one."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec

Answer = TypeVar("Answer")


class Activity(msgspec.Struct, eq=False):
    """One piece of work under way: equal to itself only, and shown without its fields, which may hold secrets."""

    __repr__ = object.__repr__


def tell(loop: asyncio.AbstractEventLoop, done: Callable[[Answer], None], answer: Answer) -> None:
    """Give an answer or an event; a fault of its receiver is the loop's to report, and costs no other receiver its own."""
    try:
        done(answer)
    except Exception as error:  # noqa: BLE001  # the receiver's fault
        loop.call_exception_handler({"message": "a callback failed", "exception": error})
