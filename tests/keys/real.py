"""The keys whose effect only a real server, program, function or file shows: what is seen with one value and another."""

import base64
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import apsw
from seeing import logged, refusal, sample, samples, written
from servers import Authority, talking, web
from watchkeeper import ConfigurationError, Outcome, Runtime
from watchkeeper.adapters.configuration import load
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.time.cadence import Cadence
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.testing.records import NOON, sample_at

NOWHERE = "http://127.0.0.1:9/"


class Real(NamedTuple):
    """How a value of a key is seen, and what is seen of two values."""

    see: Callable[[Path, Any], Any]
    values: tuple[Any, Any]
    seen: tuple[Any, Any]


def watching(probe: dict[str, Any], runtime: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    target = {"id": "shop", "every": "200ms", "timeout": "190ms", **probe, **fields}
    return {"runtime": runtime or {}, "targets": [target]}


def one_target(folder: Path, probe: dict[str, Any], **how: Any) -> tuple[str, str]:
    return sample(folder, watching(probe, how.pop("runtime", None), **how))


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
    ports = set()
    note = {"healthy": lambda visit: (ports.add(id(visit)), visit.answer())}
    with web(**note) as server:
        samples(folder, watching({"http": {"url": server.url(), "connection": value}}), count=3)
        return len(ports) > 1


def url(folder: Path, value: str) -> Any:
    return http(folder, value)[0].path


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
        document = watching(
            {"http": {"url": server.url(), "tls": given}}, runtime, every="500ms", timeout="490ms"
        )
        return sample(folder, document)[0]


CLIENT = {"certificate_file": "certificate_file", "key_file": "key_file"}


def client(folder: Path, value: dict[str, str]) -> Any:
    return tls(folder, asks=True, ca_file="file", **value)


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
    with talking(b"") as (port, _), talking(b"") as (other, _):
        pass  # both are closed now
    with talking(b"") as (port, _):
        return one_target(folder, {"tcp": {"host": "127.0.0.1", "port": port if right else other}})[0]


def tcp_host(folder: Path, value: str) -> Any:
    with talking(b"") as (port, _):
        return one_target(folder, {"tcp": {"host": value, "port": port}})[0]


# Programs and functions.


def program(folder: Path, allow: bool = True, **fields: Any) -> Any:
    probe = {"exec": {"argv": ["/bin/true"], **fields}}
    return sample(folder, watching(probe, {"allow_exec": allow}, every="900ms", timeout="890ms"))[0]


def shell(folder: Path, script: str, **fields: Any) -> Any:
    return program(folder, argv=["/bin/sh", "-c", script], **fields)


def output(folder: Path, value: int) -> Any:
    probe = {"exec": {"argv": ["/bin/sh", "-c", "echo OK; yes | head -c 5000"], "output_bytes_max": value}}
    document = watching(
        probe, {"allow_exec": True}, every="900ms", timeout="890ms", expect=["len([BODY]) > 4000"]
    )
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


# Channels.


def failing(channel: dict[str, Any], **fields: Any) -> dict[str, Any]:
    rules = [{"id": "down", "kind": "consecutive", "after": 1}]
    probe = {"http": {"url": NOWHERE}}
    document = watching(probe, rules=rules, notify=["ops"], **fields)
    return {**document, "channels": [{"id": "ops", **channel}]}


def until(arrived: threading.Event) -> Callable[[Runtime], None]:
    def wait(runtime: Runtime) -> None:
        assert arrived.wait(20), runtime.status()

    return wait


def hook(folder: Path, path: str = "/healthy", **fields: Any) -> Any:
    with web() as server:
        samples(
            folder, failing({"webhook": {"url": server.url(path), **fields}}), settle=until(server.arrived)
        )
        return server.heard[0]


def hook_secret(folder: Path, value: str | None) -> Any:
    return hook(folder, secret=value).header("webhook-signature") is not None


def hook_url(folder: Path, value: str) -> Any:
    return hook(folder, value).path


def hook_header(folder: Path, value: dict[str, str]) -> Any:
    return hook(folder, headers=value).header("x-key")


def hook_timeout(folder: Path, value: str) -> Any:
    """Whether the receiver saw the runtime leave within two seconds."""
    with web() as server:
        left = []
        samples(
            folder,
            failing({"webhook": {"url": server.url("/nothing"), "timeout": value}}),
            settle=lambda _: (server.arrived.wait(20), left.append(server.gone.wait(2))),
        )
        return left


def hook_tls(folder: Path, value: dict[str, Any]) -> Any:
    authority = Authority(folder)
    with authority.web() as server:
        heard = []
        samples(
            folder,
            failing({"webhook": {"url": server.url(), "tls": value}}),
            settle=lambda _: heard.append(server.arrived.wait(1)),
        )
        return heard


def logger(folder: Path, value: str) -> Any:
    arrived = threading.Event()
    with logged("elsewhere") as records:
        records_of = failing({"log": {"logger": value}})
        with logged("watchkeeper.notices") as usual:
            samples(folder, records_of, settle=lambda _: pause_for(lambda: records or usual, arrived))
            return len(records) > 0


def level(folder: Path, value: str) -> Any:
    with logged("watchkeeper.notices") as records:
        samples(
            folder,
            failing({"log": {"level": value}}),
            settle=lambda _: pause_for(lambda: records, threading.Event()),
        )
        return records[0].levelname


def pause_for(done: Callable[[], Any], idle: threading.Event) -> None:
    for _ in range(2_000):
        if done():
            return
        idle.wait(0.01)


def told_function(folder: Path, value: str) -> Any:
    arrived, told = threading.Event(), []
    functions = {
        name: lambda notice, name=name: (told.append(name), arrived.set()) for name in ("one", "two")
    }
    samples(folder, failing({"call": {"name": value}}), callables=functions, settle=until(arrived))
    return told[0]


def channel_kind(folder: Path, value: dict[str, Any]) -> Any:
    """Whether a notice of a failing target reaches a function or the log."""
    idle, told = threading.Event(), []
    with logged("watchkeeper.notices") as records, web() as server:
        if "webhook" in value:
            value = {"webhook": {"url": server.url()}}
        samples(
            folder,
            failing(value),
            callables={"one": lambda notice: told.append("call")},
            settle=lambda _: pause_for(lambda: told or records or server.heard, idle),
        )
        return told[:1] or ["log"] * bool(records) or ["webhook"] * bool(server.heard)


def function_timeout(folder: Path, value: str) -> Any:
    """What is said of a channel whose function does not come back."""
    release = threading.Event()
    problems: list[str] = []

    def settle(runtime: Runtime) -> None:
        for _ in range(100):
            problems[:] = [says for part, says in runtime.status().problems if part == "channel ops"]
            if problems:
                break
            release.wait(0.02)
        release.set()

    document = failing({"call": {"name": "one", "timeout": value}})
    samples(folder, document, callables={"one": lambda notice: release.wait(20)}, settle=settle)
    return bool(problems)


# The runtime.


def store(folder: Path, value: str | None) -> Any:
    document = watching({"http": {"url": NOWHERE}}, {"store": value and str(folder / value)})
    samples(folder, document)
    return (folder / "kept.db").exists()


def grace(folder: Path, value: str) -> Any:
    """How many notices a stop waits for, where the receiver takes a second."""
    taken: list[bool] = []

    def slowly(notice: object) -> None:
        began.set()
        threading.Event().wait(1)
        taken.append(True)

    began = threading.Event()
    document = failing({"call": {"name": "one", "timeout": "5s"}})
    document["runtime"] = {"grace": value}
    samples(folder, document, callables={"one": slowly}, settle=until(began))
    return len(taken)


def neighbours(count: int, every_ns: int) -> list[str]:
    """Names whose ticks fall close together on the grid of one cadence."""
    names = sorted(
        (f"f{number}" for number in range(200)), key=lambda name: Cadence.of(name, every_ns).phase_ns
    )
    return names[:count]


def held(folder: Path, runtime: dict[str, Any]) -> int:
    """How many of three functions that are due together, each taking a fifth of a second, run at the same time."""
    most, running, ran, guard = [0], [0], [0], threading.Lock()

    def hold() -> None:
        with guard:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.2)
        with guard:
            running[0] -= 1
            ran[0] += 1

    names = neighbours(3, NS_PER_S)
    targets = [{"id": name, "every": "1s", "timeout": "990ms", "call": {"name": name}} for name in names]
    document = {"runtime": runtime, "targets": targets}
    with Runtime.from_config(written(folder, document), {}, callables=dict.fromkeys(names, hold)):
        pause_for(lambda: ran[0] >= 3, threading.Event())
    return most[0]


