"""The hash chain as values: each link covers all links before it, and a long chain is verified from an anchor on."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import msgspec

from ...domain import limits
from ...domain.errors import StoreCorrupt
from .record_state import Written

FIRST_HASH = bytes(32)
"""Stands before the first link."""


class RecordEnd(msgspec.Struct, frozen=True):
    """The end of a record: its last link, and how many writes were counted."""

    position: int = 0
    hash: bytes = FIRST_HASH
    writes: int = 0


class Link(msgspec.Struct, frozen=True, array_like=True):
    """The content of a link; its hash covers the hash before it and this content as JSON."""

    position: int
    incident: str
    sequence: int
    channel: str
    body: str

    def hash_after(self, previous: bytes) -> bytes:
        return sha256(previous + msgspec.json.encode(self)).digest()


def linked(position: int, previous: bytes, written: Iterable[Written]) -> Iterator[tuple[Link, bytes]]:
    """Yields links with their hashes, to follow the link at a position."""
    for each in written:
        position += 1
        link = Link(position, each.incident_id, each.sequence, each.channel, each.body.decode())
        previous = link.hash_after(previous)
        yield link, previous


def follow(rows: Iterable[Iterable[Any]], position: int, previous: bytes) -> tuple[int, bytes]:
    """Recomputes links that follow a position. Returns the end of the chain.

    Raises: StoreCorrupt where one does not verify.
    """
    for *said, link_hash in rows:
        link = Link(*said)
        # A link that is missing is noticed, too: the next one covers its hash.
        if link.hash_after(previous) != link_hash:
            raise StoreCorrupt(
                f"link {link.position} of the chain does not verify: step {link.sequence} of {link.incident}"
            )
        position, previous = link.position, bytes(link_hash)
    return position, previous


def anchor_of(position: int, known: int) -> int:
    """Returns the position after which a chain is verified at an opening; `known` is the last one that was seen outside."""
    if position < limits.CHAIN_VERIFIED_WHOLE:
        return 0
    return max(min(position, known) - 1, 0) // limits.CHAIN_ANCHOR_EVERY * limits.CHAIN_ANCHOR_EVERY
