"""The `apprise` channel: the hundred services of Apprise, each notice in a process of its own."""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import assert_never

import msgspec

from ...domain.incidents.incident import TransitionKind
from ...domain.incidents.notice import Answer, Notice
from ...domain.line import one_line
from ...domain.messages.notice_text import notice_text
from ...domain.specification.local_channels import Apprise
from ...domain.specification.rule import Severity
from ...domain.time.moment import Deadline
from ...domain.time.timers import CallAt
from ..clock import MomentClock
from ..programs.command import Program, environment_of
from ..programs.exec_answer import end_of, not_started, said_by
from ..programs.runner import Exited, Killed, NotStarted, ProgramRun, ProgramRunner, Stopped
from .partly_taken import PartlyTaken
from .running import RunningDelivery

CHILD = "watchkeeper.adapters.channels.apprise_child"
_TYPES = {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}
_CALLS = re.compile(r"@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)
"""Words by which chats call everybody; an unseen character behind the sign makes them words."""
UNKNOWN = "no answer in time: the outcome is unknown"
_SHARE = 0.8
"""The part of the time that the services have, so that the child can still say which of them did not answer."""


class _ServiceResult(msgspec.Struct, frozen=True):
    """The result of one URL, as the child says it."""

    status: str
    says: str


class AppriseMessenger:
    """Runs a child for each notice. A retry asks those URLs only that have not taken the notice.

    Apprise tells success, failure and time-out apart and nothing else, so whatever is not a success is tried again.
    """

    def __init__(
        self,
        channel: str,
        spec: Apprise,
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        call_at: CallAt,
        *,
        address: str = "",
    ) -> None:
        self._spec, self._clock, self._address = spec, clock, address
        self._runner = ProgramRunner(loop, clock, call_at, name=f"watchkeeper-channel-{channel}")
        self._taken = PartlyTaken()

    def send(
        self,
        notice: Notice,
        attempt: int,
        deadline: Deadline,
        done: Callable[[Answer], None],
        memory: str = "",
    ) -> RunningDelivery:
        """Begins one attempt. Raises: ValueError for a notice that cannot be written down."""
        now = self._clock.read()
        taken = self._taken.by(notice.key, now)
        left = tuple(url for url in self._spec.urls if url not in taken)
        program = child_program(asked_of(notice, left, self._address, deadline.remaining_s(now) * _SHARE))

        def ended(run: ProgramRun) -> None:
            done(self._answer_of(notice.key, left, run))

        return RunningDelivery(self._runner.run(program, deadline, ended))

    def _answer_of(self, key: str, asked: tuple[str, ...], run: ProgramRun) -> Answer:
        match run:
            case Exited(command):
                results = _results(bytes(command.output.kept))
                if len(results) != len(asked):
                    return Answer(
                        accepted=False, detail=one_line(end_of(command.end.exit_status, said_by(command)))
                    )
                successes = [
                    url for url, result in zip(asked, results, strict=True) if result.status == "success"
                ]
                taken = self._taken.note(key, successes, self._clock.read())
                return answer_of(results, len(taken), len(self._spec.urls))
            case Killed():
                return Answer(accepted=False, detail="killed at the deadline: the outcome is unknown")
            case NotStarted(why):
                return Answer(accepted=False, detail=not_started(sys.executable, why))
            case Stopped():
                return Answer(accepted=False, detail="cancelled")
            case _:
                assert_never(run)

    def close(self) -> None:
        """Kills what is under way, and reaps it."""
        self._runner.close()

    def abandoned(self) -> tuple[str, ...]:
        """Returns children that survive their kill, and starts that never returned."""
        return self._runner.abandoned()

    def __repr__(self) -> str:
        return f"AppriseMessenger({len(self._spec.urls)} URLs, {self._runner!r})"


def child_program(content: bytes) -> Program:
    """Returns the program that sends one notice; it finds what this process would import, and inherits nothing else."""
    environment = environment_of({"PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
    return Program((sys.executable, "-m", CHILD), environment, "/", content=content)


def asked_of(notice: Notice, urls: Iterable[str], address: str, timeout_s: float) -> bytes:
    """Returns what the child is asked. Raises: ValueError for a moment outside the calendar."""
    text = notice_text(notice, address)
    resolved = notice.change is TransitionKind.RESOLVED
    body = "\n".join(filter(None, (*text.lines, text.link)))
    return msgspec.json.encode(
        {
            "urls": list(urls),
            "title": _harmless(text.title),
            "body": _harmless(body) or text.title,
            "type": "success" if resolved else _TYPES[notice.incident.severity],
            "timeout_s": timeout_s,
        }
    )


def _harmless(text: str) -> str:
    return _CALLS.sub("@\u200b", text)


def _results(output: bytes) -> list[_ServiceResult]:
    """The results that the child wrote; none where it wrote something else."""
    try:
        return msgspec.json.decode(output, type=list[_ServiceResult])
    except msgspec.DecodeError:
        return []


def answer_of(results: Iterable[_ServiceResult], taken: int, urls: int) -> Answer:
    """Returns the answer of the services that were asked."""
    failed = [result for result in results if result.status != "success"]
    if not failed:
        return Answer(accepted=True, detail=f"taken for {taken} of {urls}")
    said = "; ".join(
        dict.fromkeys(UNKNOWN if result.status == "timeout" else result.says for result in failed)
    )
    return Answer(accepted=False, detail=one_line(f"taken for {taken} of {urls}; {said}"))
