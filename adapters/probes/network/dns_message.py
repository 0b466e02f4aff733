"""Messages of DNS (RFC 1035): a question written, and an answer read with every bound that a hostile server may try.

c-ares, which looks names up for every other probe, keeps answers and cannot be told otherwise, and a probe must ask.
"""

import base64
import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple

import msgspec

from ....domain.limits import RECORDS_MAX
from ....domain.validation.network import ascii_host

_HEADER = struct.Struct(">HHHHHH")
_QUESTION = struct.Struct(">HH")
_RECORD = struct.Struct(">HHIH")
_IN = 1
_RECURSION, _AUTHENTIC, _TRUNCATED, _AUTHORITATIVE, _IS_ANSWER = 0x0100, 0x0020, 0x0200, 0x0400, 0x8000
_POINTER, _LABEL_MAX, _NAME_MAX = 0xC0, 63, 255
_POINTERS_MAX = 127
"""A name has at most so many parts, and needs no more pointers. An answer whose names all lead through thousands would hold the loop up for
seconds."""
TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "NAPTR": 35,
    "DS": 43, "DNSKEY": 48, "TLSA": 52, "SVCB": 64, "HTTPS": 65, "ANY": 255, "CAA": 257,
}  # fmt: skip
TYPE_NAMES = {number: name for name, number in TYPES.items()}
CODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")


class ResourceRecord(msgspec.Struct, frozen=True):
    """One record; names in it end with a dot."""

    name: str
    type: str
    ttl: int
    data: str

    @property
    def line(self) -> str:
        """The record as a line of a zone file, with tabs."""
        return f"{self.name}\t{self.ttl}\tIN\t{self.type}\t{self.data}"


class DnsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of a name server, in the order of its parts."""

    rcode: str
    authoritative: bool
    authenticated: bool
    data: list[str]
    """The data of the records of the asked type."""
    answer: list[ResourceRecord]
    authority: list[ResourceRecord]
    additional: list[ResourceRecord]


class _Data(NamedTuple):
    """The data of a record, in its message: names in it may point to earlier ones."""

    message: bytes
    at: int
    end: int


class DnsQuestion(NamedTuple):
    """A question as it is sent, and what an answer must repeat of it."""

    number: int
    message: bytes
    asked: bytes
    type: str


def ask(name: str, kind: str, number: int, *, recursion: bool) -> DnsQuestion:
    """The question for the records of a kind, with a number that nobody can guess. Raises: ValueError for a name that is none."""
    if kind == "PTR":
        name = _reverse(name)
    asked = _name_bytes(name) + _QUESTION.pack(TYPES[kind], _IN)
    header = _HEADER.pack(number, _RECURSION if recursion else 0, 1, 0, 0, 0)
    return DnsQuestion(number, header + asked, asked, kind)


def answers(question: DnsQuestion, message: bytes) -> bool:
    """Whether a message is an answer to the question, and not one to another question or of somebody who guesses."""
    if len(message) < _HEADER.size:
        return False
    number, flags, questions, *_ = _HEADER.unpack_from(message)
    if number != question.number or not flags & _IS_ANSWER:
        return False
    # A server that cannot read a question may leave it out; letters may come back in another case.
    end = _HEADER.size + len(question.asked)
    return questions == 0 or message[_HEADER.size : end].lower() == question.asked.lower()


def is_cut(message: bytes) -> bool:
    """Whether the server has left out what a datagram cannot hold."""
    return bool(_HEADER.unpack_from(message)[1] & _TRUNCATED)


def read(question: DnsQuestion, message: bytes) -> DnsAnswer:
    """Reads an answer. Raises: ValueError for a message that breaks the rules, or has too many records."""
    try:
        return _read(question, message)
    except (struct.error, IndexError, OverflowError) as error:
        raise ValueError("the answer ends within a record") from error


def _read(question: DnsQuestion, message: bytes) -> DnsAnswer:
    _, flags, questions, *counts = _HEADER.unpack_from(message)
    if sum(counts) > RECORDS_MAX:
        raise ValueError(f"the answer has {sum(counts)} records: {RECORDS_MAX} are read")
    if questions > 1:
        raise ValueError(f"the answer repeats {questions} questions, and one was asked")
    at = _HEADER.size
    for _ in range(questions):
        _, at = _name_at(message, at)
        at += _QUESTION.size
    parts: list[list[ResourceRecord]] = []
    for count in counts:
        part: list[ResourceRecord] = []
        for _ in range(count):
            record, at = _record_at(message, at)
            if record is not None:
                part.append(record)
        parts.append(part)
    code = flags & 0x0F
    return DnsAnswer(
        rcode=CODES[code] if code < len(CODES) else f"RCODE{code}",
        authoritative=bool(flags & _AUTHORITATIVE),
        authenticated=bool(flags & _AUTHENTIC),
        data=[each.data for each in parts[0] if question.type in {each.type, "ANY"}],
        answer=parts[0],
        authority=parts[1],
        additional=parts[2],
    )


def _record_at(message: bytes, at: int) -> tuple[ResourceRecord | None, int]:
    """The record that begins at a place, and where it ends; None for one of another class, such as EDNS's."""
    name, at = _name_at(message, at)
    kind, record_class, ttl, length = _RECORD.unpack_from(message, at)
    at += _RECORD.size
    end = at + length
    if end > len(message):
        raise ValueError("a record goes beyond the end of the answer")
    if record_class != _IN:
        return None, end
    data = _SHOWN.get(kind, _unknown)(_Data(message, at, end))
    return ResourceRecord(name, TYPE_NAMES.get(kind, f"TYPE{kind}"), ttl, data), end