def in_flight(folder: Path, value: int) -> Any:
    return held(folder, {"in_flight_max": value})


def threads(folder: Path, value: int) -> Any:
    return held(folder, {"threads_max": value})


def channel_in_flight(folder: Path, value: int) -> Any:
    """How many notices of three failing targets are with a channel at the same time."""
    most, release, idle = [0], threading.Event(), threading.Event()

    def hold(notice: object) -> None:
        most[0] += 1
        release.wait(5)

    document = failing({"call": {"name": "one"}, "in_flight_max": value})
    (target,) = document["targets"]
    document["targets"] = [{**target, "id": f"t{number}"} for number in range(3)]
    made = Runtime.from_config(written(folder, document), {}, callables={"one": hold})
    with made:
        pause_for(lambda: len(made.incidents(open_only=True)) == 3 and most[0] >= value, idle)
        with_channel = most[0]
        release.set()
    return with_channel


def deny_private(folder: Path, value: bool) -> Any:
    with web() as server:
        return one_target(folder, {"http": {"url": server.url()}}, runtime={"deny_private_addresses": value})[
            1
        ]


def tls_library(folder: Path, value: str) -> Any:
    """Whether the client offers a suite without authenticated encryption, as OpenSSL does and rustls does not."""
    authority = Authority(folder)
    with authority.listing_suites() as (port, offered):
        probe = {"http": {"url": f"https://127.0.0.1:{port}/", "tls": {"ca_file": authority.file}}}
        # The first exchange is libcurl's: it shows whether the fast engine may carry the next ones.
        samples(folder, watching(probe, {"tls_library": value}, every="300ms", timeout="290ms"), count=3)
        return "ECDHE-ECDSA-AES128-SHA256" in offered[-1]


