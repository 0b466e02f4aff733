"""A stretch of network between a client and a server: it may lose an answer, or deliver a request late."""

import select
import socket
import threading
from contextlib import suppress


class Stretch:
    """Forwards the connections of a port to those of a server, until it is closed."""

    def __init__(self, host, port):
        self._to = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.loses_answers = False
        """Ends a connection when the server answers on it: the request has had its effect."""
        self.delays_requests = False
        """Keeps what clients say, and delivers it once this is over, to servers whose clients may have gone."""
        self.delivered = threading.Event()
        """Set once a delayed request was delivered and its connection has ended."""
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self):
        # Closing alone would leave accept() blocked.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client):
        kept = b""
        with suppress(OSError), client, socket.create_connection(self._to) as server:
            ends = [client, server]
            while ends:
                for end in select.select(ends, [], [], 0.02)[0]:
                    said = end.recv(65_536)
                    if end is server:
                        if not said or self.loses_answers:
                            return
                        client.sendall(said)
                    elif said:
                        kept += said
                    else:
                        ends.remove(client)
                if kept and not self.delays_requests:
                    server.sendall(kept)
                    kept = b""
                if client not in ends and not kept:
                    self._end(server)
                    return

    def _end(self, server):
        """Lets the server do what it was asked, and end."""
        server.shutdown(socket.SHUT_WR)
        while server.recv(65_536):
            pass
        self.delivered.set()
