"""Acts: what operators, hosts, machines and networks do to a run, each as a function of the machine."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET
from watchkeeper.domain.incidents.announcement import Announcement
from watchkeeper.domain.incidents.record import Silence
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.host.access.drilling import make_drill
from watchkeeper.protocol.owner import Acknowledge, EndDrill, Unacknowledge
from watchkeeper.protocol.sink import Announce, EndAnnouncement, Mute, Redrive
from watchkeeper.protocol.supervisor import Beat, CheckNow, Pause, Resume, Track, Untrack
from watchkeeper.testing.script import Script

from .cases.case import Act
from .machine import Machine

UNTIL_WORSE = "acknowledge until worse"
DESPITE_HOLDS = "drill despite holds"


def _track(machine: Machine, act: Act) -> None:
    if act.target is not None:
        if machine.auditor.attempts.under_way(act.target.id):
            machine.auditor.happened("reload with an attempt in flight")
            if act.target.heartbeat is not None:
                paused = "paused " if act.target.paused else ""
                machine.auditor.happened(f"made a {paused}heartbeat with an attempt in flight")
        machine.roster[act.target.id] = act.target
        machine.system.supervisor.tell(Track(act.target))


def _untrack(machine: Machine, act: Act) -> None:
    if machine.roster.pop(act.name, None) is not None:
        machine.system.supervisor.tell(Untrack(act.name))


def _pause(machine: Machine, act: Act) -> None:
    _set_paused(machine, act.name, paused=True)


def _resume(machine: Machine, act: Act) -> None:
    _set_paused(machine, act.name, paused=False)


def _set_paused(machine: Machine, name: str, *, paused: bool) -> None:
    target: Target | None = machine.roster.get(name)
    if target is not None:
        if paused and target.heartbeat is not None:
            machine.auditor.happened("heartbeat paused")
        machine.roster[name] = msgspec.structs.replace(target, paused=paused)
        machine.system.supervisor.tell(Pause(name) if paused else Resume(name))


def _check_now(machine: Machine, act: Act) -> None:
    if act.name in machine.roster:
        if machine.auditor.attempts.under_way(act.name):
            machine.auditor.happened("checked with an attempt in flight")
        machine.system.supervisor.tell(CheckNow(act.name))


def _silence(machine: Machine, act: Act) -> None:
    until_ns = machine.clock.read().wall_ns + act.length_ns
    name = f"silence-{act.name or 'all'}"
    silence = Silence(id=name, target=act.name or None, until_ns=until_ns)
    if act.name and act.length_ns // NS_PER_S % 2:
        # The same by matchers, in every second of the drawn silences.
        match = (f"target={act.name}", "rule=~.+")
        silence = Silence(id=name, target="*", match=match, until_ns=until_ns)
    machine.system.sink.tell(Mute(silence))
    _announce(machine, name, act.length_ns, until_ns)


def _announce(machine: Machine, name: str, length_ns: int, until_ns: int) -> None:
    """Announces some silences to readers, and ends others early. It draws nothing, so that a seed stays the same run."""
    now_ns = machine.clock.read().wall_ns
    turn = length_ns // NS_PER_S % 4
    if turn < 2:
        made = Announcement(
            id=name, title=name, until_ns=until_ns, created_at_ns=now_ns, updated_at_ns=now_ns
        )
        machine.auditor.happened("announced")
        machine.system.sink.tell(Announce(made))
    elif turn == 2:
        machine.system.sink.tell(EndAnnouncement(name, "operator"))


def _acknowledge(machine: Machine, act: Act) -> None:
    for incident in machine.auditor.durable.open_incidents():
        if incident.target == act.name:
            machine.auditor.happened("acknowledged")
            until_ns = machine.clock.read().wall_ns + act.length_ns if act.length_ns else None
            until_worse = True if act.do == UNTIL_WORSE else None
            machine.system.owner.tell(
                Acknowledge(incident.id, "operator", until_ns=until_ns, until_worse=until_worse)
            )


def _unacknowledge(machine: Machine, act: Act) -> None:
    for incident in machine.auditor.durable.open_incidents():
        if incident.target == act.name:
            machine.system.owner.tell(Unacknowledge(incident.id, "operator"))


def _drill(machine: Machine, act: Act) -> None:
    drill(machine, act.name, act.length_ns, despite_holds=act.do == DESPITE_HOLDS)


def drill(machine: Machine, route: str, length_ns: int, *, despite_holds: bool = False) -> str:
    """Begins a drill of a route, and returns the id of its incident."""
    begin = make_drill(
        route,
        "operator",
        f"{length_ns // NS_PER_S}s",
        Severity.CRITICAL,
        despite_holds=despite_holds,
        routes=machine.case.policy.routes,
        now=machine.clock.now,
    )
    machine.auditor.drills.begun(begin.incident)
    machine.system.owner.tell(begin)
    return begin.incident


def _end_drill(machine: Machine, act: Act) -> None:
    for incident in machine.auditor.durable.open_incidents():
        if incident.drill and incident.drill.route == act.name:
            machine.system.owner.tell(EndDrill(incident.id, "operator"))


def _redrive(machine: Machine, _: Act) -> None:
    for notice in machine.auditor.dead_letters()[-3:]:
        machine.auditor.happened("dead letter re-driven")
        machine.system.sink.tell(Redrive(notice.key))


def _step_wall(machine: Machine, act: Act) -> None:
    if act.length_ns < 0 and machine.auditor.durable.open:
        machine.auditor.happened("clock back while an incident is open")
    machine.auditor.holds.is_clock_set = machine.auditor.jobs.is_clock_set = True
    machine.auditor.blindness.stepped(act.length_ns)
    machine.clock.step_wall(act.length_ns)


def _gap(machine: Machine) -> None:
    if any(target.paused and target.heartbeat is not None for target in machine.roster.values()):
        machine.auditor.happened("gap while a heartbeat is paused")


def _suspend(machine: Machine, act: Act) -> None:
    _gap(machine)
    machine.auditor.suspended(act.length_ns)
    machine.clock.suspend(act.length_ns)


def _stall(machine: Machine, act: Act) -> None:
    _gap(machine)
    machine.auditor.stalled(act.length_ns)
    machine.clock.advance(act.length_ns)


def _crash(machine: Machine, act: Act) -> None:
    machine.hub.doomed[act.name] = act.length_ns == 0


def _kill(machine: Machine, _: Act) -> None:
    machine.hub.die("kill")


def _reboot(machine: Machine, _: Act) -> None:
    machine.reboots_next = True
    machine.hub.die("reboot")


def _fill_disk(machine: Machine, act: Act) -> None:
    machine.disk.full_until_ns = machine.clock.lived_ns + act.length_ns


def _deafen(machine: Machine, act: Act) -> None:
    machine.targets.deaf_until_ns = machine.clock.lived_ns + act.length_ns


def _park(machine: Machine, act: Act) -> None:
    machine.hub.parked[act.name] = machine.clock.lived_ns + act.length_ns


def _refuse(machine: Machine, act: Act) -> None:
    words = Script.parse(f"status 503 {act.length_ns // NS_PER_S}s, ok")
    for receiver in machine.receivers.values():
        receiver.follow(words, machine.clock.lived_ns)


def _restart(machine: Machine, _: Act) -> None:
    machine.restart_asked = machine.halt.now = True


def _over_a_probe(do: Callable[[Machine, Act], None]) -> Callable[[Machine, Act], None]:
    """Delays an act that has a length until so long after the target's next probe has started: chance seldom hits that.

    A heartbeat target and a paused one are not probed: the act happens at once.
    """

    def act_so(machine: Machine, act: Act) -> None:
        target: Target | None = machine.roster.get(act.name)
        is_probed = target is not None and target.is_probed and not target.paused
        if act.length_ns and is_probed:
            machine.auditor.upon_probe[act.name] = lambda: machine.after(
                act.length_ns, lambda: do(machine, act)
            )
        else:
            do(machine, act)

    return act_so


ACTS: dict[str, Callable[[Machine, Act], None]] = {
    "track": _over_a_probe(_track),
    "untrack": _over_a_probe(_untrack),
    "pause": _over_a_probe(_pause),
    "resume": _resume,
    "check now": _over_a_probe(_check_now),
    "silence": _silence,
    "acknowledge": _acknowledge,
    UNTIL_WORSE: _acknowledge,
    "unacknowledge": _unacknowledge,
    "redrive": _redrive,
    "drill": _drill,
    DESPITE_HOLDS: _drill,
    "end drill": _end_drill,
    "deafen": _deafen,
    "park": _park,
    "refuse": _refuse,
    "step wall": _step_wall,
    "suspend": _suspend,
    "stall": _stall,
    "crash": _crash,
    "kill": _kill,
    "reboot": _reboot,
    "fill disk": _fill_disk,
    "restart": _restart,
}


def perform(machine: Machine, act: Act) -> None:
    """Do it now. Raises what ends the process."""
    machine.auditor.happened(act.do)
    machine.auditor.trace.note(act.do, 0, (act.name, act.length_ns))
    ACTS[act.do](machine, act)


def beat(machine: Machine, target: str) -> None:
    """Reports to a heartbeat target, as its healthy host does at its cadence; a failing host is silent."""
    known: Target | None = machine.roster.get(target)
    if known is None or known.heartbeat is None:
        return
    seen, _ = machine.targets.behaviour(target)
    if known.heartbeat.run_max is not UNSET:
        _run(machine, target)
    elif seen.outcome is Outcome.UP:
        machine.system.supervisor.tell(Beat(target, Outcome.UP, "", machine.clock.read()))


def _run(machine: Machine, target: str) -> None:
    """Reports the start of a run, and its end a second later where its host is well by then; else it hangs."""
    began = machine.clock.read()
    run = str(began.wall_ns)
    machine.auditor.jobs.started(target, run, began.wall_ns)
    machine.system.supervisor.tell(Beat(target, Outcome.UP, "", began, is_start=True, run=run))

    def end() -> None:
        seen, _ = machine.targets.behaviour(target)
        if seen.outcome is Outcome.UP:
            machine.system.supervisor.tell(Beat(target, Outcome.UP, "", machine.clock.read(), run=run))

    machine.after(NS_PER_S, end)
