"""Ends with 0 where the watchkeeper behind a control socket says that its loop turns, with 1 where it does not.

python healthz.py /var/lib/watchkeeper/watch.db.sock
"""

import http.client
import socket
import sys

WITHIN_S = 5


class ByTheSocket(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=WITHIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(WITHIN_S)
        self.sock.connect(self._path)


def is_well(path: str) -> bool:
    """Asks `/healthz`, and whatever is no answer in time is none."""
    try:
        asking = ByTheSocket(path)
        asking.request("GET", "/healthz")
        return asking.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(not is_well(sys.argv[1]))
