"""Every kind of probe, by the key of a target under which it is written."""

from typing import TypeAlias, get_args

from ..probe import Call, Composite, Exec, Heartbeat, Http, Tcp
from .dns import Dns
from .icmp import Icmp
from .networked import NetworkProbe
from .plugin import Plugin
from .redis import Redis
from .servers.imap import Imap
from .servers.mqtt import Mqtt
from .servers.mysql import Mysql
from .servers.postgres import Postgres
from .smtp import Smtp
from .ssh import Ssh
from .tls_handshake import TlsHandshake
from .udp import Udp
from .web.grpc import Grpc
from .web.http_steps import HttpSteps
from .web.registration import DomainRegistration
from .web.websocket import WebSocket

Probe: TypeAlias = (
    Http
    | Tcp
    | Exec
    | Call
    | Heartbeat
    | Composite
    | TlsHandshake
    | Dns
    | Icmp
    | Udp
    | Redis
    | Ssh
    | Smtp
    | HttpSteps
    | DomainRegistration
    | WebSocket
    | Grpc
    | Imap
    | Mqtt
    | Postgres
    | Mysql
    | Plugin
)

NETWORK_KINDS: dict[str, type[NetworkProbe]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(Probe) if issubclass(kind, NetworkProbe)
}
"""Those that speak one protocol with one host, by the same keys."""
NETWORKED = frozenset({"http", "tcp", *NETWORK_KINDS})
"""The keys of those that need a network."""
HEARTBEAT = "heartbeat"
"""The kind of a target that reports by itself."""
UNPROBED = frozenset({HEARTBEAT, "composite"})
"""The keys of those by which no attempt is made: the target reports by itself, or is made from other targets."""
KINDS: dict[str, type[Probe]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Probe)}
"""The key of a target under which each specification is written."""
