"""A server of HTTP/3 on loopback, by aioquic."""

import asyncio
import threading
from types import TracebackType
from typing import Any, Self

from aioquic.asyncio import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer as Listener
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent


class _Answering(QuicConnectionProtocol):
    """Answers each request with 200 and `ok`."""

    _http: H3Connection | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
        if self._http is None:
            return
        for each in self._http.handle_event(event):
            if isinstance(each, HeadersReceived):
                self._http.send_headers(each.stream_id, [(b":status", b"200"), (b"x-key", b"7")])
                self._http.send_data(each.stream_id, b"ok", end_stream=True)
                self.transmit()


class QuicServer:
    """Serves on a thread from the begin of `with` to its end."""

    def __init__(self, certificate_file: str, key_file: str) -> None:
        self._settings = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
        self._settings.load_cert_chain(certificate_file, key_file)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: Any = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        starting = self._loop.create_datagram_endpoint(
            lambda: Listener(configuration=self._settings, create_protocol=_Answering),
            local_addr=("127.0.0.1", 0),
        )
        transport, self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(20)
        self.port = transport.get_extra_info("sockname")[1]
        return self

    async def _close(self) -> None:
        self._server.close()
        # The transport closes its socket in the next round of the loop.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()
