"""`top`: the status of a running process, live on a terminal, with commands by key."""

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from queue import Empty, Full, Queue

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from ...adapters.clock import SystemClock
from ...client.connection import Connection
from ...domain.errors import WatchkeeperError
from ...domain.line import first_line
from ...domain.time.moment import utc
from ..act.muting import clock_text
from ..act.reach import running
from ..options import Where
from .board import Board, Order
from .timeline import lines_of

EVERY_S = 1.0
"""How often the status is asked for; a runtime makes a new one at most once a second."""
DRAWN_WITHIN_S = 0.2
ORDERS_MAX = 8
KEYS = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1b": "escape",
    b"\r": "enter",
    b"\n": "enter",
    b"\x7f": "backspace",
    b"\x08": "backspace",
}


def show_top(where: Where) -> None:
    """Shows the status until `q`. Raises: NotRunning where no process runs the store; click.UsageError without a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("top needs a terminal: `watchkeeper status` prints the same once")
    connection, board = running(where), Board()
    # Before the screen is taken, so that an error is seen.
    board.status = connection.status()
    asker = Asker(connection, board)
    console = Console(highlight=False)
    with _keys_at_once(), Live(console=console, screen=True, auto_refresh=False) as live:
        asker.start()
        while not board.is_over:
            with asker.guard:
                lines = board.lines(console.width, console.height, _now())
            picture = Text("\n").join(Text(text, style) for text, style in lines)
            picture.no_wrap = True
            live.update(picture, refresh=True)
            for key in _keys_within(DRAWN_WITHIN_S):
                with asker.guard:
                    order = board.press(key)
                if order is not None:
                    asker.ask(order)


def _now() -> datetime:
    return utc(SystemClock().read().wall_ns).astimezone(UTC)


class Asker:
    """Asks and commands on a thread of its own, so that a slow answer holds up no key."""

    def __init__(self, connection: Connection, board: Board) -> None:
        self.guard = threading.Lock()
        """Held while the board is read or changed."""
        self._connection = connection
        self._board = board
        self._orders: Queue[Order] = Queue(ORDERS_MAX)

    def start(self) -> None:
        threading.Thread(target=self._run, name="watchkeeper-top", daemon=True).start()

    def ask(self, order: Order) -> None:
        """Queues an order; says so where too many wait."""
        try:
            self._orders.put_nowait(order)
        except Full:
            with self.guard:
                self._board.said = "the runtime has not answered yet: wait"

    def _run(self) -> None:
        while True:
            with suppress(Empty):
                self._obey(self._orders.get(timeout=EVERY_S))
            self._refresh()

    def _refresh(self) -> None:
        try:
            status, problem = self._connection.status(), ""
        except (WatchkeeperError, OSError) as error:
            status, problem = None, first_line(str(error))
        with self.guard:
            self._board.status = status or self._board.status
            if problem and not self._board.problem:
                problem = f"since {_now():%H:%M:%S} UTC: {problem}"
            self._board.problem = problem and (self._board.problem or problem)

    def _obey(self, order: Order) -> None:
        evidence = None
        try:
            if order.verb == "evidence":
                evidence, said = lines_of(self._connection, order.target), ""
            else:
                said = self._commanded(order)
        except (WatchkeeperError, OSError) as error:
            said = first_line(str(error))
        with self.guard:
            self._board.said = said
            self._board.evidence = evidence

    def _commanded(self, order: Order) -> str:
        if order.verb == "silence":
            return self._silenced(order.target)
        opened = self._connection.incidents(open_only=True, target=order.target)
        for incident in opened:
            self._connection.acknowledge(incident.id)
        return f"{order.target}: acknowledged" if opened else f"{order.target} has no open incident any more"

    def _silenced(self, target: str) -> str:
        """Silences a target for an hour, unless one of it lasts longer, whose place this one would take."""
        end = _now() + timedelta(hours=1)
        for row in self._connection.silences():
            if (row.target, row.match) == (target, []) and row.until > end:
                return f"silence {row.id} stays, until {clock_text(row.until)}"
        made = self._connection.silence(target, "1h", reason="by top")
        return f"silence {made.id} until {clock_text(made.until)}"


@contextmanager
def _keys_at_once() -> Iterator[None]:
    """A context in which the terminal gives each key as it is pressed; ctrl-C ends the program as ever."""
    before = termios.tcgetattr(0)
    tty.setcbreak(0)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def _keys_within(wait_s: float) -> Iterator[str]:
    """The keys that were pressed, after at most this wait."""
    if select.select([0], [], [], wait_s)[0]:
        pressed = os.read(0, 1_024)
        if not pressed:
            raise KeyboardInterrupt  # the terminal is gone
        yield from keys_in(pressed)


def keys_in(pressed: bytes) -> Iterator[str]:
    """The keys in the bytes of a terminal: characters, and the names of other keys."""
    while pressed:
        known = next((code for code in KEYS if pressed.startswith(code)), None)
        if known is not None:
            pressed = pressed[len(known) :]
            yield KEYS[known]
            continue
        letter = pressed[:1]
        if b"\xc0" <= letter < b"\xf8":
            width = 2 if letter < b"\xe0" else 3 if letter < b"\xf0" else 4
            letter = pressed[:width]
        pressed = pressed[len(letter) :]
        text = letter.decode("utf-8", "ignore")
        if text.isprintable() and text:
            yield text
