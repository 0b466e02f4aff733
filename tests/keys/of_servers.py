"""The effect of each key of the probes of databases, message brokers and mailboxes."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.brokers import Broker, Mailboxes
from hostile.databases import OK as WELCOME
from hostile.databases import TLS_ASKED_BYTES, Mysql, Postgres, greeting, packet
from hostile.server import HostileServer
from of_network_probes import ELSEWHERE
from of_probes import probe_kind, refused_or
from ports import free_port
from servers import Authority
from watched import Real, one_target

LOGIN = {"user": "watch", "password": "sesame"}


def spoken(folder: Path, kind: str, peer: Any, *, timeout: str = "20s", **fields: Any) -> str:
    """The fate of a target, whose peer speaks the protocol."""
    with HostileServer(greeting=peer) as server:
        probe = {"host": server.host, "port": server.port, **fields}
        return refused_or(lambda: one_target(folder, {kind: probe}, timeout=timeout)[0])


def at_port(kind: str, peer: Callable[[], Any], **fields: Any) -> Callable[[Path, bool], str]:
    """The fate of a target on the right port, and on another."""
    return lambda folder, right: spoken(
        folder, kind, peer(), **fields, **({} if right else {"port": free_port()})
    )


# IMAP.

PLAIN = b64encode(b"\0watch\0sesame")


def imap(folder: Path, value: Any, key: str = "host") -> str:
    return spoken(folder, "imap", Mailboxes(), **{"encryption": "none", key: value})


def imap_by_tls(folder: Path, **fields: Any) -> str:
    authority = Authority(folder)
    boxes = Mailboxes("AUTH=PLAIN", plain=PLAIN, context=authority.context(), at_once=True)
    return spoken(folder, "imap", boxes, **{"tls": {"ca_file": authority.file}, **LOGIN, **fields})


def imap_login(key: str) -> Callable[[Path, str], str]:
    return lambda folder, value: imap_by_tls(folder, **{key: value})


IMAP = {
    "Target.imap": Real(probe_kind, (ELSEWHERE, {"imap": {"host": "127.0.0.1", "port": 9}}), ("http", "imap")),
    "Imap.host": Real(imap, ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Imap.port": Real(at_port("imap", Mailboxes, encryption="none"), (True, False), ("up", "down")),
    "Imap.encryption": Real(lambda folder, value: imap(folder, value, "encryption"), ("none", "starttls"), ("up", "down")),
    "Imap.user": Real(imap_login("user"), ("watch", "eve"), ("up", "down")),
    "Imap.password": Real(imap_login("password"), ("sesame", "barley"), ("up", "down")),
    "Imap.tls": Real(lambda folder, trusted: imap_by_tls(folder, **({} if trusted else {"tls": {}})), (True, False), ("up", "down")),
    "Imap.address_family": Real(lambda folder, value: imap(folder, value, "address_family"), ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip


# MQTT.


def mqtt(folder: Path, broker: Broker | None = None, **fields: Any) -> tuple[str, list[bytes]]:
    """The fate of a connection to a broker, and what it heard."""
    broker = broker or Broker()
    return spoken(folder, "mqtt", broker, **fields), broker.heard


def mqtt_login(key: str) -> Callable[[Path, str], str]:
    return lambda folder, value: mqtt(folder, Broker("watch", "sesame"), **{**LOGIN, key: value})[0]


def mqtt_expect(folder: Path, value: str) -> str:
    return mqtt(folder, topic="t", expect=value, timeout="20s" if value == "7" else "1s")[0]


def mqtt_publish(folder: Path, value: str | None) -> bytes | None:
    heard = mqtt(folder, topic="t", **({} if value is None else {"publish": value}))[1]
    return next((packet[-1:] for packet in heard if packet[0] == 0x32), None)


def mqtt_tls(folder: Path, trusted: bool) -> str:
    authority, broker = Authority(folder), Broker()

    def serve(visit: Any) -> None:
        visit.secure(authority.context())
        broker(visit)

    return spoken(folder, "mqtt", serve, tls={"ca_file": authority.file} if trusted else {})


MQTT = {
    "Target.mqtt": Real(probe_kind, (ELSEWHERE, {"mqtt": {"host": "127.0.0.1", "port": 9}}), ("http", "mqtt")),
    "Mqtt.host": Real(lambda folder, value: mqtt(folder, host=value)[0], ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Mqtt.port": Real(at_port("mqtt", Broker), (True, False), ("up", "down")),
    "Mqtt.version": Real(lambda folder, value: mqtt(folder, version=value)[1][0][8], ("3.1.1", "5"), (4, 5)),
    "Mqtt.client_id": Real(lambda folder, value: mqtt(folder, client_id=value)[1][0][-1:], ("a", "b"), (b"a", b"b")),
    "Mqtt.user": Real(mqtt_login("user"), ("watch", "eve"), ("up", "down")),
    "Mqtt.password": Real(mqtt_login("password"), ("sesame", "barley"), ("up", "down")),
    "Mqtt.topic": Real(lambda folder, value: mqtt(folder, topic=value)[1][1][-2:-1], ("a", "b"), (b"a", b"b")),
    "Mqtt.expect": Real(mqtt_expect, ("7", "8"), ("up", "timed_out")),
    "Mqtt.publish": Real(mqtt_publish, (None, "8"), (None, b"8")),
    "Mqtt.tls": Real(mqtt_tls, (True, False), ("up", "down")),
    "Mqtt.address_family": Real(lambda folder, value: mqtt(folder, address_family=value)[0], ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip


# PostgreSQL.

PLACE = {**LOGIN, "database": "shop"}


def postgres(folder: Path, value: Any, key: str) -> str:
    return spoken(folder, "postgres", Postgres(password="sesame"), **{**PLACE, key: value})  # noqa: S106


def postgres_key(key: str) -> Callable[[Path, Any], str]:
    return lambda folder, value: postgres(folder, value, key)


def postgres_query(folder: Path, value: str | None) -> bytes:
    small = Postgres(password="sesame")  # noqa: S106
    spoken(folder, "postgres", small, **PLACE, **({} if value is None else {"query": value}))
    return small.heard[0][:1]


def postgres_tls(folder: Path, trusted: bool) -> str:
    authority, small = Authority(folder), Postgres()

    def serve(visit: Any) -> None:
        visit.read_something()
        visit.send(b"S")
        visit.secure(authority.context())
        small(visit)

    tls = {"ca_file": authority.file} if trusted else {}
    return spoken(folder, "postgres", serve, **PLACE, tls=tls)


def small_postgres() -> Postgres:
    return Postgres(password="sesame")  # noqa: S106


POSTGRES = {
    "Target.postgres": Real(
        probe_kind, (ELSEWHERE, {"postgres": {"host": "127.0.0.1", "port": 9, "user": "u"}}), ("http", "postgres")),
    "Postgres.host": Real(postgres_key("host"), ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Postgres.port": Real(at_port("postgres", small_postgres, **PLACE), (True, False), ("up", "down")),
    "Postgres.user": Real(postgres_key("user"), ("watch", "eve"), ("up", "down")),
    "Postgres.password": Real(postgres_key("password"), ("sesame", "barley"), ("up", "down")),
    "Postgres.database": Real(postgres_key("database"), ("shop", "other"), ("up", "down")),
    "Postgres.query": Real(postgres_query, (None, "SELECT 42"), (b"X", b"Q")),
    "Postgres.tls": Real(postgres_tls, (True, False), ("up", "down")),
    "Postgres.address_family": Real(postgres_key("address_family"), ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip


# MySQL.


def small_mysql() -> Mysql:
    return Mysql(password="sesame", database="shop")  # noqa: S106


def mysql_key(key: str) -> Callable[[Path, Any], str]:
    return lambda folder, value: spoken(folder, "mysql", small_mysql(), **{**PLACE, key: value})


def mysql_query(folder: Path, value: str | None) -> bytes:
    small = small_mysql()
    spoken(folder, "mysql", small, **PLACE, **({} if value is None else {"query": value}))
    return small.heard[1][4:5]


def mysql_tls(folder: Path, trusted: bool) -> str:
    authority = Authority(folder)

    def log_in(visit: Any) -> None:
        visit.read_exactly(TLS_ASKED_BYTES)
        visit.secure(authority.context())
        visit.read_something()
        visit.send(packet(3, WELCOME))

    small = Mysql(greets=greeting(has_tls=True), logs_in=log_in)
    return spoken(folder, "mysql", small, **PLACE, tls={"ca_file": authority.file} if trusted else {})


MYSQL = {
    "Target.mysql": Real(
        probe_kind, (ELSEWHERE, {"mysql": {"host": "127.0.0.1", "port": 9, "user": "u"}}), ("http", "mysql")),
    "Mysql.host": Real(mysql_key("host"), ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Mysql.port": Real(at_port("mysql", small_mysql, **PLACE), (True, False), ("up", "down")),
    "Mysql.user": Real(mysql_key("user"), ("watch", "eve"), ("up", "down")),
    "Mysql.password": Real(mysql_key("password"), ("sesame", "barley"), ("up", "down")),
    "Mysql.database": Real(mysql_key("database"), ("shop", "other"), ("up", "down")),
    "Mysql.query": Real(mysql_query, (None, "SELECT 42"), (b"\1", b"\3")),
    "Mysql.tls": Real(mysql_tls, (True, False), ("up", "down")),
    "Mysql.address_family": Real(mysql_key("address_family"), ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip

SERVERS: dict[str, Real] = IMAP | MQTT | POSTGRES | MYSQL