def debug(folder: Path, value: bool) -> Any:
    with logged("watchkeeper") as records:
        samples(folder, watching({"http": {"url": NOWHERE}}, {"debug": value}))
        return any("debug" in record.getMessage() for record in records)


DAY_NS = 86_400 * NS_PER_S


def kept(key: str) -> Callable[[Path, str], Any]:
    """What is left of three hours of samples after a hundred days: by kind, whether there is any."""

    def see(folder: Path, value: str) -> Any:
        path = str(folder / "watch.db")
        retention = {
            "samples": "10d",
            "failed_samples": "30d",
            "history": "20d",
            "hourly": "40d",
            "daily": "50d",
        }
        document = watching({"http": {"url": NOWHERE}}, {"retention": {**retention, key: value}})
        options = load(written(folder, document), {}).runtime
        store = SqliteStore(path, options.retention)
        store.open(NOON)
        found = [sample_at(second * NS_PER_S, outcome=Outcome.DOWN) for second in range(0, 3 * 3_600, 600)]
        store.commit(Batch(samples=tuple(found)))
        for days in sorted({min(12, AFTER_DAYS[key]), AFTER_DAYS[key]}):
            later = NOON.shifted(days * DAY_NS)
            store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
            for _ in range(200):
                store.run_maintenance(later)
        store.close()
        reader, all_time = StoreReader(path), (0, later.wall_ns)
        left = reader.samples("shop", *all_time)
        return {
            "samples": day_tables(path) > 0,
            "failed_samples": any(each.explanation for each in left),
            "history": bool(left),
            "hourly": bool(reader.hourly("shop", *all_time)),
            "daily": bool(reader.daily("shop", *all_time)),
        }[key]

    return see


