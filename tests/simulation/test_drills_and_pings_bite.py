"""The invariants of drills and of the dead-man's ping detect their violations."""

import pytest
from msgspec.structs import replace
from records import NOON, digest_of_steps, notice_of, opened, then
from simulator.cases.case import Case, Options, Reached, Watched
from simulator.cases.faults import Fault
from simulator.invariants.drills import DrillRules
from simulator.invariants.pinging import PingRules
from simulator.recovery.service import RecoveryRules
from simulator.run import Run, quiet, run_case
from simulator.suppression.policy import Policy
from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.incidents.trials.drill import Drill
from watchkeeper.domain.incidents.trials.drills import ENDED
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.routing import Route
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.protocol.recorder import GetMetrics, HealthReported

DRILL = Drill(route="shop", until_ns=NOON.wall_ns + NS_PER_S)
DRILLED = opened("inc_1", rule="drill", drill=DRILL)
OTHER = opened("inc_2", rule="drill", drill=DRILL)
REAL = opened("inc_3")
ENDING = then(DRILLED, TransitionKind.RESOLVED, reason=ENDED)


class Rehearsed:
    """The rules of drills with one that was asked for, and what they say."""

    def __init__(self):
        self.complaints, self.happened = [], []
        self.durable = Durable()
        self.rules = DrillRules(self.durable, self.complain, self.happened.append)
        self.rules.begun("inc_1")

    def complain(self, invariant, says):
        assert says
        self.complaints.append(invariant)

    def commit(self, *transitions, notices=()):
        batch = Batch(transitions=transitions, notices=notices)
        self.durable.apply(batch)
        self.rules.committed(batch)
        said, self.complaints = self.complaints, []
        return said


@pytest.fixture
def rehearsed():
    return Rehearsed()


def test_a_drill_that_was_asked_for_and_is_marked_is_well(rehearsed):
    assert rehearsed.commit(DRILLED, notices=(notice_of(DRILLED),)) == []
    assert rehearsed.commit(ENDING, notices=(digest_of_steps(ENDING),)) == []
    assert rehearsed.commit(REAL, notices=(notice_of(REAL),)) == []
    assert rehearsed.happened == ["drill opened", "drill told", "drill ended", "digest of a drill"]


def test_a_drill_that_nobody_asked_for_is_noticed(rehearsed):
    assert rehearsed.commit(OTHER) == ["S43"]


def test_a_drill_without_its_mark_is_noticed(rehearsed):
    assert rehearsed.commit(opened("inc_1")) == ["S43"]


def test_a_notice_of_a_drill_without_its_mark_is_noticed(rehearsed):
    rehearsed.commit(DRILLED)
    notice = notice_of(DRILLED)
    unmarked = replace(notice, incident=opened("inc_1").incident)
    assert rehearsed.commit(notices=(unmarked,)) == ["S43"]


def test_a_drill_that_shares_a_digest_is_noticed(rehearsed):
    rehearsed.commit(DRILLED, REAL)
    assert "S43" in rehearsed.commit(notices=(digest_of_steps(DRILLED, REAL),))


def test_drills_at_once_are_a_situation(rehearsed):
    rehearsed.rules.begun("inc_2")
    assert rehearsed.commit(DRILLED) == rehearsed.commit(OTHER) == []
    assert rehearsed.happened == ["drill opened", "two drills at once"]


class Pinged:
    """The rules of a ping each 20 s, a clock, and what they say."""

    def __init__(self):
        self.complaints, self.happened = [], []
        self.now_ns = 0
        self.rules = PingRules(
            20 * NS_PER_S, ("ops", "dev"), lambda: self.now_ns, self.complain, self.happened.append
        )

    def complain(self, invariant, says):
        assert invariant == "L11"
        self.complaints.append(says)

    def move(self, *, without="", seconds=21):
        """All parts but one move, and then some time passes."""
        for name in ("owner", "sink"):
            if name != without:
                self.rules.handled(name, is_writable=True)
        if without != "answers":
            self.rules.answered()
        self.now_ns += seconds * NS_PER_S

    def ping(self):
        self.rules.pinged()
        said, self.complaints = self.complaints, []
        return said


@pytest.fixture
def pinged():
    return Pinged()


def test_a_ping_while_all_parts_move_is_well(pinged):
    for _ in range(3):
        pinged.move()
        assert pinged.ping() == []
    assert pinged.happened == ["ping"] * 3


@pytest.mark.parametrize(("without", "part"), [("owner", "judging"), ("sink", "committing")])
def test_a_ping_while_an_actor_stands_still_is_noticed(pinged, without, part):
    pinged.move(without=without)
    assert pinged.ping() == []
    pinged.move(without=without, seconds=2)
    assert pinged.ping() == [f"a ping goes though {part} has stood still for 23 s"]


