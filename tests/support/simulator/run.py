"""One run: a phase with faults, checked for safety, then a phase without, in which everything must recover."""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
from pykka import ActorDeadError, Timeout
from watchkeeper.actors.system import shut_down
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.incidents.incident import Incident
from watchkeeper.domain.read_model.status import RuntimeStatus
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.protocol.recorder import GetIncidents, GetMetrics, GetStatus

from .acts import beat, perform
from .cases.case import Act, Case
from .cases.faults import Fault
from .endless import RUN_CPU_S, bounded
from .invariants.violation import Violation
from .machine import Machine
from .recovery.end import check_conservation, check_peace, check_stopped, dead_channels, untold
from .recovery.kinds import check_kinds
from .recovery.reference import check_reference
from .recovery.service import SERVICE_WITHIN_NS, RecoveryRules
from .surroundings.micro_faults import Kind, ProcessDied

SETTLE_NS = 120 * NS_PER_S
SETTLE_NS_MAX = 1_500 * NS_PER_S
"""Two waits of ten minutes, one after the other, and a margin: a quarantined poller is tried again after ten minutes."""
PARENTS_NS = 360 * NS_PER_S
"""By then each target has recovered that ever does, and its children were checked again."""
PINGS_COUNTED = 4
SLICE_NS = 20 * NS_PER_S
GRACE_NS = 20 * NS_PER_S
BOOTS_MAX = 10_000
"""Deaths in a row during a start, each at another drawn site; only an endless loop reaches the bound."""
AT_ONCE_S = 1e-9
"""One nanosecond of virtual time: the answer may wait for turns, and for no timer."""
COLLECTED_AFTER = 50_000
"""New objects between two runs of the garbage collector."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one run."""

    seed: int
    violations: tuple[Violation, ...]
    trace: str
    """Equal for equal runs."""
    simulated_ns: int
    steps: int
    sites: int
    """The sites that were passed: the places where the process could have died."""
    processes: int
    real_ns: int
    sometimes: dict[str, int]
    nodes: int = 1
    """The machines: several in a course of a cluster."""
    tape: dict[str, list[int]] = {}
    """Every draw of a run that violates an invariant."""
    tail: tuple[str, ...] = ()
    """The last steps of a run that violates an invariant."""


