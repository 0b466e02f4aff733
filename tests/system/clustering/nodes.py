"""One node: a process of the product, with its own way to the database and its own folder for its state."""

import http
import http.client
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.system.clustering.network import Link, Network
from tests.system.outside import SECRET
from tests.system.processes import COMMAND, Watch

NAMES = ("alder", "birch", "cedar", "dogwood")
"""Words that are in the name of no host."""
UNFENCED = (str(Path(__file__).with_name("unfenced_node.py")),)
ASK_WITHIN_S = 5.0
CONFIGURATION = """\
runtime: {{store: "postgresql://keeper@/watch?{options}", grace: 3s, notify: []}}
channels:
  - {{id: ops, webhook: {{url: "{receiver}/notices/1", secret: {secret}, timeout: 30s}}, in_flight_max: 16}}
targets:
"""
TARGET = """\
  - {{id: {name}, every: {every}, timeout: {every}, http: {{url: "{site}/{name}"}}, notify: [ops],
      flapping: false, default_rules: false,
      rules: [{{id: down, kind: consecutive, after: 2, recover: 2, severity: critical}}]}}
"""
HEARTBEAT = """\
  - {{id: {name}, every: {every}, heartbeat: {{grace: {grace}}}, notify: [ops], flapping: false}}
"""
PAIR = """\
  - {{id: pair-{number}, every: {every}, composite: {{worst_of: [{first}, {second}]}}, default_rules: false}}
"""


class Heartbeats(NamedTuple):
    """The heartbeats of a run: their names, and when a silent one is missed."""

    names: tuple[str, ...] = ()
    every: str = "2s"
    grace: str = "8s"


NO_HEARTBEATS = Heartbeats()


def write_plan(
    path: Path,
    *,
    site: str,
    receiver: str,
    names: Sequence[str],
    every: str,
    shards: int,
    heartbeats: Heartbeats = NO_HEARTBEATS,
    pairs: Sequence[Sequence[str]] = (),
) -> None:
    """Writes the one configuration of all nodes: host and port of the database are in the environment of each.

    The two targets of each pair lie on one shard, as a third one is made from both.
    """
    options = f"sslmode=disable&gssencmode=disable&shards={shards}"
    head = CONFIGURATION.format(options=options, receiver=receiver, secret=SECRET)
    each = [TARGET.format(name=name, every=every, site=site) for name in names]
    each += [
        HEARTBEAT.format(name=name, every=heartbeats.every, grace=heartbeats.grace)
        for name in heartbeats.names
    ]
    each += [
        PAIR.format(number=number, every=every, first=first, second=second)
        for number, (first, second) in enumerate(pairs)
    ]
    path.write_text(head + "".join(each))


class Node:
    """A node that may be killed, frozen and cut off, and started again."""

    def __init__(
        self,
        name: str,
        folder: Path,
        plan: Path,
        network: Network,
        ports: Sequence[int],
        *,
        is_fenced: bool = True,
    ) -> None:
        self.name = name
        self.links: list[Link] = [network.link(port) for port in ports]
        self._plan, self._is_fenced = plan, is_fenced
        self.code: Path | None = None
        """The folder with the package of another version; None: the one under test."""
        self._state = folder / name
        self._state.mkdir()
        self.process: Watch | None = None
        self.pid = 0
        """That of its last process."""
        self.said: list[str] = []

    def start(self) -> None:
        """Starts its process."""
        command = COMMAND if self._is_fenced else UNFENCED
        for left in self._state.glob("*.sock"):
            left.unlink()
        self.process = Watch(
            self._plan,
            command=command,
            environment=self.environment(),
            options=("--node", self.name),
        )
        self.pid = self.process.pid

    def environment(self) -> dict[str, str]:
        """Returns the variables of its process, and of verbs that ask it."""
        found = {
            "PGHOST": ",".join("127.0.0.1" for _ in self.links),
            "PGPORT": ",".join(str(link.port) for link in self.links),
            "STATE_DIRECTORY": str(self._state),
            "HOME": str(self._state),
        }
        return found if self.code is None else {**found, "PYTHONPATH": str(self.code)}

    def until_ready(self) -> None:
        """Waits until it watches or stands by. Raises: AssertionError where it does neither in time."""
        assert self.process is not None
        assert self.process.errors.wait_for("watching: "), f"{self.name}: {self.process.errors.all()}"

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.is_alive

    def owns(self, owner: str) -> bool:
        """Whether the owner of a shard, as its row says, is this node."""
        return f"process {self.pid} on " in owner

    def has_connection(self, port: int, to: int) -> bool:
        """Whether a connection from a port of this machine to another one is that of its process."""
        inode = _inode_of(port, to)
        return inode is not None and any(
            _target(each) == f"socket:[{inode}]" for each in _descriptors(self.pid)
        )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self._close()

    def stop(self) -> int:
        """Ends it in good order. Returns its status."""
        assert self.process is not None
        status = self.process.stop()
        self._close()
        return status

    def _close(self) -> None:
        assert self.process is not None
        self.said += [*self.process.lines.close(), *self.process.errors.close()]
        self.process = None

    def reload(self) -> None:
        """Lets it read its configuration again."""
        os.kill(self.pid, signal.SIGHUP)

    def freeze(self) -> None:
        """Stops every thread of it."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def cut(self) -> None:
        """Takes its way to the database."""
        for link in self.links:
            link.cut()

    def heal(self, *, delivers: bool) -> None:
        for link in self.links:
            link.heal(delivers=delivers)

    def is_ready(self) -> bool | None:
        """Whether its API says that it can do its work; None where nothing answers."""
        status = self.ask("GET", "/readyz")
        return None if status is None else status == http.HTTPStatus.OK

    def ask(self, method: str, address: str, body: str | None = None) -> int | None:
        """Returns the status of an answer of its API; None where nothing answers."""
        for path in self._state.glob("*.sock"):
            try:
                return _status(path, method, address, body)
            except (OSError, http.client.HTTPException):
                continue
        return None

    def close(self) -> None:
        """Ends its process in any case."""
        if self.process is not None:
            if self.process.is_alive:
                self.thaw()
                self.process.kill()
            self._close()


def _inode_of(port: int, to: int) -> str | None:
    """Returns the number of the socket that leads from a port of the loopback address to another: a port may have several."""
    mine = [f"0100007F:{each:04X}" for each in (port, to)]
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        if words[1:3] == mine and words[9] != "0":
            return words[9]
    return None


def _descriptors(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


class _Local(http.client.HTTPConnection):
    """A connection by a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ASK_WITHIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ASK_WITHIN_S)
        self.sock.connect(str(self._path))


def _status(path: Path, method: str, address: str, body: str | None) -> int:
    connection = _Local(path)
    try:
        connection.request(method, address, body, {"content-type": "application/json"} if body else {})
        return connection.getresponse().status
    finally:
        connection.close()
