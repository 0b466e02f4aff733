"""A real server of WebSockets on loopback, by the library websockets, that answers each text message."""

import ssl
import threading
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

GREETINGS = "greetings"
"""The path on which it speaks first."""


class WebSocketServer:
    """Serves on threads from the begin of `with` to its end."""

    def __init__(self, tls: ssl.SSLContext | None = None, subprotocol: str | None = None) -> None:
        self.heard: list[str] = []
        """The messages that came."""
        self.requests: list[Any] = []
        """The handshakes that came."""
        self.closed_with: list[int | None] = []
        self.gone = threading.Event()
        """Set when a client has left."""
        self._server: Server = serve(
            self._answer,
            "127.0.0.1",
            0,
            ssl=tls,
            select_subprotocol=lambda _, offered: subprotocol if subprotocol in offered else None,
            process_request=lambda _, request: self.requests.append(request),
            close_timeout=1,
        )
        self.port: int = self._server.socket.getsockname()[1]
        scheme = "ws" if tls is None else "wss"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def _answer(self, connection: ServerConnection) -> None:
        try:
            if connection.request is not None and connection.request.path.startswith(f"/{GREETINGS}"):
                for word in ("hello", "load=7"):
                    connection.send(word)
            for message in connection:
                self.heard.append(str(message))
                connection.send(f"you said {message}")
        except ConnectionClosed:
            pass
        self.closed_with.append(connection.close_code)
        self.gone.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(20)
