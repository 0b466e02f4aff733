"""Chains of certificates that were proven lately, so that the same bytes are not proven again in every handshake.

The proof depends on the bytes, the authorities, the name and the time alone, and takes OpenSSL a sixth of a handshake. The peer's
own signature, by which it shows that it holds the key of its certificate, is checked in every handshake all the same.
"""

import ssl
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from ...domain.limits import PROVEN_CHAINS_KEPT, PROVEN_FRESH_NS
from ...domain.policy import CachePolicy
from ...domain.time.moment import Moment
from ..cache import Recent
from .certificates import read_certificate, sent_chain, verified_chain

POLICY = CachePolicy(
    name="proven chains of certificates",
    key="the context, the name and the port",
    owner="the tls prober",
    fresh_for_ns=PROVEN_FRESH_NS,
    entries_max=PROVEN_CHAINS_KEPT,
    invalidation="by age; another chain is proven at once",
)


ProofKey: TypeAlias = tuple[ssl.SSLContext, str, int]
"""The context, which stands for the settings and the state of their files; the name; and the port."""


class Proof(NamedTuple):
    """A chain that a peer sent, and that was proven."""

    digest: bytes
    proven_wall_ns: int
    until_wall_ns: int
    """The end of the certificate that ends first, the authority's own included."""
    settled: bool
    """The handshake before showed the same chain, or none is known: peers that change theirs each time gain nothing here."""

    def is_of(self, chain: Sequence[bytes]) -> bool:
        """Whether it was this chain."""
        return self.digest == _digest(chain)


class ProvenChains:
    """The newest proof for what is asked. Used on the loop's thread."""

    def __init__(self, policy: CachePolicy = POLICY) -> None:
        self._kept: Recent[ProofKey, Proof] = Recent(policy)

    def proof(self, asked: ProofKey, now: Moment) -> Proof | None:
        """A proof that holds now."""
        found = self._kept.fresh(asked, now)
        if found is None or not found.settled:
            return None
        # A clock that was set back may be before the begin of a certificate.
        return found if found.proven_wall_ns <= now.wall_ns < found.until_wall_ns else None

    def note(self, asked: ProofKey, tls: ssl.SSLObject, now: Moment) -> None:
        """Keeps the proof that a handshake by this context was."""
        ends = [read_certificate(each).ends_wall_ns for each in verified_chain(tls)]
        until_ns = min((end for end in ends if end is not None), default=0)
        if not ends or None in ends:
            return
        digest = _digest(sent_chain(tls))
        before = self._kept.fresh(asked, now)
        settled = before is None or before.digest == digest
        self.keep(asked, Proof(digest, now.wall_ns, until_ns, settled), now)

    def keep(self, asked: ProofKey, proof: Proof, now: Moment) -> None:
        """Keeps a proof in place of the one before."""
        self._kept.keep(asked, proof, now.monotonic_ns)

    def __len__(self) -> int:
        return len(self._kept)


def _digest(chain: Sequence[bytes]) -> bytes:
    # Each certificate tells its own length, so the bytes of a chain are those of no other.
    return sha256(b"".join(chain)).digest()
