"""The database of a cluster: one server, or a primary with its standby, and what may happen to them."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

import psycopg
from debian import find, give_away, has_program, unprivileged
from postgres_server import PostgresServer

from tests.system.clustering.network import Link, Network

WITHIN_S = 60.0
ANSWER_S = 20
PAUSE = threading.Event()
"""Never set: waiting for it is a pause."""
SETTINGS = ("max-connections=200",)
"""A connection for each shard of each node, and those of nodes that were cut off."""
HBA = (
    "local all all trust",
    "local replication all trust",
    "host all all 127.0.0.1/32 trust",
    "host replication all 127.0.0.1/32 trust",
)


def can_replicate() -> bool:
    """Whether a standby can be made: Debian's package has the program for it."""
    return has_program("pg_basebackup")


class Copy(PostgresServer):
    """A standby of another server, which it follows through a link."""

    def __init__(self, primary: PostgresServer, link: Link, port: int) -> None:
        super().__init__(hba=HBA, settings=SETTINGS)
        self._primary, self._link = primary, link
        self.port = port

    def _initialise(self) -> None:
        give_away(self.folder)
        source = f"host=127.0.0.1 port={self._link.port} user={self._primary.user} sslmode=disable gssencmode=disable"
        command = [
            find("pg_basebackup", "postgresql"),
            *("-D", str(self.data), "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync"),
        ]
        done = subprocess.run(
            command, check=False, capture_output=True, cwd=self.folder, timeout=WITHIN_S, **unprivileged()
        )
        assert done.returncode == 0, done.stderr.decode()

    def promote(self) -> None:
        """Makes it the primary. Blocks until it takes writes."""
        assert self.sql("SELECT pg_promote(true, 30)") == "t"


class Database:
    """The servers of a run. `server` is the one that takes writes."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._copies: list[tuple[Copy, Link]] = []
        with ExitStack() as made:
            self.server: PostgresServer = made.enter_context(PostgresServer(hba=HBA, settings=SETTINGS))
            self.server.sql("CREATE DATABASE watch")
            self._servers = made.pop_all()

    @property
    def port(self) -> int:
        return self.server.port

    def close(self) -> None:
        self._servers.close()

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Runs a statement by a connection of its own to the primary, and returns its rows."""
        with psycopg.connect(
            self._dsn(database),
            autocommit=True,
            connect_timeout=ANSWER_S,
            options=f"-c statement_timeout={ANSWER_S}s",
        ) as connection:
            found = connection.execute(statement)  # type: ignore[arg-type]  # texts of the harness alone
            rows = found.fetchall() if found.description else []
        return "\n".join("|".join(map(str, row)) for row in rows)

    @property
    def dsn(self) -> str:
        """The parameters for a connection of the harness itself."""
        return self._dsn("watch")

    def _dsn(self, database: str) -> str:
        return f"host={self.server.folder} port={self.server.port} user={self.server.user} dbname={database}"

    def backend_of(self, port: int) -> int:
        """Returns the process of the server that serves the client with a port; 0 where none does."""
        found = self.sql(f"SELECT pid FROM pg_stat_activity WHERE client_port = {port}")  # noqa: S608 - a number
        return int(found or 0)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Stops every process of the server, until the end of the block."""
        stopped = self._processes()
        for pid in stopped:
            _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(self._processes()):
                _signal(pid, signal.SIGCONT)

    def _processes(self) -> list[int]:
        first = int((self.server.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        # The first one, stopped, makes no more of them.
        return [first, *_children(first)]

    def stop(self, *, fast: bool = True) -> None:
        self.server.stop(fast=fast)

    def start(self) -> None:
        self.server.start()

    def follow(self, port: int, *, synchronous: bool) -> None:
        """Makes a standby of the primary that listens on a port, and waits until it has all."""
        link = self._network.link(self.server.port)
        copy = self._servers.enter_context(Copy(self.server, link, port))
        self._copies.append((copy, link))
        if synchronous:
            self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.server.reload()
        wanted = "sync" if synchronous else "async"
        question = (
            f"SELECT count(*) FROM pg_stat_replication WHERE sync_state = '{wanted}' AND state = 'streaming'"  # noqa: S608 - a word
        )
        for _ in range(int(WITHIN_S * 10)):
            if self.sql(question) != "0":
                return
            PAUSE.wait(0.1)
        raise AssertionError("the standby does not follow its primary")

    def lag(self) -> None:
        """Lets nothing more reach the standby."""
        self._copies[-1][1].cut()

    def fail_over(self) -> None:
        """Kills the primary and promotes its standby, which is the primary from then on."""
        copy, _ = self._copies.pop()
        self.server.kill()
        copy.promote()
        self.server = copy


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == parent:
            found.append(int(status.parent.name))
    return found
