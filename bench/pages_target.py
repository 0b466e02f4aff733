"""The CPU of the page of one target and of one incident, at 90 days of hours.

    python bench/pages_target.py [--targets 500] [--rounds 9]

Prints one JSON object: CPU milliseconds of the process around one request, the median of the rounds, and the bytes of the
page. The store is synthetic: a roll-up for each day of a year and each hour of 90 days of every target, and for the one
that is shown its samples of a day, one a minute, and 90 incidents.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import apsw
import msgspec
from machine import describe
from watchkeeper import Heartbeat, Runtime, Target, Threshold
from watchkeeper.adapters.stores.history.stored import Rollup
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.incident import Transition, TransitionKind
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.sample import Sample
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.time.moment import Moment
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS

SHOWN = "target-7"
BAR_MS = 60.0
"""The CPU of every page below, on an idle machine of 2026."""
SPANS = ("1h", "24h", "7d", "30d", "90d", "1y")


def fill(path: str, targets: int, now_ns: int) -> None:
    """Writes the roll-ups of all targets by their tables, and what only one target has by the door of the store."""
    store = SqliteStore(path)
    store.open(Moment(0, now_ns - 365 * NS_PER_DAY))
    for number in range(90):
        store.commit(Batch(transitions=incident(now_ns - (number + 1) * NS_PER_DAY)))
    store.commit(Batch(samples=tuple(samples(now_ns))))
    later = Moment(2 * NS_PER_DAY, now_ns)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    while store.run_maintenance(later):
        pass
    store.close()
    body = msgspec.msgpack.encode(
        Rollup(120, 118, 1, 1, 118, 2_000_000, 90_000, tuple((number, 5) for number in range(30, 54)))
    )
    connection = apsw.Connection(path)
    connection.pragma("synchronous", 0)
    connection.execute("BEGIN")
    names = ((number, f"target-{number}") for number in range(1, targets + 1))
    connection.executemany("INSERT OR IGNORE INTO target (id, name) VALUES (? + 1000, ?)", names)
    ids = [number for (number,) in connection.execute("SELECT id FROM target")]
    today, hour = now_ns // NS_PER_DAY, now_ns // NS_PER_HOUR
    for day in range(today - 365, today):
        ids_of_day = ids if day < today - 1 else [number for number in ids if number > 1_000]
        connection.executemany(
            "INSERT INTO daily VALUES (?, ?, ?)", ((day, number, body) for number in ids_of_day)
        )
        connection.execute("INSERT OR IGNORE INTO rolled_day VALUES (?)", (day,))
    for each in range(hour - 90 * 24, hour - 25):
        connection.executemany(
            "INSERT INTO hourly VALUES (?, ?, ?)", ((each, number, body) for number in ids)
        )
        connection.execute("INSERT OR IGNORE INTO sealed_hour VALUES (?)", (each,))
    connection.execute("COMMIT")
    connection.close()


def incident(opened_at_ns: int) -> tuple[Transition, Transition]:
    said: dict[str, Any] = {
        "id": f"inc_{opened_at_ns:024x}",
        "target": SHOWN,
        "rule": "missed",
        "severity": Severity.CRITICAL,
        "opened_at_ns": opened_at_ns,
        "cause": "heartbeat_missed",
        "latest": "heartbeat_missed",
    }
    opened = Transition(
        sequence=1, change=TransitionKind.OPENED, at_ns=opened_at_ns, reason="heartbeat_missed", **said
    )
    ended_ns = opened_at_ns + 10 * NS_PER_MINUTE
    return opened, Transition.after(
        opened, TransitionKind.RESOLVED, ended_ns, reason="recovered", resolved_at_ns=ended_ns
    )


def samples(now_ns: int) -> list[Sample]:
    return [
        Sample(
            target=SHOWN,
            epoch=1,
            attempt=number,
            at=Moment(number, now_ns - NS_PER_DAY + number * NS_PER_MINUTE),
            outcome=Outcome.UP,
            reason=Reason.OK,
            latency_ns=(20 + number % 37) * NS_PER_MS,
        )
        for number in range(1_440)
    ]


async def ask(app: Callable[..., Any], path: str) -> bytes:
    """Returns the body of a page, asked for without a socket."""
    where, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": where,
        "raw_path": where.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": [(b"accept", b"text/html"), (b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if sent[0]["status"] != 200:
        raise SystemExit(f"{path}: {sent[0]['status']}: {sent[-1]['body'].decode()[:400]}")
    return b"".join(message.get("body", b"") for message in sent[1:])


async def measure(app: Callable[..., Any], paths: dict[str, str], rounds: int) -> dict[str, list[float]]:
    """Returns the CPU milliseconds of each page in each round, and its bytes last."""
    found: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(rounds + 1):
        for name, path in paths.items():
            before_ns = time.process_time_ns()
            body = await ask(app, path)
            found[name].append((time.process_time_ns() - before_ns) / 1e6)
            if len(found[name]) == rounds + 1:
                # The first one compiles templates.
                found[name] = [*found[name][1:], float(len(body))]
    return found


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path, now_ns = str(Path(folder) / "store.db"), time.time_ns()
        fill(path, options.targets, now_ns)
        print(f"the store is filled: {Path(path).stat().st_size / 1e6:.0f} MB", file=sys.stderr)
        slow = Threshold(id="slow", value=300, window="5m", aggregate="p95", severity="warning")
        targets = [
            Target(
                id=f"target-{number}", heartbeat=Heartbeat(), every="1d", rules=[slow] if number == 7 else ()
            )
            for number in range(1, options.targets + 1)
        ]
        with Runtime(targets=targets, store=path) as runtime:
            app = runtime.asgi(lambda _scope: ("bench", "viewer"))
            paths = {f"target_{span}": f"/t/{SHOWN}?span={span}" for span in SPANS}
            paths |= {"incidents": "/incidents", "incident": f"/i/{incident(now_ns - 9 * NS_PER_DAY)[0].id}"}
            found = asyncio.run(measure(app, paths, options.rounds))
    figures = {name: round(median(values[:-1]), 1) for name, values in found.items()}
    met = {name: value <= BAR_MS for name, value in figures.items()}
    said = {
        "machine": describe(),
        "targets": options.targets,
        "cpu_ms": figures,
        "bytes": {name: int(values[-1]) for name, values in found.items()},
        "bar_ms": BAR_MS,
        "met": met,
    }
    print(json.dumps(said, indent=2))
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
