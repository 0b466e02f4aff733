"""A server of SSH on its own thread, with a host key of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

import asyncssh
from awaiting import close_listening

STARTED_WITHIN_S = 20.0
Result = TypeVar("Result")


class KeyServer:
    """Serves from the begin of `with` to its end; lets nobody in."""

    def __init__(self, key_type: str = "ssh-ed25519", host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = 0
        self._key = asyncssh.generate_private_key(key_type)
        self.fingerprint = self._key.convert_to_public().get_fingerprint()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ssh server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(self._listening())
        self.port = self._server.get_port()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run(self._closed())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STARTED_WITHIN_S)
            self._loop.close()

    async def _listening(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(self.host, 0, server_host_keys=[self._key])

    async def _closed(self) -> None:
        await close_listening(self._server)
        await self._server.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STARTED_WITHIN_S)
