"""A runtime that stands by: it waits for its store while another process runs it, and passes commands and questions on."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from ...actors.ports import Clock
from ...adapters.net.listening import has_web
from ...adapters.stores.opening import holder_of, make_watch
from ...domain.cluster.stamp import ConfigurationStamp, read_stamp
from ...domain.errors import NotRunning, StoreBusy, WatchkeeperError
from ...domain.limits import ANSWER_WITHIN_NS, TENURE_LOOK_NS
from ...domain.line import first_line
from ...domain.store_place import shown_store
from ...domain.supervision.tenure import TakeoverPace, Tenure
from ...domain.time.moment import NS_PER_S, Deadline
from ...protocol.codec import encode
from ...protocol.message import Message
from ..restart_buffer import HostReport
from .peer_wire import read_reply, without_monotonic

RuntimeRole: TypeAlias = Literal["active", "standby", "stopped"]
"""`active`: it watches; `standby`: another process does, and this one waits to take over; `stopped`: neither."""
LOOK_EVERY_S = TENURE_LOOK_NS / NS_PER_S
FREE_LOOKS = 2
"""The looks in a row that must find the store free: a reload that restarts frees it for less than two of them."""
OUTDATED_LOOKS = 8
"""The same where the last owner had a newer configuration: a process that has it, too, is faster by then."""
REFUSED_MAX = 2
"""The refusals in a row that are a problem: a frozen process may hold the lock of SQLite in the middle of a write."""
TRY_S = 8.0
"""The time of one try of a command. It is more than a lease and a take-over: when it is over, another process runs the store, and the
command is sent to that one; or the same process still does, which may obey it yet."""
READ_TRY_S = 1.0
"""The time of a question before it is answered from the store."""
AGAIN_S = 0.05
JOIN_S = 5.0
NEEDS_WEB = "a stand-by reaches the active process by its control socket: both need the extra `web`: pip install 'watchkeeper[web]'"
logger = logging.getLogger(__name__)


def runs(holder: str, store: str) -> str:
    """Returns that a process runs a store, for people."""
    return f"{holder} runs {shown_store(store)}".strip()


class PassedRequest(NamedTuple):
    """A request to the API that the active process answers."""

    method: str
    address: str
    """The path and the query."""
    headers: dict[str, str]
    body: bytes


class PassedAnswer(NamedTuple):
    """The answer to it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class ActiveLink(Protocol):
    """Reaches the process that runs a store, by its control socket. Blocks."""

    def ask(self, store: str, data: bytes, within_s: float) -> bytes:
        """Returns the answer to a message. Raises: NotRunning where nothing answers; TimeoutError."""
        ...

    def request(self, store: str, request: PassedRequest, within_s: float) -> PassedAnswer:
        """Returns the answer to a request to the API. Raises: as `ask` does."""
        ...


class Passed(NamedTuple):
    """The answer of the active process."""

    answer: Any


