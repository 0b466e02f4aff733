"""The two messages of the health service of gRPC, each with one field."""

_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_PREFIX_BYTES = 5
"""A byte that says whether the message is compressed, and four with its length."""
_FIXED_BYTES = {1: 8, 5: 4}
"""The lengths of fields by their wire types, of those that have one."""
_VARINT, _LENGTHS = 0, 2
_VARINT_BYTES_MAX = 10


class GrpcMessageError(Exception):
    """Bytes that are no message of the health service."""


def health_request(service: str) -> bytes:
    """Returns the question about a service, as it is sent."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4) + message


def health_status(data: bytes) -> str:
    """Returns the status that an answer holds, such as `SERVING`. Raises: GrpcMessageError."""
    if len(data) < _PREFIX_BYTES:
        raise GrpcMessageError("there is no message")
    if data[0]:
        raise GrpcMessageError("the message is compressed")
    message = data[_PREFIX_BYTES:]
    if len(message) != int.from_bytes(data[1:_PREFIX_BYTES]):
        raise GrpcMessageError("it is not one whole message")
    number = _field_1(message)
    return _STATUSES[number] if number < len(_STATUSES) else f"number {number}"


def _field_1(message: bytes) -> int:
    """The last value of the field 1; fields that this program does not know are passed over."""
    value, at = 0, 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            number, at = _read_varint(message, at)
            value = number if key >> 3 == 1 else value
            continue
        if kind == _LENGTHS:
            length, at = _read_varint(message, at)
        elif kind in _FIXED_BYTES:
            length = _FIXED_BYTES[kind]
        else:
            raise GrpcMessageError("a field has no known type")
        at += length
    if at > len(message):
        raise GrpcMessageError("a field is cut off")
    return value


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and the place behind it."""
    number = 0
    for position, byte in enumerate(data[at : at + _VARINT_BYTES_MAX]):
        number |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return number, at + position + 1
    raise GrpcMessageError("a number is cut off")
