"""The awaitable face of a runtime, for hosts that live on an event loop."""

from typing import Any, Protocol

from ..domain.attempt import AttemptRecord
from ..domain.configuration import Configuration
from ..domain.duration import Duration, duration_ns
from ..domain.incident import Incident
from ..domain.status import AbandonedWork, RuntimeStatus
from ..protocol.message import Message
from ..protocol.recorder import GetAttempts, GetIncidents, GetStatus
from ..protocol.sink import Redrive
from .own_thread import in_own_thread
from .snapshots import Snapshots
from .surface import async_only


class Blocking(Protocol):
    """What a runtime does while the caller's thread waits, and where its questions go."""

    async def start_async(self) -> None: ...

    def stop(self, within: Duration | None) -> AbandonedWork: ...

    def reload(self, configuration: Configuration | None) -> None: ...

    async def ask_async(self, listener: str, question: Message) -> Any: ...


class AsyncSurface:
    """What blocks in Runtime, awaited instead: each method is the namesake of one there."""

    def __init__(self, runtime: Blocking, snapshots: Snapshots) -> None:
        self._runtime = runtime
        self._snapshots = snapshots

    @async_only
    async def start(self) -> None:
        await self._runtime.start_async()

    @async_only
    async def stop(self, within: Duration | None = None) -> AbandonedWork:
        return await in_own_thread("watchkeeper-stop", lambda: self._runtime.stop(within))

    @async_only
    async def reload(self, configuration: Configuration | None = None) -> None:
        await in_own_thread("watchkeeper-reload", lambda: self._runtime.reload(configuration))

    @async_only
    async def status(self, max_age: Duration = 0) -> RuntimeStatus:
        max_age_ns = duration_ns(max_age)
        if max_age_ns:
            return await self._snapshots.status_async(max_age_ns)
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
