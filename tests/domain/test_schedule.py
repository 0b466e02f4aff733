"""The schedule: attempts that change state by the table, their records, and the grid of a cadence."""

import msgspec
import pytest
from records import NOON
from watchkeeper.domain.observation.attempt import ATTEMPT_TRANSITIONS, AttemptId, AttemptState
from watchkeeper.domain.observation.location import silent
from watchkeeper.domain.specification.probe import Heartbeat, Tcp
from watchkeeper.domain.specification.rule import NoData, RuleState
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.supervision.schedule import PendingAttempt, Scheduled
from watchkeeper.domain.time.moment import NS_PER_S, Deadline, Moment

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


def test_an_attempt_of_locations_that_is_overdue_says_nothing_of_its_target():
    pending = flight_in(AttemptState.RUNNING)
    sample = pending.overdue(LATER, ("fra", "iad"))
    assert sample.explanation() == "location_silent: no answer from fra and iad"
    assert sample.locations == (silent("fra"), silent("iad"))
    assert not sample.outcome.is_evidence
    assert pending.overdue(LATER, ()).explanation() == "timed_out: no answer before the deadline"


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
    request = entry.start(pending, LATER.shifted(NS_PER_S), blind_until_ns=0)
    assert request.deadline == Deadline.after(LATER, 2 * NS_PER_S)
    assert request.deadline.remaining_ns(request.started) == NS_PER_S


def test_a_record_tells_due_started_ended_and_lateness():
    entry = Scheduled(shop())
    pending = entry.enqueue(NOON, NOON)
    entry.start(pending, LATER, blind_until_ns=0)
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
    assert entry.next_silence(NOON, NOON, NOON) == NOON.shifted(15 * NS_PER_S)


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
    request = entry.start(pending, NOON, blind_until_ns=0)
    assert request.deadline == pending.deadline == Deadline.after(NOON, NS_PER_S // 2)


def test_a_target_begins_without_suspicion_missed_ticks_or_attempts():
    entry = Scheduled(shop(retry_every="1s"))
    assert (entry.number, entry.missed, entry.pending, entry.suspect, entry.paused) == (
        0,
        0,
        None,
        False,
        False,
    )
    assert entry.enqueue(NOON, NOON).missed == 0
    assert entry.next_due_ns(NOON) == entry.cadence.next_after(NOON.monotonic_ns)
    assert Scheduled(shop(paused=True)).paused


def test_an_attempt_on_time_was_not_late():
    pending = flight_in(AttemptState.QUEUED)
    assert pending.record(None, "").lateness_ns == 0
    pending.begin(NOON)
    assert pending.record(LATER, "up").lateness_ns == 0
    early = flight_in(AttemptState.QUEUED)
    early.begin(NOON.shifted(-1))
    assert early.record(LATER, "up").lateness_ns == 0


@pytest.mark.parametrize(
    ("now_s", "due_s"), [(0, 12), (11.9, 12), (12, 22), (13, 22), (21.9, 22), (22, 32), (1_000, 1_002)]
)
def test_a_missed_heartbeat_is_missed_again_after_each_further_period(now_s, due_s):
    """The cadence is 10 s and the grace 2 s; moments that have passed are not replayed."""
    entry = Scheduled(shop(tcp=None, heartbeat=Heartbeat(grace="2s")))
    now = NOON.shifted(int(now_s * NS_PER_S))
    assert entry.next_silence(NOON, now, now) == NOON.shifted(due_s * NS_PER_S)


def test_an_attempt_that_starts_takes_a_place():
    entry = Scheduled(shop())
    pending = entry.enqueue(NOON, NOON)
    assert not pending.admitted
    entry.start(pending, LATER, blind_until_ns=0)
    assert (pending.admitted, pending.started) == (True, LATER)
    entry.end(LATER)
    assert entry.pending is None


@pytest.mark.parametrize(("waited_s", "left_s"), [(0, 2), (0.5, 1.5)])
def test_an_attempt_keeps_the_deadline_that_it_was_given(waited_s, left_s):
    entry = Scheduled(shop())
    pending = entry.enqueue(NOON, NOON)
    deadline = pending.deadline
    started = NOON.shifted(int(waited_s * NS_PER_S))
    assert entry.start(pending, started, blind_until_ns=0).deadline is deadline
    assert deadline.remaining_ns(started) == left_s * NS_PER_S


@pytest.mark.parametrize(
    ("max_age", "ended_ns", "blind_until_ns", "expected"),
    [
        ("0s", None, 0, 0),
        ("5ns", None, 0, 5),
        ("60s", None, 0, LATER.monotonic_ns - 1),
        ("60s", 40, 0, LATER.monotonic_ns - 41),
        ("60s", 40, 50, LATER.monotonic_ns - 51),
        ("60s", 40, LATER.monotonic_ns - 1, 0),
        ("60s", 40, LATER.monotonic_ns + 9, 0),
    ],
)
def test_a_shared_result_is_younger_than_the_last_attempt_and_the_last_blindness(
    max_age, ended_ns, blind_until_ns, expected
):
    entry = Scheduled(shop(max_age=max_age))
    if ended_ns is not None:
        entry.enqueue(NOON, NOON)
        entry.end(Moment(ended_ns, NOON.wall_ns))
    pending = entry.enqueue(NOON, NOON)
    assert entry.start(pending, LATER, blind_until_ns=blind_until_ns).max_age_ns == expected
