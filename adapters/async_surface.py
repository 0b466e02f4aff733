"""The awaitable face of a runtime, for hosts that live on an event loop."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ..domain.attempt import AttemptRecord
from ..domain.configuration import Configuration
from ..domain.duration import parse_duration
from ..domain.incident import Incident
from ..domain.status import AbandonedWork, RuntimeStatus
from ..protocol.message import Message
from ..protocol.recorder import GetAttempts, GetIncidents, GetStatus
from ..protocol.sink import Redrive
from .own_thread import in_own_thread
from .snapshots import Snapshots
from .surface import async_only


class Blocking(Protocol):
    """The methods of a runtime that block and are awaited on a thread made for the call."""

    def stop(self, within: str) -> AbandonedWork: ...

    def reload(self, configuration: Configuration | None) -> None: ...


class AsyncSurface:
    """What blocks in Runtime, awaited instead: each method is the namesake of one there."""

    def __init__(
        self,
        runtime: Blocking,
        start: Callable[[], Awaitable[None]],
        ask: Callable[[str, Message], Awaitable[Any]],
        snapshots: Snapshots,
    ) -> None:
        self._runtime = runtime
        self._start = start
        self._ask = ask
        self._snapshots = snapshots

    @async_only
    async def start(self) -> None:
        await self._start()

    @async_only
    async def stop(self, within: str = "") -> AbandonedWork:
        return await in_own_thread("watchkeeper-stop", lambda: self._runtime.stop(within))

    @async_only
    async def reload(self, configuration: Configuration | None = None) -> None:
        await in_own_thread("watchkeeper-reload", lambda: self._runtime.reload(configuration))

    @async_only
    async def status(self, max_age: str = "0s") -> RuntimeStatus:
        max_age_ns = parse_duration(max_age)
        if max_age_ns:
            return await self._snapshots.status_async(max_age_ns)
        answer: RuntimeStatus = await self._ask("recorder", GetStatus())
        return answer

    @async_only
    async def incidents(self, *, open_only: bool = False) -> tuple[Incident, ...]:
        answer: tuple[Incident, ...] = await self._ask("recorder", GetIncidents(open_only))
        return answer

    @async_only
    async def attempts(self, target: str) -> tuple[AttemptRecord, ...]:
        answer: tuple[AttemptRecord, ...] = await self._ask("recorder", GetAttempts(target))
        return answer

    @async_only
    async def redrive(self, key: str) -> bool:
        return bool(await self._ask("sink", Redrive(key)))
