"""A stretch of network between a client and a server: it may lose an answer, or deliver a request late."""

import select
import socket
import threading
from contextlib import suppress

WITHIN_S = 20.0


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
        self._is_over = threading.Event()
        self._threads = []
        self._start(self._accept)

    def _start(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self):
        """Ends the connections, too."""
        self._is_over.set()
        # Closing alone would leave accept() blocked, and the port open.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(WITHIN_S)

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self._start(self._forward, client)

    def _forward(self, client):
        kept = b""
        with suppress(OSError), client, socket.create_connection(self._to) as server:
            ends = [client, server]
            while ends and not self._is_over.is_set():
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
        while not self._is_over.is_set():
            if select.select([server], [], [], 0.02)[0] and not server.recv(65_536):
                self.delivered.set()
                return
