"""Monitors of databases, message brokers and mail servers."""

from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from ..imported import literal, placed
from ..source import PeerPart
from .answers import Probed, host_of, json_query_of

_CONNECTION = "databaseConnectionString"
_SECURITY = {"secure": "tls", "starttls": "starttls"}
_NO_TLS = frozenset({"", "disable", "allow", "prefer"})
"""Values of `sslmode` by which a connection in clear will do."""


def postgres_of(part: PeerPart) -> Probed:
    """Returns a login and a query. Raises: ValueError for a connection that is no URL."""
    address = _address(part, {"postgres", "postgresql"})
    mode = (parse_qs(address.query).get("sslmode") or [""])[0]
    tls = {} if mode in _NO_TLS else {"verify": mode in {"verify-ca", "verify-full"}}
    return {**_login(part, address), **_query(part), "tls": tls}, []


def mysql_of(part: PeerPart) -> Probed:
    """Returns a login and a query. Raises: ValueError for a connection that is no URL."""
    address = _address(part, {"mysql", "mysql2", "mariadb"})
    probe = {**_login(part, address), **_query(part)}
    # The field of the password has the name of another type there.
    if password := part.text("radiusPassword"):
        probe["password"] = placed(part, "radiusPassword", literal(password))
    return probe, []


def redis_of(part: PeerPart) -> Probed:
    """Returns a login and a ping. Raises: ValueError for a connection that is no URL."""
    address = _address(part, {"redis", "rediss"})
    number = address.path.strip("/")
    probe = {
        **_login(part, address),
        "database": int(number) if number.isdecimal() and int(number) else None,
        # Without a key of its own the mapping would not be written.
        "tls": {"verify": not part.flag("ignoreTls")} if address.scheme == "rediss" else {},
    }
    return probe, []


def mqtt_of(part: PeerPart) -> Probed:
    """Returns a login and a message of a topic. Raises: ValueError for a broker behind a WebSocket."""
    stated = part.text("hostname") or ""
    scheme, _, host = stated.rpartition("://")
    if scheme not in {"", "mqtt", "mqtts", "tcp"}:
        raise ValueError(f"there is no MQTT by {scheme}://")
    by_word = part.text("mqttCheckType") != "json-query"
    word = part.text("mqttSuccessMessage") if by_word else None
    expect = [] if by_word else json_query_of(part)
    for key in ("mqttSuccessMessage", "jsonPath", "jsonPathOperator", "expectedValue", "mqttWebsocketPath"):
        part.raw(key)
    probe = {
        "host": placed(part, "hostname", literal(host)),
        "port": placed(part, "port", part.whole("port") or None),
        "user": _text(part, "mqttUsername"),
        "password": _text(part, "mqttPassword"),
        "topic": _text(part, "mqttTopic"),
        "expect": placed(part, "mqttSuccessMessage", word and literal(word)),
        "tls": {"verify": True} if scheme == "mqtts" else {},
    }
    return probe, expect


def smtp_of(part: PeerPart) -> Probed:
    """Returns the greeting of a mail server."""
    security = part.text("smtpSecurity") or ""
    probe = {
        "host": host_of(part),
        "port": placed(part, "port", part.whole("port") or None),
        "encryption": placed(part, "smtpSecurity", _SECURITY.get(security, "none")),
    }
    return probe, []


def _address(part: PeerPart, schemes: set[str]) -> SplitResult:
    """Returns the parts of a connection. Raises: ValueError for one of another form, without its text, which holds a password."""
    text = part.text(_CONNECTION) or ""
    with suppress(ValueError):
        found = urlsplit(text)
        # The port is read here: a wrong one raises.
        if found.scheme in schemes and found.hostname and found.port != 0:
            return found
    raise ValueError(f"its connection is no URL of {' or '.join(sorted(schemes))}")


def _login(part: PeerPart, address: SplitResult) -> dict[str, Any]:
    name = unquote(address.path.strip("/")) if "redis" not in address.scheme else ""
    return {
        "host": placed(part, _CONNECTION, literal(address.hostname or "")),
        "port": address.port,
        "user": literal(unquote(address.username)) if address.username else None,
        "password": literal(unquote(address.password)) if address.password else None,
        "database": literal(name) if name else None,
    }


def _query(part: PeerPart) -> dict[str, Any]:
    return {"query": placed(part, "databaseQuery", literal(part.text("databaseQuery") or "SELECT 1"))}


def _text(part: PeerPart, key: str) -> Any:
    value = part.text(key)
    return placed(part, key, value and literal(value))
