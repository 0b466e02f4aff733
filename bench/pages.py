"""The CPU and the size of the pages of many targets with a past.

    python bench/pages.py [--targets 5000] [--days 90] [--rounds 5] [--serve PORT]

Prints one JSON object: CPU milliseconds of a request, the median of the rounds, and bytes. The store is synthetic: one
roll-up a day of each target, one an hour for the last two days, three days in a hundred with an incident. With `--serve`
the pages stay at that port until the process is stopped, for a look; up to 60 targets have the names of a small company.
"""

import argparse
import gzip
import http.client
import json
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import apsw
import msgspec
from machine import describe
from watchkeeper import Channel, Heartbeat, Http, Log, Runtime, Target, Web
from watchkeeper.adapters.stores.history.stored import Rollup
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.incident import Transition, TransitionKind
from watchkeeper.domain.incidents.record import Batch, BlindInterval
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.time.moment import Moment
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

COMPANY = {
    "Shop": "storefront, checkout, cart api, search, recommendations, images, reviews, vouchers",
    "Payments": "payments api, card gateway, invoices, ledger, fraud check, payouts, bank import",
    "Accounts": "login, accounts api, single sign-on, sessions, mail sender, sms provider, avatars",
    "Data": "orders db, orders replica, warehouse, queue, cache eu, cache us, object store, event log, exporter",
    "Jobs": "nightly backup, invoice run, stock sync, price import, newsletter, clean-up, sitemap, ledger close",
    "Network/Edge": "edge eu, edge us, edge ap, dns primary, dns secondary, vpn, office uplink",
    "Network/Inside": "proxy, registry, ci runners, artifacts, monitoring peer, time server, certificate renewal",
    "": "wiki, status mirror, coffee machine, door, lights, legacy portal, phone bridge",
}
BARS = {
    "overview_cpu_ms": 50.0,
    "all_rows_cpu_ms": 150.0,
    "row_bytes": 500.0,
    "all_rows_gzip_bytes": 350_000.0,
    "cold_cpu_ms": 1_500.0,
}
"""For 5,000 targets."""


class Peer(BaseHTTPRequestHandler):
    """Answers for the targets of the company; some of them badly."""

    def do_GET(self) -> None:
        status = 503 if "payments-api" in self.path or "coffee" in self.path else 200
        time.sleep(0.3 if "search" in self.path else random.random() * 0.02)
        body = b'{"status": "ok"}'
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def company(port: int, size: int) -> Iterator[Target]:
    """Yields the first targets of a small company, which a server of this process answers for."""
    pairs = [(group, name) for group, names in COMPANY.items() for name in names.split(", ")]
    for group, name in pairs[:size]:
        said: dict[str, Any] = {"id": name.replace(" ", "-"), "notify": ["oncall", "ops-chat"]}
        said |= {"name": name} | ({"group": group} if group else {})
        if group == "Jobs":
            yield Target(heartbeat=Heartbeat(), every="1d", **said)
            continue
        rules = [
            {"id": "down", "kind": "consecutive", "after": 2, "recover": 2, "severity": "critical"},
            {
                "id": "slow",
                "kind": "threshold",
                "measure": "response_time",
                "operator": ">",
                "value": 200,
                "window": 3,
                "aggregate": "p50",
                "severity": "warning",
            },
        ]
        url = f"http://127.0.0.1:{port}/{said['id']}"
        yield Target(http=Http(url=url), expect=["[STATUS] == 200"], every="5s", rules=rules, **said)


def many(size: int) -> Iterator[Target]:
    """Yields heartbeats in groups of 125, which cost nothing while the pages are measured."""
    for number in range(size):
        group = f"region-{number // 125:02}"
        yield Target(
            id=f"service-{number:04}", group=group, heartbeat=Heartbeat(), every="1d", notify=["oncall"]
        )


