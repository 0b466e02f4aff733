"""The service manager (systemd): what it is told by the protocol of sd_notify, and the watchdog that it keeps."""

import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress

from ...adapters.clock import SystemClock
from ...domain.errors import WatchkeeperError
from ...domain.line import count_of, one_line
from ...domain.read_model.status import RuntimeStatus
from ...domain.time.moment import NS_PER_S, NS_PER_US, Deadline

SLACK_NS = 10 * NS_PER_S
"""More time than the grace: closing takes some after the drain."""
STATUS_EVERY_NS = 10 * NS_PER_S
"""How often the sentence of the status is told where there is no watchdog."""
STATUS_CHARACTERS_MAX = 200


class ServiceManager:
    """Tells the service manager how the process is: datagrams to `$NOTIFY_SOCKET`; nothing where there is none."""

    def __init__(self, environment: Mapping[str, str], clock: SystemClock) -> None:
        self._clock = clock
        name = environment.get("NOTIFY_SOCKET", "")
        # An @ stands for the zero that begins a name which no file system has.
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        self.watchdog_ns = _watchdog_ns(environment)
        """Within this time it must hear that the process lives; None where it does not ask for it."""

    @property
    def is_there(self) -> bool:
        """Whether one wants to be told."""
        return bool(self._address)

    def ready(self, said: str) -> None:
        """Tells that the process watches: after the start, and after each reload."""
        self.tell("READY=1", _status(said))

    def reloading(self) -> None:
        """Tells that a reload begins; `ready` tells its end."""
        now_us = self._clock.read().monotonic_ns // NS_PER_US
        self.tell("RELOADING=1", f"MONOTONIC_USEC={now_us}", _status("reading the configuration again"))

    def waiting(self, said: str, within_ns: int) -> None:
        """Tells that the start takes at most so much longer."""
        self.tell(_status(said), f"EXTEND_TIMEOUT_USEC={(within_ns + SLACK_NS) // NS_PER_US}")

    def stopping(self, within_ns: int) -> None:
        """Tells that the process drains, and how long that may take."""
        allowed_us = (within_ns + SLACK_NS) // NS_PER_US
        self.tell("STOPPING=1", _status("draining"), f"EXTEND_TIMEOUT_USEC={allowed_us}")

    def tell(self, *lines: str) -> None:
        """Sends one datagram. One that is not taken is dropped: the manager itself decides what silence means."""
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.setblocking(False)
            sending.sendto("\n".join(lines).encode(), self._address)


def _status(said: str) -> str:
    return f"STATUS={one_line(said, STATUS_CHARACTERS_MAX)}"


def _watchdog_ns(environment: Mapping[str, str]) -> int | None:
    """Returns the time of the watchdog, unless it is meant for another process."""
    text, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if process not in {"", str(os.getpid())} or not (text.isascii() and text.isdigit()):
        return None
    return int(text) * NS_PER_US or None


class Watchdog:
    """Tells the service manager that the process lives, only as long as the runtime itself says so.

    The runtime's own loop must answer; while it drains, its grace must not be over. A store that cannot be written is told in
    the status alone: a restart mends no full disk, and loses what is kept in memory for it.
    """

    def __init__(self, manager: ServiceManager, ask: Callable[[], RuntimeStatus], clock: SystemClock) -> None:
        """`ask` is answered by the runtime's own loop. Raises: as `ask` does, which counts as no answer."""
        self._manager = manager
        self._ask = ask
        self._clock = clock
        self._drains: Deadline | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        """Starts the thread that tells it, where a service manager is there."""
        if self._manager.is_there:
            threading.Thread(target=self._run, name="watchkeeper-watchdog", daemon=True).start()

    def draining(self, within_ns: int) -> None:
        """From now on a runtime that drains is one that lives, for so long."""
        self._drains = Deadline.after(self._clock.read(), within_ns + SLACK_NS)

    def stop(self) -> None:
        """Ends the thread."""
        self._ended.set()

    def beat(self) -> bool:
        """Tells the state, and that the process lives if it does; returns whether it does."""
        if self._drains is not None:
            is_alive, said = not self._drains.expired(self._clock.read()), "draining"
        else:
            is_alive, said = self._asked()
        self._manager.tell(*(["WATCHDOG=1"] if is_alive else []), _status(said))
        return is_alive

    def _asked(self) -> tuple[bool, str]:
        try:
            status = self._ask()
        except (WatchkeeperError, TimeoutError):
            return False, "the runtime does not answer"
        problem = dict(status.problems).get("store", "")
        return True, f"store: {problem}" if problem else sentence_of(status)

    def _run(self) -> None:
        half_ns = (self._manager.watchdog_ns or 2 * STATUS_EVERY_NS) // 2
        every_ns = min(half_ns, STATUS_EVERY_NS)
        while not self._ended.wait(every_ns / NS_PER_S):
            self.beat()


def sentence_of(status: RuntimeStatus) -> str:
    """Returns a status in a short sentence."""
    counted = Counter(row.status.value for row in status.targets)
    states = ", ".join(f"{count} {state}" for state, count in sorted(counted.items())) or "none"
    problems = "; ".join(f"{part}: {text}" for part, text in status.problems)
    said = f"{count_of(len(status.targets), 'target')}: {states}; {count_of(len(status.incidents), 'open incident')}"
    if own := next((each for each in status.nodes if each.is_this), None):
        said = f"node {own.name} runs {count_of(len(own.shards), 'shard')}; {said}"
    return f"{said}; {problems}" if problems else said
