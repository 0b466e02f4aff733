"""The conversation of one text: it is sent, and one is expected or any answer taken."""

import socket

from ....domain.limits import BODY_BYTES
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.probe import Tcp
from ..system_errors import UP, SystemErrorMeaning
from .peer_talk import PeerTalk, Securing

READ_BYTES = 64 * 1024


class Talk(PeerTalk):
    """Says the text of a tcp probe, and reads the answer as far as it is wanted."""

    __slots__ = ("_expected", "_reads", "_text")

    ends_with_pause = True

    def __init__(
        self,
        connection: socket.SocketType,
        spec: Tcp,
        securing: Securing | None = None,
        *,
        in_clear: bool = True,
    ) -> None:
        super().__init__(connection, securing, in_clear=in_clear)
        self._text = (spec.send or "").encode()
        self._expected = (spec.expect or "").encode()
        self._reads = spec.expect is not None

    @property
    def pauses(self) -> bool:
        """No text says where the answer ends."""
        return self._reads and not self._expected and bool(self.received)

    def late(self) -> SystemErrorMeaning:
        return UP if self.pauses else super().late()

    def _begin(self) -> SystemErrorMeaning | None:
        self.stream.send(self._text)
        if self._reads:
            # Nothing has come yet, but for what was in the last packet of a handshake.
            return self._read() if self.stream.may_hold else None
        return self._flushed()

    def _go_on(self) -> SystemErrorMeaning | None:
        self.stream.flush()
        return self._read() if self._reads else self._flushed()

    def _flushed(self) -> SystemErrorMeaning | None:
        return UP if self.stream.is_flushed else None

    def _read(self) -> SystemErrorMeaning | None:
        chunk = self.stream.receive(READ_BYTES)
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
        return UP if self.pauses else (Outcome.DOWN, Reason.TRUNCATED, f"closed before {self.awaited} came")

    @property
    def awaited(self) -> str:
        if self._expected:
            return "the expected text"
        return "an end of the answer" if self.received else "an answer"