def fill(path: str, names: list[str], days: int, now_ns: int) -> None:
    """Writes the past: a roll-up for each day and target, hours of two days, and incidents."""
    chance, today = random.Random(7), now_ns // NS_PER_DAY
    store = SqliteStore(path)
    store.open(Moment(0, now_ns - days * NS_PER_DAY))
    bad = past_incidents(names, days, today, chance)
    blind = BlindInterval(
        (today - 10) * NS_PER_DAY, (today - 10) * NS_PER_DAY + 40 * NS_PER_MINUTE, "suspended"
    )
    for at in range(0, len(bad), 500):
        store.commit(Batch(transitions=tuple(step for pair in bad[at : at + 500] for step in pair)))
    store.commit(Batch(blind=(blind,)))
    store.close()
    connection = apsw.Connection(path)
    connection.pragma("synchronous", 0)
    connection.execute("BEGIN")
    ids = dict(zip(names, range(1, len(names) + 1), strict=True))
    connection.executemany(
        "INSERT OR IGNORE INTO target VALUES (?, ?)", ((n, name) for name, n in ids.items())
    )
    usual_us = {name: chance.choice((900, 4_000, 18_000, 41_000, 95_000, 240_000)) for name in names}
    for day in range(today - days, today):
        rows = (
            (day, n, body_of(1_440, chance.random() < 0.02, usual_us[name], chance))
            for name, n in ids.items()
        )
        connection.executemany("INSERT INTO daily VALUES (?, ?, ?)", rows)
        connection.execute("INSERT INTO rolled_day VALUES (?)", (day,))
    for hour in range(now_ns // NS_PER_HOUR - 48, now_ns // NS_PER_HOUR):
        rows = (
            (hour, n, body_of(60, chance.random() < 0.003, usual_us[name], chance)) for name, n in ids.items()
        )
        connection.executemany("INSERT INTO hourly VALUES (?, ?, ?)", rows)
        connection.execute("INSERT INTO sealed_hour VALUES (?)", (hour,))
    connection.execute("COMMIT")
    connection.close()


def past_incidents(
    names: list[str], days: int, today: int, chance: random.Random
) -> list[tuple[Transition, Transition]]:
    """Returns incidents that are over: three of a hundred days of each target have one, and one day has many."""
    made = []
    for number in range(int(len(names) * days * 0.03)):
        day = today - 20 if number % 9 == 0 else today - 1 - int(chance.random() * (days - 1))
        began_ns = day * NS_PER_DAY + int(chance.random() * 8 * NS_PER_HOUR)
        ended_ns = began_ns + int(chance.choice((0.1, 0.3, 0.8, 2, 5, 13)) * NS_PER_HOUR)
        severity = chance.choice((Severity.CRITICAL, Severity.WARNING, Severity.WARNING))
        first = Transition(
            id=f"inc_{number:024x}", sequence=1, change=TransitionKind.OPENED, target=chance.choice(names),
            rule="down", severity=severity, at_ns=began_ns, opened_at_ns=began_ns, reason="timed_out",
            cause="timed_out: no answer", latest="timed_out: no answer", explanation="timed_out: no answer",
        )  # fmt: skip
        last = msgspec.structs.replace(
            first, sequence=2, change=TransitionKind.RESOLVED, at_ns=ended_ns, resolved_at_ns=ended_ns,
            reason="recovered",
        )  # fmt: skip
        made.append((first, last))
    return made


def body_of(count: int, has_bad: bool, usual_us: int, chance: random.Random) -> bytes:
    """Returns a roll-up of so many samples."""
    bad = 1 + int(chance.random() * count / 20) if has_bad else 0
    mean_us = int(usual_us * (0.8 + 0.4 * chance.random()))
    return msgspec.msgpack.encode(
        Rollup(
            count,
            count - bad,
            bad,
            0,
            count - bad,
            mean_us * (count - bad),
            mean_us * 3,
            ((60, count - bad),),
        )
    )


def asked(port: int, path: str, **headers: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"accept": "text/html", **headers})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}: {body[:400]!r}")
    connection.close()
    return body


def cpu_ms(port: int, path: str) -> tuple[float, bytes]:
    """Returns the CPU of the whole process while one page is made and read."""
    began = time.process_time_ns()
    body = asked(port, path)
    return (time.process_time_ns() - began) / 1e6, body


def measured(port: int, targets: int, rounds: int) -> dict[str, float]:
    """Returns the figures of cold and of warm pages. A page is kept for a second: each round waits for longer.

    Every ten seconds the days of all targets are read anew by the first page that is asked for; each round begins with one
    that pays for it, so that the others are those of between.
    """
    found: dict[str, list[float]] = {
        f"{name}_cpu_ms": [] for name in ("group", "overview", "all_rows", "shared")
    }
    cold_ms, _ = cpu_ms(port, "/?view=all")
    sizes: dict[str, float] = {}
    for _ in range(rounds):
        for name, path in (("group", "/g/region-01"), ("overview", "/"), ("all_rows", "/?view=all")):
            time.sleep(1.2)
            spent_ms, body = cpu_ms(port, path)
            found[f"{name}_cpu_ms"].append(spent_ms)
            sizes |= {f"{name}_bytes": len(body), f"{name}_gzip_bytes": len(gzip.compress(body, 1))}
            if name == "all_rows":
                rows = re.findall(rb"<tr [^\n]+ data-t=[^\n]+", body)
                sizes["row_bytes"] = sum(map(len, rows)) / max(1, len(rows))
                found["shared_cpu_ms"].append(cpu_ms(port, path)[0])
    with_days_ms = max(found["group_cpu_ms"])
    middle = {name: round(statistics.median(values), 1) for name, values in found.items()}
    return {
        "targets": targets,
        "cold_cpu_ms": round(cold_ms, 1),
        "with_days_read_anew_cpu_ms": round(with_days_ms, 1),
        **middle,
        **sizes,
    }


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=5_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", type=int, metavar="PORT", help="serves the pages at this port, for a look")
    options = parser.parse_args(arguments)
    peer = ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=peer.serve_forever, daemon=True).start()
    few = options.targets <= 60
    targets = [*(company(peer.server_address[1], options.targets) if few else many(options.targets))]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "watch.db")
        fill(path, [target.id for target in targets], options.days, time.time_ns())
        channels = [Channel(id="oncall", log=Log()), Channel(id="ops-chat", log=Log())]
        web = Web(listen=f"127.0.0.1:{options.serve or 0}")
        with Runtime(targets=targets, channels=channels, store=path, web=web) as runtime:
            for target in targets:
                if target.heartbeat is not None:
                    runtime.heartbeat(target.id, ok=target.id not in {"nightly-backup", "service-0007"})
            link = runtime.login_link(role="operator")
            if options.serve:
                print(link, flush=True)
                threading.Event().wait()
            runtime.status()
            # The heartbeats are written and their memory is tidied.
            time.sleep(3)
            port = int(link.split(":")[2].partition("/")[0])
            figures = measured(port, options.targets, options.rounds)
    over = {name: figures[name] for name, bar in BARS.items() if figures[name] > bar} if not few else {}
    print(json.dumps({"machine": describe(), **figures, "over": over}, indent=1))
    return bool(over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