class Standby:
    """One wait for a store: a thread that takes over once the store is free, and the way to the process that runs it.

    It ends by taking over or by `end`; commands and questions that wait for the active process then return to the runtime.
    """

    def __init__(
        self,
        store: str,
        link: ActiveLink,
        clock: Clock,
        stamp: ConfigurationStamp,
        take_over: Callable[["Standby"], bool],
        kept: Iterable[HostReport] = (),
    ) -> None:
        """`take_over` returns False where another process was faster, and raises what keeps the runtime from starting."""
        self.store = store
        self._link = link
        self._clock = clock
        self._watch = make_watch(store)
        self._shown = shown_store(store)
        self.stamp = stamp
        """That of the configuration with which this process would take over."""
        self._differs = ""
        self._take_over = take_over
        self._kept = kept
        """Commands of before this wait, which the active process gets first."""
        self._over = threading.Event()
        self._failed = ""
        self._refused = 0
        self._pace = TakeoverPace()
        self._refused_at: Tenure | None = None
        """The row of the store when the last try failed."""
        self._thread = threading.Thread(target=self._run, name="watchkeeper-standby", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Ends the wait, soon."""
        self._over.set()

    def join(self) -> None:
        """Waits for the thread, which may be this one. A take-over that has begun ends first."""
        if threading.current_thread() is not self._thread:
            self._thread.join(JOIN_S)

    @property
    def holder(self) -> str:
        """The process that runs the store, as it was seen last; empty where none was."""
        return self._watch.holder or holder_of(self.store) or ""

    @property
    def problem(self) -> str:
        """Why the last take-over failed, or how the configuration of the owner differs; empty without either."""
        return (self._failed and f"this process cannot take over: {self._failed}") or self._differs

    @property
    def is_outdated(self) -> bool:
        """Whether the owner, or the last one, has a newer configuration than this process."""
        theirs = self._theirs()
        return theirs is not None and theirs.is_newer_than(self.stamp)

    @property
    def owner(self) -> Tenure | None:
        """The row of the store at the last look; None before the first, and for a store without one."""
        return self._watch.tenure

    def _theirs(self) -> ConfigurationStamp | None:
        tenure = self.owner
        return None if tenure is None else read_stamp(tenure.configuration)

    def _compare(self) -> None:
        """Says once where the owner has another configuration."""
        theirs, differs = self._theirs(), ""
        if self._watch.holder and theirs is not None:
            if self.is_outdated:
                differs = (
                    f"{self._watch.holder} runs {self._shown} with a newer configuration: reload this process"
                )
            elif self.stamp.is_newer_than(theirs):
                differs = f"{self._watch.holder} runs {self._shown} with an older configuration: reload it, or stop it"
        if differs and differs != self._differs:
            logger.warning("Two configurations on one store: %s", differs)
        self._differs = differs

    @property
    def lapsed(self) -> Tenure | None:
        """The tenure of a frozen owner, which may be claimed while it stays as it was seen."""
        return self._watch.lapsed

    def _run(self) -> None:
        try:
            self._wait()
        finally:
            self._watch.close()

    def _wait(self) -> None:
        self._pass_kept_on()
        while not self._over.wait(LOOK_EVERY_S):
            try:
                if self._is_due() and self._take_over(self):
                    return
            except Exception as error:  # noqa: BLE001  # the next look tries again, whatever it was
                self._tell(error)

    def refuse(self, busy: StoreBusy) -> None:
        """Notes that the store was not free after all. Another process was faster; where that goes on, it is a problem."""
        self._refused += 1
        self._refused_at = self.owner
        if self._refused >= REFUSED_MAX:
            self._tell(busy)

    def _is_due(self) -> bool:
        """Looks at the store. Returns whether a take-over is to be tried now."""
        is_free = self._watch.look(self._clock.read())
        if not is_free:
            self._forget_refusals()
            self._compare()
        seen = self._watch.tenure, self._watch.is_locked
        return self._pace.is_due(
            seen, is_free=is_free, looks=OUTDATED_LOOKS if self.is_outdated else FREE_LOOKS
        )

    def _forget_refusals(self) -> None:
        """Begins anew where somebody writes the store. A try that waited for a lock begins the lease of a frozen owner again, whose
        row stays as it was.
        """
        if self.owner != self._refused_at:
            self._refused, self._failed, self._refused_at = 0, "", None

    def _pass_kept_on(self) -> None:
        for report in self._kept:
            try:
                self.obeyed(report)
            except (WatchkeeperError, ValueError, TimeoutError) as error:
                logger.error("A command from the end of the former run is lost: %s: %s", report, error)  # noqa: TRY400

    def _tell(self, error: Exception) -> None:
        """Logs a failed take-over once, until another one fails otherwise, and puts the next one off."""
        self._pace.fail()
        kind = "" if isinstance(error, WatchkeeperError) else f"{type(error).__name__}: "
        says = first_line(f"{kind}{error}")
        if says != self._failed:
            logger.error("%s cannot be taken over, and is tried again: %s", self._shown, says)
        self._failed, self._refused_at = says, self.owner

    # Commands and questions.

    def obeyed(
        self, message: Message, within_ns: int = ANSWER_WITHIN_NS, try_s: float = TRY_S
    ) -> Passed | None:
        """Has the active process obey or answer, also one that takes over meanwhile. Blocks.

        Returns None where this wait has ended: then the runtime itself is active, or stopped.

        Raises: NotRunning where no process answers in time; TimeoutError; what the active process raises.
        """
        data = encode(without_monotonic(message))
        return self._until_passed(
            lambda left_s: read_reply(message, self._link.ask(self.store, data, left_s)), within_ns, try_s
        )

    def asked(self, message: Message) -> Passed | None:
        """Asks the active process once, as `obeyed` does."""
        return self.obeyed(message, 0, READ_TRY_S)

    def requested(self, request: PassedRequest, *, waits: bool) -> PassedAnswer | None:
        """Has the active process answer a request to the API, as `obeyed` does."""
        within_ns, try_s = (ANSWER_WITHIN_NS, TRY_S) if waits else (0, READ_TRY_S)
        passed = self._until_passed(
            lambda left_s: self._link.request(self.store, request, left_s), within_ns, try_s
        )
        return None if passed is None else passed.answer

    def _until_passed(self, attempt: Callable[[float], Any], within_ns: int, try_s: float) -> Passed | None:
        if not has_web():
            raise NotRunning(NEEDS_WEB)
        until = Deadline.after(self._clock.read(), within_ns)
        while not self._over.is_set():
            left_s, asked = until.remaining_s(self._clock.read()), self.owner
            try:
                # The last one has time to find that nothing answers, so that the error says so.
                return Passed(attempt(max(AGAIN_S, min(left_s, try_s)) if within_ns else try_s))
            except NotRunning:
                if left_s <= AGAIN_S:
                    raise
            except TimeoutError:
                if left_s <= AGAIN_S or not (self._over.is_set() or self._has_another_owner(asked)):
                    raise
            self._over.wait(AGAIN_S)
        return None

    def _has_another_owner(self, asked: Tenure | None) -> bool:
        """Whether the store was claimed since a process was asked: that one can no longer obey."""
        now = self.owner
        return now is not None and (asked is None or now.supersedes(asked))
