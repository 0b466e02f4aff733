"""The conversation of several steps: in each a text is sent, a line that matches is awaited, or TLS begins."""

import socket
from functools import lru_cache
from typing import Any, NamedTuple

from ....domain.limits import BODY_BYTES, CONDITION_VALUE_CHARACTERS_MAX, EXPECTATIONS_KEPT
from ....domain.line import one_line
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.matcher import compiled_pattern
from ....domain.specification.probe import DialogueStep
from ....domain.specification.probes.dialogue import filled, places_in
from ..system_errors import UP, SystemErrorMeaning
from ..wire import ENDED, WireBroken
from .peer_talk import PeerTalk, Securing

TO_SAY, AWAITING, ANSWERED = "to say", "awaiting", "answered"
"""The stages of a step; the handshake that it begins comes last."""


class PreparedStep(NamedTuple):
    """One step as it is carried out."""

    text: str | None
    """The text whose places are filled when it is sent."""
    fixed: bytes
    """The text that has none."""
    expected: str
    search: Any
    """Finds the first part of a line that matches; None where nothing is awaited."""
    groups: tuple[tuple[str, int], ...]
    """The names that it captures, and the numbers of their groups."""
    starttls: bool


class StepTalk(PeerTalk):
    """Carries out the steps of a tcp probe."""

    __slots__ = ("_at", "_captured", "_last", "_line_from", "_may_read", "_searched", "_stage", "_steps")

    def __init__(
        self,
        connection: socket.SocketType,
        steps: tuple[DialogueStep, ...],
        securing: Securing | None = None,
        *,
        in_clear: bool = True,
    ) -> None:
        super().__init__(connection, securing, in_clear=in_clear)
        self._steps = prepared(steps)
        self._at = 0
        self._stage = TO_SAY
        self._captured: dict[str, bytes] = {}
        self._line_from = self._searched = 0
        """Where the first line begins that no step has read, and up to where its end was looked for."""
        self._last: bytes | None = None
        """The newest line that the step under way has skipped."""
        self._may_read = False

    @property
    def place(self) -> str:
        # A handshake with the first byte comes before all steps.
        begun = self._at or self._stage is not TO_SAY
        return f"step {min(self._at + 1, len(self._steps))}: " if begun else ""

    @property
    def pauses(self) -> bool:
        """A question such as `login: ` has no line end."""
        return self._is_awaiting and self._line_from < len(self.received)

    @property
    def _is_awaiting(self) -> bool:
        return self._stage is AWAITING and self._steps[self._at].search is not None

    def paused(self) -> SystemErrorMeaning | None:
        return self._guarded(self._take_unfinished)

    def late(self) -> SystemErrorMeaning:
        if self._is_awaiting and self._newest is not None:
            return (
                Outcome.TIMED_OUT,
                Reason.TIMED_OUT,
                f"{self.place}the deadline passed, and {self._mismatch()}",
            )
        return super().late()

    @property
    def awaited(self) -> str:
        return "an answer" if self._is_awaiting else "the end of what is sent"

    def _begin(self) -> SystemErrorMeaning | None:
        self._may_read = self.stream.may_hold
        return self._carry_on()

    def _go_on(self) -> SystemErrorMeaning | None:
        self.stream.flush()
        self._may_read = True
        return self._carry_on()

    def _take_unfinished(self) -> SystemErrorMeaning | None:
        if not self.pauses or not self._takes(self._steps[self._at], len(self.received), len(self.received)):
            return None
        self._stage, self._may_read = ANSWERED, False
        return self._carry_on()

    def _carry_on(self) -> SystemErrorMeaning | None:
        """Goes from step to step until one has to wait."""
        while self._at < len(self._steps):
            step = self._steps[self._at]
            if self._stage is TO_SAY:
                self._stage, self._last = AWAITING, None
                if step.text is not None:
                    self.stream.send(step.fixed or filled(step.text, self._captured))
            if self._stage is AWAITING:
                if step.search is not None and not self._has_answer(step):
                    return None
                self._stage = ANSWERED
            if step.starttls and self.stream.tls is None:
                self._start_tls()
                return None
            self._at, self._stage = self._at + 1, TO_SAY
        return UP if self.stream.is_flushed else None

    def _start_tls(self) -> None:
        if self._line_from < len(self.received):
            # They could have been put there by anybody.
            raise WireBroken(Reason.PROTOCOL_ERROR, "bytes came in clear where TLS must begin")
        self._begin_tls()

    def _has_answer(self, step: PreparedStep) -> bool:
        """Reads lines until one matches; false where more must come first."""
        while True:
            end = self.received.find(b"\n", self._searched)
            if end >= 0:
                if self._takes(step, end, end + 1):
                    return True
                continue
            self._searched = len(self.received)
            if len(self.received) >= BODY_BYTES:
                raise WireBroken(
                    Reason.BODY_TOO_LARGE, f"{BODY_BYTES} bytes came without a line that matches"
                )
            if not self._may_read:
                return False
            self._may_read = False
            chunk = self.stream.receive()
            if not chunk:
                return self._closed(step)
            self.received += chunk[: BODY_BYTES - len(self.received)]

    def _takes(self, step: PreparedStep, end: int, following: int) -> bool:
        """Whether the line that ends there matches; if not, it is skipped, unless it is not finished."""
        line = bytes(self.received[self._line_from : end]).removesuffix(b"\r")
        found = step.search(line)
        if found is None and following == end:
            return False
        self._line_from = self._searched = following
        if found is None:
            self._last = line
            return False
        for name, number in step.groups:
            self._captured[name] = found.group(number) or b""
        return True

    def _closed(self, step: PreparedStep) -> bool:
        end = len(self.received)
        if self._line_from < end and self._takes(step, end, end):
            return True
        if self._newest is None:
            raise WireBroken(Reason.TRUNCATED, f"{ENDED} before an answer came")
        raise WireBroken(Reason.UNEXPECTED_ANSWER, self._mismatch())

    @property
    def _newest(self) -> bytes | None:
        """The newest line that does not match, finished or not."""
        return bytes(self.received[self._line_from :]) or self._last

    def _mismatch(self) -> str:
        newest = (self._newest or b"")[:CONDITION_VALUE_CHARACTERS_MAX].decode("utf-8", "replace")
        return f"the answer does not match: {one_line(newest)} (expected: {self._steps[self._at].expected})"


# Each target has its own, and compiling one takes 20 microseconds a pattern.
@lru_cache(EXPECTATIONS_KEPT)
def prepared(steps: tuple[DialogueStep, ...]) -> tuple[PreparedStep, ...]:
    """The steps as they are carried out. Raises: ValueError for a pattern that `check` refuses."""
    return tuple(_prepared(step) for step in steps)


def _prepared(step: DialogueStep) -> PreparedStep:
    pattern = None if step.expect is None else compiled_pattern(step.expect)
    is_fixed = step.send is not None and not places_in(step.send)
    return PreparedStep(
        text=step.send,
        fixed=(step.send or "").encode() if is_fixed else b"",
        expected=step.expect or "",
        search=None if pattern is None else pattern.search,
        groups=()
        if pattern is None
        else tuple((name.decode(), at) for name, at in pattern.groupindex.items()),
        starttls=step.starttls,
    )
