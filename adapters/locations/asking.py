"""The owner's side of the wire: asks agents in batches, and hands each answer to the attempt that waits for it."""

from collections.abc import Callable
from secrets import token_hex
from typing import NamedTuple, Protocol

import msgspec

from ...domain import limits
from ...domain.errors import MessageError
from ...domain.observation.location import LocationResult, silent
from ...domain.time.moment import Deadline, Moment
from ...domain.time.timers import CallAt
from ...domain.units import NS_PER_MS
from ..clock import MomentClock
from .batching import Batching
from .link import MessageLink
from .silence import LocationWatch
from .subjects import (
    AnswerPlace,
    agent_subject,
    answer_subject,
    asks_subject,
    is_id,
    read_answer_subject,
    token_of,
)
from .wire import ASK_BYTES, WIRE_VERSION, AnswerBatch, AskBatch, ProbeAsk, decode_answers, encode_batch

UNSENT = "no connection to NATS"
UNHEARD = "no agent listens there"
REFUSED = "its agent does not take the specification"
BATCHES_KEPT = 1_024
"""Messages whose asks are remembered, for the word of NATS that nobody listens: it comes within a round trip."""


class EncodedCheck(NamedTuple):
    """A specification as it travels."""

    hash: bytes
    data: bytes


class AwaitsAnswers(Protocol):
    """The attempt that waits for the answers of locations."""

    def found(self, result: LocationResult) -> None: ...


class PendingAsk(msgspec.Struct, eq=False):
    """One ask without an answer."""

    asker: AwaitsAnswers
    location: str
    check: EncodedCheck
    deadline: Deadline
    has_sent_check: bool = False

    __repr__ = object.__repr__


