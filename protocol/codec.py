"""The wire: every message as msgpack bytes and back, within limits."""

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

SCHEMA_VERSION = 1
BYTES_PER_ITEM = 4
"""A larger limit of bytes raises that of items by so much: one byte a peer's item would cost seventy bytes here."""

LISTENERS: dict[str, UnionType] = {
    "supervisor": SupervisorMessage,
    "poller": PollerMessage,
    "owner": OwnerMessage,
    "sink": SinkMessage,
    "courier": CourierMessage,
    "recorder": RecorderMessage,
}


@cache
def registry() -> dict[str, type[Message]]:
    """Every message type by the tag in its bytes: the listener and the name of the message."""
    return {
        f"{listener}.{kind.wire_name or kind.__name__}": kind
        for listener, union in LISTENERS.items()
        for kind in get_args(union)
    }


@cache
def _tags() -> dict[type[Message], str]:
    return {kind: tag for tag, kind in registry().items()}


def encode(message: Message, bytes_max: int = MESSAGE_BYTES_MAX) -> bytes:
    """The bytes of a message. Raises MessageError for what is no message or too large."""
    tag = _tags().get(type(message))
    if tag is None:
        raise MessageError(f"{type(message).__name__} is no message: register it in its listener's union")
    try:
        body = msgspec.to_builtins(message)
        _refuse(body, MESSAGE_DEPTH_MAX - 1)
        data: bytes = msgpack.packb({"t": tag, "v": SCHEMA_VERSION, "b": body}, use_bin_type=True)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise MessageError(f"{tag} cannot be written: {error}") from error
    if len(data) > bytes_max:
        raise MessageError(f"{tag} takes {len(data)} bytes; a message may take {bytes_max}")
    return data


def _refuse_extension(code: int, data: bytes) -> Any:
    raise MessageError(f"extension type {code} ({len(data)} bytes): messages have none")


def _refuse(value: Any, left: int) -> None:
    """Raises MessageError for what is nested too deep, and for a figure that compares with nothing.

    Level by level in one frame: a call for every value was four fifths of the codec's time.
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
                    raise MessageError(f"{item} is no figure: messages have finite ones")
        if not inner:
            return
        holders = inner
    raise MessageError(f"nested deeper than {MESSAGE_DEPTH_MAX}")


def decode(data: bytes, bytes_max: int = MESSAGE_BYTES_MAX) -> Message:
    """The message that some bytes say. Raises MessageError for anything else; a peer's unknown fields are ignored."""
    if len(data) > bytes_max:
        raise MessageError(f"{len(data)} bytes; a message may take {bytes_max}")
    items_max = max(MESSAGE_ITEMS_MAX, bytes_max // BYTES_PER_ITEM)
    try:
        envelope = msgpack.unpackb(
            data,
            use_list=False,
            raw=False,
            strict_map_key=True,
            ext_hook=_refuse_extension,
            max_str_len=bytes_max,
            max_bin_len=bytes_max,
            max_array_len=items_max,
            max_map_len=items_max,
            max_ext_len=0,
        )
    except MessageError:
        raise
    except (
        ValueError,
        msgpack.exceptions.UnpackException,
        RecursionError,
        TypeError,
        OverflowError,
    ) as error:
        raise MessageError(f"these bytes are no msgpack message: {error}") from error
    return _opened(envelope)


def _opened(envelope: object) -> Message:
    if not isinstance(envelope, dict):
        raise MessageError("a message is a map of t, v and b")
    _refuse(envelope, MESSAGE_DEPTH_MAX)
    kind = registry().get(str(envelope.get("t")))
    if kind is None:
        raise MessageError(f"unknown message type {envelope.get('t')!r}")
    if envelope.get("v") != SCHEMA_VERSION:
        raise MessageError(
            f"{envelope['t']} of schema {envelope.get('v')!r}; this version reads {SCHEMA_VERSION}"
        )
    try:
        return msgspec.convert(envelope.get("b"), kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise MessageError(f"{envelope['t']}: {error}") from error
