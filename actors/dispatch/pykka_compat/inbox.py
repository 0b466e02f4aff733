"""The mailbox of a stock actor, which pykka's own loop reads, one turn at a time."""

import sys
from contextlib import suppress
from typing import Any

from pykka._envelope import Envelope

from ..mailbox.mailbox import ExitReason, Incarnation, Mailbox
from ..mailbox.message_queue import take_first


class TurnOver(Exception):  # not an error: it ends a turn
    """The mailbox is empty or the turn is used up.

    pykka's loop calls `get` outside its `try`, so raising this from `get` unwinds the loop between two messages, and
    calling the loop again resumes it.
    """


class Inbox(Mailbox):
    """The inbox by pykka's contract: unbounded, and closed when its actor ends."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        super().__init__(sys.maxsize, None)
        self._left = 0

    def get(self) -> Envelope[Any]:
        """Returns the next envelope.

        Raises: TurnOver where the queue is empty or the turn's messages are used up.
        """
        if not self._left:
            raise TurnOver
        try:
            envelope: Envelope[Any] = take_first(self._work)
        except IndexError:
            raise TurnOver from None
        self._left -= 1
        return envelope

    def empty(self) -> bool:
        """Returns True where no message is queued."""
        return not self._work

    def handle_batch(self, actor: Incarnation) -> bool:
        """Runs pykka's loop until the actor stops or the turn ends. Returns False always: the stopped flag decides."""
        self._left = self._dispatcher.turn_messages
        with suppress(TurnOver):
            actor._actor_loop_running()  # noqa: SLF001  # pykka's hook for execution models
        return False

    def retire(self) -> None:
        """Closes the inbox first, so that questions sent during pykka's draining teardown are answered too."""
        self._shut()
        # The teardown reads with `get`, outside a turn: no limit applies.
        self._left = sys.maxsize

    def finish(self, reason: ExitReason, error: BaseException | None) -> None:  # it has no supervisor
        """Answers the questions that arrived after pykka's teardown."""
        self._detach()
        self._drain()