class Run:
    """Drives one machine through one case."""

    def __init__(self, case: Case) -> None:
        self._real_began_ns = SystemClock().read().monotonic_ns
        self._case = case
        self.machine = Machine(case)
        self._acts = list(case.acts)
        self._began_ns = self.machine.clock.lived_ns
        self._peace = False
        self._peaceful_ns = 0
        self._live()

    # Passage of time.

    def advance(self, until_ns: int) -> None:
        """Runs up to a time of the world's own clock, over deaths and restarts. Stops at the first violation."""
        while not self._violated and self._interrupted(until_ns):
            self._recover()

    def _interrupted(self, until_ns: int) -> bool:
        self.machine.halt.now = bool(self.machine.system.ended) or self.machine.hub.dead
        try:
            return self.machine.dispatcher.run_through(self.machine.monotonic_ns(until_ns), self._enough)
        except ProcessDied:
            return True

    def _enough(self) -> bool:
        return self.machine.halt.now

    def _recover(self) -> None:
        """Starts the next process after a death or a stop, unless an invariant is violated."""
        machine = self.machine
        if self._violated:
            return
        if machine.restart_asked:
            machine.restart_asked = False
            self._stop()
        if not self._violated:
            self._next_process()

    @property
    def _violated(self) -> bool:
        return bool(self.machine.auditor.violations)

    def _next_process(self) -> None:
        machine = self.machine
        for _ in range(BOOTS_MAX):
            machine.bury()
            try:
                machine.boot()
            except ProcessDied:
                continue
            self._live()
            return
        raise RuntimeError("the simulated process never comes up")

    def _live(self) -> None:
        """Arms the acts of the world and the heartbeats of hosts, for each process again."""
        self._arm_act()
        tracked = [act.target for act in self._case.acts if act.target is not None]
        known = [watched.target for watched in self._case.targets]
        hosts = {target.id: target for target in (*tracked, *known) if target.heartbeat is not None}
        for target in hosts.values():
            self._arm_beat(target)

    def _arm_beat(self, target: Target) -> None:
        def due() -> None:
            self._arm_beat(target)
            beat(self.machine, target.id)

        known = self.machine.roster.get(target.id, target)
        wait_ns = known.every_ns
        if known.is_scheduled:
            # Its host reports half a second after each moment of the schedule.
            wait_ns += NS_PER_S // 2 - self.machine.clock.read().wall_ns % wait_ns
        self.machine.after(wait_ns, due)

    def _arm_act(self) -> None:
        if not self._acts or self._peace:
            return
        now_ns = self.machine.clock.lived_ns
        self.machine.after(max(self._began_ns + self._acts[0].at_ns - now_ns, 0), self._act)

    def _act(self) -> None:
        if self._peace or not self._acts:
            return
        act: Act = self._acts.pop(0)
        self._arm_act()
        perform(self.machine, act)

    # The phases.

    def safety(self, progress: Callable[[int], None] | None = None) -> None:
        """Runs the phase with faults. Calls `progress` every 20 s of virtual time with the time that has passed."""
        until_ns = self._began_ns + self._case.options.minutes * 60 * NS_PER_S
        if progress is not None:
            self._advance_with_progress(until_ns, progress)
        self.advance(until_ns)

    def _advance_with_progress(self, until_ns: int, progress: Callable[[int], None]) -> None:
        clock = self.machine.clock
        while not self._violated and clock.lived_ns + SLICE_NS < until_ns:
            self.advance(clock.lived_ns + SLICE_NS)
            progress(clock.lived_ns - self._began_ns)

    def liveness(self) -> None:
        """Ends all faults and runs until everything has recovered, or the bounds have passed."""
        self._peace = True
        machine = self.machine
        machine.calm()
        machine.auditor.upon_probe.clear()
        began_ns = self._peaceful_ns = machine.clock.lived_ns
        recovery, dead = RecoveryRules(machine), dead_channels(self._case)
        self._unless_violated(lambda: self._look(recovery))
        self.advance(began_ns + SERVICE_WITHIN_NS)
        self._unless_violated(recovery.check_store)
        self.advance(began_ns + self._settle_ns())
        self._settle(began_ns + SETTLE_NS_MAX)
        self._try_out(recovery, dead)
        self._unless_violated(lambda: recovery.redrive(dead))
        self.advance(machine.clock.lived_ns + SLICE_NS)
        self._settle(machine.clock.lived_ns + SETTLE_NS_MAX)
        self._unless_violated(recovery.check_redriven)
        self._unless_violated(lambda: recovery.check_channels(dead))
        self._unless_violated(self._examine)

    def _try_out(self, recovery: RecoveryRules, dead: dict[str, None]) -> None:
        """Begins a drill where the run has drills, and counts pings where it has those."""
        faults, clock = self._case.options.faults, self.machine.clock
        if Fault.PING in faults:
            self._unless_violated(recovery.watch_pings)
            self.advance(clock.lived_ns + PINGS_COUNTED * self.machine.auditor.pinging.every_ns)
            self._unless_violated(lambda: recovery.check_pings(dead))
        if Fault.DRILL in faults:
            self._unless_violated(recovery.begin_drill)
            self.advance(clock.lived_ns + NS_PER_S)
            self._unless_violated(lambda: recovery.check_drill(self._ask(GetMetrics())))
            self.advance(clock.lived_ns + SLICE_NS)
            self._settle(clock.lived_ns + SETTLE_NS_MAX)

    def _unless_violated(self, check: Callable[[], None]) -> None:
        if not self._violated:
            check()

    def _settle(self, until_ns: int) -> None:
        """Runs until no notice is pending and every actor lives, at most until a time of the world's own clock."""
        while not self._violated and not self._settled() and self.machine.clock.lived_ns <= until_ns:
            self.advance(self.machine.clock.lived_ns + SLICE_NS)

    def _settle_ns(self) -> int:
        """Returns the longest time that any target's incident may take to open or to resolve."""
        waits = [
            target.every_ns * 8 + target.timeout_ns + 60 * NS_PER_S for target in self.machine.roster.values()
        ]
        return max(SETTLE_NS, *waits, 0)

    def _settled(self) -> bool:
        machine = self.machine
        durable = machine.auditor.durable
        dead = [reached.channel.id for reached in self._case.channels if reached.dead]
        told = all(durable.notices[key].channel in dead for key in durable.pending)
        orphans = [i for i in durable.open_incidents() if i.target not in machine.roster]
        muted = any(silence.until_ns > machine.clock.read().wall_ns for silence in durable.silences.values())
        alive = all(address.alive or address.closed for address in machine.addresses)
        return told and alive and not orphans and not muted and not self._lacks()

    def _lacks(self) -> bool:
        """Whether a channel does not know something yet; what waits for a parent that is down for good ends the wait."""
        lasted_ns = self.machine.clock.lived_ns - self._peaceful_ns
        may_recover = lasted_ns < PARENTS_NS
        return any(lack.held != "dependency" or may_recover for lack in untold(self.machine))

    def _look(self, recovery: RecoveryRules) -> None:
        """Checks the status at the very moment at which the faults stop, unless the recorder is dead then."""
        with suppress(ActorDeadError, ProcessDied, Timeout):
            recovery.check_freshness(self.machine.system.recorder.ask(GetStatus(), AT_ONCE_S))

    def _examine(self) -> None:
        machine = self.machine
        status: RuntimeStatus = self._ask(GetStatus())
        incidents: tuple[Incident, ...] = self._ask(GetIncidents(open_only=True))
        check_peace(machine, status, frozenset(incident.id for incident in incidents))

    def _ask(self, question: object) -> Any:
        return self.machine.system.recorder.ask(question, 60.0)

    def end(self) -> None:
        """Stops in order and checks the counts of messages and the record."""
        if not self._violated:
            self._stop()
            check_conservation(self.machine)
            check_reference(self.machine)
            check_kinds(self.machine)

    def _stop(self) -> None:
        machine = self.machine
        machine.auditor.stopping()
        try:
            late = shut_down(machine.system, self._wait, machine.clock.read(), GRACE_NS)
        except ProcessDied:
            return
        machine.auditor.happened("stopped in good order")
        if self._peace and not machine.hub.dead:
            machine.system.stop(machine.system.recorder)
            self._wait(lambda: False, machine.clock.read().monotonic_ns + NS_PER_S)
            check_stopped(machine, late)

    def _wait(self, done: Callable[[], bool], until_ns: int) -> bool:
        machine = self.machine
        try:
            machine.dispatcher.run_through(until_ns, lambda: done() or machine.hub.dead)
        except ProcessDied:
            return True
        return done() or machine.hub.dead

    def close(self) -> None:
        """Ends the process and removes its files."""
        self.machine.hub.dead = True
        self.machine.store.remove()

    def result(self, *, keep_tape: bool = True) -> Result:
        """Returns the result so far."""
        machine, auditor = self.machine, self.machine.auditor
        violations = tuple(auditor.violations)
        return Result(
            seed=self._case.seed,
            violations=violations,
            trace=auditor.trace.digest(),
            simulated_ns=machine.clock.lived_ns - self._began_ns,
            steps=auditor.trace.steps,
            sites=machine.micro_faults.passed,
            processes=machine.processes,
            real_ns=SystemClock().read().monotonic_ns - self._real_began_ns,
            sometimes=dict(auditor.sometimes),
            tape=machine.tape.recorded() if violations and keep_tape else {},
            tail=tuple(auditor.trace.tail()) if violations else (),
        )


def run_case(
    case: Case, *, die_at: int | None = None, keep_tape: bool = True, cpu_s: float = RUN_CPU_S
) -> Result:
    """Runs a case. With `die_at` the process dies at that site, counted from the start, and no other micro fault strikes.

    A run that has not ended after `cpu_s` seconds of processor time violates the invariant BOUND.
    """
    with quiet(), collecting_seldom():
        run = Run(case)
        try:
            if die_at is not None:
                run.machine.micro_faults.only(Kind.DIE, die_at)
            with bounded(run.machine.auditor.complain, cpu_s=cpu_s):
                run.safety()
                run.liveness()
                run.end()
        finally:
            run.close()
    return run.result(keep_tape=keep_tape)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Runs the garbage collector seldom: a run makes few cycles, and looking for them takes 6 % of its time."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECTED_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def quiet() -> Iterator[None]:
    """Silences the loggers: the log of injected crashes is neither shown nor formatted."""
    loggers = [logging.getLogger(name) for name in ("pykka", "watchkeeper")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
