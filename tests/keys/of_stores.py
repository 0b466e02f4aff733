"""The effect of each key of the probes of databases and stores."""

from pathlib import Path
from typing import Any

from hostile.server import HostileServer
from hostile.stores import Store
from of_network_probes import ELSEWHERE
from of_probes import probe_kind, refused_or
from ports import free_port
from servers import Authority
from watched import Real, one_target

# Redis.


def redis(
    folder: Path, store: Store | None = None, at: dict[str, Any] | None = None, **fields: Any
) -> tuple[str, list[str]]:
    """The fate of a ping, and what the server heard."""
    store = store or Store()
    with HostileServer(greeting=store) as server:
        probe = {"host": server.host, "port": server.port, **(at or {}), **fields}
        return refused_or(lambda: one_target(folder, {"redis": probe})[0]), store.heard


def redis_port(folder: Path, right: bool) -> str:
    return redis(folder, at={} if right else {"port": free_port()})[0]


def redis_login(key: str) -> Any:
    login = {"user": "watch", "password": "sesame"}
    return lambda folder, value: redis(folder, Store("sesame", "watch"), **{**login, key: value})[0]


def redis_tls(folder: Path, trusted: bool) -> str:
    authority = Authority(folder)
    tls = {"ca_file": authority.file} if trusted else {}
    return redis(folder, Store(tls=authority.context()), tls=tls)[0]


REDIS = {
    "Target.redis": Real(probe_kind, (ELSEWHERE, {"redis": {"host": "127.0.0.1", "port": 9}}), ("http", "redis")),
    "Redis.host": Real(lambda folder, value: redis(folder, at={"host": value})[0], ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Redis.port": Real(redis_port, (True, False), ("up", "down")),
    "Redis.user": Real(redis_login("user"), ("watch", "other"), ("up", "down")),
    "Redis.password": Real(redis_login("password"), ("sesame", "barley"), ("up", "down")),
    "Redis.database": Real(lambda folder, value: redis(folder, database=value)[0], (3, 99), ("up", "down")),
    "Redis.command": Real(lambda folder, value: redis(folder, command=value)[1][-1], ([], ["LLEN", "jobs"]), ("PING", "LLEN jobs")),
    "Redis.tls": Real(redis_tls, (True, False), ("up", "down")),
    "Redis.address_family": Real(lambda folder, value: redis(folder, address_family=value)[0], ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip

STORES: dict[str, Real] = REDIS
