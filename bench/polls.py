"""The cost of one check end to end, against prometheus-blackbox-exporter probing the same server at the same rate.

    python bench/polls.py [--pairs 5] [--only http] [--quick]

A kind of probe that the peer does not have is measured alone. Prints one JSON object. Ours is a complete runtime: cadence, probe, two or three
conditions, a rule, the sample stored in SQLite.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple

import blackbox
import kinds
import names
import nginx
import pycurl
import talking
from machine import describe, pause_cost, stay_on
from running import Running
from watchkeeper.domain.specification.probe import DialogueStep, Http, Tcp, Tls
from watchkeeper.domain.specification.probes.dns import Dns
from watchkeeper.domain.specification.probes.icmp import Icmp
from watchkeeper.domain.specification.probes.kinds import Probe
from watchkeeper.domain.specification.probes.tls_handshake import TlsHandshake
from watchkeeper.domain.specification.probes.web.grpc import Grpc
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target

OURS_CORE, SERVER_CORE = 0, 1
EVERY_S = dict.fromkeys(kinds.KINDS, 2)
EVERY_S |= {"http": 1, "https": 2, "tcp": 1, "dialogue": 1, "tls": 2, "dns": 1, "icmp": 1}
"""A handshake is let wait longer, so that a machine that is busy otherwise does not make it time out."""
WARM_S, WINDOW_S = 2.5, 3.0
QUICK_WINDOW_S = 2.0
BARS = {
    "http": 0.25,
    "https": 0.9,
    "https_rustls": 0.6,
    "tcp": 0.5,
    "dialogue": 0.5,
    "tls": 0.9,
    "dns": 0.5,
    "icmp": 0.5,
}
UP_SHARE_MIN, THROWN_AWAY_MAX = 0.99, 10
RULES = (Consecutive(id="down", after=3),)
STEPS = (
    DialogueStep(expect="^220 ([^ ]+) ESMTP"),
    DialogueStep(send="EHLO prober\r\n", expect="^250 "),
    DialogueStep(send="QUIT\r\n"),
)
EXPECT = {name: kind.expect for name, kind in kinds.KINDS.items()}
EXPECT |= {
    "http": ("[STATUS] == 200", "[RESPONSE_TIME] < 2000"),
    "https": ("[STATUS] == 200", "[RESPONSE_TIME] < 2000", "[CERTIFICATE_EXPIRATION] > 48h"),
    "tcp": ("[CONNECTED] == true", "[RESPONSE_TIME] < 2000"),
    "dialogue": ("[CONNECTED] == true", "[RESPONSE_TIME] < 2000"),
    "tls": ("[RESPONSE_TIME] < 2000", "[CERTIFICATE_EXPIRATION] > 48h"),
    "dns": ("[DNS_RCODE] == NOERROR", "[RESPONSE_TIME] < 2000"),
    "icmp": ("[CONNECTED] == true", "[RESPONSE_TIME] < 2000"),
}


class Load(NamedTuple):
    """How hard both sides are driven."""

    kind: str
    ours_per_s: int
    peer_in_flight: int = 0
    """0: the peer is driven at the same rate; else as fast as it can with so many under way."""
    tls_library: Literal["openssl", "rustls"] = "openssl"
    has_peer: bool = True

    @property
    def key(self) -> str:
        """The key of a target under which its probe is written."""
        return {"https": "http", "dialogue": "tcp"}.get(self.kind, self.kind)


ROWS = {
    "http": Load("http", 1_000),
    "https": Load("https", 550),
    "https_rustls": Load("https", 400, tls_library="rustls"),
    "tcp": Load("tcp", 2_500),
    "dialogue": Load("dialogue", 1_800),
    "tls": Load("tls", 700),
    "dns": Load("dns", 2_200),
    "icmp": Load("icmp", 2_200),
    "grpc": Load("grpc", kinds.KINDS["grpc"].per_s),
    **{name: Load(name, kind.per_s, has_peer=False) for name, kind in kinds.KINDS.items() if name != "grpc"},
    "http_full": Load("http", 4_000, 200),
    "tcp_full": Load("tcp", 5_000, 200),
}
"""First at equal rates, at which the peer is busy for six tenths of a core, and alone; then under load, where checks share wake-ups."""


class NotAllUp(Exception):  # the result of a run, not a fault of this script
    """Raised where too many checks of watchkeeper failed for their cost to be compared."""


class Servers(NamedTuple):
    """The servers that both sides check."""

    web: nginx.Nginx
    names: names.Names
    mail: talking.Talking
    own: Probe | None = None
    """The probe of a kind that has a server of its own."""


def target(kind: str, servers: Servers, number: int) -> Target:
    """One of many, checked every few seconds."""
    probe: dict[str, Any] = {}
    server = servers.web
    match kind:
        case "http":
            probe = {"http": Http(url=server.url(number))}
        case "https":
            probe = {
                "http": Http(url=server.url(number, secure=True), tls=Tls(ca_file=str(server.authority)))
            }
        case "tcp":
            probe = {"tcp": Tcp(host=nginx.address(number), port=server.plain)}
        case "dialogue":
            probe = {"tcp": Tcp(host=nginx.address(number), port=servers.mail.port, dialogue=STEPS)}
        case "tls":
            settings = Tls(ca_file=str(server.authority))
            probe = {"tls": TlsHandshake(host=nginx.address(number), port=server.secure, tls=settings)}
        case "dns":
            probe = {"dns": Dns(name=names.NAME, server="127.0.0.1", port=servers.names.port)}
        case "icmp":
            probe = {"icmp": Icmp(host=nginx.address(number))}
        case _:
            probe = {kind: servers.own}
    name, every = f"{kind}-{number}", f"{EVERY_S[kind]}s"
    return Target(
        id=name, every=every, timeout=every, expect=EXPECT[kind], rules=RULES, default_rules=False, **probe
    )


def named(kind: str, servers: Servers, number: int) -> str:
    """Returns the same target in the form of the peer."""
    address, server = nginx.address(number), servers.web
    match kind:
        case "tcp" | "tls":
            return f"{address}:{server.plain if kind == 'tcp' else server.secure}"
        case "dialogue":
            return f"{address}:{servers.mail.port}"
        case "dns":
            return f"127.0.0.1:{servers.names.port}"
        case "icmp":
            return address
        case "grpc" if isinstance(servers.own, Grpc):
            return f"{servers.own.host}:{servers.own.port}"
        case _:
            return server.url(number, secure=kind == "https")


def measure_ours(load: Load, servers: Servers, folder: Path, window_s: float) -> dict[str, float]:
    kind = load.kind
    targets = [target(kind, servers, number) for number in range(load.ours_per_s * EVERY_S[kind])]
    store = folder / f"{time.monotonic_ns()}.db"
    packages = kinds.installed_plugin(folder) if kind == "plugin" else None
    with Running(
        targets, core=OURS_CORE, store=store, tls_library=load.tls_library, packages=packages
    ) as running:
        time.sleep(WARM_S)
        figures = running.window(window_s)
        states = running.ask("states")
    if states["states"].get("up", 0) < UP_SHARE_MIN * len(targets) or states["problems"]:
        raise NotAllUp(f"not every target was up: {states}")
    return figures


def measure_theirs(load: Load, servers: Servers, folder: Path, window_s: float) -> dict[str, float]:
    kind = load.kind
    listed = [named(kind, servers, number) for number in range(load.ours_per_s * EVERY_S[kind])]
    with blackbox.Blackbox(folder, servers.web.authority, OURS_CORE) as peer:
        return peer.window(kind, listed, load.ours_per_s, load.peer_in_flight, (WARM_S, window_s))


def row_of(name: str, servers: Servers, folder: Path, pairs: int, window_s: float) -> dict[str, object]:
    """Returns the figures of a row, with a server of its own where its kind needs one."""
    kind = kinds.KINDS.get(ROWS[name].kind)
    if kind is None:
        return compare(name, servers, folder, pairs, window_s)
    with kind.serving(kinds.Place(SERVER_CORE, folder, servers.web)) as probe:
        measured = compare if ROWS[name].has_peer else alone
        return measured(name, servers._replace(own=probe), folder, pairs, window_s)


def alone(name: str, servers: Servers, folder: Path, times: int, window_s: float) -> dict[str, object]:
    """Watchkeeper several times; each figure is the median. A run in which targets were not up is no result."""
    runs = []
    while len(runs) < times:
        runs.append((measure_ours(ROWS[name], servers, folder, window_s),))
        cost_us = runs[-1][0]["cpu_us_per_check"]
        print(f"{name} {len(runs)}/{times}: {cost_us:.0f} us", file=sys.stderr)
    return {
        "ours_cpu_us": _median(runs, 0, "cpu_us_per_check"),
        "ours_per_s": _median(runs, 0, "checks_per_s"),
        "ours_core_share": round(statistics.median(mine["core_share"] for (mine,) in runs), 3),
    }


def compare(name: str, servers: Servers, folder: Path, pairs: int, window_s: float) -> dict[str, object]:
    """Both in turn, several times; the ratio is the median of the pairs' ratios."""
    runs, load = [], ROWS[name]
    thrown_away = 0
    while len(runs) < pairs:
        try:
            mine = measure_ours(load, servers, folder, window_s)
            theirs = measure_theirs(load, servers, folder, window_s)
        except (NotAllUp, blackbox.PeerFailed) as error:
            thrown_away += 1
            print(f"{name}: a pair is thrown away: {error}", file=sys.stderr)
            if thrown_away > THROWN_AWAY_MAX:
                raise
            continue
        runs.append((mine, theirs))
        costs = mine["cpu_us_per_check"], theirs["cpu_us_per_check"]
        print(f"{name} {len(runs)}/{pairs}: {costs[0]:.0f} against {costs[1]:.0f} us", file=sys.stderr)
    ratios = [mine["cpu_us_per_check"] / theirs["cpu_us_per_check"] for mine, theirs in runs]
    ratio = statistics.median(ratios)
    bar = BARS.get(name, BARS.get(load.kind))
    return {
        "ours_cpu_us": _median(runs, 0, "cpu_us_per_check"),
        "blackbox_cpu_us": _median(runs, 1, "cpu_us_per_check"),
        "ratio": round(ratio, 3),
        "ratios": [round(each, 3) for each in ratios],
        **({} if bar is None else {"bar": bar, "met": ratio <= bar}),
        "ours_per_s": _median(runs, 0, "checks_per_s"),
        "blackbox_per_s": _median(runs, 1, "checks_per_s"),
        "pairs_thrown_away": thrown_away,
        "ours_core_share": round(statistics.median(mine["core_share"] for mine, _ in runs), 3),
    }


