"""The effect of each key of the runtime, seen in files, threads and connections."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
from of_channels import LONG, failing, pause_for, until
from records import NOON, sample_at
from seeing import WITHIN_S, logged, samples, written
from servers import Authority, web
from watched import NOWHERE, one_target, watching
from watchkeeper import Outcome, Runtime
from watchkeeper.adapters.configuration import load
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.time.moment import NS_PER_S

# The runtime.


def store(folder: Path, value: str | None) -> Any:
    document = watching({"http": {"url": NOWHERE}}, {"store": value and str(folder / value)})
    samples(folder, document)
    return (folder / "kept.db").exists()


def grace(folder: Path, value: str) -> Any:
    """How many notices a stop waits for, where the receiver takes a second, and with a short grace until the stop is over."""
    taken: list[bool] = []

    def slowly(notice: object) -> None:
        began.set()
        stopped.wait(1 if value == LONG else WITHIN_S)
        taken.append(True)

    began, stopped = threading.Event(), threading.Event()
    document = failing({"call": {"name": "one", "timeout": LONG}})
    document["runtime"] = {"grace": value}
    samples(folder, document, callables={"one": slowly}, settle=until(began))
    found = len(taken)
    stopped.set()
    return found


def held(folder: Path, runtime: dict[str, Any]) -> int:
    """How many of three functions run at the same time, each of which waits for as many as may, and a second for one more."""
    most, running, ran, guard = [0], [0], [0], threading.Lock()
    full, beyond = threading.Event(), threading.Event()
    may = min(3, *runtime.values())

    def hold() -> None:
        with guard:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == may:
                full.set()
            if running[0] > may:
                beyond.set()
        # A busy machine takes a while to begin them.
        if full.wait(WITHIN_S) and may < 3:
            beyond.wait(1)
        with guard:
            running[0] -= 1
            ran[0] += 1

    names = ("one", "two", "three")
    targets = [{"id": name, "every": "1h", "timeout": "20s", "call": {"name": name}} for name in names]
    document = {"runtime": runtime, "targets": targets}
    with Runtime.from_config(written(folder, document), {}, callables=dict.fromkeys(names, hold)) as made:
        for name in names:
            made.check_now(name)
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
        release.wait(60)

    document = failing({"call": {"name": "one", "timeout": LONG}, "in_flight_max": value})
    (target,) = document["targets"]
    document["targets"] = [{**target, "id": f"t{number}"} for number in range(3)]
    made = Runtime.from_config(written(folder, document), {}, callables={"one": hold})
    with made:
        for target in document["targets"]:
            made.check_now(target["id"])
        pause_for(lambda: len(made.incidents(open_only=True)) == 3 and most[0] >= value, idle)
        with_channel = most[0]
        release.set()
    return with_channel


def deny_private(folder: Path, value: bool) -> Any:
    with web() as server:
        return one_target(folder, {"http": {"url": server.url()}}, runtime={"deny_private_addresses": value})[
            1
        ]


ECDHE_ECDSA_AES128_SHA256 = 0xC023
"""The number of that suite in a hello (RFC 5289)."""


def tls_library(folder: Path, value: str) -> Any:
    """Whether the client offers a suite without authenticated encryption, as OpenSSL does and rustls does not."""
    authority = Authority(folder)
    with authority.listing_suites() as (port, offered):
        probe = {"http": {"url": f"https://127.0.0.1:{port}/", "tls": {"ca_file": authority.file}}}
        # The first exchange is libcurl's: it shows whether the fast engine may carry the next ones, which goes back to libcurl
        # for a while where an exchange of its own was late.
        samples(folder, watching(probe, {"tls_library": value}), count=6)
        return all(ECDHE_ECDSA_AES128_SHA256 in suites for suites in offered)


def debug(folder: Path, value: bool) -> Any:
    with logged("watchkeeper") as records:
        samples(folder, watching({"http": {"url": NOWHERE}}, {"debug": value}))
        return any("debug mode" in record.getMessage().lower() for record in records)


DAY_NS = 86_400 * NS_PER_S


def kept(key: str) -> Callable[[Path, str], Any]:
    """Returns, by kind, whether anything is left of three hours of samples after a hundred days."""

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
