"""Leftovers of programs in sessions of their own: found by a mark in their environment, killed and reaped.

A process group does not hold a program that calls setsid(2). Its environment goes with it to all its descendants, so each
program is started with a mark of its own. No process of the host has one, so nothing of the host is killed or reaped.
"""

import os
import secrets
import select
import signal
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...domain.limits import CLOSE_NS, LEFTOVER_ROUNDS_MAX, LEFTOVERS_SEARCHED_MAX
from ...domain.units import NS_PER_MS

MARK = "WATCHKEEPER_EXEC"
"""The variable that carries the mark of a program."""
GROUP_WAITS_MAX, GROUP_WAIT_MS = 40, 5
"""How often, and how long each time, the end of killed processes is waited for: a fifth of a second in all."""
_os: Any = os
_signal: Any = signal
_LAST = Path("/proc/loadavg")
"""Its last word is the number that the system gave last."""
_CAN_SEARCH = hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")


def new_mark() -> str:
    """Returns a mark that no other program has."""
    return secrets.token_hex(8)


def kill_leftovers(ended: Mapping[str, int]) -> None:
    """Kills and reaps what carries a mark of programs that have ended, by mark with their process number. Blocks briefly.

    Linux alone shows the environment of a process. One that has emptied its environment, or runs as another user, is not
    found.
    """
    if not ended or not _CAN_SEARCH or not _LAST.exists():
        return
    marks = {f"{MARK}={mark}".encode() for mark in ended}
    for _ in range(LEFTOVER_ROUNDS_MAX):
        # A process may have forked between being found and being killed: its child is found in the next round.
        found = [pid for pid in _younger_than(ended.values()) if _carries(pid, marks)]
        for pid in found:
            _kill(pid, marks)
        if not found:
            break
    for group in ended.values():
        _reap_group(group)


def _younger_than(programs: Collection[int]) -> Iterator[int]:
    """The numbers that the system may have given since that of the first program: mostly a handful."""
    first, last = min(programs), int(_LAST.read_text().split()[-1])
    if max(programs) <= last <= first + LEFTOVERS_SEARCHED_MAX:
        yield from range(first + 1, last + 1)
    else:  # many, or the system has begun with low numbers again
        yield from (int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208  # 10,000 names, no objects


def _carries(pid: int, marks: set[bytes]) -> bool:
    try:
        return not marks.isdisjoint(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return False


def _kill(pid: int, marks: set[bytes]) -> None:
    try:
        descriptor = _os.pidfd_open(pid)
    except OSError:
        return
    try:
        # Asked again now that the descriptor holds the process: the number may have had another owner.
        if _carries(pid, marks):
            with suppress(OSError):
                _signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                _reap(descriptor)
    finally:
        os.close(descriptor)


def _reap(descriptor: int) -> None:
    """Reaps a killed process that the system has given to this one: to process 1, or to a reaper of orphans."""
    with suppress(ChildProcessError):
        ours = _os.P_PIDFD, descriptor, _os.WEXITED | _os.WNOHANG
        if _os.waitid(*ours) is None:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(CLOSE_NS // NS_PER_MS)
            _os.waitid(*ours)


def _reap_group(group: int) -> None:
    """Reaps what was killed in the group of a program, which has been reaped itself; elsewhere the system's process 1 does."""
    with suppress(ChildProcessError):
        for _ in range(GROUP_WAITS_MAX):
            while _os.waitid(_os.P_PGID, group, _os.WEXITED | _os.WNOHANG) is not None:
                pass
            select.poll().poll(GROUP_WAIT_MS)
