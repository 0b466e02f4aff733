"""The prober of each kind that speaks one protocol with one host, made when a target asks for it."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from ...domain.observation.attempt import ProbeRequest
from ...domain.observation.observation import OnObserved
from ...domain.specification.probes.dns import Dns
from ...domain.specification.probes.icmp import Icmp
from ...domain.specification.probes.kinds import Probe
from ...domain.specification.probes.redis import Redis
from ...domain.specification.probes.servers.imap import Imap
from ...domain.specification.probes.servers.mqtt import Mqtt
from ...domain.specification.probes.servers.mysql import Mysql
from ...domain.specification.probes.servers.postgres import Postgres
from ...domain.specification.probes.smtp import Smtp
from ...domain.specification.probes.ssh import Ssh
from ...domain.specification.probes.tls_handshake import TlsHandshake
from ...domain.specification.probes.udp import Udp
from .conversing import ConversingProber
from .course import Surroundings
from .databases.mysql import ask_mysql
from .databases.postgres import ask_postgres
from .databases.redis import ask_redis
from .network.dns import make_dns_prober
from .network.icmp import make_icmp_prober
from .network.imap import greet_mailboxes
from .network.mqtt import ask_broker
from .network.smtp import greet_mail_server
from .network.ssh import exchange_keys
from .network.tls import shake_hands
from .network.udp import send_datagram
from .shared import SharableProber, Underway

MakeProber: TypeAlias = Callable[[Surroundings], SharableProber]


NETWORK_PROBERS: dict[type[Probe], MakeProber] = {
    TlsHandshake: partial(ConversingProber, converse=shake_hands),
    Dns: make_dns_prober,
    Icmp: make_icmp_prober,
    Udp: partial(ConversingProber, converse=send_datagram),
    Redis: partial(ConversingProber, converse=ask_redis),
    Ssh: partial(ConversingProber, converse=exchange_keys),
    Smtp: partial(ConversingProber, converse=greet_mail_server),
    Imap: partial(ConversingProber, converse=greet_mailboxes),
    Mqtt: partial(ConversingProber, converse=ask_broker),
    Postgres: partial(ConversingProber, converse=ask_postgres),
    Mysql: partial(ConversingProber, converse=ask_mysql),
}
"""A kind that is written as a coroutine needs no more than that; its library is imported in the coroutine."""


class ProberOnDemand:
    """Makes its prober at the first attempt: a kind that no target has costs no descriptor."""

    def __init__(self, make: Callable[[], SharableProber]) -> None:
        """Making a prober may fail for want of a descriptor: each attempt then tries it again."""
        self._make = make
        self._prober: SharableProber | None = None
        self._closed = False

    def start(self, request: ProbeRequest, done: OnObserved) -> Underway:
        """Starts an attempt; `done` is called once, after this has returned. Raises: OSError."""
        if self._prober is None:
            self._prober = self._make()
            if self._closed:
                self._prober.close()
        return self._prober.start(request, done)

    def close(self) -> None:
        """Cancels what is under way. Harmless when repeated."""
        self._closed = True
        if self._prober is not None:
            self._prober.close()


def network_probers(around: Surroundings) -> dict[type[Probe], SharableProber]:
    """The probers of all kinds of the table."""
    return {kind: ProberOnDemand(partial(make, around)) for kind, make in NETWORK_PROBERS.items()}
