"""The `exec` channel: a program of the operator's that takes notices on."""

import asyncio
from collections.abc import Callable
from typing import assert_never

from ....domain.incidents.notice import Answer, Notice
from ....domain.incidents.notice_body import notice_body
from ....domain.limits import COMMAND_ERROR_BYTES_MAX
from ....domain.line import one_line
from ....domain.messages.notice_text import notice_text
from ....domain.messages.template import values_of
from ....domain.specification.local_channels import FACTS_PREFIX, ExecChannel
from ....domain.specification.text import as_pairs
from ....domain.time.moment import Deadline
from ....domain.time.timers import CallAt
from ...clock import MomentClock
from ...programs.command import Program, environment_of
from ...programs.exec_answer import end_of, not_started, said_by
from ...programs.runner import Exited, Killed, NotStarted, ProgramRun, ProgramRunner, Stopped
from ..running import RunningDelivery

REFUSED = 65
"""`EX_DATAERR` of sysexits.h: the program will never take this notice."""


class ExecMessenger:
    """Runs a program for each notice, with its document on standard input and its facts in the environment.

    Every exit status but 0 and 65 is tried again: a mistake in a program may be set right, and then the notice arrives.
    """

    def __init__(
        self,
        channel: str,
        spec: ExecChannel,
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        call_at: CallAt,
        *,
        address: str = "",
    ) -> None:
        self._spec, self._address = spec, address
        self._runner = ProgramRunner(loop, clock, call_at, name=f"watchkeeper-channel-{channel}")

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> RunningDelivery:
        """Begins one attempt. Raises: ValueError for a notice that cannot be written down."""
        spec = self._spec
        facts = facts_of(notice, self._address)
        program = Program(
            spec.argv,
            environment_of({**dict(as_pairs(spec.environment)), **facts}),
            spec.directory,
            COMMAND_ERROR_BYTES_MAX,
            notice_body(notice),
        )
        run = self._runner.run(program, deadline, lambda run: done(answer_of(spec, run)))
        return RunningDelivery(run)

    def close(self) -> None:
        """Kills what is under way, and reaps it."""
        self._runner.close()

    def abandoned(self) -> tuple[str, ...]:
        """Returns programs that survive their kill, and starts that never returned."""
        return self._runner.abandoned()

    def __repr__(self) -> str:
        return f"ExecMessenger({self._spec.argv[0]!r}, {self._runner!r})"


def facts_of(notice: Notice, address: str) -> dict[str, str]:
    """Returns the facts of a notice as variables: what a template may name, and nothing that ends a variable.

    Raises: ValueError for a moment outside the calendar.
    """
    values = values_of(notice, notice_text(notice, address))
    return {f"{FACTS_PREFIX}{name.upper()}": text.replace("\0", "") for name, text in values.items()}


def answer_of(spec: ExecChannel, run: ProgramRun) -> Answer:
    """Returns the answer of a program that was run for a notice."""
    match run:
        case Exited(command):
            status = command.end.exit_status
            detail = one_line(end_of(status, said_by(command)))
            return Answer(accepted=status == 0, retryable=status != REFUSED, detail=detail)
        case Killed(command):
            said = said_by(command)
            detail = f"killed at the deadline, the outcome is unknown{f': {said}' if said else ''}"
            return Answer(accepted=False, detail=one_line(detail))
        case NotStarted(why):
            return Answer(accepted=False, detail=one_line(not_started(spec.argv[0], why)))
        case Stopped():
            return Answer(accepted=False, detail="cancelled")
        case _:
            assert_never(run)
