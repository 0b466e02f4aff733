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
from itertools import repeat
from pathlib import Path
from typing import Any

from ...domain.limits import CLOSE_NS, LEFTOVER_ROUNDS_MAX, LEFTOVERS_SEARCHED_MAX
from ...domain.units import NS_PER_MS

MARK = "WATCHKEEPER_EXEC"
"""The variable that carries the mark of a program."""
PAUSES_MAX, PAUSE_MS = 200, 5
"""How often, and how long each time, one search waits for processes inside execve(2) and for the end of killed ones."""
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
    pauses = repeat(PAUSE_MS, PAUSES_MAX)
    for _ in range(LEFTOVER_ROUNDS_MAX):
        # A process may have forked between being found and being killed: its child is found in the next round.
        found = [pid for pid in _younger_than(ended.values()) if _carries(pid, marks, pauses)]
        for pid in found:
            _kill(pid, marks, pauses)
        if not found:
            break
    for group in ended.values():
        _reap_group(group, pauses)


def _younger_than(programs: Collection[int]) -> Iterator[int]:
    """The numbers that the system may have given since that of the first program: mostly a handful.

    Includes those that are given during the search: a process that has ended before it was looked at may have left a child.
    """
    first = seen = min(programs)
    while max(programs) <= (last := int(_LAST.read_text().split()[-1])) <= first + LEFTOVERS_SEARCHED_MAX:
        if last == seen:
            return
        yield from range(seen + 1, last + 1)
        seen = last
    # Many, or the system has begun with low numbers again.
    yield from (int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208  # 10,000 names, no objects


def _carries(pid: int, marks: set[bytes], pauses: Iterator[int]) -> bool:
    """Whether a process has one of the marks. Looks again while it is inside execve(2), where it shows no environment."""
    try:
        while not (shown := Path(f"/proc/{pid}/environ").read_bytes()) and _may_have_environment(pid):
            if not (pause_ms := next(pauses, 0)):
                return False
            select.poll().poll(pause_ms)
    except OSError:
        return False
    return not marks.isdisjoint(shown.split(b"\0"))


def _may_have_environment(pid: int) -> bool:
    """Whether a process that showed none may have one all the same: see proc_pid_stat(5) for the fields.

    One that has ended has no memory. Inside execve(2) the end of the code is unknown, and the place of the environment may be.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    memory, code_end, start, end = (fields[number - 3] for number in (23, 27, 50, 51))
    return memory != "0" and (code_end == "0" or start != end)


def _kill(pid: int, marks: set[bytes], pauses: Iterator[int]) -> None:
    try:
        descriptor = _os.pidfd_open(pid)
    except OSError:
        return
    try:
        # Asked again now that the descriptor holds the process: the number may have had another owner.
        if _carries(pid, marks, pauses):
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


def _reap_group(group: int, pauses: Iterator[int]) -> None:
    """Reaps what was killed in the group of a program, which has been reaped itself; elsewhere the system's process 1 does."""
    with suppress(ChildProcessError):
        while True:
            while _os.waitid(_os.P_PGID, group, _os.WEXITED | _os.WNOHANG) is not None:
                pass
            if not (pause_ms := next(pauses, 0)):
                return
            select.poll().poll(pause_ms)
