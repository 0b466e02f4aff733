"""The invariants of recovery bite: a machine on which nothing comes back, or nothing can be sent again, is noticed."""

import msgspec
import pytest
from simulator.cases.case import Case, Options, Reached, Watched
from simulator.recovery.service import RecoveryRules
from simulator.run import Run, quiet
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.protocol.recorder import GetStatus

SHOP = Target(
    id="shop",
    every="5s",
    timeout="2s",
    http=Http(url="http://shop.example/"),
    rules=(Consecutive(id="down", after=2, recover=1),),
    default_rules=False,
    notify=("ops",),
)
CASE = Case(
    seed=1,
    options=Options(minutes=1),
    targets=(Watched(target=SHOP, script="down"),),
    channels=(Reached(channel=Channel(id="ops", log=Log()), script="status 410"),),
)


@pytest.fixture
def run():
    """A run at the end of its faults, with one dead letter."""
    with quiet():
        run = Run(CASE)
        run.safety()
        assert len(run.machine.auditor.dead_letters()) == 1
        yield run
        run.close()


def broken(run):
    return [violation.invariant for violation in run.machine.auditor.violations]


def test_a_store_that_stays_closed_is_noticed(run):
    rules = RecoveryRules(run.machine)
    rules.check_store()
    assert broken(run) == []
    run.machine.auditor.record.failed()
    rules.check_store()
    assert broken(run) == ["L15"]


def test_a_notice_that_waits_on_a_well_channel_is_noticed(run):
    rules = RecoveryRules(run.machine)
    auditor = run.machine.auditor
    (notice,) = auditor.dead_letters()
    auditor.committed_ns[notice.key] = run.machine.clock.lived_ns
    run.machine.receivers["ops"].first_ns.clear()
    run.advance(run.machine.clock.lived_ns + 40_000_000_000)
    rules.check_channels({"ops": None})
    assert broken(run) == []
    rules.check_channels({})
    assert broken(run) == ["L15"]


def test_a_dead_letter_that_is_lost_is_noticed(run):
    (notice,) = run.machine.auditor.dead_letters()
    elsewhere = msgspec.structs.replace(notice, key="msg_unknown")
    durable = run.machine.auditor.durable
    durable.notices["msg_unknown"] = elsewhere
    durable.deliveries["msg_unknown"] = durable.deliveries.pop(notice.key)
    RecoveryRules(run.machine).redrive({})
    assert set(broken(run)) == {"L13"}


def test_a_redriven_notice_that_did_not_arrive_is_detected(run):
    rules = RecoveryRules(run.machine)
    rules.redrive({})
    rules.check_redriven()
    assert broken(run) == ["L13"]


def test_a_target_shown_as_up_on_old_evidence_is_detected(run):
    rules, machine = RecoveryRules(run.machine), run.machine
    status = machine.system.recorder.ask(GetStatus(), 1.0)
    (shown,) = status.targets
    up = msgspec.structs.replace(status, targets=(msgspec.structs.replace(shown, status=Status.UP),))
    rules.check_freshness(up)
    assert broken(run) == []
    at = machine.clock.read()
    machine.auditor.attempts.evidence_at["shop"] = at.shifted(-SHOP.stale_after_ns - 1)
    rules.check_freshness(status)
    assert broken(run) == []
    rules.check_freshness(up)
    assert broken(run) == ["S38"]
