"""Probes of monitors by their type."""

from collections.abc import Callable
from typing import NamedTuple

from ..imported import literal, ping_key, placed, seconds_text
from ..source import PeerPart
from .answers import Probed, host_of
from .servers import mqtt_of, mysql_of, postgres_of, redis_of, smtp_of
from .web import grpc_of, http_of, json_query_monitor, keyword_monitor, rabbitmq_of, websocket_of

_USUAL_BYTES, _DNS_PORT = 56, 53
"""Defaults of both."""
GROUP = "group"
"""The type of the monitors that have others below them."""


class MonitorType(NamedTuple):
    """A type of monitors."""

    key: str
    """The kind of probe."""
    make: Callable[[PeerPart], Probed]
    """Raises: ValueError with the reason why a monitor has no probe."""


def _port(part: PeerPart) -> Probed:
    return {"host": host_of(part), "port": placed(part, "port", part.whole("port"))}, []


def _ping(part: PeerPart) -> Probed:
    size = part.whole("packetSize")
    probe = {
        "host": host_of(part),
        "payload_bytes": placed(part, "packetSize", size if size != _USUAL_BYTES else None),
        "count": placed(part, "ping_count", part.whole("ping_count")),
    }
    return probe, []


def _dns(part: PeerPart) -> Probed:
    server = (part.text("dns_resolve_server") or "").split(",")[0].strip()
    port = part.whole("port") or None
    probe = {
        "name": host_of(part),
        "type": placed(part, "dns_resolve_type", part.text("dns_resolve_type") or "A"),
        "server": placed(part, "dns_resolve_server", literal(server) or None),
        "port": placed(part, "port", port if port != _DNS_PORT else None),
    }
    return probe, []


def _push(part: PeerPart) -> Probed:
    token = part.text("pushToken")
    retries, retry = part.number("maxretries") or 0, part.number("retryInterval") or 0
    probe = {
        "grace": seconds_text(retries * retry) if retries and retry else None,
        "key": ping_key(part, "pushToken", token and literal(token)),
    }
    return probe, []


KINDS: dict[str, MonitorType] = {
    "http": MonitorType("http", http_of),
    "keyword": MonitorType("http", keyword_monitor),
    "json-query": MonitorType("http", json_query_monitor),
    "port": MonitorType("tcp", _port),
    "ping": MonitorType("icmp", _ping),
    "dns": MonitorType("dns", _dns),
    "push": MonitorType("heartbeat", _push),
    "websocket-upgrade": MonitorType("websocket", websocket_of),
    "grpc-keyword": MonitorType("grpc", grpc_of),
    "mqtt": MonitorType("mqtt", mqtt_of),
    "postgres": MonitorType("postgres", postgres_of),
    "mysql": MonitorType("mysql", mysql_of),
    "redis": MonitorType("redis", redis_of),
    "smtp": MonitorType("smtp", smtp_of),
    "rabbitmq": MonitorType("http", rabbitmq_of),
}
"""By the type of a monitor: the kind of probe, and how its keys are found."""
