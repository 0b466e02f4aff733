"""Invariants of the end: once all faults have stopped, everything recovers within bounds."""

from typing import NamedTuple

from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.own_problems import POLLER
from watchkeeper.domain.read_model.status import RuntimeStatus
from watchkeeper.domain.specification.probe import Composite
from watchkeeper.domain.specification.rule import Consecutive, KOfN, Nagios, RuleState
from watchkeeper.domain.specification.target import OWN_NAME, Target
from watchkeeper.domain.time.moment import NS_PER_S

from ..cases.case import Case, Watched
from ..machine import Machine
from ..suppression.naive_routes import Told

DRILL_OVER_NS = 120 * NS_PER_S
"""After the time of a drill: it ends with a review of the problems, which comes once a minute."""


def check_peace(machine: Machine, status: RuntimeStatus, open_incidents: frozenset[str]) -> None:
    """Checks everything that holds once the faults have stopped and the bounds of D.3 have passed."""
    complain = machine.auditor.complain
    machine.auditor.blindness.check_peace()
    for address in machine.addresses:
        if not address.alive and not address.closed:
            complain("L5", f"{address.name} was not replaced")
        if len(address):
            complain("L9", f"{len(address)} messages still wait for {address.name}")
    known = sorted((target.id, target.kind, target.paused) for target in status.targets)
    wanted = sorted((target.id, target.kind, target.paused) for target in machine.roster.values())
    if known != wanted:
        complain("S36", f"configured are {wanted}, scheduled {known}")
    _manned(machine)
    _seen(machine)
    _drilled(machine)
    for incident in machine.auditor.durable.open_incidents():
        # A problem of the runtime itself ends two minutes after it is gone, which may be later than this.
        if incident.target not in machine.roster and incident.target != OWN_NAME:
            complain("S30", f"{incident.target} is not watched any more, and its incident has no end")
    recorded = frozenset(incident.id for incident in machine.auditor.durable.open_incidents())
    if recorded != open_incidents:
        complain("S26", f"open in the record: {sorted(recorded)}, shown: {sorted(open_incidents)}")
    for watched in machine.case.targets:
        target = machine.roster.get(watched.target.id)
        if target is not None and not target.paused:
            _detected(machine, watched, target)
            _polled(machine, target)
    _delivered(machine)


def _seen(machine: Machine) -> None:
    """L14: no open incident is acknowledged a second after the end of its acknowledgement."""
    now_ns = machine.clock.read().wall_ns
    for incident in machine.auditor.durable.open_incidents():
        until_ns = incident.acknowledged_until_ns
        if until_ns is not None and until_ns + NS_PER_S < now_ns and incident.target in machine.roster:
            machine.auditor.complain("L14", f"{incident.id} is acknowledged {now_ns - until_ns} ns too long")


def _drilled(machine: Machine) -> None:
    """S43: no drill is open a while after its time: the owner looks at them with the problems of the runtime."""
    now_ns = machine.clock.read().wall_ns
    for incident in machine.auditor.durable.open_incidents():
        if incident.drill and incident.drill.until_ns + DRILL_OVER_NS < now_ns:
            machine.auditor.complain("S43", f"{incident.id} is a drill without an end")


def _manned(machine: Machine) -> None:
    """S36: each target that is probed has its one poller, and nobody else has any."""
    pollers = sorted(
        address.name for address in machine.addresses if address.alive and POLLER in address.name
    )
    wanted = sorted(POLLER + target.id for target in machine.roster.values() if target.is_probed)
    if pollers != wanted:
        machine.auditor.complain("S36", f"to be probed are {wanted}, and there are {pollers}")


def _detected(machine: Machine, watched: Watched, target: Target) -> None:
    """L2 and L3: a target that stays down has an open incident, and a recovered one has none."""
    auditor, ends = machine.auditor, _ends(machine, target, watched.finally_)
    for rule in target.rules:
        if isinstance(rule, Consecutive | KOfN | Nagios) and rule.state is not RuleState.RETIRED:
            is_open = (target.id, rule.id) in auditor.durable.open
            if is_open and ends == "ok":
                auditor.complain("L3", f"{target.id} has recovered and {rule.id} is still open")
            says_nothing = isinstance(rule, Consecutive | KOfN) and rule.on == "warning"
            if not is_open and ends == "down" and not says_nothing:
                auditor.complain("L2", f"{target.id} is down for good and {rule.id} has not opened")


def _ends(machine: Machine, target: Target, finally_: str) -> str:
    """How a target is in the end: one that must fail is the other way round, and a composite one is as its members are."""
    if target.composite:
        finally_ = _made(machine, target.composite)
    turned = {"ok": "down", "down": "ok"}
    return turned.get(finally_, finally_) if target.upside_down is True else finally_