def _median(runs: list[tuple[dict[str, float], ...]], side: int, key: str) -> float:
    return round(statistics.median(run[side][key] for run in runs), 1)


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", choices=ROWS, nargs="+")
    parser.add_argument(
        "--quick", action="store_true", help="two short pairs each: a look, not a figure to quote"
    )
    parser.add_argument("--list", action="store_true", help="print the rows, and the kind of probe of each")
    options = parser.parse_args(arguments)
    if options.list:
        print(json.dumps({name: load.key for name, load in ROWS.items()}, indent=2))
        return 0
    for peer in (nginx, blackbox):
        if not peer.installed():
            print(peer.INSTALL, file=sys.stderr)
            return 2
    stay_on(SERVER_CORE)
    pairs, window_s = (2, QUICK_WINDOW_S) if options.quick else (options.pairs, WINDOW_S)
    rows = options.only or list(ROWS)
    with (
        tempfile.TemporaryDirectory() as name,
        nginx.Nginx(Path(name), SERVER_CORE) as web,
        names.Names(SERVER_CORE) as named_by,
        talking.Talking(SERVER_CORE) as mail,
    ):
        servers = Servers(web, named_by, mail)
        checks = {row: row_of(row, servers, Path(name), pairs, window_s) for row in rows}
    setting = {"pairs": pairs, "window_s": window_s, "quick": options.quick, "curl": pycurl.version}
    setting |= {"blackbox": blackbox.version(), "the_same_work": pause_cost()}
    print(json.dumps({"checks": checks, "setting": setting, "machine": describe()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
