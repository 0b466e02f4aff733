"""The meaning of a command's end: the plugin protocol where it ran, and the fault where it did not."""

import errno
import signal
from typing import assert_never

from msgspec import UNSET
from msgspec.structs import replace

from ...domain.limits import MEASUREMENTS_MAX
from ...domain.line import first_line, one_line
from ...domain.observation.observation import Observation
from ...domain.observation.outcome import Outcome, Reason
from ...domain.observation.plugin import EXIT_STATUSES, OUTSIDE_PROTOCOL, PluginOutput, parse_plugin_output
from ...domain.specification.probe import Exec
from ..callables.results import Overloaded, Raised, TimedOut
from .command import Capture, Command

TAKEN = "its exit status was taken by somebody else in this process"
OUR_TROUBLE: dict[int, Reason] = {
    errno.EMFILE: Reason.NO_DESCRIPTORS,
    errno.ENFILE: Reason.NO_DESCRIPTORS,
    errno.ENOMEM: Reason.OVERLOADED,
    errno.EAGAIN: Reason.OVERLOADED,
    # It ran, and was gone before it could be watched: this process ignores SIGCHLD, or waits for any child.
    errno.ESRCH: Reason.PROBE_CRASHED,
}
"""Errors of starting a program that say nothing about what it would have checked."""


def could_not_start(spec: Exec, error: Raised) -> Observation:
    reason = OUR_TROUBLE.get(error.error_number or 0)
    return Observation(
        outcome=Outcome.DOWN if reason is None else Outcome.UNKNOWN,
        reason=Reason.COMMAND_FAILED if reason is None else reason,
        detail=not_started(spec.argv[0], error),
    )


def without_command(spec: Exec, why: Raised | TimedOut | Overloaded) -> Observation:
    """The observation of a program that never ran under our eyes."""
    if isinstance(why, Raised):
        return could_not_start(spec, why)
    detail = not_started(spec.argv[0], why)
    return Observation(outcome=Outcome.UNKNOWN, reason=Reason.OVERLOADED, detail=detail)


def not_started(program: str, why: Raised | TimedOut | Overloaded) -> str:
    """Returns why a program never ran."""
    match why:
        case Raised():
            return one_line(f"cannot run {program}: {why.message}")
        case TimedOut():
            return "the machine did not start it before the deadline"
        case Overloaded(detail):
            return detail
        case _:
            assert_never(why)


def answer_of(command: Command, response_time_ns: int) -> Observation:
    """The observation of a program that ended by itself and was reaped."""
    parsed = _parsed(command)
    outcome, reason, detail = _judged(command.end.exit_status, parsed.line)
    return Observation(
        body=bytes(command.output.kept),
        response_time_ns=response_time_ns,
        outcome=outcome,
        reason=reason,
        detail=one_line(" ".join([detail, *_remarks(command, parsed)]).strip()),
        measurements=parsed.figures,
        figures_dropped=(parsed.refused + parsed.surplus) or UNSET,
    )


def timed_out(command: Command) -> Observation:
    """The observation of a program that was killed at the deadline, with what it had said."""
    line = _parsed(command).line
    return Observation(
        body=bytes(command.output.kept),
        outcome=Outcome.TIMED_OUT,
        reason=Reason.TIMED_OUT,
        detail=one_line(f"killed at the deadline: {line}" if line else "killed at the deadline"),
    )


def said_by(command: Command) -> str:
    """Returns the first line that a program wrote, of its errors where it wrote nothing else."""
    return first_line(_text(command.output)) or first_line(_text(command.errors))


def end_of(exit_status: int | None, line: str) -> str:
    """Returns how a program ended, with a line that it wrote."""
    if exit_status is None:
        return TAKEN
    how = f"exit status {exit_status}" if exit_status >= 0 else f"killed by {_signal_name(-exit_status)}"
    return _with(how, line)


def _parsed(command: Command) -> PluginOutput:
    parsed = parse_plugin_output(_text(command.output))
    if parsed.line:
        return parsed
    return replace(parsed, line=first_line(_text(command.errors)))


def _text(capture: Capture) -> str:
    text = capture.kept.decode("utf-8", "replace")
    if not capture.dropped:
        return text
    # Half a figure is a wrong figure: what was cut in the middle goes whole.
    return text[: max(text.rfind(" "), text.rfind("\n")) + 1] if " " in text or "\n" in text else text


def _judged(exit_status: int | None, line: str) -> tuple[Outcome, Reason, str]:
    if exit_status is None:
        return Outcome.UNKNOWN, Reason.PROBE_CRASHED, TAKEN
    if exit_status < 0:
        return Outcome.DOWN, Reason.COMMAND_FAILED, end_of(exit_status, line)
    if exit_status in EXIT_STATUSES:
        return *EXIT_STATUSES[exit_status], line
    return *OUTSIDE_PROTOCOL, end_of(exit_status, line)


def _with(what: str, line: str) -> str:
    return f"{what}: {line}" if line else what


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _remarks(command: Command, parsed: PluginOutput) -> list[str]:
    remarks = []
    if parsed.refused:
        remarks.append(f"({parsed.refused} unreadable figures)")
    if parsed.surplus:
        remarks.append(f"({parsed.surplus} figures dropped: {MEASUREMENTS_MAX} are kept)")
    if command.output.dropped:
        remarks.append(f"({command.output.dropped} bytes of output dropped)")
    return remarks
