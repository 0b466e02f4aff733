"""Listening sockets: over TCP, and the control socket beside a store, which only its own user may open."""

import errno
import os
import re
import socket
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from ...domain.store_place import is_database
from ..stores.place import beside, make_state_folder

BACKLOG = 128
_PATH_BYTES_MAX = 100
"""The longest path of a Unix socket: 107 bytes on Linux, 103 on macOS, without the final zero."""
_DESCRIPTORS = "/proc/self/fd"
"""Linux alone has it."""
_NAME_BYTES_MAX = 80
"""The longest name in a folder that is reached through its descriptor, `/proc/self/fd/N/`."""
_BEFORE_NODE = "-"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,48}")
"""Names of nodes that a file may have; a digest stands for any other."""
_DIGITS = 16
_ABANDONED_S, _ANSWERS_WITHIN_S = 60.0, 0.1


def has_web() -> bool:
    """Whether the libraries of the extra `web` are installed; loads none of them."""
    return all(find_spec(name) is not None for name in ("starlette", "uvicorn", "prometheus_client"))


def is_exhausted(error: OSError) -> bool:
    """Whether the system or the process has too little left to accept a connection: descriptors or memory."""
    return error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def is_taken(error: OSError) -> bool:
    """Whether another socket listens at the address."""
    return error.errno == errno.EADDRINUSE


def listen_tcp(host: str, port: int, former: socket.socket | None = None) -> socket.socket:
    """Listens on an address; `former` is the listening socket whose place it takes, so that `0.0.0.0` may have its port.

    Raises: OSError where the address is in use or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        with _sharing_a_port(listening, former):
            listening.bind((host, port))
            listening.listen(BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


@contextmanager
def _sharing_a_port(listening: socket.socket, former: socket.socket | None) -> Iterator[None]:
    """Lets the two sockets have the same port while the block binds one; no other socket without this may join them."""
    both = () if former is None else (former, listening)
    for each in both:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        yield
    finally:
        for each in both:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)


def control_socket_path(store: str, node: str = "") -> Path:
    """Returns the path of the control socket of a store, or of one node of it: `watch.db.sock` beside `watch.db`.

    It lies beside the file itself, wherever a link to that may be: each process of the store finds it. That of a database lies
    in the folder for the state of programs, for the processes of one user on one machine; each node has its own. A name that is too
    long for a socket gives way to its digest.
    """
    if node:
        name = node if _PLAIN_NAME.fullmatch(node) else sha256(node.encode()).hexdigest()[:_DIGITS]
        return Path(f"{beside(store)}{_BEFORE_NODE}{name}.sock")
    path = Path(f"{beside(store)}.sock")
    if len(os.fsencode(path.name)) <= _NAME_BYTES_MAX:
        return path
    return path.with_name(f".wk-{sha256(os.fsencode(path.name)).hexdigest()[:_DIGITS]}.sock")


def control_socket_paths(store: str) -> tuple[Path, ...]:
    """Returns the paths at which a process of a store may be reached: that of its one owner, and those of its nodes on this machine."""
    own = control_socket_path(store)
    if not is_database(store):
        return (own,)
    folder, name = os.path.split(beside(store))
    return (own, *sorted(Path(folder).glob(f"{name}{_BEFORE_NODE}*.sock")))


def nodes_here(store: str) -> tuple[str, ...]:
    """Returns the nodes of a store that may be reached on this machine, each by the part of its socket's name that stands for it."""
    before = control_socket_path(store, "x").name.removesuffix("x.sock")
    _, *paths = control_socket_paths(store)
    return tuple(path.name.removeprefix(before).removesuffix(".sock") for path in paths)


