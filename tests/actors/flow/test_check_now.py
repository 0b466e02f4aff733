"""Attempts by command of a supervisor that is alone with listeners: when one starts, and what it leaves as it was."""

import pytest
from watchkeeper.domain.observation.attempt import AttemptState
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.protocol.supervisor import CheckNow, Drain, Pause, Untrack

from tests.actors.flow.alone import Alone, beating

S = 1_000_000_000


def started(alone, target="shop"):
    return [request.started.monotonic_ns for request in alone.requests(target)]


def test_a_commanded_attempt_starts_at_once_and_moves_no_tick(shop):
    plain, alone = Alone(shop(every="10s")), Alone(shop(every="10s"))
    for each in (plain, alone):
        each.answer(each.run_to_start())
    alone.run("3s")
    commanded_ns = alone.clock.read().monotonic_ns
    assert alone.ask(CheckNow("shop")) is True
    assert started(alone)[-1] == commanded_ns
    alone.answer(alone.requests()[-1])
    sample, record = alone.judged()[-1]
    assert (record.due.monotonic_ns, record.lateness_ns, record.state) == (
        commanded_ns,
        0,
        AttemptState.FINISHED,
    )
    assert sample.outcome is Outcome.UP
    for each in (plain, alone):
        each.run_to(40 * S)
    assert [at_ns for at_ns in started(alone) if at_ns != commanded_ns] == started(plain)


def test_an_attempt_that_runs_answers_in_place_of_another(shop):
    alone = Alone(shop(every="1h"))
    alone.run_to_start()
    assert [alone.ask(CheckNow("shop")) for _ in range(1_000)] == [True] * 1_000
    assert len(alone.requests()) == 1


def test_a_commanded_attempt_waits_for_admission_and_is_one(shop):
    alone = Alone(shop(every="1h"), shop("mail", every="1h"), in_flight_max=1)
    first = alone.run_to_start("mail")
    before = len(alone.requests())
    assert [alone.ask(CheckNow("shop")) for _ in range(100)] == [True] * 100
    assert len(alone.requests()) == before
    alone.answer(first)
    assert len(alone.requests()) == before + 1


def test_no_kept_result_of_an_equal_probe_answers_a_command(shop):
    alone = Alone(shop(every="10s", max_age="9s"))
    alone.answer(alone.run_to_start())
    alone.answer(alone.run_to_start())
    assert alone.requests()[-1].max_age_ns > 0
    # A result of the meantime may be kept: one that was there before the last attempt ended serves no later one anyhow.
    alone.run("3s")
    alone.tell(CheckNow("shop"))
    assert alone.requests()[-1].max_age_ns == 0
    alone.answer(alone.requests()[-1])
    assert alone.run_to_start().max_age_ns > 0


@pytest.mark.parametrize(
    "before", [Pause("shop"), Untrack("shop"), Drain(10 * S)], ids=lambda each: type(each).__name__
)
def test_nothing_is_started_by_command_where_nothing_is_expected(shop, before):
    alone = Alone(shop(every="1h"))
    alone.answer(alone.run_to_start())
    # An attempt that runs lets the drain wait for it.
    alone.track(shop("mail", every="1h", timeout="50m"))
    alone.run_to_start("mail")
    alone.tell(before)
    count = len(alone.requests())
    assert alone.ask(CheckNow("shop")) is False
    assert len(alone.requests()) == count


def test_a_heartbeat_has_nothing_to_start(shop):
    alone = Alone(beating(shop))
    assert alone.ask(CheckNow("job")) is False
    assert alone.judged("job") == []


def test_a_target_whose_poller_waits_for_its_restart_is_not_checked(shop):
    alone = Alone(shop(every="1h"))
    alone.pollers["shop"].alive = False
    assert alone.ask(CheckNow("shop")) is False
    assert alone.requests() == []
