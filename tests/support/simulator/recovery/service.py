"""Invariants of recovery: every part serves again by itself, and an abandoned notice can be sent again."""

from collections import Counter

from watchkeeper.domain.incidents.notice import Notice
from watchkeeper.domain.read_model.metrics import RuntimeMetrics
from watchkeeper.domain.read_model.status import RuntimeStatus
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.suppression.router import name_of
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.protocol.sink import Redrive

from ..acts import drill
from ..machine import Machine

SERVICE_WITHIN_NS = 30 * NS_PER_S
"""The bound of L15 in docs/internal/reliability.md."""
ANSWER_WITHIN_S = 60.0
DRILL_NS = 30 * NS_PER_S
"""A drill once the faults have stopped: longer than all messages that it takes are under way."""


class RecoveryRules:
    """L13 and L15, checked when the faults have stopped, and again at the end."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._complain = machine.auditor.complain
        self._epochs = self._living()
        self._began_ns = machine.clock.lived_ns
        self._redriven: list[Notice] = []
        self._drilled: list[str] = []
        self._pinged_since_ns = 0

    def _living(self) -> dict[str, int]:
        """Returns the living actors and their incarnations. A dead or later one has its own time limit to come back."""
        return {address.name: address.epoch for address in self._machine.addresses if address.alive}

    def _served(self, *names: str) -> bool:
        """Whether these actors have lived without a restart since the faults stopped."""
        living = self._living()
        return all(name in living and living[name] == self._epochs.get(name) for name in names)

    def check_store(self) -> None:
        """L15: the store is written again by itself."""
        if self._machine.auditor.record.is_failed and self._served("sink", "supervisor"):
            self._complain("L15", "the store can be written for 30 s, and the sink has not opened it again")

    def check_channels(self, dead: dict[str, None]) -> None:
        """L15: a notice that was committed since then has left in time, where its channel is healthy. One that was refused for good and is
        sent again has a rule of its own.
        """
        machine = self._machine
        redriven = {notice.key for notice in self._redriven}
        limited = [reached.channel.id for reached in machine.case.channels if reached.channel.rate]
        for key, committed_ns in machine.auditor.committed_ns.items():
            channel = machine.auditor.durable.notices[key].channel
            if committed_ns < self._began_ns or key in redriven or channel in dead or channel in limited:
                continue
            arrived_ns = machine.receivers[channel].first_ns.get(key, machine.clock.lived_ns)
            waited_ns = arrived_ns - committed_ns
            if waited_ns > SERVICE_WITHIN_NS and self._served("sink", "supervisor", f"courier/{channel}"):
                self._complain("L15", f"{key} waited {waited_ns / NS_PER_S:g} s though {channel} is healthy")

    def check_freshness(self, status: RuntimeStatus) -> None:
        """S38: no target is shown as up on evidence that is older than its cadence allows."""
        machine, now = self._machine, self._machine.clock.read()
        for shown in status.targets:
            target = machine.roster.get(shown.id)
            at = machine.auditor.attempts.evidence_at.get(shown.id)
            if target is None or at is None or shown.sample is None:
                continue
            if now.since(at) <= target.stale_after_ns:
                continue
            machine.auditor.happened("stale when the faults stopped")
            if Status.UP in {shown.status, shown.raw}:
                self._complain(
                    "S38", f"{shown.id} is shown up, and was last seen {now.since(at) / NS_PER_S:g} s ago"
                )

    def redrive(self, dead: dict[str, None]) -> None:
        """L13: every dead letter can be found and sent again, unless its channel has received a later notice."""
        machine = self._machine
        if not self._served("sink"):
            return
        # The last one of each incident and channel: it shows the state that the earlier ones led to.
        letters = sorted(machine.auditor.dead_letters(), key=lambda notice: notice.sequence)
        newest = {place: notice for notice in letters for place in _places(notice)}
        for notice in letters:
            if notice.channel in dead or any(newest[place] != notice for place in _places(notice)):
                continue
            if machine.store.recall(notice.key) is None:
                self._complain("L13", f"{notice.key} was abandoned and cannot be found")
            if machine.system.sink.ask(Redrive(notice.key), ANSWER_WITHIN_S):
                machine.auditor.happened("dead letter re-driven in peace")
                self._redriven.append(notice)
            elif not self._outlived(notice):
                self._complain("L13", f"{notice.key} was abandoned and cannot be sent again")

    def _outlived(self, notice: Notice) -> bool:
        """Whether its channel has received a later notice, or one of the same incident is pending."""
        durable = self._machine.auditor.durable
        pending = [durable.notices[key] for key in durable.pending]
        places = _places(notice)
        return any(durable.told.get(place, 0) >= sequence for place, sequence in places.items()) or any(
            places.keys() & _places(other) or _is_of_one_group(notice, other)
            for other in (*pending, *self._redriven)
        )

    def begin_drill(self) -> None:
        """Begins a drill of the first route. It is told by the way of every incident, and counted as none (S43)."""
        route = self._machine.case.policy.routes[0]
        name = drill(self._machine, name_of(route, 0), DRILL_NS)
        self._drilled.append(name)

    def check_drill(self, metrics: RuntimeMetrics) -> None:
        """S43: the drill is in the record and open, and no figure counts it."""
        open_ = self._machine.auditor.durable.open_incidents()
        if not any(incident.id in self._drilled for incident in open_):
            self._complain("S43", f"the drill {self._drilled} has not opened")
        real = Counter(incident.severity for incident in open_ if not (incident.draft or incident.is_drill))
        shown = {severity: count for severity, count in dict(metrics.open_incidents).items() if count}
        if shown != dict(real):
            self._complain("S43", f"open are {dict(real)}, and the figures show {shown}")

    def check_pings(self, dead: dict[str, None]) -> None:
        """L11: while all is well a ping goes each period; none is due where no channel took the last notice that it was sent."""
        pinging = self._machine.auditor.pinging
        if any(name not in dead and pinging.takes_notices(name) for name in self._machine.receivers):
            pinging.check_peace(self._pinged_since_ns)

    def watch_pings(self) -> None:
        """From now on a ping goes each period."""
        self._pinged_since_ns = self._machine.clock.lived_ns

    def check_redriven(self) -> None:
        """L13: every notice that was sent again has arrived."""
        for notice in self._redriven:
            if notice.key not in self._machine.receivers[notice.channel].applied:
                self._complain("L13", f"{notice.key} was sent again and has not arrived")


def _places(notice: Notice) -> dict[tuple[str, str], int]:
    """Returns the step of each incident that a notice tells its channel."""
    return {(step.incident_id, notice.channel): step.sequence for step in notice.steps}


def _is_of_one_group(notice: Notice, other: Notice) -> bool:
    """Whether two digests are of the same group: only one of them is under way at a time."""
    return bool(notice.digest) and (notice.channel, notice.thread_id) == (other.channel, other.thread_id)
