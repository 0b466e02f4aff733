"""Nodes on a database: CPU of a check beside SQLite, an idle node, the start of one, and a planned hand-over.

    python bench/cluster.py [--pairs 3] [--seconds 10] [--quick]

Prints one JSON object. A PostgreSQL of its own runs in a temporary folder. A thousand targets are checked each second by a whole runtime with
its record in SQLite, then in PostgreSQL, by turns; the ratio is the median of the pairs, and CPU of the server is that of all its processes. An idle node
has one target that is never checked. A start lasts from the new process to the last shard with an owner; a hand-over begins with the first shard that
the old node leaves for a new one; `unowned_s` is the longest time that one shard had no owner, there and back together. `gap_s` is the longest time between two checks of one target meanwhile, with a check each second.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import nginx
import psycopg
from machine import NICENESS, describe
from postgres import server_s
from running import Running
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from postgres_server import PostgresServer

from tests.system.clustering.nodes import write_plan
from tests.system.outside import Loopback, answer
from tests.system.processes import Watch

CHECKS_PER_S = 1_000
ANY_CORE, SERVER_CORE = -1, 1
"""A node has a loop for each shard: on one core that others use, too, they wait for each other."""
WARM_S = 4.0
TRIES, UP_SHARE_MIN = 5, 0.95
"""A span in which the machine was busy otherwise is measured again."""
SHARDS = (16, 64)
BARS = {"ratio_max": 1.1, "server_us_max": 10.0, "gap_s_max": 2.1}
LOOK_S = 0.01
WITHIN_S = 60.0
HBA = ("local all all trust", "host all all 127.0.0.1/32 trust")
IDLE = """
import sys, time
from watchkeeper import Heartbeat, Runtime, Target
with Runtime(store=sys.argv[1], targets=[Target(id="job", every="1h", heartbeat=Heartbeat())]) as runtime:
    time.sleep(8)
    print("idle", flush=True)
    before = time.process_time_ns()
    time.sleep(float(sys.argv[2]))
    print((time.process_time_ns() - before) / 1000 / float(sys.argv[2]), flush=True)
"""


class Databases:
    """Makes databases of one server, a new one for each store."""

    def __init__(self, server: PostgresServer) -> None:
        self.server, self._count = server, 0

    def new(self, shards: int) -> str:
        """Returns the URL of a store that is not there yet."""
        self._count += 1
        self.server.sql(f"CREATE DATABASE watch{self._count}")
        return f"postgresql://{self.server.user}@127.0.0.1:{self.server.port}/watch{self._count}?sslmode=disable&shards={shards}"

    @property
    def dsn(self) -> str:
        """The newest one, for the script itself."""
        return f"host={self.server.folder} port={self.server.port} user={self.server.user} dbname=watch{self._count}"


def checked(
    server: nginx.Nginx, store: str, seconds: float, database: PostgresServer | None
) -> tuple[float, float]:
    """Returns the CPU of a check in microseconds: that of the runtime, and that of the database's server."""
    targets = [
        Target(
            id=f"t{number}",
            every="1s",
            http=Http(url=server.url(number)),
            rules=(Consecutive(id="down", after=3),),
            default_rules=False,
        )
        for number in range(CHECKS_PER_S)
    ]
    with Running(targets, core=ANY_CORE, store=store) as running:
        time.sleep(WARM_S)
        for _ in range(TRIES):
            opened = _opened(running)
            before_s = 0.0 if database is None else server_s(database)
            found = running.window(seconds)
            after_s = 0.0 if database is None else server_s(database)
            if _opened(running) == opened and found["checks_per_s"] > UP_SHARE_MIN * CHECKS_PER_S:
                return found["cpu_us_per_check"], (after_s - before_s) * 1e6 / found["checks"]
    raise SystemExit("this machine is too busy: checks time out")


def _opened(running: Running) -> int:
    """Returns how many incidents there were: a target that times out has costs of its own."""
    return int(running.ask("figures")["counters"].get("incidents_opened", 0))


def checks(databases: Databases, pairs: int, seconds: float, shards: int) -> dict[str, float]:
    """Compares checks with a record in SQLite with those in PostgreSQL."""
    found = []
    with tempfile.TemporaryDirectory() as folder, nginx.Nginx(Path(folder), SERVER_CORE) as server:
        # As the runtime itself: one that comes before it takes the core at each answer where both share one, and a check costs a quarter more.
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, server.process.pid, NICENESS)
        for number in range(pairs):
            sqlite, _ = checked(server, str(Path(folder) / f"{number}.db"), seconds, None)
            ours, theirs = checked(server, databases.new(shards), seconds, databases.server)
            found.append((sqlite, ours, theirs))
            print(
                f"pair {number + 1} with {shards} shards: {sqlite:.0f} {ours:.0f} {theirs:.1f} us",
                file=sys.stderr,
            )
    return {
        "sqlite_us": round(statistics.median(each[0] for each in found), 1),
        "postgres_us": round(statistics.median(each[1] for each in found), 1),
        "ratio": round(statistics.median(each[1] / each[0] for each in found), 3),
        "server_us": round(statistics.median(each[2] for each in found), 1),
    }


