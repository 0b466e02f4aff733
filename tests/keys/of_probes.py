"""The effect of each key of probes and targets, seen at real servers and programs."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import UNSET
from ports import free_port
from seeing import refusal, sample, samples, written
from servers import Authority, talking, web
from watched import one_target, watching
from watchkeeper import ConfigurationError, Runtime

# HTTP.


def http(folder: Path, path: str = "/healthy", host: str = "127.0.0.1", **fields: Any) -> Any:
    """The first request that a web server gets, and what became of it."""
    with web(host) as server:
        found = one_target(folder, {"http": {"url": server.url(path), **fields}})
        return server.heard[0] if server.heard else None, found


def method(folder: Path, value: str) -> Any:
    return http(folder, method=value)[0].method


def headers(folder: Path, value: dict[str, str]) -> Any:
    return http(folder, headers=value)[0].header("x-key")


def body(folder: Path, value: str | None) -> Any:
    return http(folder, method="POST", body=value)[0].body


def authorization(folder: Path, value: dict[str, Any]) -> Any:
    said = http(folder, **value)[0].header("authorization")
    return said and base64.b64decode(said.split()[1]).decode() if said and said.startswith("Basic") else said


def user(folder: Path, value: str) -> Any:
    return authorization(folder, {"basic_auth": {"user": value, "password": "x"}})


def password(folder: Path, value: str) -> Any:
    return authorization(folder, {"basic_auth": {"user": "u", "password": value}})


def redirects(folder: Path, value: dict[str, Any]) -> Any:
    return http(folder, "/loop", **value)[1]


def followed(folder: Path, value: bool) -> Any:
    with web() as server:
        one_target(folder, {"http": {"url": server.url("/redirect/302?/healthy"), "follow_redirects": value}})
        return [heard.path.split("?")[0] for heard in server.heard[:2]][: 2 if value else 1]


def redirects_max(folder: Path, value: int) -> Any:
    with web() as server:
        found = samples(folder, watching({"http": {"url": server.url("/loop"), "redirects_max": value}}))
        return found[0].reason.value, len(server.heard)


def body_bytes_max(folder: Path, value: int) -> Any:
    large = {"large": lambda visit: visit.answer(body=b"x" * 2_000)}
    with web(**large) as server:
        probe = {"http": {"url": server.url("/large"), "body_bytes_max": value}}
        return one_target(folder, probe, expect=["len([BODY]) == 2000"])[0]


def family(folder: Path, value: str) -> Any:
    """A literal address of the other family is refused before anything is sent."""
    return refused_or(lambda: http(folder, host="::1", address_family=value)[1][0])


def refused_or(found: Callable[[], Any]) -> Any:
    try:
        return found()
    except ConfigurationError:
        return "refused"


def connection(folder: Path, value: str) -> Any:
    # Kept, so that no visit has the identity of one that is over.
    visits = []
    note = {"healthy": lambda visit: (visits.append(visit), visit.answer())}
    with web(**note) as server:
        samples(folder, watching({"http": {"url": server.url(), "connection": value}}), count=3)
        return len({id(visit) for visit in visits}) > 1


def url(folder: Path, value: str) -> Any:
    return http(folder, value)[0].path


def max_age(folder: Path, value: str) -> int:
    """How many of the first samples of three targets on one URL are answers to a request of their own."""
    with web() as server:
        names = ("a", "b", "c")
        target = {"every": "2s", "timeout": "2s", "max_age": value, "http": {"url": server.url()}}
        document = {"targets": [{"id": name, **target} for name in names]}
        runtime = Runtime.from_config(written(folder, document), {})
        with runtime, runtime.subscribe(samples=True) as events:
            first = {}
            while len(first) < len(names):
                sample = events.get(20).sample
                first.setdefault(sample.target, sample)
            own = sum(sample.shared_age_ns is UNSET for sample in first.values())
            assert len(server.heard) >= own
        return own


# TLS.


def tls(
    folder: Path, *, name: str = "127.0.0.1", asks: bool = False, runtime: Any = None, **settings: Any
) -> Any:
    authority = Authority(folder)
    given = {
        key: getattr(authority, value) if value in vars(authority) else value
        for key, value in settings.items()
    }
    with authority.web(name, asks_for_client=asks) as server:
        document = watching({"http": {"url": server.url(), "tls": given}}, runtime)
        return sample(folder, document)[0]


CLIENT = {"certificate_file": "certificate_file", "key_file": "key_file"}


def client(folder: Path, value: dict[str, str]) -> Any:
    return tls(folder, asks=True, ca_file="file", **value)


def key_password(folder: Path, value: str | None) -> Any:
    files = {"certificate_file": "certificate_file", "key_file": "locked_key_file"}
    given = files if value is None else {**files, "key_password": value}
    return refused_or(lambda: tls(folder, asks=True, ca_file="file", **given))


def half_client(missing: str) -> Callable[[Path, bool], Any]:
    def see(folder: Path, whole: bool) -> Any:
        authority = Authority(folder)
        given = {key: getattr(authority, key) for key in CLIENT if whole or key != missing}
        document = watching({"http": {"url": "https://127.0.0.1:9/", "tls": given}})
        return (
            refusal(lambda: Runtime.from_config(written(folder, document), {}).status()) != "" and not whole
        )

    return see


# TCP.


def tcp(folder: Path, host: str = "127.0.0.1", **fields: Any) -> Any:
    with talking(b"+PONG\r\n", host) as (port, heard):
        found = one_target(folder, {"tcp": {"host": host, "port": port, **fields}})
        return found[0], heard[:1]


def tcp_port(folder: Path, right: bool) -> Any:
    with talking(b"") as (port, _):
        return one_target(folder, {"tcp": {"host": "127.0.0.1", "port": port if right else free_port()}})[0]


def tcp_host(folder: Path, value: str) -> Any:
    with talking(b"") as (port, _):
        return one_target(folder, {"tcp": {"host": value, "port": port}})[0]


# Programs and functions.


def program(folder: Path, allow: bool = True, **fields: Any) -> Any:
    probe = {"exec": {"argv": ["/bin/true"], **fields}}
    return sample(folder, watching(probe, {"allow_exec": allow}))[0]


def shell(folder: Path, script: str, **fields: Any) -> Any:
    return program(folder, argv=["/bin/sh", "-c", script], **fields)


def output(folder: Path, value: int) -> Any:
    probe = {"exec": {"argv": ["/bin/sh", "-c", "echo OK; yes | head -c 5000"], "output_bytes_max": value}}
    document = watching(probe, {"allow_exec": True}, expect=["len([BODY]) > 4000"])
    return sample(folder, document)[0]


def called(folder: Path, value: str) -> Any:
    said: list[str] = []
    functions = {"one": lambda: said.append("one"), "two": lambda: said.append("two")}
    samples(folder, watching({"call": {"name": value}}), callables=functions)
    return said[0]


def allowed(folder: Path, value: bool) -> Any:
    document = watching({"exec": {"argv": ["/bin/true"]}}, {"allow_exec": value})
    return bool(refusal(lambda: Runtime.from_config(written(folder, document), {})))


def probe_kind(folder: Path, probe: dict[str, Any]) -> Any:
    document = watching(probe, {"allow_exec": True}, every="2s", timeout="2s")
    document["targets"][0]["every"] = "2s"
    runtime = Runtime.from_config(written(folder, document), {}, callables={"one": lambda: True})
    with runtime:
        return runtime.status().targets[0].kind
