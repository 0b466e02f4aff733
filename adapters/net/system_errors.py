"""The meaning of the operating system's connection errors: a fault of the target, or an internal one."""

import errno

from ...domain.observation.outcome import Outcome, Reason

SystemErrorMeaning = tuple[Outcome, Reason, str]
"""The outcome, its reason and one line for people."""

UP: SystemErrorMeaning = (Outcome.UP, Reason.OK, "")

OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
"""Our own machine's want, never the target's fault."""

NO_ROUTE = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
)
"""A fault of our own network where the system says so at once, before a packet is sent.

A router far away may send the first and the third; the last also says that no port is free, or that this machine has no
address of the family.
"""

REASONS_BY_ERROR: dict[int, Reason] = {
    errno.ECONNREFUSED: Reason.CONNECTION_REFUSED,
    errno.ECONNRESET: Reason.CONNECTION_RESET,
    errno.ECONNABORTED: Reason.CONNECTION_RESET,
    errno.EPIPE: Reason.CONNECTION_RESET,
    errno.ETIMEDOUT: Reason.CONNECT_TIMED_OUT,
    errno.ENETUNREACH: Reason.UNREACHABLE,
    errno.EHOSTUNREACH: Reason.UNREACHABLE,
    errno.ENETDOWN: Reason.UNREACHABLE,
    errno.EHOSTDOWN: Reason.UNREACHABLE,
    errno.EACCES: Reason.UNREACHABLE,
    errno.EPERM: Reason.UNREACHABLE,
    errno.EINVAL: Reason.UNREACHABLE,
    errno.EAFNOSUPPORT: Reason.UNREACHABLE,
}


def verdict_of_error(number: int, detail: str) -> SystemErrorMeaning:
    """Returns the outcome of a system error: UNKNOWN where this machine lacks a resource, DOWN otherwise."""
    if number in OUT_OF_DESCRIPTORS:
        return Outcome.UNKNOWN, Reason.NO_DESCRIPTORS, detail
    return Outcome.DOWN, REASONS_BY_ERROR.get(number, Reason.UNREACHABLE), detail
