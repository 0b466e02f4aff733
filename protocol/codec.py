"""The codec: encodes every message as msgpack bytes and decodes it, within limits of size, depth and items."""

from functools import cache
from math import isfinite
from types import UnionType
from typing import Any, get_args

import msgpack
import msgspec

from ..domain.errors import MessageError
from ..domain.limits import MESSAGE_BYTES_MAX, MESSAGE_DEPTH_MAX, MESSAGE_ITEMS_MAX
from .courier import CourierMessage
from .message import Message
from .owner import OwnerMessage
from .poller import PollerMessage
from .recorder import RecorderMessage
from .sink import SinkMessage
from .supervisor import SupervisorMessage

UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError, msgpack.exceptions.UnpackException)
"""The errors of bytes that are not msgpack."""
SCHEMA_VERSION = 1
BYTES_PER_ITEM = 4
"""The item limit is the byte limit divided by this: an item of one byte from a peer takes seventy bytes in memory."""

LISTENERS: dict[str, UnionType] = {
    "supervisor": SupervisorMessage,
    "poller": PollerMessage,
    "owner": OwnerMessage,
    "sink": SinkMessage,
    "courier": CourierMessage,
    "recorder": RecorderMessage,
}


WIRE_NAMES = {
    "RecordSamples": "Record",
    "FlushSamples": "HandIn",
    "ReviewNotices": "EndSilences",
    "RunMaintenance": "KeepHouse",
    "ChannelRecovered": "ChannelCarried",
    "NoticeCheckRequested": "LookAsked",
    "Barrier": "GetHeard",
    "HealthReported": "HealthChanged",
    "CounterIncreased": "Counted",
}
"""The names on the wire that are not class names: the wire keeps the name that was released first."""


@cache
def registry() -> dict[str, type[Message]]:
    """Returns every message type by its tag on the wire, which is `receiver.message`."""
    return {
        f"{listener}.{WIRE_NAMES.get(kind.__name__, kind.__name__)}": kind
        for listener, union in LISTENERS.items()
        for kind in get_args(union)
    }


@cache
def _tags() -> dict[type[Message], str]:
    return {kind: tag for tag, kind in registry().items()}


def encode(message: Message, bytes_max: int = MESSAGE_BYTES_MAX) -> bytes:
    """Returns the bytes of a message.

    Raises: MessageError for a value that is not a message, cannot be encoded, or takes more than `bytes_max` bytes.
    """
    tag = _tags().get(type(message))
    if tag is None:
        raise MessageError(f"{type(message).__name__} is not a message: add it to the union of its receiver")
    try:
        body = msgspec.to_builtins(message)
        _refuse(body, MESSAGE_DEPTH_MAX - 1)
        data: bytes = msgpack.packb({"t": tag, "v": SCHEMA_VERSION, "b": body})
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise MessageError(f"{tag} cannot be encoded: {error}") from error
    if len(data) > bytes_max:
        raise MessageError(f"{tag} takes {len(data)} bytes; a message may take {bytes_max}")
    return data


def _refuse_extension(code: int, data: bytes) -> Any:
    raise MessageError(f"extension type {code} ({len(data)} bytes): a message may not contain one")


def _refuse(value: Any, left: int) -> None:
    """Raises MessageError for a value that is nested too deep, and for a number that is not finite.

    Walks level by level in one frame: one call for each value took four fifths of the codec's time.
    """
    holders = [value]
    for _ in range(left):
        inner = []
        for holder in holders:
            for item in holder.values() if type(holder) is dict else holder:
                kind = type(item)
                if kind is dict or kind is tuple or kind is list:
                    inner.append(item)
                elif kind is float and not isfinite(item):
                    raise MessageError(f"{item} is not finite: a message may contain only finite numbers")
        if not inner:
            return
        holders = inner
    raise MessageError(f"nested deeper than {MESSAGE_DEPTH_MAX}")


def decode(data: bytes, bytes_max: int = MESSAGE_BYTES_MAX) -> Message:
    """Returns the message that the bytes encode; unknown fields, which a newer peer may send, are ignored.

    Raises: MessageError for bytes that are too many or not a valid message of this schema version.
    """
    if len(data) > bytes_max:
        raise MessageError(f"{len(data)} bytes; a message may take {bytes_max}")
    items_max = max(MESSAGE_ITEMS_MAX, bytes_max // BYTES_PER_ITEM)
    try:
        envelope = msgpack.unpackb(
            data,
            ext_hook=_refuse_extension,
            max_str_len=bytes_max,
            max_bin_len=bytes_max,
            max_array_len=items_max,
            max_map_len=items_max,
            max_ext_len=0,
        )
    except MessageError:
        raise
    except UNREADABLE as error:
        raise MessageError(f"the bytes are no msgpack message: {error}") from error
    return _opened(envelope)


def _opened(envelope: object) -> Message:
    if not isinstance(envelope, dict):
        raise MessageError("the bytes are no message: a message is a map of t, v and b")
    _refuse(envelope, MESSAGE_DEPTH_MAX)
    kind = registry().get(str(envelope.get("t")))
    if kind is None:
        raise MessageError(f"unknown message type {envelope.get('t')!r}")
    if envelope.get("v") != SCHEMA_VERSION:
        raise MessageError(
            f"{envelope['t']} is of schema {envelope.get('v')!r}; this version reads {SCHEMA_VERSION}"
        )
    try:
        return msgspec.convert(envelope.get("b"), kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise MessageError(f"{envelope['t']}: {error}") from error
