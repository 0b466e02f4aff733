"""The longest turn of each actor of a process, and the longest pauses of its garbage collector."""

import gc
import time
from typing import Any

from watchkeeper.actors.dispatch.mailbox.mailbox import Mailbox


class TurnWatch:
    """Measures every turn from the first question on; what was measured is forgotten with each answer."""

    def __init__(self) -> None:
        self._longest: dict[str, tuple[float, float]] = {}
        self._collection_ms = 0.0
        self._began_ns = 0
        self._is_on = False

    def take(self) -> dict[str, Any]:
        """Returns by actor the milliseconds of its longest turn: by the clock, and of its own thread's CPU time."""
        if not self._is_on:
            self._begin()
        turns, self._longest = self._longest, {}
        collection_ms, self._collection_ms = self._collection_ms, 0.0
        return {
            "turns": {name: {"wall_ms": wall, "cpu_ms": cpu} for name, (wall, cpu) in sorted(turns.items())},
            "collection_ms": collection_ms,
        }

    def _begin(self) -> None:
        self._is_on = True
        gc.callbacks.append(self._collected)
        run_turn = Mailbox.run_turn

        def measured(mailbox: Mailbox) -> None:
            name = type(mailbox._actor).__name__  # noqa: SLF001  # measured from outside: a turn has no name of its own
            began_ns, cpu_ns = time.monotonic_ns(), time.thread_time_ns()
            run_turn(mailbox)
            spent = (time.monotonic_ns() - began_ns) / 1e6, (time.thread_time_ns() - cpu_ns) / 1e6
            wall, cpu = self._longest.get(name, (0.0, 0.0))
            self._longest[name] = max(wall, spent[0]), max(cpu, spent[1])

        Mailbox.run_turn = measured  # type: ignore[method-assign]  # of this process, which is measured

    def _collected(self, phase: str, _: object) -> None:
        if phase == "start":
            self._began_ns = time.monotonic_ns()
        else:
            self._collection_ms = max(self._collection_ms, (time.monotonic_ns() - self._began_ns) / 1e6)
