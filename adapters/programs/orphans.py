"""Orphans in a process of our own: as process 1, or as the reaper of what its programs leave behind.

Only for the command `run`, where every child comes from a program that watchkeeper started. A host may have children of its own
and wait for them, so a runtime that is embedded never uses this.
"""

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
ORPHAN_LOOKS = 20
"""Looks, of half a second each, before an ended child is reaped: its probe has taken a program's own end by then."""
_os: Any = os


class Orphans:
    """Adopts what the programs of this process leave behind, reaps it when it ends, and kills the rest at the end.

    Where the system has no such reaper, it does what it can: nothing is adopted.
    """

    def __init__(self) -> None:
        self._looks: dict[int, int] = {}
        """How many looks in a row found each child ended and not reaped."""
        self._is_alone = False
        """Whether there was no child before: a script that starts a server and then becomes `run` leaves its own."""

    def adopt(self) -> None:
        """Makes this process the parent of each orphan among its descendants, where the system can (Linux)."""
        with suppress(OSError):  # without a list of its children, none of them is killed at the end
            self._is_alone = not [*_children()]
        prctl = getattr(ctypes.CDLL(None), "prctl", None)
        if prctl is not None:
            prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def look(self) -> None:
        """Reaps children that ended `ORPHAN_LOOKS` looks ago: a program itself is reaped by its probe long before that.

        Leaves them to the next look where no descriptor is free.
        """
        try:
            ended = [pid for pid in _children() if _has_ended(pid)]
        except OSError:
            return
        self._looks = {pid: self._looks.get(pid, 0) + 1 for pid in ended}
        for pid, looks in self._looks.items():
            if looks > ORPHAN_LOOKS:
                _reap(pid)

    def end(self) -> None:
        """Kills and reaps every child that is an orphan for certain; called when no program runs any more."""
        with suppress(OSError):  # the end of the process goes on without a list of its children
            for pid in _children() if self._is_alone else ():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                    _reap(pid)


def _children() -> Iterator[int]:
    """Raises: OSError where no descriptor is free to read them by."""
    for listed in Path("/proc/self/task").glob("*/children") if hasattr(os, "waitid") else ():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            yield from map(int, listed.read_text().split())


def _has_ended(pid: int) -> bool:
    with suppress(ChildProcessError):
        return _os.waitid(_os.P_PID, pid, _os.WEXITED | _os.WNOHANG | _os.WNOWAIT) is not None
    return False


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