class ProbeClient:
    """Asks for all targets of one runtime. Keeps nothing that is answered or overdue, and sends nothing twice."""

    def __init__(self, clock: MomentClock, call_at: CallAt) -> None:
        self._clock, self._call_at = clock, call_at
        self.id = token_hex(8)
        """The owner's name in subjects: another one in each run, so that no answer to an earlier one is taken."""
        self.watch = LocationWatch(clock, call_at)
        self.link: MessageLink | None = None
        self._number = 0
        self._batch = 0
        self._pending: dict[int, PendingAsk] = {}
        self._outgoing: dict[str, Batching[int]] = {}
        self._batches: dict[int, tuple[str, tuple[int, ...]]] = {}
        """The location and the asks of each message."""

    def ask(
        self, asker: AwaitsAnswers, location: str, check: EncodedCheck, deadline: Deadline
    ) -> int | LocationResult:
        """Asks one location. Returns the number by which the ask is withdrawn, or the silence of one that cannot be asked now."""
        if (why := self._unsendable()) is not None:
            return self.missed(location, why)
        self._number += 1
        self._pending[self._number] = PendingAsk(asker, location, check, deadline)
        self._gathering(location).add(self._number, ASK_BYTES)
        self.watch.count("asks")
        return self._number

    def _unsendable(self) -> str | None:
        refusal = None if self.link is None else self.link.refusal
        if self.link is not None and refusal is None:
            return None
        return UNSENT if refusal is None else f"{UNSENT}: {refusal.text}"

    def missed(self, location: str, why: str) -> LocationResult:
        """Returns the silence of a location, counted."""
        self.watch.silent(location, why)
        return msgspec.structs.replace(silent(location), explanation=why).bounded()

    def withdraw(self, number: int) -> PendingAsk | None:
        """Forgets an ask, whose answer is dropped from now on; None where it has been answered."""
        return self._pending.pop(number, None)

    def _gathering(self, location: str) -> Batching[int]:
        found = self._outgoing.get(location)
        if found is None:
            send = self._sender(location)
            found = self._outgoing[location] = Batching(self._clock, self._call_at, send)
        return found

    def _sender(self, location: str) -> Callable[[list[int]], None]:
        return lambda numbers: self._send(asks_subject(location), location, numbers, ())

    def _send(self, subject: str, location: str, numbers: list[int], checks: tuple[bytes, ...]) -> None:
        now = self._clock.read()
        asks = tuple(
            ProbeAsk(number, pending.check.hash, within_ms(pending.deadline, now))
            for number in numbers
            if (pending := self._pending.get(number)) is not None
        )
        if not asks:
            return
        self._batch += 1
        self._batches[self._batch] = location, tuple(ask.number for ask in asks)
        if len(self._batches) > BATCHES_KEPT:
            del self._batches[next(iter(self._batches))]
        data = encode_batch(AskBatch(WIRE_VERSION, asks, checks))
        reply = answer_subject(self.id, location, self._batch)
        if self.link is None or not self.link.publish(subject, data, reply):
            self._silence(self._batch, self._unsendable() or f"{UNSENT}: it takes no more at this moment")

    def _silence(self, batch: int, why: str) -> None:
        """Ends the asks of a message that nobody will answer."""
        _, numbers = self._batches.pop(batch)
        for number in numbers:
            if (pending := self._pending.pop(number, None)) is not None:
                pending.asker.found(self.missed(pending.location, why))

    def heard(self, subject: str, _: str, data: bytes, is_unheard: bool) -> None:  # the shape of Heard
        """Takes a message of an agent, or the word of NATS that no agent listens. A message that cannot be read is counted and dropped."""
        place = read_answer_subject(subject)
        if place is None or place.owner != self.id:
            self.watch.count("messages_dropped")
            return
        if is_unheard:
            self._take_unheard(place)
            return
        try:
            batch = decode_answers(data)
        except MessageError:
            self.watch.count("messages_dropped")
            return
        self._take(place, batch)

    def _take_unheard(self, place: AnswerPlace) -> None:
        """Ends the asks of a message that had no listener. An agent can say so, too: as in an answer, it speaks for its location alone."""
        batch = int(place.batch) if place.batch.isdigit() else 0
        location, _ = self._batches.get(batch, ("", ()))
        if token_of(location) == place.token:
            self._silence(batch, UNHEARD)
        else:
            self.watch.count("messages_dropped")

    def _take(self, place: AnswerPlace, batch: AnswerBatch) -> None:
        for each in batch.found:
            pending = self._answered(place, each.number)
            if pending is not None:
                del self._pending[each.number]
                self.watch.answered(pending.location)
                pending.asker.found(
                    LocationResult(
                        location=pending.location,
                        outcome=each.outcome,
                        reason=each.reason,
                        latency_ns=each.latency_ns,
                        explanation=each.explanation,
                    ).bounded()
                )
        if batch.unknown:
            self._explain(place, batch)

    def _answered(self, place: AnswerPlace, number: int) -> PendingAsk | None:
        """Returns the ask that an answer is for. The location is that of the subject: an agent speaks for its own alone."""
        pending = self._pending.get(number)
        if pending is None:
            self.watch.count("answers_late")
        elif token_of(pending.location) != place.token:
            self.watch.count("messages_dropped")
            return None
        return pending

    def _explain(self, place: AnswerPlace, batch: AnswerBatch) -> None:
        """Asks one agent again, with the specifications that it lacks: each ask once, and only of its own location."""
        again: dict[bytes, list[int]] = {}
        for number in batch.unknown:
            pending = self._answered(place, number)
            if pending is None:
                continue
            if pending.has_sent_check or not is_id(batch.agent):
                del self._pending[number]
                pending.asker.found(self.missed(pending.location, REFUSED))
                continue
            pending.has_sent_check = True
            again.setdefault(pending.check.data, []).append(number)
        if not again:
            return
        location = self._pending[next(iter(again.values()))[0]].location
        subject = agent_subject(location, batch.agent)

        def send(parts: list[tuple[bytes, list[int]]]) -> None:
            numbers = [number for _, several in parts for number in several]
            self._send(subject, location, numbers, tuple(data for data, _ in parts))

        gathering: Batching[tuple[bytes, list[int]]] = Batching(self._clock, self._call_at, send)
        for data, numbers in again.items():
            gathering.add((data, numbers), len(data) + 8 + ASK_BYTES * len(numbers))
        gathering.flush()

    def close(self) -> None:
        """Asks nothing more, and lets no answer in."""
        for gathering in self._outgoing.values():
            gathering.clear_timer()
        self._pending.clear()
        self.watch.close()
        if self.link is not None:
            self.link.close()

    def __len__(self) -> int:
        return len(self._pending)

    def __repr__(self) -> str:
        return f"ProbeClient(pending={len(self._pending)}, {self.link!r})"


def within_ms(deadline: Deadline, now: Moment) -> int:
    """Returns how long an agent may take, so that its answer is back before the deadline."""
    left_ns = max(0, deadline.remaining_ns(now))
    travel_ns = min(limits.TRAVEL_NS_MAX, int(left_ns * limits.TRAVEL_SHARE))
    return (left_ns - travel_ns) // NS_PER_MS