def _made(machine: Machine, composite: Composite) -> str:
    """How the members leave a composite target; those that are paused or removed are left out."""
    finals = {watched.target.id: watched.finally_ for watched in machine.case.targets}
    left = [each for name in composite.members if (each := machine.roster.get(name)) and not each.paused]
    ends = [_ends(machine, each, finals[each.id]) for each in left]
    if not ends:
        return "unknown"
    if ends.count("ok") < min(composite.needed, len(ends)):
        return "down"
    return "ok" if "down" not in ends else "degraded"


def _polled(machine: Machine, target: Target) -> None:
    """L1, from outside: two starts are no further apart than the cadence and its slack."""
    if not target.is_probed:
        return
    since_ns = machine.clock.read().monotonic_ns - machine.auditor.attempts.started_ns.get(target.id, 0)
    if since_ns > target.every_ns * 11 // 10 + NS_PER_S + target.timeout_ns:
        machine.auditor.complain("L1", f"{target.id} was not probed for {since_ns / NS_PER_S:g} s")
    request = machine.auditor.configuration.newest.get(target.id)
    if request is not None and request.probe != target.probe:
        machine.auditor.complain("S30", f"{request} is not of what is configured: {target}")


def _delivered(machine: Machine) -> None:
    """L4, L7: a healthy channel has received every notice that is due to it, whatever other channels are dead."""
    auditor, dead = machine.auditor, dead_channels(machine.case)
    for key in auditor.durable.pending:
        if auditor.durable.notices[key].channel not in dead:
            auditor.complain("L4", f"{auditor.durable.notices[key]} is still in the outbox")
    for lack in untold(machine):
        if not lack.held:
            auditor.complain("L4", lack.says)
        else:
            auditor.happened(f"untold for {lack.held}")


class Lack(NamedTuple):
    """Something that a healthy channel was not told, and what may hold its notice."""

    says: str
    held: str
    """Empty where nothing may."""


def untold(machine: Machine) -> list[Lack]:
    """Returns what channels should know and do not, by a naive comparison of the record with what they heard."""
    auditor, dead, found = machine.auditor, dead_channels(machine.case), []
    given_up = {
        (step.incident_id, notice.channel): None for notice in auditor.dead_letters() for step in notice.steps
    }
    for name, life in auditor.durable.lives.items():
        incident = life[-1]
        told = {} if incident.draft else auditor.routes.told(incident)
        for channel in machine.receivers:
            heard = auditor.receiving.heard(channel, name)
            if channel in dead or (name, channel) in given_up or not (heard or channel in told):
                continue
            held = auditor.holds.may_hold(incident, told.get(channel, Told(channel)))
            is_due = incident.acknowledged_at_ns is None and not auditor.routes.is_mild(incident, channel)
            if incident.is_open and not heard and is_due:
                found.append(
                    Lack(f"{channel} never got the start of {incident.target}/{incident.rule}", held)
                )
            if not incident.is_open and heard and heard[-1].change is not TransitionKind.RESOLVED:
                found.append(Lack(f"{channel} never got the end of {incident.target}", held))
    return found


def dead_channels(case: Case) -> dict[str, None]:
    """Returns the channels that stay dead when all faults have stopped."""
    return {reached.channel.id: None for reached in case.channels if reached.dead}


def check_conservation(machine: Machine) -> None:
    """S35: every message was handled, is queued, or was dropped and counted."""
    for address in machine.addresses:
        known = address.handled + len(address) + address.dropped + address.dead
        # A poller is dismissed without a message.
        if not address.told <= known <= address.told + address.dismissals:
            machine.auditor.complain(
                "S35",
                f"{address.name}: told {address.told}, handled {address.handled}, queued {len(address)}, "
                f"dropped {address.dropped}, dead {address.dead}",
            )
        for kind in dict.fromkeys(address.dropped_kinds):
            if kind not in SHEDDABLE:
                machine.auditor.complain("S35", f"{address.name} dropped a {kind}")
            machine.auditor.happened(f"dropped {kind}")


SHEDDABLE = ("SampleTaken", "SampleJudged", "RecordSamples", "Beat", "CheckNow")
"""The kinds of messages that a full mailbox may drop, written here a second time: the code must agree."""


def check_stopped(machine: Machine, late: tuple[str, ...]) -> None:
    """L12: everything ended inside the grace."""
    if late:
        machine.auditor.complain("L12", f"{late} did not end in time")
