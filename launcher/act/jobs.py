"""`job`: runs a command, and reports its start, its end and its time."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from secrets import token_hex
from typing import Any, BinaryIO

import click

from ...adapters.clock import SystemClock
from ...client.offline import OfflineStore
from ...domain.errors import WatchkeeperError
from ...domain.line import first_line
from ...host.job import run_text
from ..options import Where
from .reach import Acts, reached

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""The exit statuses of a shell for these two."""
TAIL_BYTES, TAIL_LINES = 2_048, 3
"""The end of its output that goes with the report of a command that failed."""
PUMPED_WITHIN_S = 2.0
"""The wait for output of what the command has left running behind it."""
STARTED_WITHIN_S = 5.0
"""The wait for the report of the start, which is made while the command runs."""
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def run_job(where: Where, target: str, command: Sequence[str]) -> int:
    """Runs a command with these standard streams; returns its exit status, 128 and the number of a signal that killed it."""
    run, clock = token_hex(8), SystemClock()
    context = click.get_current_context()
    begun = threading.Thread(
        target=_in, args=(context, partial(_report_start, where, target, run)), daemon=True
    )
    began = clock.read()
    begun.start()
    status, tail = _run(command)
    took_ns = clock.read().since(began)
    begun.join(STARTED_WITHIN_S)
    how = run_text(status, took_ns)
    detail = f"{how}: {tail}" if tail and status else how
    _report(where, target, status, detail=detail, run=run)
    return status


def _in(context: click.Context, work: Callable[[], None]) -> None:
    with context.scope(cleanup=False):
        work()


def _report_start(where: Where, target: str, run: str) -> None:
    def act(acts: Acts) -> None:
        # A store that no process runs keeps ends alone.
        if not isinstance(acts, OfflineStore):
            acts.heartbeat(target, start=True, run=run)

    # The end is reported in the same way, and says why it cannot be.
    _tried(where, act)


def _report(where: Where, target: str, status: int, *, detail: str, run: str) -> None:
    def act(acts: Acts) -> None:
        if isinstance(acts, OfflineStore):
            acts.heartbeat(target, ok=status == 0, detail=detail, exit_status=status)
        else:
            acts.heartbeat(target, ok=status == 0, detail=detail, run=run, exit_status=status)

    if problem := _tried(where, act):
        click.echo(f"watchkeeper: the end of {first_line(target, 64)} is not reported: {problem}", err=True)


def _tried(where: Where, act: Callable[[Acts], None]) -> str:
    """Acts; returns why it could not. A report that fails must not fail the job that it is about."""
    try:
        reached(where, act)
    except (WatchkeeperError, click.ClickException, OSError) as error:
        return first_line(error.format_message() if isinstance(error, click.ClickException) else str(error))
    return ""


def _run(command: Sequence[str]) -> tuple[int, str]:
    """Runs a command; returns its exit status and the end of its output in one line."""
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603  # it is the user's own
    except OSError as error:
        says = f"{command[0]}: {error.strerror or error}"
        click.echo(f"watchkeeper: {says}", err=True)
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE, says
    tail = bytearray()
    pumps = [
        threading.Thread(target=_pump, args=(source, sink, tail), daemon=True)
        for source, sink in ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
    ]
    with _forwarded_to(process):
        for pump in pumps:
            pump.start()
        returned = process.wait()
    for pump in pumps:
        pump.join(PUMPED_WITHIN_S)
    lines = [line.strip() for line in bytes(tail).decode("utf-8", "replace").splitlines() if line.strip()]
    return (returned if returned >= 0 else 128 - returned), " | ".join(lines[-TAIL_LINES:])


def _pump(source: BinaryIO, sink: Any, tail: bytearray) -> None:
    """Passes output on as it comes, and keeps its end. A reader of ours that has gone does not end the command."""
    out: BinaryIO | None = getattr(sink, "buffer", None)
    with source:
        while part := os.read(source.fileno(), 65_536):
            tail += part
            del tail[:-TAIL_BYTES]
            try:
                if out is not None:
                    out.write(part)
                    out.flush()
            except (OSError, ValueError):
                out = None


@contextmanager
def _forwarded_to(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """A context in which signals to this process go to the command, which decides what they mean."""

    # A terminal sends these to the whole group, so that the command has them already.
    sent_by_terminal = (signal.SIGINT, signal.SIGQUIT) if os.isatty(0) else ()

    def forward(number: int, _frame: object) -> None:
        if number not in sent_by_terminal:
            process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