class ControlSocket:
    """The listening control socket of a store, of mode 0600. Made by the process that holds the store's lock."""

    def __init__(self, store: str, node: str = "") -> None:
        """Listens beside the store, in place of a socket that an earlier process left behind; with a node, as that one.

        Raises: OSError where something else lies there, and where the folder does not allow it.
        """
        self.path = control_socket_path(store, node)
        make_state_folder(store)
        self._remove_stale()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Linux gives the file the mode of the descriptor, so that there is no moment at which it is open to others.
            os.fchmod(self.socket.fileno(), 0o600)
            with _Address(self.path) as address:
                self.socket.bind(address)
            self._own = self._checked()
            self.socket.listen(BACKLOG)
            self.socket.setblocking(False)
        except BaseException:
            self.socket.close()
            raise
        if node:
            _remove_abandoned(control_socket_paths(store), self.path)

    def _remove_stale(self) -> None:
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
            raise FileExistsError(f"{self.path} is no socket of this user: remove it")
        self.path.unlink()

    def _checked(self) -> tuple[int, int]:
        """Returns the identity of the file. Raises: PermissionError where it is not the socket that was bound."""
        found = self.path.lstat()
        if stat.S_IMODE(found.st_mode) != 0o600:
            # Elsewhere than on Linux. Nothing can connect before `listen`.
            self.path.chmod(0o600, follow_symlinks=os.chmod not in os.supports_follow_symlinks)
            found = self.path.lstat()
        if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(f"{self.path} was replaced while it was made")
        return found.st_dev, found.st_ino

    def is_gone(self) -> bool:
        """Whether nothing listens at its path any more: the file was removed, or is one that another process left behind."""
        with suppress(OSError):
            found = self.path.lstat()
            if (found.st_dev, found.st_ino) == self._own:
                return False
        try:
            _connected(self.path, _ANSWERS_WITHIN_S).close()
        except (FileNotFoundError, ConnectionRefusedError):
            return True
        except OSError:
            pass  # it listens, and is slow
        return False

    def close(self) -> None:
        """Stops listening, and removes the file where it is still this socket's own."""
        self.socket.close()
        self.remove()

    def remove(self) -> None:
        """Removes the file where it is still this socket's own; connections that wait are still accepted."""
        with suppress(OSError):
            found = self.path.lstat()
            if (found.st_dev, found.st_ino) == self._own:
                self.path.unlink()


def _remove_abandoned(paths: Iterable[Path], made: Path) -> None:
    """Removes the sockets of nodes that were killed, as each start may have another name. One that is as young as `made` may not listen yet."""
    for path in paths:
        with suppress(OSError):
            if made.lstat().st_mtime - path.lstat().st_mtime < _ABANDONED_S:
                continue
            try:
                _connected(path, _ANSWERS_WITHIN_S).close()
            except ConnectionRefusedError:
                path.unlink()


def connect_control_socket(
    store: str, timeout_s: float | None = None, living: Iterable[str] = ()
) -> socket.socket:
    """Connects to the control socket of a running store, of several nodes to the first that listens; those that are `living` come first.

    Raises: OSError where none listens, or none accepts in time.
    """
    first = [control_socket_path(store, node) for node in living]
    *others, last = dict.fromkeys((*first, *control_socket_paths(store)))
    for path in others:
        with suppress(FileNotFoundError, ConnectionRefusedError):
            return _connected(path, timeout_s)
    return _connected(last, timeout_s)


def connect_to_node(store: str, node: str, timeout_s: float | None = None) -> socket.socket:
    """Connects to the control socket of one node of a store. Raises: OSError where it does not listen, or does not accept in time."""
    return _connected(control_socket_path(store, node), timeout_s)


def _connected(path: Path, timeout_s: float | None) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.settimeout(timeout_s)
        with _Address(path) as address:
            connected.connect(address)
    except BaseException:
        connected.close()
        raise
    return connected


class _Address:
    """A path as the address of a Unix socket; a long one goes through a descriptor of its folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder: int | None = None

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= _PATH_BYTES_MAX:
            return str(self._path)
        if not Path(_DESCRIPTORS).exists():
            raise OSError(
                errno.ENAMETOOLONG, "a path of more than 100 bytes is too long for a socket", str(self._path)
            )
        self._folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        return f"{_DESCRIPTORS}/{self._folder}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            os.close(self._folder)
