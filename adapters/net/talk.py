"""The conversation on an established TCP connection: one text sent, one expected or any answer taken."""

import os
import socket

from ...domain.limits import BODY_BYTES
from ...domain.observation.outcome import Outcome, Reason
from ...domain.specification.probe import Tcp
from .readiness import READABLE, WRITABLE
from .system_errors import UP, SystemErrorMeaning, verdict_of_error

READ_BYTES = 64 * 1024


class Talk:
    """One dialogue: `advance` does what can be done without waiting and says how it ended, or None."""

    __slots__ = ("_connection", "_expected", "_reads", "_unsent", "received")

    def __init__(self, connection: socket.SocketType, spec: Tcp) -> None:
        self._connection = connection
        self._unsent = (spec.send or "").encode()
        self._expected = (spec.expect or "").encode()
        self._reads = spec.expect is not None
        self.received = bytearray()

    @property
    def mask(self) -> int:
        """Returns the readiness mask to wait for."""
        reading = READABLE if self._reads else 0
        return reading | WRITABLE if self._unsent else reading

    @property
    def may_end(self) -> bool:
        """Whether what has come is the answer, unless more follows soon: no text says where it ends."""
        return self._reads and not self._expected and bool(self.received)

    def advance(self) -> SystemErrorMeaning | None:
        try:
            return self._step()
        except BlockingIOError:
            return None
        except OSError as error:
            number = error.errno or 0
            return verdict_of_error(number, os.strerror(number))

    def _step(self) -> SystemErrorMeaning | None:
        if self._unsent:
            self._unsent = self._unsent[self._connection.send(self._unsent) :]
        if self._reads:
            return self._read()
        return None if self._unsent else UP

    def _read(self) -> SystemErrorMeaning | None:
        chunk = self._connection.recv(READ_BYTES)
        if not chunk:
            return self._closed()
        # Only the part that may hold it anew is searched, or a drip would cost the square of its length.
        before = max(0, len(self.received) - len(self._expected) + 1)
        self.received += chunk[: BODY_BYTES - len(self.received)]
        if self._expected and self.received.find(self._expected, before) >= 0:
            return UP
        if len(self.received) >= BODY_BYTES:
            return Outcome.DOWN, Reason.BODY_TOO_LARGE, f"{BODY_BYTES} bytes came without {self.awaited}"
        return None

    def _closed(self) -> SystemErrorMeaning:
        return UP if self.may_end else (Outcome.DOWN, Reason.TRUNCATED, f"closed before {self.awaited} came")

    @property
    def awaited(self) -> str:
        """The thing that has yet to come, for people."""
        if self._expected:
            return "the expected text"
        return "an end of the answer" if self.received else "an answer"