def _name_at(message: bytes, at: int) -> tuple[str, int]:
    """The name at a place, and where it ends. Each pointer must lead further back than the one before: none goes round."""
    labels: list[str] = []
    end: int | None = None
    size, earliest, pointers = 0, at, 0
    while True:
        length = message[at]
        if length & _POINTER == _POINTER:
            end = end or at + 2
            at = (length & 0x3F) << 8 | message[at + 1]
            if at >= earliest:
                raise ValueError("a name in the answer points at itself")
            earliest, pointers = at, pointers + 1
            if pointers > _POINTERS_MAX:
                raise ValueError(f"a name in the answer has more than {_POINTERS_MAX} pointers")
            continue
        if length > _LABEL_MAX:
            raise ValueError("a name in the answer has a part that is none")
        at += 1
        if not length:
            break
        size += length + 1
        if size > _NAME_MAX or at + length > len(message):
            raise ValueError("a name in the answer is too long")
        labels.append(_text(message[at : at + length], ".\\"))
        at += length
    return ".".join(labels) + ".", end or at


def _text(data: bytes, special: str) -> str:
    """Bytes as a zone file writes them: what is no plain sign, by its number."""
    if data.isascii() and (text := data.decode()).isprintable() and not any(sign in text for sign in special):
        return text
    return "".join(
        f"\\{byte:03d}" if not 32 < byte < 127 else f"\\{chr(byte)}" if chr(byte) in special else chr(byte)
        for byte in data
    )


def _address(data: _Data) -> str:
    message, at, end = data
    family = socket.AF_INET if end - at == 4 else socket.AF_INET6
    return socket.inet_ntop(family, message[at:end])


def _plain_name(data: _Data) -> str:
    message, at, _ = data
    return _name_at(message, at)[0]


def _numbered_name(numbers: int) -> Callable[[_Data], str]:
    form = struct.Struct(f">{numbers}H")

    def shown(data: _Data) -> str:
        message, at, _ = data
        values = form.unpack_from(message, at)
        return f"{' '.join(map(str, values))} {_name_at(message, at + form.size)[0]}"

    return shown


def _soa(data: _Data) -> str:
    message, at, _ = data
    first, at = _name_at(message, at)
    second, at = _name_at(message, at)
    numbers = struct.unpack_from(">5I", message, at)
    return f"{first} {second} {' '.join(map(str, numbers))}"


def _strings(data: _Data) -> list[str]:
    message, at, end = data
    found = []
    while at < end:
        length = message[at]
        if at + 1 + length > end:
            raise ValueError("a text in the answer goes beyond its record")
        found.append(f'"{_quoted(message[at + 1 : at + 1 + length])}"')
        at += 1 + length
    return found


def _quoted(data: bytes) -> str:
    return "".join(
        f"\\{chr(byte)}" if byte in b'"\\' else chr(byte) if 32 <= byte < 127 else f"\\{byte:03d}"
        for byte in data
    )


def _txt(data: _Data) -> str:
    return " ".join(_strings(data))


def _caa(data: _Data) -> str:
    message, at, end = data
    flags, length = message[at], message[at + 1]
    tag = message[at + 2 : at + 2 + length]
    return f'{flags} {_text(tag, "")} "{_quoted(message[at + 2 + length : end])}"'


def _naptr(data: _Data) -> str:
    message, at, _ = data
    order, preference = struct.unpack_from(">HH", message, at)
    texts, place = [], at + 4
    for _ in range(3):
        length = message[place]
        texts += _strings(_Data(message, place, place + 1 + length))
        place += 1 + length
    return f"{order} {preference} {' '.join(texts)} {_name_at(message, place)[0]}"


def _dnskey(data: _Data) -> str:
    message, at, end = data
    flags, protocol, algorithm = struct.unpack_from(">HBB", message, at)
    return f"{flags} {protocol} {algorithm} {base64.b64encode(message[at + 4 : end]).decode()}"


def _ds(data: _Data) -> str:
    message, at, end = data
    tag, algorithm, digest = struct.unpack_from(">HBB", message, at)
    return f"{tag} {algorithm} {digest} {message[at + 4 : end].hex().upper()}"


def _tlsa(data: _Data) -> str:
    message, at, end = data
    return f"{message[at]} {message[at + 1]} {message[at + 2]} {message[at + 3 : end].hex()}"


def _unknown(data: _Data) -> str:
    """As RFC 3597 writes the data of records that it does not know."""
    message, at, end = data
    return rf"\# {end - at} {message[at:end].hex()}".rstrip()


_SHOWN: dict[int, Callable[[_Data], str]] = {
    TYPES["A"]: _address,
    TYPES["AAAA"]: _address,
    TYPES["NS"]: _plain_name,
    TYPES["CNAME"]: _plain_name,
    TYPES["PTR"]: _plain_name,
    TYPES["MX"]: _numbered_name(1),
    TYPES["SRV"]: _numbered_name(3),
    TYPES["SOA"]: _soa,
    TYPES["TXT"]: _txt,
    TYPES["CAA"]: _caa,
    TYPES["NAPTR"]: _naptr,
    TYPES["DNSKEY"]: _dnskey,
    TYPES["DS"]: _ds,
    TYPES["TLSA"]: _tlsa,
}


def _name_bytes(name: str) -> bytes:
    if name == ".":
        return b"\0"
    labels = ascii_host(name).removesuffix(".").encode("ascii").split(b".")
    if any(not 1 <= len(label) <= _LABEL_MAX for label in labels):
        raise ValueError(f"{name} is no name")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _reverse(name: str) -> str:
    """The name under which an address is kept; a name stays as it is."""
    try:
        return ip_address(name).reverse_pointer
    except ValueError:
        return name