def idle(databases: Databases, seconds: float, shards: int) -> dict[str, float]:
    """Returns the CPU of an idle node and of the server in a second, in microseconds."""
    command = [sys.executable, "-c", IDLE, databases.new(shards), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        before_s = server_s(databases.server)
        spent_us = float(process.stdout.readline())
        server_us = (server_s(databases.server) - before_s) * 1e6 / seconds
    return {"node_us_per_s": round(spent_us), "server_us_per_s": round(server_us)}


class Asked(Loopback):
    """A server that keeps when each target was asked."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}
        super().__init__(self._respond)

    def _respond(self, request) -> None:
        self.times.setdefault(request.path, []).append(time.monotonic())
        answer(request, 200)

    def gap_s(self, since: float, until: float) -> float:
        """Returns the longest time between two checks of one target in a stretch of time."""
        gaps = [
            later - earlier
            for times in self.times.values()
            for earlier, later in pairwise(times)
            if later > since and earlier < until
        ]
        return max(gaps, default=0.0)


def owners(connection: psycopg.Connection) -> dict[int, str]:
    """Returns the process that has each shard, empty where none has; nothing before the store was made."""
    try:
        found = connection.execute("SELECT shard, owner FROM watchkeeper.shard").fetchall()
    except psycopg.errors.UndefinedTable:
        return {}
    return {shard: owner.partition(" since ")[0] for shard, owner in found}


class Looks:
    """Looks at the owners again and again, and counts how long each shard has none."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self.unowned_s: dict[int, float] = {}

    def until(self, wanted: Callable[[dict[int, str]], bool]) -> float:
        """Looks until the owners are as wanted, and returns the moment. Raises: TimeoutError."""
        begun = last = time.monotonic()
        while last - begun < WITHIN_S:
            rows, now = owners(self._connection), time.monotonic()
            for shard, owner in rows.items():
                if not owner:
                    self.unowned_s[shard] = self.unowned_s.get(shard, 0.0) + now - last
            if rows and wanted(rows):
                return now
            last = now
            threading.Event().wait(LOOK_S)
        raise TimeoutError("the shards have not come to their owners")


def hand_over(databases: Databases, shards: int, targets: int) -> dict[str, float]:
    """Starts a node, then another one, and ends that in good order: each half of the shards goes there and back."""
    databases.new(shards)
    database = databases.dsn.rpartition("dbname=")[2]
    with tempfile.TemporaryDirectory() as folder:
        site, plan = Asked(), Path(folder) / "watch.yaml"
        names = [f"t{number}" for number in range(targets)]
        write_plan(plan, site=site.url, receiver=site.url, names=names, every="1s", shards=shards)
        place = {"PGHOST": "127.0.0.1", "PGPORT": str(databases.server.port), "PGDATABASE": database}
        plan.write_text(plan.read_text().replace("@/watch?", f"@/{database}?"))

        def node(name: str) -> Watch:
            state = Path(folder) / name
            state.mkdir()
            return Watch(plan, options=("--node", name), environment={**place, "STATE_DIRECTORY": str(state)})

        try:
            with psycopg.connect(databases.dsn, autocommit=True) as connection:
                return _moved(node, Looks(connection), Looks(connection), site)
        finally:
            site.close()


def _moved(node: Callable[[str], Watch], first: Looks, second: Looks, site: Asked) -> dict[str, float]:
    begun = time.monotonic()
    with node("alder") as old:
        owned = first.until(lambda rows: all(rows.values()))
        old.until_watching()
        threading.Event().wait(WARM_S)
        with node("birch") as new:
            name = next(iter(owners(second._connection).values()))  # noqa: SLF001 - of this file
            left = second.until(lambda rows: any(owner != name for owner in rows.values()))
            shared = second.until(
                lambda rows: (
                    all(rows.values()) and 2 * sum(owner != name for owner in rows.values()) >= len(rows) - 1
                )
            )
            threading.Event().wait(WARM_S)
            ended = time.monotonic()
            new.signal(15)
            back = second.until(lambda rows: all(owner == name for owner in rows.values()))
            new.wait()
        threading.Event().wait(WARM_S)
        gap_s = site.gap_s(left, back + 1.0)
    return {
        "start_s": round(owned - begun, 2),
        "to_a_new_node_s": round(shared - left, 2),
        "from_a_node_that_ends_s": round(back - ended, 2),
        "unowned_s": round(max(second.unowned_s.values(), default=0.0), 2),
        "gap_s": round(gap_s, 2),
    }


def judged(found: dict[str, dict[str, float]]) -> dict[str, bool]:
    """Returns which bars are met, by each measurement that has one."""
    limits = {"ratio": "ratio_max", "server_us": "server_us_max", "gap_s": "gap_s_max"}
    return {
        f"{name}_{figure}": each[figure] <= BARS[limit]
        for name, each in found.items()
        for figure, limit in limits.items()
        if figure in each
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--quick", action="store_true", help="one pair of 3 s")
    given = parser.parse_args()
    pairs, seconds = (1, 3.0) if given.quick else (given.pairs, given.seconds)
    found: dict[str, dict[str, float]] = {}
    with PostgresServer(hba=HBA, settings=("max-connections=300",)) as server:
        databases = Databases(server)
        for shards in (1, SHARDS[0]):
            found[f"checks_{shards}_shards"] = checks(databases, pairs, seconds, shards)
        for shards in SHARDS:
            found[f"idle_{shards}_shards"] = idle(databases, seconds, shards)
            found[f"nodes_{shards}_shards"] = hand_over(databases, shards, targets=200)
    met = judged(found)
    print(
        json.dumps({**found, "bars": BARS, "met": met, "quick": given.quick, "machine": describe()}, indent=1)
    )
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
