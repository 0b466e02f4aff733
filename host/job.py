"""One run of a job of the host: a block whose end is a heartbeat."""

import logging
from contextlib import suppress
from os import getpid
from types import TracebackType
from typing import Protocol, Self

from ..actors.ports import Clock
from ..domain.errors import UsageError, WatchkeeperError
from ..domain.line import first_line
from ..domain.time.duration import format_duration
from ..domain.time.moment import NS_PER_MS, Moment
from .surface import async_only, bridge

logger = logging.getLogger(__name__)


class Report(Protocol):
    """Takes the reports of a run: its start, and its end."""

    def __call__(
        self,
        *,
        ok: bool = ...,
        detail: str = ...,
        start: bool = ...,
        run: str = ...,
        exit_status: int | None = ...,
    ) -> None: ...


class Job:
    """One run of a job. It begins with `with` or `async with`, which reports its start.

    Its end reports whether it succeeded, and its time.

    An exception makes a failed run and goes on to the caller, as does `SystemExit` with a status other than 0.
    """

    def __init__(self, name: str, report: Report, clock: Clock) -> None:
        self.name = name
        self.exit_status = 0
        """Set it to the status of a program that the job ran: another than 0 makes a failed run."""
        self.detail = ""
        """One line about the run, such as `1,204 rows`; shown with its heartbeat."""
        self._report, self._run = report, f"{getpid():x}-{clock.read().wall_ns:x}"
        self._clock = clock
        self._started: Moment | None = None
        self._ended: Moment | None = None

    @property
    def took_ns(self) -> int:
        """How long it has run, or had run at its end; 0 before it begins."""
        if self._started is None:
            return 0
        return (self._ended or self._clock.read()).since(self._started)

    @bridge
    def __enter__(self) -> Self:
        if self._started is not None:
            raise UsageError(f"this run of {self.name!r} has begun already: call job() for each run")
        self._started = self._clock.read()
        # Where this cannot be reported, the end cannot either, and says why.
        with suppress(WatchkeeperError):
            self._report(start=True, run=self._run)
        return self

    @bridge
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = self._clock.read()
        if isinstance(error, SystemExit):
            self._read_status(error)
            error = None
        ok = error is None and self.exit_status == 0
        try:
            status = None if error else _as_status(self.exit_status)
            self._report(ok=ok, detail=self._told(error), run=self._run, exit_status=status)
        except WatchkeeperError as refused:
            # Never raised: it would take the place of the job's own error, or fail a run that succeeded.
            logger.error("The end of a job was not reported: %s: %s", self.name, refused)  # noqa: TRY400 - it says all

    @async_only
    async def __aenter__(self) -> Self:
        return self.__enter__()

    @async_only
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _read_status(self, ended: SystemExit) -> None:
        """Takes the status of an exit as the interpreter does: none is 0, and a text is 1."""
        code = ended.code
        self.exit_status = code if isinstance(code, int) else int(code is not None)
        if isinstance(code, str):
            self.detail = code

    def _told(self, error: BaseException | None) -> str:
        if error is not None:
            return f"{_said(error)} after {_length(self.took_ns)}"
        how = run_text(self.exit_status, self.took_ns)
        return f"{how}: {self.detail}" if self.detail else how

    def __repr__(self) -> str:
        state = "not begun" if self._started is None else "ended" if self._ended else "running"
        return f"<Job {self.name!r}: {state}>"


def _as_status(value: object) -> int | None:
    """Returns what a host has set as an exit status; None for what is none, which the text of the report shows alone."""
    return value if type(value) is int and abs(value) < 1 << 31 else None


def run_text(exit_status: int, took_ns: int) -> str:
    """How a run of a job ended, and its length to the millisecond."""
    took = _length(took_ns)
    return f"exit status {exit_status} after {took}" if exit_status else f"took {took}"


def _length(took_ns: int) -> str:
    return format_duration(took_ns // NS_PER_MS * NS_PER_MS)


def _said(error: BaseException) -> str:
    """One line about an exception, also where its `__str__` fails."""
    try:
        text = first_line(str(error))
    except Exception:  # noqa: BLE001 - the host's code may raise anything
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
