"""The schedule: attempts that change state by the table, their records, and the grid of a cadence."""

import msgspec
import pytest
from records import NOON
from watchkeeper.domain.observation.attempt import ATTEMPT_TRANSITIONS, AttemptId, AttemptState
from watchkeeper.domain.specification.probe import Heartbeat, Tcp
from watchkeeper.domain.specification.rule import NoData, RuleState
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.supervision.schedule import PendingAttempt, Scheduled
from watchkeeper.domain.time.moment import NS_PER_S, Deadline

PORT = Tcp(host="127.0.0.1", port=80)
LATER = NOON.shifted(3 * NS_PER_S)


def shop(**fields):
    return Target(id="shop", every="10s", timeout="2s", default_rules=False, **({"tcp": PORT} | fields))


def flight_in(state):
    pending = PendingAttempt(AttemptId("shop", 1, 1), NOON, Deadline.after(NOON, NS_PER_S), 0)
    pending.state = state
    return pending


@pytest.mark.parametrize("before", AttemptState)
@pytest.mark.parametrize("after", AttemptState)
def test_a_flight_makes_the_moves_of_the_table_and_no_other(before, after):
    pending = flight_in(before)
    if after in ATTEMPT_TRANSITIONS[before]:
        pending.move(after)
        assert pending.state is after
        return
    with pytest.raises(ValueError, match=f"that is {before} cannot become {after}"):
        pending.move(after)
    assert pending.state is before


def test_an_attempt_is_numbered_and_reports_the_ticks_missed_before_it():
    entry = Scheduled(shop(), number=7)
    entry.missed = 4
    first = entry.enqueue(NOON, NOON)
    entry.pending = None
    second = entry.enqueue(NOON, NOON)
    assert (first.attempt, first.missed) == (AttemptId("shop", 1, 8), 4)
    assert (second.attempt, second.missed) == (AttemptId("shop", 1, 9), 0)


def test_no_attempt_begins_while_the_last_one_has_not_ended():
    entry = Scheduled(shop())
    pending = entry.enqueue(NOON, NOON)
    with pytest.raises(ValueError, match="has not ended, and another of its target begins"):
        entry.enqueue(LATER, LATER)
    assert (entry.pending, entry.number) == (pending, 1)


def test_a_target_that_becomes_a_heartbeat_again_has_no_former_beat():
    entry = Scheduled(shop(tcp=None, heartbeat=Heartbeat(grace="1s")))
    entry.last_beat = NOON
    entry.adopt(shop(tcp=None, heartbeat=Heartbeat(grace="2s")))
    assert entry.last_beat == NOON
    entry.adopt(shop())
    assert entry.last_beat is None


def test_the_deadline_counts_from_now_and_bounds_the_wait_too():
    entry = Scheduled(shop())
    pending = entry.enqueue(NOON, LATER)
    request = entry.start(pending, LATER.shifted(NS_PER_S))
    assert request.deadline == Deadline.after(LATER, 2 * NS_PER_S)
    assert request.deadline.remaining_ns(request.started) == NS_PER_S


def test_a_record_tells_due_started_ended_and_lateness():
    entry = Scheduled(shop())
    pending = entry.enqueue(NOON, NOON)
    entry.start(pending, LATER)
    pending.move(AttemptState.FINISHED)
    record = pending.record(LATER.shifted(5), "up")
    assert (record.due, record.started, record.ended) == (NOON, LATER, LATER.shifted(5))
    assert (record.lateness_ns, record.state, record.outcome) == (3 * NS_PER_S, AttemptState.FINISHED, "up")


def test_an_attempt_that_never_ran_was_not_late():
    record = flight_in(AttemptState.EXPIRED).record(LATER, "unknown")
    assert (record.started, record.lateness_ns) == (None, 0)


def test_a_suspect_target_is_due_on_its_shorter_grid():
    entry = Scheduled(shop(retry_every="1s"))
    calm_ns = entry.next_due_ns(NOON)
    entry.suspect = True
    assert entry.grid().every_ns == NS_PER_S
    assert entry.next_due_ns(NOON) <= min(calm_ns, NOON.monotonic_ns + NS_PER_S)


def test_without_a_retry_cadence_suspicion_changes_no_grid():
    entry = Scheduled(shop())
    entry.suspect = True
    assert entry.grid() is entry.cadence


def test_a_heartbeat_is_overdue_after_its_cadence_and_grace():
    entry = Scheduled(shop(tcp=None, heartbeat=Heartbeat(grace="5s")))
    assert entry.is_heartbeat
    assert entry.silent_at_ns(NOON) == NOON.monotonic_ns + 15 * NS_PER_S


def test_a_new_specification_keeps_the_number_and_the_missed_ticks():
    entry = Scheduled(shop(), number=3)
    entry.missed = 2
    entry.adopt(msgspec.structs.replace(shop(), every="1s", timeout="500ms"))
    assert (entry.number, entry.missed) == (3, 2)
    assert (entry.cadence.every_ns, entry.timeout_ns) == (NS_PER_S, NS_PER_S // 2)


def test_silence_is_measured_for_rules_that_are_not_retired():
    rules = (
        NoData(id="derived"),
        NoData(id="stated", after="1m"),
        NoData(id="gone", after="1m", state=RuleState.RETIRED),
    )
    entry = Scheduled(shop(rules=rules))
    assert entry.silences == (("derived", 27 * NS_PER_S), ("stated", 60 * NS_PER_S))


def test_an_attempt_queued_through_a_change_runs_no_longer_than_the_new_timeout():
    entry = Scheduled(shop())
    pending = entry.enqueue(NOON, NOON)
    entry.adopt(msgspec.structs.replace(shop(), timeout="500ms"))
    request = entry.start(pending, NOON)
    assert request.deadline == pending.deadline == Deadline.after(NOON, NS_PER_S // 2)