def day_tables(path: str) -> int:
    """The tables of raw samples, one a day."""
    connection = apsw.Connection(path)
    try:
        return connection.execute("SELECT count(*) FROM sqlite_schema WHERE name GLOB 'sample_*'").get
    finally:
        connection.close()


AFTER_DAYS = {"samples": 5, "failed_samples": 15, "history": 15, "hourly": 35, "daily": 45}
SHORTER = {"samples": "2d", "failed_samples": "10d", "history": "10d", "hourly": "30d", "daily": "40d"}
LONGER = {"samples": "10d", "failed_samples": "30d", "history": "20d", "hourly": "40d", "daily": "50d"}

REAL: dict[str, Real] = {
    "Target.http": Real(probe_kind, ({"tcp": {"host": "127.0.0.1", "port": 9}}, {"http": {"url": NOWHERE}}), ("tcp", "http")),
    "Target.tcp": Real(probe_kind, ({"http": {"url": NOWHERE}}, {"tcp": {"host": "127.0.0.1", "port": 9}}), ("http", "tcp")),
    "Target.exec": Real(probe_kind, ({"http": {"url": NOWHERE}}, {"exec": {"argv": ["/bin/true"]}}), ("http", "exec")),
    "Target.call": Real(probe_kind, ({"http": {"url": NOWHERE}}, {"call": {"name": "one"}}), ("http", "call")),
    "Http.url": Real(url, ("/healthy", "/status/204"), ("/healthy", "/status/204")),
    "Http.method": Real(method, ("GET", "POST"), ("GET", "POST")),
    "Http.headers": Real(headers, ({}, {"X-Key": "7"}), (None, "7")),
    "Http.body": Real(body, (None, "ping"), (b"", b"ping")),
    "Http.basic_auth": Real(authorization, ({}, {"basic_auth": {"user": "u", "password": "p"}}), (None, "u:p")),
    "BasicAuth.user": Real(user, ("a", "b"), ("a:x", "b:x")),
    "BasicAuth.password": Real(password, ("a", "b"), ("u:a", "u:b")),
    "Http.bearer": Real(authorization, ({}, {"bearer": "t"}), (None, "Bearer t")),
    "Http.follow_redirects": Real(followed, (True, False), (["/redirect/302", "/healthy"], ["/redirect/302"])),
    "Http.redirects_max": Real(redirects_max, (1, 3), (("too_many_redirects", 2), ("too_many_redirects", 4))),
    "Http.body_bytes_max": Real(body_bytes_max, (4_000, 1_000), ("up", "down")),
    "Http.address_family": Real(family, ("ipv6", "ipv4"), ("up", "refused")),
    "Http.connection": Real(connection, ("fresh", "reuse"), (True, False)),
    "Http.tls": Real(lambda folder, value: tls(folder, **value), ({}, {"verify": False}), ("down", "up")),
    "Tls.verify": Real(lambda folder, value: tls(folder, verify=value), (True, False), ("down", "up")),
    "Tls.ca_file": Real(lambda folder, value: tls(folder, ca_file=value), (None, "file"), ("down", "up")),
    "Tls.server_name": Real(lambda folder, value: tls(folder, name="shop.test", ca_file="file", server_name=value),
                            (None, "shop.test"), ("down", "up")),
    "Tls.certificate_file": Real(client, ({}, CLIENT), ("down", "up")),
    "Tls.key_file": Real(client, ({}, CLIENT), ("down", "up")),
    "Tcp.host": Real(tcp_host, ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Tcp.port": Real(tcp_port, (True, False), ("up", "down")),
    "Tcp.send": Real(lambda folder, value: tcp(folder, send=value, expect="PONG")[1], ("PING\r\n", "HELLO\r\n"),
                     ([b"PING\r\n"], [b"HELLO\r\n"])),
    "Tcp.expect": Real(lambda folder, value: tcp(folder, send="PING\r\n", expect=value)[0], ("PONG", "NOPE"), ("up", "down")),
    "Tcp.address_family": Real(lambda folder, value: refused_or(lambda: tcp(folder, "::1", address_family=value)[0]),
                               ("ipv6", "ipv4"), ("up", "refused")),
    "Exec.argv": Real(lambda folder, value: program(folder, argv=value), (["/bin/true"], ["/bin/sh", "-c", "exit 2"]), ("up", "down")),
    "Exec.environment": Real(lambda folder, value: shell(folder, 'test "$KEY" = 7 || exit 2', environment=value),
                             ({"KEY": "7"}, {"KEY": "8"}), ("up", "down")),
    "Exec.directory": Real(lambda folder, value: shell(folder, 'test "$(pwd)" = / || exit 2', directory=value),
                           ("/", "/usr"), ("up", "down")),
    "Exec.output_bytes_max": Real(output, (65_536, 100), ("up", "down")),
    "Call.name": Real(called, ("one", "two"), ("one", "two")),
    "RuntimeOptions.allow_exec": Real(allowed, (True, False), (False, True)),
    "Channel.webhook": Real(channel_kind, ({"call": {"name": "one"}}, {"webhook": {"url": NOWHERE}}), (["call"], ["webhook"])),
    "Channel.log": Real(channel_kind, ({"call": {"name": "one"}}, {"log": {}}), (["call"], ["log"])),
    "Channel.call": Real(channel_kind, ({"log": {}}, {"call": {"name": "one"}}), (["log"], ["call"])),
    "Webhook.url": Real(hook_url, ("/healthy", "/status/200"), ("/healthy", "/status/200")),
    "Webhook.secret": Real(hook_secret, (None, "whsec_" + base64.b64encode(bytes(24)).decode()), (False, True)),
    "Webhook.headers": Real(hook_header, ({}, {"X-Key": "7"}), (None, "7")),
    "Webhook.timeout": Real(hook_timeout, ("10s", "200ms"), ([False], [True])),
    "Webhook.tls": Real(hook_tls, ({}, {"verify": False}), ([False], [True])),
    "Log.logger": Real(logger, ("watchkeeper.notices", "elsewhere"), (False, True)),
    "Log.level": Real(level, ("warning", "error"), ("WARNING", "ERROR")),
    "CallChannel.name": Real(told_function, ("one", "two"), ("one", "two")),
    "CallChannel.timeout": Real(function_timeout, ("10s", "100ms"), (False, True)),
    "RuntimeOptions.store": Real(store, (None, "kept.db"), (False, True)),
    "RuntimeOptions.grace": Real(grace, ("5s", "10ms"), (1, 0)),
    "RuntimeOptions.in_flight_max": Real(in_flight, (3, 1), (3, 1)),
    "RuntimeOptions.threads_max": Real(threads, (3, 1), (3, 1)),
    "RuntimeOptions.deny_private_addresses": Real(deny_private, (False, True), ("ok", "address_refused")),
    "RuntimeOptions.tls_library": Real(tls_library, ("openssl", "rustls"), (True, False)),
    "RuntimeOptions.debug": Real(debug, (False, True), (False, True)),
    "Channel.in_flight_max": Real(channel_in_flight, (3, 1), (3, 1)),
    "Configuration.runtime": Real(allowed, (True, False), (False, True)),
    "RuntimeOptions.retention": Real(kept("daily"), ("50d", "40d"), (True, False)),
    **{f"Retention.{key}": Real(kept(key), (LONGER[key], SHORTER[key]), (True, False)) for key in AFTER_DAYS},
}  # fmt: skip
