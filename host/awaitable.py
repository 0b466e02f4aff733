"""The awaitable methods of a runtime, for hosts that run on an event loop."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..actors.dispatch.run.future import awaiting
from ..adapters.real_threads import require_real_threads
from ..domain.incidents.delivery_try import DeliveryTry
from ..domain.incidents.incident import Incident
from ..domain.incidents.record import AllTargets
from ..domain.line import first_line
from ..domain.observation.attempt import AttemptRecord
from ..domain.read_model.silence_preview import SilencePreview
from ..domain.read_model.status import AbandonedWork, RuntimeStatus
from ..domain.specification.configuration import Configuration
from ..domain.time.duration import Duration, duration_ns
from ..protocol.recorder import GetAttempts, GetIncidents, GetStatus
from ..protocol.sink import Redrive
from .access.channel_testing import ChannelTesting
from .lifecycle import Lifecycle
from .own_thread import in_own_thread
from .silencing import MatcherTexts, preview
from .status_cache import StatusCache
from .surface import async_only


class AsyncSurface:
    """Awaitable methods of the same names as the blocking ones of Runtime. None of them blocks the event loop."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        reload: Callable[[Configuration | None], None],
        snapshots: StatusCache,
        channels: ChannelTesting,
        known: Callable[[str], object],
    ) -> None:
        self._known = known
        self._channels = channels
        self._lifecycle = lifecycle
        self._reload = reload
        self._status_cache = snapshots

    if not TYPE_CHECKING:  # a type checker would take every name

        def __getattr__(self, name: str) -> object:
            raise AttributeError(
                f"runtime.aio has no {name!r}: commands such as `silence` and `heartbeat` return at once, without `await`, on the runtime itself"
            )

    @async_only
    async def start(self) -> None:
        """Starts the runtime; async checks run on the calling event loop. A cancelled start leaves nothing running."""
        require_real_threads()
        host_loop = asyncio.get_running_loop()
        await in_own_thread(
            "watchkeeper-start",
            lambda: self._lifecycle.start(host_loop),
            undo=self._lifecycle.stop,
        )

    @async_only
    async def stop(self, within: Duration | None = None) -> AbandonedWork:
        """Drains and ends, as `Runtime.stop` does; returns the work left undone."""
        return await in_own_thread("watchkeeper-stop", lambda: self._lifecycle.stop(within))

    @async_only
    async def reload(self, configuration: Configuration | None = None) -> None:
        """Applies a configuration, as `Runtime.reload` does."""
        await in_own_thread("watchkeeper-reload", lambda: self._reload(configuration))

    @async_only
    async def status(self, max_age: Duration = 0) -> RuntimeStatus:
        """Returns the status, as `Runtime.status` does."""
        max_age_ns = duration_ns(max_age)
        if max_age_ns:
            return await self._status_cache.status_async(max_age_ns)
        answer: RuntimeStatus = await self._lifecycle.ask_async("recorder", GetStatus())
        return answer

    @async_only
    async def incidents(self, *, open_only: bool = False) -> tuple[Incident, ...]:
        """Returns the open incidents and the recently ended ones, as `Runtime.incidents` does."""
        answer: tuple[Incident, ...] = await self._lifecycle.ask_async("recorder", GetIncidents(open_only))
        return answer

    @async_only
    async def attempts(self, target: str) -> tuple[AttemptRecord, ...]:
        """Returns the newest attempts of a target, as `Runtime.attempts` does."""
        self._known(target)
        answer: tuple[AttemptRecord, ...] = await self._lifecycle.ask_async("recorder", GetAttempts(target))
        return answer

    @async_only
    async def preview_silence(
        self,
        target: str | AllTargets,
        length: Duration = "",
        *,
        until: str = "",
        match: MatcherTexts = (),
    ) -> SilencePreview:
        """Returns what a silence would mute now, as `Runtime.preview_silence` does."""
        return preview(await self.status(), target, length, until, match)

    @async_only
    async def redrive(self, key: str) -> bool:
        """Sends a dead letter again, as `Runtime.redrive` does."""
        return bool(await self._lifecycle.ask_async("sink", Redrive(first_line(key))))

    @async_only
    async def test_channel(self, channel: str, *, by: str = "") -> DeliveryTry:
        """Sends a test to a channel and returns its one try, as `Runtime.test_channel` does."""
        return await self._channels.test(channel, by, awaiting)
