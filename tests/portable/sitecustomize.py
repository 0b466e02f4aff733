"""Makes Linux look like macOS to every interpreter that has this folder on PYTHONPATH: no call that Linux alone has, and
sockets that answer in BSD's words.

    PYTHONPATH=tests/portable python -m pytest tests/adapters

Python imports this module by its name before anything else, in child processes too.
"""

import _socket
import ctypes
import errno
import fcntl
import os
import resource
import select
import selectors
import signal
import socket
import time

LINUX_ALONE = {
    fcntl: ("F_OFD_", "F_SETPIPE_SZ", "F_GETPIPE_SZ", "F_ADD_SEALS", "F_GET_SEALS", "F_NOTIFY"),
    os: (
        "pidfd_", "PIDFD_", "P_PIDFD", "eventfd", "EFD_", "timerfd_", "TFD_", "sched_get", "sched_set", "SCHED_BATCH",
        "memfd_", "MFD_", "pipe2", "dup3", "fdatasync", "posix_fallocate", "posix_fadvise", "copy_file_range", "splice",
        "getrandom", "GRND_", "setns", "unshare", "CLONE_", "getxattr", "setxattr", "listxattr", "getresuid", "setresuid",
        "O_DIRECT", "O_PATH", "O_TMPFILE", "O_NOATIME",
        # macOS has these from Python 3.13 on.
        "waitid", "P_PID", "WNOWAIT", "WEXITED", "WSTOPPED",
    ),
    resource: ("prlimit",),
    select: ("epoll", "EPOLL"),
    selectors: ("EpollSelector",),
    signal: ("pidfd_send_signal", "sigtimedwait", "sigwaitinfo", "SIGPWR", "SIGSTKFLT", "SIGRTMIN", "SIGRTMAX"),
    socket: (
        "SOCK_NONBLOCK", "SOCK_CLOEXEC", "TCP_INFO", "TCP_USER_TIMEOUT", "TCP_QUICKACK", "TCP_CORK", "TCP_DEFER_ACCEPT",
        "SO_BINDTODEVICE", "SO_MARK", "SO_PEERCRED", "SO_INCOMING_CPU", "MSG_NOSIGNAL", "MSG_ERRQUEUE", "MSG_MORE",
        "MSG_CMSG_CLOEXEC", "IP_RECVERR", "IP_BIND_ADDRESS_NO_PORT", "AF_NETLINK", "AF_PACKET", "AF_ALG", "AF_VSOCK",
    ),
    time: ("CLOCK_BOOTTIME", "CLOCK_TAI", "pthread_getcpuclockid"),
}  # fmt: skip


class BsdSocket(_socket.socket):
    """A socket that returns the errors of BSD and macOS for a connection under way, made or refused."""

    def connect_ex(self, address):
        if not getattr(self, "_begun", False):
            self._begun = True
            number = super().connect_ex(address)
            return errno.EINPROGRESS if number == 0 else number
        return {None: errno.EALREADY, True: errno.EISCONN, False: errno.EINVAL}[self._stands()]

    def send(self, data, flags=0):
        stands = self._stands()
        if not stands and not getattr(self, "_stood", False):
            number = errno.ENOTCONN if stands is None else errno.EPIPE
            raise OSError(number, os.strerror(number))
        self._stood = True
        return super().send(data, flags)

    def _stands(self):
        """None while it is being made; the reason of a refusal is left to SO_ERROR."""
        try:
            self.getpeername()
        except OSError:
            poll = select.poll()
            poll.register(self.fileno(), select.POLLOUT)
            return False if poll.poll(0) else None
        return True


class BsdLibrary(ctypes.PyDLL):
    """The C library without a kernel's timers."""

    def __getattr__(self, name):
        if name.startswith("timerfd_"):
            raise AttributeError(name)
        return super().__getattr__(name)


def hide():
    """Remove the calls that only Linux has. Modules imported afterwards take the second way, as on another system."""
    for module, beginnings in LINUX_ALONE.items():
        for name in [name for name in vars(module) if name.startswith(beginnings)]:
            delattr(module, name)
    selectors.DefaultSelector = selectors.PollSelector
    socket.SocketType = BsdSocket
    ctypes.PyDLL = BsdLibrary


hide()
