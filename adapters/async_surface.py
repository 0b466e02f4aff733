"""The awaitable face of a runtime, for hosts that live on an event loop."""

from typing import Any, Protocol

from ..domain.attempt import AttemptRecord
from ..domain.incident import Incident
from ..domain.status import AbandonedWork, RuntimeStatus
from ..protocol.message import Message
from ..protocol.recorder import GetAttempts, GetIncidents, GetStatus
from ..protocol.sink import Redrive
from .own_thread import in_own_thread
from .surface import async_only


class Blocking(Protocol):
    """What a runtime does while the caller's thread waits, and where its questions go."""

    async def start_async(self) -> None: ...

    def stop_blocking(self, within: str) -> AbandonedWork: ...

    async def ask_async(self, listener: str, question: Message) -> Any: ...


class AsyncSurface:
    """What blocks in Runtime, awaited instead: each method is the namesake of one there."""

    def __init__(self, runtime: Blocking) -> None:
        self._runtime = runtime

    @async_only
    async def start(self) -> None:
        await self._runtime.start_async()

    @async_only
    async def stop(self, within: str = "") -> AbandonedWork:
        return await in_own_thread("watchkeeper-stop", lambda: self._runtime.stop_blocking(within))

    @async_only
    async def status(self) -> RuntimeStatus:
        answer: RuntimeStatus = await self._runtime.ask_async("recorder", GetStatus())
        return answer

    @async_only
    async def incidents(self, *, open_only: bool = False) -> tuple[Incident, ...]:
        answer: tuple[Incident, ...] = await self._runtime.ask_async("recorder", GetIncidents(open_only))
        return answer

    @async_only
    async def attempts(self, target: str) -> tuple[AttemptRecord, ...]:
        answer: tuple[AttemptRecord, ...] = await self._runtime.ask_async("recorder", GetAttempts(target))
        return answer

    @async_only
    async def redrive(self, key: str) -> bool:
        return bool(await self._runtime.ask_async("sink", Redrive(key)))
