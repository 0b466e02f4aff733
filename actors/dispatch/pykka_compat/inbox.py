"""The mailbox of an actor that was started the stock way: pykka's own loop reads it, a turn at a time."""

import sys
from contextlib import suppress
from typing import Any

from pykka._envelope import Envelope

from ..mailbox.mailbox import ExitReason, Incarnation, Mailbox
from ..mailbox.message_queue import take_first


class TurnOver(Exception):  # not an error: it ends a turn
    """The mailbox is empty or the turn is spent.

    pykka's loop calls `get` outside its `try`, so raising this from `get` unwinds the loop between two messages, and
    calling the loop again resumes it.
    """


class Inbox(Mailbox):
    """Unbounded, closed when its actor ends: what pykka promises of an inbox."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        super().__init__(sys.maxsize, None)
        self._left = 0

    def get(self) -> Envelope[Any]:
        """The next envelope. Raises TurnOver."""
        if not self._left:
            raise TurnOver
        try:
            envelope: Envelope[Any] = take_first(self._work)
        except IndexError:
            raise TurnOver from None
        self._left -= 1
        return envelope

    def empty(self) -> bool:
        """True when nothing waits."""
        return not self._work

    def handle_batch(self, actor: Incarnation) -> bool:
        """Run pykka's loop until it is stopped or the turn is over."""
        self._left = self._dispatcher.turn_messages
        with suppress(TurnOver):
            actor._actor_loop_running()  # noqa: SLF001  # pykka's hook for execution models
        return False

    def retire(self) -> None:
        """Close first, so that what is sent during the teardown is answered too; pykka's teardown then drains."""
        self._shut()
        self._left = sys.maxsize

    def finish(self, reason: ExitReason, error: BaseException | None) -> None:  # nobody supervises it
        """Answer what came in behind pykka's teardown."""
        self._detach()
        self._drain()
