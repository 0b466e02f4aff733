"""The script of the targets: each falls and recovers at moments that a seed has drawn, whatever happens to its watchers."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import NamedTuple

from tests.system.outside import Site

STEP_S = 0.02


class Outage(NamedTuple):
    """One target that was down, in seconds since 1970."""

    target: str
    began_at: float
    ended_at: float


class Script:
    """A thread that turns the targets of a site."""

    def __init__(self, site: Site, names: Sequence[str], seed: int, phase_s: tuple[float, float]) -> None:
        self._site, self._phase_s = site, phase_s
        self.names = tuple(names)
        self.outages: list[Outage] = []
        """Those that are over."""
        self._dice = {name: Random(f"{seed} {name}") for name in names}
        self._began: dict[str, float] = {}
        self._next: dict[str, float] = {}
        self._over, self._pause = threading.Event(), threading.Event()
        self._turning = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        now = time.time()
        # Spread, so that targets turn all the time.
        self._next = {name: now + dice.uniform(0.0, self._phase_s[1]) for name, dice in self._dice.items()}
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(STEP_S):
            with self._turning:
                self._turn_those_due(time.time())

    def _turn_those_due(self, now: float) -> None:
        for name, at in self._next.items():
            if at <= now:
                self._next[name] = now + self._dice[name].uniform(*self._phase_s)
                self._turn(name, now)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Turns no target within the block; those that are due turn after it."""
        with self._turning:
            yield

    def _turn(self, name: str, now: float) -> None:
        began = self._began.pop(name, None)
        if began is None:
            self._began[name] = now
            self._site.down |= {name}
        else:
            self._site.down -= {name}
            self.outages.append(Outage(name, began, now))

    def end(self, rest_s: float) -> None:
        """Turns no target any more; each outage ends when it has lasted for a while."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        for name, began in sorted(self._began.items(), key=lambda each: each[1]):
            self._pause.wait(max(0.0, began + rest_s - time.time()))
            self._turn(name, time.time())
