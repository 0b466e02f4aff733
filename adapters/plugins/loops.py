"""The event loop on which the attempts of one kind run: a package that blocks it holds up nobody but itself."""

import asyncio
import selectors
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from ...domain.limits import CLOSE_NS, PLUGIN_LOOK_PERCENT
from ...domain.units import NS_PER_S
from ..callables import calling, host_calls, tasks
from ..callables.calling import post
from .installed import ProbeFunction

_OURS = {module.__file__ for module in (calling, host_calls, tasks, sys.modules[__name__])}
_WAITS = str(selectors.__file__)
_ASYNCIO = str(Path(str(asyncio.__file__)).parent)


class PluginLoop:
    """An event loop on a daemon thread of its own, from its making to `close`."""

    def __init__(self, name: str) -> None:
        """Raises: OSError where a descriptor, RuntimeError where a thread is lacking."""
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self.loop.close()
            raise

    def _run(self) -> None:
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def held_at(self) -> str:
        """Returns the place in foreign code that keeps the loop from turning; empty where it waits for events."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001  # documented, with the underscore
        place, innermost = "", frame
        while frame is not None:
            if not _is_machinery(frame):
                place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
            frame = frame.f_back
        return "" if innermost is None or innermost.f_code.co_filename == _WAITS else place

    def close(self) -> None:
        """Cancels what runs, and stops. Waits at most CLOSE_NS; a loop that is held is left to its thread."""
        post(self.loop, self._begin_end)
        if not self.held_at():
            self._thread.join(CLOSE_NS / NS_PER_S)

    def _begin_end(self) -> None:
        self._ending = self.loop.create_task(self._end())

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {self._ending}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=CLOSE_NS / NS_PER_S / 2)
        await self.loop.shutdown_asyncgens()
        self.loop.stop()

    def __repr__(self) -> str:
        return f"PluginLoop({self._thread.name!r})"


class PluginAttempt:
    """One attempt on the loop of its kind. Its marks are set by that loop, and read by the runtime's."""

    def __init__(self, probe: ProbeFunction) -> None:
        self._probe = probe
        self._has_begun = self._has_ended = False
        self._was_free = False
        """Whether the loop turned when most of the time was over."""
        self.was_late = False
        """Whether the code of the package ended at its deadline or was cancelled: its loop may do so before the runtime's sees the deadline."""

    @property
    def holds_loop(self) -> bool:
        """Whether the loop stood still from the begin of the attempt, or did so when most of its time was over."""
        return self.is_running and not self._was_free

    @property
    def is_running(self) -> bool:
        """Whether the code of the package has begun and not ended: otherwise the attempt waits for the loop alone."""
        return self._has_begun and not self._has_ended

    async def run(self, settings: dict[str, Any], deadline: float) -> object:
        """Makes the attempt."""
        self._has_begun = True
        loop = asyncio.get_running_loop()
        begun = loop.time()
        look = loop.call_at(begun + (deadline - begun) * PLUGIN_LOOK_PERCENT / 100, self._note)
        try:
            return await self._probe(settings, deadline)
        except asyncio.CancelledError:
            self.was_late = True
            raise
        finally:
            self.was_late |= loop.time() >= deadline
            self._has_ended = True
            look.cancel()

    def _note(self) -> None:
        self._was_free = True


def _is_machinery(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return file in _OURS or file in {_WAITS, threading.__file__} or file.startswith(_ASYNCIO)
