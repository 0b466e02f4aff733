"""How the end of a program is noticed: by a pidfd, or by a thread that waits where the system has no pidfd."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from errno import EAGAIN
from typing import Any

_os: Any = os  # pidfd_open exists on Linux alone, waitid on macOS from Python 3.13 on
_signal: Any = signal


class PidfdEnd:
    """Watches one child that leads a process group of its own, from its start until it is reaped, by its pidfd.

    Its children are killed before its number is given back, so no stranger can have the number.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.descriptor: int = _os.pidfd_open(pid)
        """Readable once the program has ended; closed by `reap`."""
        self.exit_status: int | None = None
        """Negative for a signal; None when somebody else took it (a host that ignores SIGCHLD, or waits for any child)."""
        self.reaped = False

    def kill(self) -> None:
        """SIGKILL to the program and to everything that stayed in its process group; nothing once it is reaped."""
        if self.reaped:
            return
        with suppress(ProcessLookupError, PermissionError):
            # Asked of the descriptor first: a number that somebody else reaped may belong to a stranger by now.
            _signal.pidfd_send_signal(self.descriptor, 0)
            os.killpg(self._pid, signal.SIGKILL)

    def reap(self) -> bool:
        """Take the exit status and kill what is left of the group, if the program has ended; whether it had."""
        if self.reaped:
            return True
        ended = None
        with suppress(ChildProcessError):
            if _os.waitid(_os.P_PIDFD, self.descriptor, _os.WEXITED | _os.WNOHANG | _os.WNOWAIT) is None:
                return False
            self.kill()
            ended = _os.waitid(_os.P_PIDFD, self.descriptor, _os.WEXITED | _os.WNOHANG)
        self.reaped = True
        os.close(self.descriptor)
        if ended is not None:
            self.exit_status = ended.si_status if ended.si_code == _os.CLD_EXITED else -ended.si_status
        return True


class WaitedEnd:
    """The same by a thread in waitpid(2), which writes to a pipe when the program has ended.

    The number is given back before the children are killed, by the same thread: a stranger could have it only if the
    system came round to it within those microseconds, and not at all while a child of the program is left in the group.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._guard = threading.Lock()  # of `_ended`, which the waiting thread sets
        self._ended = False
        self.exit_status: int | None = None
        self.reaped = False
        self.descriptor, self._write_end = os.pipe()
        self._thread = threading.Thread(target=self._wait, name=f"watchkeeper-exec-wait-{pid}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            os.close(self.descriptor)
            os.close(self._write_end)
            raise OSError(EAGAIN, "no thread could be started that waits for it") from error

    def _wait(self) -> None:
        with suppress(ChildProcessError):
            _, status = os.waitpid(self._pid, 0)
            self.exit_status = os.waitstatus_to_exitcode(status)
        with self._guard:
            self._ended = True
            if self.exit_status is not None:
                self._kill_group()
        # A byte, for an end of file would wait for a child that some thread of the host forked at the wrong moment.
        os.write(self._write_end, b"\0")
        os.close(self._write_end)

    def kill(self) -> None:
        with self._guard:
            if not self._ended:
                self._kill_group()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)

    def reap(self) -> bool:
        with self._guard:
            if not self._ended:
                return False
        if not self.reaped:
            self.reaped = True
            self._thread.join()
            os.close(self.descriptor)
        return True


watch_end: Callable[[int], PidfdEnd | WaitedEnd] = PidfdEnd if hasattr(os, "pidfd_open") else WaitedEnd
"""Begins to watch the child of this number. Raises OSError where no descriptor or thread is left for it."""
