"""The `exec` probe: a Nagios plugin run without a shell, and gone at its deadline."""

import asyncio
from typing import assert_never

from ....domain.observation.attempt import ProbeRequest
from ....domain.observation.observation import Observation, OnObserved
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.probe import Exec
from ....domain.specification.text import as_pairs
from ....domain.time.timers import CallAt
from ...clock import MomentClock
from ...programs.command import Program, environment_of
from ...programs.exec_answer import answer_of, timed_out, without_command
from ...programs.runner import Exited, Killed, NotStarted, ProgramRun, ProgramRunner, RunningProgram, Stopped

CANCELLED = Observation(outcome=Outcome.CANCELLED, reason=Reason.CANCELLED, detail="cancelled")


class ExecProber:
    """Runs `exec` probes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: MomentClock, call_at: CallAt) -> None:
        self._clock = clock
        self._runner = ProgramRunner(loop, clock, call_at)

    def start(self, request: ProbeRequest, done: OnObserved) -> RunningProgram:
        """Starts an attempt.

        Raises: TypeError for the specification of another probe.
        """
        spec = request.probe
        if not isinstance(spec, Exec):
            raise TypeError(f"an exec prober was given {type(spec).__name__}")

        def ended(run: ProgramRun) -> None:
            done(self._observed(spec, request, run))

        return self._runner.run(program_of(spec), request.deadline, ended)

    def _observed(self, spec: Exec, request: ProbeRequest, run: ProgramRun) -> Observation:
        match run:
            case Exited(command):
                return answer_of(command, self._clock.read().since(request.started))
            case Killed(command):
                return timed_out(command)
            case NotStarted(why):
                return without_command(spec, why)
            case Stopped():
                return CANCELLED
            case _:
                assert_never(run)

    def close(self) -> None:
        """Kill and reap everything within limits.CLOSE_NS; attempts under way end CANCELLED."""
        self._runner.close()

    def abandoned(self) -> tuple[str, ...]:
        """Returns the abandoned commands: programs that survive their kill, and starts that never returned."""
        return self._runner.abandoned()

    def __repr__(self) -> str:
        return f"ExecProber({self._runner!r})"


def program_of(spec: Exec) -> Program:
    """Returns the program of a specification."""
    environment = environment_of(dict(as_pairs(spec.environment)))
    return Program(spec.argv, environment, spec.directory, spec.output_bytes_max)
