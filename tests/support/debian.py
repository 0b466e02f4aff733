"""Programs of Debian's packages that tests run, and the unprivileged account under which servers refuse to be root."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import trustme
from looking import until
from ports import free_port

WITHIN_S = 60.0

PLACES = ("/usr/sbin", "/usr/lib/postgresql/*/bin")
"""Folders of servers that the PATH of a user may lack."""


def can_install() -> bool:
    """Whether a missing package can be installed: root on Debian."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def has_program(program: str) -> bool:
    """Whether a program is installed."""
    return _found(program) is not None


def is_there(program: str) -> bool:
    """Whether a program is installed, or can be."""
    return has_program(program) or can_install()


@cache
def find(program: str, package: str) -> str:
    """Returns the path of a program such as `mosquitto`; root installs its package where it is missing. Raises: CalledProcessError."""
    found = _found(program)
    if found is None and can_install():
        install([package])
        found = _found(program)
    return found or program


def install(packages: Iterable[str]) -> None:
    """Installs packages, and starts none of their services. Raises: CalledProcessError."""
    # A service of the package would take its usual port and a user's data folder; the tests run their own.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run(["apt-get", "update", "--quiet"], check=True, stdout=subprocess.DEVNULL)
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def _found(program: str) -> str | None:
    found = shutil.which(program)
    if found is not None:
        return found
    places = [each for place in PLACES for each in sorted(Path("/").glob(place.removeprefix("/")))]
    return next((str(place / program) for place in reversed(places) if (place / program).exists()), None)


def unprivileged() -> dict[str, int]:
    """Returns the arguments of `subprocess` that run a program as nobody, where this process is root; otherwise none."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


def give_away(folder: Path) -> None:
    """Makes a folder that of the unprivileged account, where this process is root."""
    account = unprivileged()
    if account:
        os.chown(folder, account["user"], account["group"])


class Identity(NamedTuple):
    """The files by which a server proves itself."""

    certificate: Path
    key: Path


def identity(folder: Path, ca: trustme.CA, *names: str) -> Identity:
    """Writes a certificate and its key into a folder, so that the unprivileged account alone reads the key."""
    issued = ca.issue_cert(*names or ("127.0.0.1",))
    made = Identity(folder / "server.crt", folder / "server.key")
    for path, pem in ((made.certificate, issued.cert_chain_pems[0]), (made.key, issued.private_key_pem)):
        pem.write_to_path(path)
        give_away(path)
        path.chmod(0o600)
    return made


class Daemon:
    """A server of a package, run in a temporary folder from the begin of `with` to its end, under an unprivileged account."""

    def __init__(self, name: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self.host, self.port = "127.0.0.1", free_port()
        self._process: subprocess.Popen[bytes] | None = None
        give_away(self.folder)

    def command(self) -> list[str]:
        """Prepares the folder, and returns the words that run the server in the foreground."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self._start(self.command())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self, command: list[str]) -> None:
        log = self.folder / "log"
        with log.open("ab") as said:
            self._process = process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **unprivileged()
            )
        assert until(lambda: process.poll() is not None or self._is_ready(), WITHIN_S), log.read_text()
        assert process.poll() is None, log.read_text()

    def _is_ready(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), WITHIN_S).close()
        except OSError:
            return False
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name: str, text: str) -> Path:
        """Writes a file into the folder that the server can read."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        give_away(path)
        return path
