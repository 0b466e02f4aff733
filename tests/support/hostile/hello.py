"""The first record of a TLS client, read without taking it."""

import socket

ALPN = 16
"""The number of the extension in which protocols are offered (RFC 7301)."""


def protocols_in(hello: bytes) -> list[str]:
    """The protocols that the first record of a TLS client offers."""
    at = 5 + 4 + 2 + 32  # after the heads of record and message, the version and the random bytes
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at : at + 2])
    at += 1 + hello[at]
    end = at + 2 + int.from_bytes(hello[at : at + 2])
    at += 2
    while at < end:
        kind, length = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        if kind == ALPN:
            return _names_in(hello[at + 6 : at + 4 + length])
        at += 4 + length
    return []


def _names_in(listed: bytes) -> list[str]:
    names = []
    while listed:
        names.append(listed[1 : 1 + listed[0]].decode())
        listed = listed[1 + listed[0] :]
    return names


def first_record(connection: socket.socket) -> bytes:
    """Looks into the first record of a TLS client, which is left to be read."""
    waits = socket.MSG_PEEK | socket.MSG_WAITALL
    length = int.from_bytes(connection.recv(5, waits)[3:])
    return connection.recv(5 + length, waits)
