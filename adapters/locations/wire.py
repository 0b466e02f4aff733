"""The messages between an owner and its agents, as msgpack bytes within limits of size and items.

All are lists in place of maps, as a check would otherwise take three times the bytes; a new field comes last.
"""

from hashlib import blake2b
from typing import Annotated, TypeVar

import msgspec

from ...domain.errors import MessageError
from ...domain.limits import (
    INTEGER_MAX,
    LOCATION_EXPLANATION_MAX,
    REMOTE_BYTES_MAX,
    REMOTE_CHECK_BYTES_MAX,
    REMOTE_ITEMS_MAX,
)
from ...domain.observation.outcome import Outcome, Reason
from ...domain.specification.probes.kinds import Probe

WIRE_VERSION = 1
HASH_BYTES = 16
ASK_BYTES = 40
"""The bytes of one ask at most: its list, two numbers and a hash."""

WireNumber = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Hash = Annotated[bytes, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
WireText = Annotated[str, msgspec.Meta(max_length=LOCATION_EXPLANATION_MAX)]
Message = TypeVar("Message")


class RemoteCheck(msgspec.Struct, frozen=True):
    """Everything that an agent must know to check a target: it travels once, and is named by the hash of its bytes."""

    probe: Probe
    expect: tuple[str, ...] = ()
    warn: tuple[str, ...] = ()
    upside_down: bool = False
    """Whether the target must fail."""
    deny_private_addresses: bool = False
    """Whether its owner refuses addresses outside the public network."""

    __repr__ = object.__repr__


class ProbeAsk(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The question for one check."""

    number: WireNumber
    """Given by the owner; the answer names it."""
    check: Hash
    within_ms: WireNumber
    """How long the check may take from the arrival on: no clock of another machine is compared with."""


class AskBatch(msgspec.Struct, frozen=True, array_like=True):
    """The questions of a short slice of time for one location, or for one of its agents."""

    version: int
    asks: Annotated[tuple[ProbeAsk, ...], msgspec.Meta(max_length=REMOTE_ITEMS_MAX)]
    checks: Annotated[
        tuple[Annotated[bytes, msgspec.Meta(max_length=REMOTE_CHECK_BYTES_MAX)], ...],
        msgspec.Meta(max_length=REMOTE_ITEMS_MAX),
    ] = ()
    """The bytes of specifications that the agent lacks."""


class ProbeFound(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The judged result of one check."""

    number: WireNumber
    outcome: Outcome
    reason: Reason
    latency_ns: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)] | None = None
    explanation: WireText = ""


class AnswerBatch(msgspec.Struct, frozen=True, array_like=True):
    """The answers of one agent to one owner."""

    version: int
    agent: Annotated[str, msgspec.Meta(max_length=64)]
    found: Annotated[tuple[ProbeFound, ...], msgspec.Meta(max_length=REMOTE_ITEMS_MAX)] = ()
    unknown: Annotated[tuple[WireNumber, ...], msgspec.Meta(max_length=REMOTE_ITEMS_MAX)] = ()
    """The numbers of asks whose specification it lacks."""


_encoder = msgspec.msgpack.Encoder()
_ASKS = msgspec.msgpack.Decoder(AskBatch)
_ANSWERS = msgspec.msgpack.Decoder(AnswerBatch)
_CHECK = msgspec.msgpack.Decoder(RemoteCheck)


def hash_of(check: bytes) -> bytes:
    """Returns the name of a specification on the wire."""
    return blake2b(check, digest_size=HASH_BYTES).digest()


def encode_check(check: RemoteCheck) -> bytes:
    """Returns the bytes of a specification. Raises: MessageError where they are too many."""
    data = _encoder.encode(check)
    if len(data) > REMOTE_CHECK_BYTES_MAX:
        raise MessageError(
            f"its specification takes {len(data):,} bytes, and an agent takes {REMOTE_CHECK_BYTES_MAX:,}"
        )
    return data


def decode_check(data: bytes) -> RemoteCheck:
    """Returns the specification that the bytes are. Raises: MessageError for bytes that are none, or one of a newer version."""
    return _read(_CHECK, data)


def encode_batch(batch: AskBatch | AnswerBatch) -> bytes:
    """Returns the bytes of a message. Raises: MessageError where they are too many."""
    data = _encoder.encode(batch)
    if len(data) > REMOTE_BYTES_MAX:
        raise MessageError(f"a message takes {len(data):,} bytes; it may take {REMOTE_BYTES_MAX:,}")
    return data


def decode_asks(data: bytes) -> AskBatch:
    """Returns the questions that the bytes are. Raises: MessageError for bytes that are none."""
    return _of_this_version(_read(_ASKS, data))


def decode_answers(data: bytes) -> AnswerBatch:
    """Returns the answers that the bytes are. Raises: MessageError for bytes that are none."""
    return _of_this_version(_read(_ANSWERS, data))


Batch = TypeVar("Batch", AskBatch, AnswerBatch)


def _of_this_version(batch: Batch) -> Batch:
    if batch.version != WIRE_VERSION:
        raise MessageError(
            f"a message of version {batch.version}; this one speaks {WIRE_VERSION}: run the same version of watchkeeper on both sides"
        )
    return batch


def _read(decoder: "msgspec.msgpack.Decoder[Message]", data: bytes) -> Message:
    if len(data) > REMOTE_BYTES_MAX:
        raise MessageError(f"{len(data):,} bytes; a message may take {REMOTE_BYTES_MAX:,}")
    try:
        return decoder.decode(data)
    # A specification checks itself where it is made, with errors of its own.
    except Exception as error:
        raise MessageError(f"the bytes are no message: {error}") from error
