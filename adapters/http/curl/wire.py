"""The number of bytes that a connection has received, framing included; the limits of HTTP parsers count bodies only."""

import fcntl
import socket
import struct
import termios

from ....domain.limits import CONNECTION_USES_MAX, WIRE_BYTES_SLACK
from ..exchange import HttpShape

TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
# tcpi_bytes_received is the 64-bit word 128 bytes into struct tcp_info, <linux/tcp.h>.
RECEIVED_AT = 128
TCP_INFO_BYTES = RECEIVED_AT + 8


def bytes_allowed(shape: HttpShape) -> int:
    """How much may arrive for an answer of this shape: twice its body, and a flat sum for headers, framing and TLS."""
    each = WIRE_BYTES_SLACK + 2 * shape.body_bytes_max
    return each * CONNECTION_USES_MAX if shape.keep_connection else each


def bytes_read(descriptor: int) -> int | None:
    """Returns the bytes read from a TCP socket so far: all that arrived, less those still in the kernel; None if unknown.

    Unknown for a descriptor that is no socket, and where the system does not count for each socket: there the deadline alone
    ends a flood of framing.
    """
    if TCP_INFO is None:
        return None
    try:
        borrowed = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=descriptor)
    except OSError:
        return None
    try:
        info = borrowed.getsockopt(socket.IPPROTO_TCP, TCP_INFO, TCP_INFO_BYTES)
        waiting = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    except OSError:
        return None
    finally:
        # The descriptor is curl's: it must outlive this look at it.
        borrowed.detach()
    if len(info) < TCP_INFO_BYTES:
        return None
    received = int(struct.unpack_from("=Q", info, RECEIVED_AT)[0])
    return received - int(struct.unpack("=i", waiting)[0])