def test_a_ping_while_the_store_cannot_be_written_is_noticed(pinged):
    pinged.move(without="sink", seconds=23)
    pinged.rules.handled("sink", is_writable=False)
    pinged.rules.handled("owner", is_writable=False)
    assert pinged.ping() == ["a ping goes though committing has stood still for 23 s"]


def test_a_ping_while_every_channel_refuses_is_noticed(pinged):
    pinged.rules.refused("ops")
    pinged.move(seconds=23)
    pinged.move(seconds=0)
    assert pinged.ping() == []
    pinged.rules.refused("dev")
    pinged.move(seconds=23)
    pinged.move(seconds=0)
    assert pinged.ping() == ["a ping goes though sending has stood still for 23 s"]
    pinged.rules.accepted("ops")
    assert pinged.ping() == []


def test_a_ping_while_no_attempt_has_an_answer_is_noticed(pinged):
    pinged.rules.answered()
    request = object()
    pinged.rules.probing(request, 10 * NS_PER_S)
    pinged.move(without="answers", seconds=38)
    pinged.rules.probed(request)
    pinged.move(without="answers", seconds=5)
    assert pinged.ping() == ["a ping goes though no attempt has an answer"]


def test_an_attempt_that_is_cancelled_in_time_owes_no_answer(pinged):
    request = object()
    pinged.rules.probing(request, 60 * NS_PER_S)
    pinged.move(without="answers", seconds=38)
    pinged.rules.probed(request)
    pinged.move(without="answers", seconds=5)
    assert pinged.ping() == []


def test_a_jump_of_time_counts_as_movement(pinged):
    pinged.rules.disturbed(40 * NS_PER_S)
    pinged.now_ns += 60 * NS_PER_S
    assert pinged.ping() == []


def test_pings_that_stay_away_while_all_is_well_are_noticed(pinged):
    for _ in range(3):
        pinged.move(seconds=20)
        pinged.ping()
    pinged.rules.check_peace(0)
    assert pinged.complaints == []
    pinged.now_ns += 40 * NS_PER_S
    pinged.rules.check_peace(0)
    assert pinged.complaints == ["all is well, and 3 pings went where 4 are due"]


def test_the_reasons_that_hold_a_ping_back_are_situations(pinged):
    for detail in ("the ping is held back: judging stands still", "the ping failed: HTTP 503", ""):
        pinged.rules.health(HealthReported("ping", detail))
    pinged.rules.health(HealthReported("store", "the ping is held back: judging stands still"))
    assert pinged.happened == ["ping held back: judging"]


SHOP = Target(id="shop", every="5s", timeout="2s", http=Http(url="http://shop.example/"))
CASE = Case(
    seed=1,
    options=Options(minutes=1, faults=(Fault.DRILL, Fault.PING), ping_every_s=10),
    targets=(Watched(target=SHOP, script="ok"),),
    channels=(Reached(channel=Channel(id="ops", log=Log())),),
    policy=Policy(routes=(Route(id="shop", to=("ops",)),)),
)


@pytest.fixture
def run():
    """A run at the end of its faults."""
    with quiet():
        run = Run(CASE)
        run.safety()
        yield run
        run.close()


def broken(run):
    return [violation.invariant for violation in run.machine.auditor.violations]


def metrics(run):
    return run.machine.system.recorder.ask(GetMetrics(), 60.0)


def test_a_drill_that_never_opens_is_noticed(run):
    rules = RecoveryRules(run.machine)
    rules.begin_drill()
    rules.check_drill(metrics(run))
    assert broken(run) == ["S43"]


def test_a_drill_that_the_figures_count_is_noticed(run):
    rules = RecoveryRules(run.machine)
    rules.begin_drill()
    run.advance(run.machine.clock.lived_ns + NS_PER_S)
    rules.check_drill(metrics(run))
    assert broken(run) == []
    counted = replace(metrics(run), open_incidents=((Severity.CRITICAL, 1),))
    rules.check_drill(counted)
    assert broken(run) == ["S43"]


def test_pings_that_stay_away_in_peace_are_noticed_unless_every_channel_is_dead(run):
    rules = RecoveryRules(run.machine)
    rules.watch_pings()
    run.machine.auditor.pinging.pings_ns.clear()
    run.machine.clock.advance(60 * NS_PER_S)
    rules.check_pings({"ops": None})
    assert broken(run) == []
    rules.check_pings({})
    assert broken(run) == ["L11"]


def test_a_run_with_drills_and_pings_breaks_no_invariant():
    result = run_case(CASE)
    assert result.violations == ()
    assert {"drill opened", "drill told", "drill ended", "ping"} <= set(result.sometimes)
