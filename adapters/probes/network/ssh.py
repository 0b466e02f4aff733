"""The `ssh` probe: the banner, and the key exchange by AsyncSSH, in which the server proves its host key."""

import json
import os
import socket
from contextlib import suppress
from importlib import import_module
from typing import Any

from ....domain.limits import GREETING_BYTES_MAX
from ....domain.line import one_line
from ....domain.observation.observation import Observation
from ....domain.observation.outcome import Reason
from ....domain.specification.probes.ssh import Ssh
from ...net.readiness import EDGE, READABLE
from ...net.wire import ENDED
from ..course import AttemptCourse, down

BANNER_BYTES_MAX = 255
"""The longest first line of a server (RFC 4253, 4.2)."""


async def exchange_keys(probe: Ssh, course: AttemptCourse) -> Observation:
    """One attempt of an `ssh` probe. Raises: ProbeFailed, OSError."""
    # A sixth of a second at the first attempt, for which the loop does not stand still.
    asyncssh = await course.around.loop.run_in_executor(None, import_module, "asyncssh")
    connection = await course.connect(probe.host, probe.port, probe.address_family)
    course.stage = "before the banner came"
    banner = await _banner(connection, course)
    course.stage = "in the key exchange"
    key_type, fingerprint = await _host_key(connection, asyncssh)
    if probe.fingerprints and fingerprint not in probe.fingerprints:
        text = f"the {key_type} host key has another fingerprint: {fingerprint}"
        raise down(Reason.UNEXPECTED_ANSWER, text)
    told = {"banner": banner, "key_type": key_type, "fingerprint": fingerprint}
    return course.observation(body=json.dumps(told).encode())


async def _banner(connection: socket.SocketType, course: AttemptCourse) -> str:
    """The line by which a server says its version. It is left in the socket, for the library reads it too. Raises: OSError."""
    read, line_begins = 0, True
    while True:
        with suppress(BlockingIOError):
            said = connection.recv(GREETING_BYTES_MAX, socket.MSG_PEEK)
            if not said:
                raise down(Reason.TRUNCATED, f"{ENDED} {course.stage}")
            line, ends, _ = said.partition(b"\n")
            if may_be_banner := line_begins and b"SSH-".startswith(said[:4]):
                if ends:
                    return _read_banner(line.removesuffix(b"\r"))
            else:
                # Other lines may come before it. Left unread, they would hide that the peer has closed.
                said = connection.recv(len(line) + len(ends))
                read, line_begins = read + len(said), bool(ends)
            if read + may_be_banner * len(said) >= GREETING_BYTES_MAX:
                raise down(Reason.BODY_TOO_LARGE, f"{GREETING_BYTES_MAX} bytes came without a banner")
            if not may_be_banner:
                continue
        await course.ready(connection, READABLE | EDGE)


def _read_banner(line: bytes) -> str:
    if not line.isascii() or len(line) > BANNER_BYTES_MAX:
        raise down(
            Reason.PROTOCOL_ERROR,
            f"the banner has other characters than ASCII or over {BANNER_BYTES_MAX} bytes",
        )
    return one_line(line.decode())


async def _host_key(connection: socket.SocketType, asyncssh: Any) -> tuple[str, str]:
    """The type and the fingerprint of the key that the server has proved. Raises: ProbeFailed, OSError."""
    # A descriptor of the library's own: it closes it when it likes, and ours may be another connection's by then.
    own = socket.socket(fileno=os.dup(connection.fileno()))
    try:
        key = await asyncssh.get_server_host_key(sock=own, config=None)
    except asyncssh.ConnectionLost:
        raise down(Reason.TRUNCATED, f"{ENDED} in the key exchange") from None
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001  # the peer's bytes are the reason, in any class that the library has for it
        said = one_line(str(error)[:200]) or type(error).__name__
        raise down(Reason.PROTOCOL_ERROR, f"the key exchange failed: {said}") from None
    finally:
        own.close()
    if key is None:
        raise down(Reason.PROTOCOL_ERROR, "the server showed no host key")
    return key.get_algorithm(), key.get_fingerprint()
