"""The maker of the prober of each kind that speaks one protocol with one host."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from ...domain.specification.probes.kinds import Probe
from ...domain.specification.probes.tls_handshake import TlsHandshake
from .conversing import ConversingProber
from .course import Surroundings
from .network.tls import shake_hands
from .shared import SharableProber

MakeProber: TypeAlias = Callable[[Surroundings], SharableProber]


NETWORK_PROBERS: dict[type[Probe], MakeProber] = {
    TlsHandshake: partial(ConversingProber, converse=shake_hands),
}
"""A kind that is written as a coroutine needs no more than that; its library is imported in the coroutine."""
