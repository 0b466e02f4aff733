"""The figures that a recorder keeps for metrics: each message, and the answer to `GetMetrics` after it."""

import msgspec
import pytest
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.domain.incidents.delivery_try import TryResult
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import BlindInterval
from watchkeeper.domain.incidents.told import ChannelBacklog
from watchkeeper.domain.incidents.trials.drill import Drill
from watchkeeper.domain.limits import LAG_WINDOWS_KEPT, METRIC_GROUPS_MAX
from watchkeeper.domain.observation.observation import Phases
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.read_model.figures import OTHER_GROUPS
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.protocol.recorder import (
    BlindnessSeen,
    CommitFinished,
    Committed,
    CounterIncreased,
    GetMetrics,
    HealthReported,
    IncidentsResumed,
    LoadSeen,
    NoticeSettled,
    SampleJudged,
    TargetTracked,
    TargetUntracked,
)

from tests.actors.flow.test_owner_alone import record_of
from tests.actors.flow.test_recorder_alone import RecorderAlone

S = 1_000_000_000
MS = 1_000_000
OPENED = opened()


def tracked(target="shop", group="", kind="http", paused=False):
    metadata = TargetMetadata(group=group) if group else msgspec.UNSET
    return TargetTracked(target, kind, paused, 60 * S, metadata)


def judged(number, outcome=Outcome.UP, target="shop", lateness_ns=0, **fields):
    sample = msgspec.structs.replace(sample_at(number, target=target, outcome=outcome), **fields)
    record = msgspec.structs.replace(record_of(sample), lateness_ns=lateness_ns)
    status = Status.DOWN if outcome is Outcome.DOWN else Status.UP
    return SampleJudged(sample, record, status, status)


@pytest.fixture
def alone():
    return RecorderAlone()


@pytest.fixture
def watching(alone):
    alone.tell(tracked(group="shop/front"))
    return alone


def metrics(alone):
    return alone.ask(GetMetrics())


def target_of(alone):
    (target,) = metrics(alone).targets
    return target


def durations(alone):
    """How many durations each group, kind and phase has."""
    return {(each.group, each.kind, each.phase): each.durations.count for each in metrics(alone).durations}


def test_a_target_without_a_sample_has_zeros(watching):
    target = target_of(watching)
    assert (target.id, target.group, target.status) == ("shop", "shop/front", Status.UNKNOWN)
    assert target.attempts == ((Outcome.UP, 0), (Outcome.DOWN, 0))
    assert (target.answered, target.response_ns, target.missed) == (0, 0, 0)
    assert (target.sampled_at_ns, target.certificate_ends_ns) == (None, None)


def test_attempts_are_counted_by_outcome_and_response_times_of_answers_alone(watching):
    watching.tell(
        judged(1, latency_ns=20 * MS),
        judged(2, Outcome.DOWN, latency_ns=30 * MS, reason=Reason.CONDITION_FAILED),
        judged(3, Outcome.DOWN, latency_ns=5 * MS, reason=Reason.CONNECTION_REFUSED),
        judged(4, Outcome.UNKNOWN, latency_ns=5 * MS, reason=Reason.BLIND),
    )
    target = target_of(watching)
    assert dict(target.attempts) == {Outcome.UP: 1, Outcome.DOWN: 2, Outcome.UNKNOWN: 1}
    assert (target.answered, target.response_ns) == (2, 50 * MS)
    assert target.sampled_at_ns == sample_at(4).at.wall_ns


def test_the_status_is_that_of_the_page(watching):
    watching.tell(judged(1, Outcome.DOWN))
    assert target_of(watching).status is watching.target.status is Status.DOWN
    watching.tell(tracked(group="shop/front", paused=True))
    assert target_of(watching).status is watching.target.status is Status.PAUSED
    watching.tell(tracked(group="shop/front"))
    watching.clock.advance(61 * S)
    assert target_of(watching).status is watching.target.status is Status.UNKNOWN


def test_a_certificate_is_known_until_an_answer_shows_none(watching):
    watching.tell(judged(1, certificate_expires_in_ns=7 * S))
    ends_ns = sample_at(1).at.wall_ns + 7 * S
    assert target_of(watching).certificate_ends_ns == ends_ns
    watching.tell(judged(2, Outcome.DOWN, reason=Reason.CONNECTION_REFUSED))
    assert target_of(watching).certificate_ends_ns == ends_ns
    watching.tell(judged(3, latency_ns=1))
    assert target_of(watching).certificate_ends_ns is None


def test_figures_of_single_targets_are_left_out_where_they_are_not_asked_for(watching):
    watching.tell(judged(1, latency_ns=MS))
    found = watching.ask(GetMetrics(targets=False))
    assert found.targets == ()
    assert len(found.durations) == 1


def test_a_removed_target_is_gone_and_its_group_with_its_last_target(watching):
    watching.tell(tracked("mail", group="shop/front"), judged(1, latency_ns=MS), TargetUntracked("shop"))
    assert [target.id for target in metrics(watching).targets] == ["mail"]
    assert durations(watching) == {("shop/front", "http", "total"): 1}
    watching.tell(TargetUntracked("mail"), TargetUntracked("mail"))
    assert (metrics(watching).targets, durations(watching)) == ((), {})


def test_a_target_that_moves_to_another_group_counts_there(watching):
    watching.tell(judged(1, latency_ns=MS), tracked(group="other"), judged(2, latency_ns=MS))
    assert durations(watching) == {("other", "http", "total"): 1}
    watching.tell(tracked(group="other"), judged(3, latency_ns=MS))
    assert durations(watching) == {("other", "http", "total"): 2}


def test_phases_are_counted_by_group_and_kind(watching):
    phases = Phases(dns_ns=MS, connect_ns=2 * MS, first_byte_ns=30 * MS, transfer_ns=0)
    watching.tell(judged(1, latency_ns=33 * MS, phases=phases))
    watching.tell(judged(2, Outcome.TIMED_OUT, phases=Phases(dns_ns=7 * MS)))
    found = {each.phase: each.durations for each in metrics(watching).durations}
    assert {phase: each.count for phase, each in found.items()} == {
        "dns": 2,
        "connect": 1,
        "first_byte": 1,
        "transfer": 1,
        "total": 1,
    }
    assert found["dns"].counts[:3] == (1, 1, 0)
    assert found["dns"].sum_ns == 8 * MS
    assert found["dns"].cumulative()[-1] == 2


def test_groups_beyond_the_most_share_one(alone):
    for number in range(METRIC_GROUPS_MAX + 2):
        alone.tell(
            tracked(f"t{number}", group=f"g{number}"), judged(number, target=f"t{number}", latency_ns=MS)
        )
    found = durations(alone)
    assert len(found) == METRIC_GROUPS_MAX + 1
    assert found[OTHER_GROUPS, "http", "total"] == 2
    alone.tell(TargetUntracked(f"t{METRIC_GROUPS_MAX}"), TargetUntracked(f"t{METRIC_GROUPS_MAX + 1}"))
    assert len(durations(alone)) == METRIC_GROUPS_MAX


def test_a_duration_on_a_bound_is_not_above_it(watching):
    watching.tell(
        judged(1, latency_ns=5 * MS), judged(2, latency_ns=5 * MS + 1), judged(3, latency_ns=99 * S)
    )
    (found,) = metrics(watching).durations
    assert found.durations.cumulative() == (1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3)


def test_lateness_is_counted_as_the_status_counts_it(watching):
    watching.tell(judged(1, lateness_ns=3 * MS), judged(2, Outcome.CANCELLED, lateness_ns=3 * MS))
    found = metrics(watching).lateness
    assert (found.count, found.sum_ns, found.counts[2]) == (1, 3 * MS, 1)
    assert watching.status.lateness.count == 1


def test_incidents_are_counted_by_severity_and_change_without_drafts_and_drills(alone):
    draft = opened("inc_2", rule="slow", draft=True)
    drill = opened("inc_3", rule="drill", drill=Drill(route="shop", until_ns=1))
    alone.tell(Committed((OPENED, draft, drill)), Committed((then(OPENED, TransitionKind.ACKNOWLEDGED),)))
    found = metrics(alone)
    assert dict(found.open_incidents) == {Severity.INFO: 0, Severity.WARNING: 0, Severity.CRITICAL: 1}
    counted = {(severity, change): count for severity, change, count in found.transitions}
    assert len(counted) == 12
    assert {step for step, count in counted.items() if count} == {
        (Severity.CRITICAL, TransitionKind.OPENED),
        (Severity.CRITICAL, TransitionKind.ACKNOWLEDGED),
    }


def test_notices_and_tries_of_a_known_channel_are_zero_at_first(alone):
    alone.tell(IncidentsResumed((), (), backlogs=(ChannelBacklog("ops", dead=3),)))
    found = metrics(alone)
    assert found.backlogs == (ChannelBacklog("ops", dead=3),)
    assert found.notices == (("ops", DeliveryState.DELIVERED, 0), ("ops", DeliveryState.DEAD, 0))
    assert [count for *_, count in found.tries] == [0, 0, 0]


def test_notices_are_counted_with_their_delay_by_channel_and_end(alone):
    notice = notice_of(OPENED)
    alone.tell(NoticeSettled(notice, delivery_of(notice, DeliveryState.DELIVERED)))
    alone.tell(NoticeSettled(notice, delivery_of(notice, DeliveryState.DEAD)))
    found = metrics(alone)
    assert found.notices == (("ops", DeliveryState.DELIVERED, 1), ("ops", DeliveryState.DEAD, 1))
    assert [(channel, end, each.sum_ns) for channel, end, each in found.delays] == [
        ("ops", DeliveryState.DELIVERED, S),
        ("ops", DeliveryState.DEAD, S),
    ]


def test_a_commit_tells_its_time_the_ends_of_tries_and_the_backlogs(alone):
    backlog = ChannelBacklog("ops", 2, NOON.wall_ns, 1)
    alone.tell(CommitFinished(3 * MS, (("ops", TryResult.FAILED), ("ops", TryResult.FAILED)), (backlog,)))
    alone.tell(CommitFinished(4 * MS, (), ()))
    found = metrics(alone)
    assert (found.commits.count, found.commits.sum_ns) == (2, 7 * MS)
    assert ("ops", TryResult.FAILED, 2) in found.tries
    assert found.backlogs == (backlog,)


def test_blind_time_is_summed_up_by_cause_and_a_clock_that_was_set_is_none(alone):
    for cause in ("stalled", "stalled", "clock_stepped"):
        alone.tell(BlindnessSeen(BlindInterval(S, 3 * S, cause)))
    assert dict(metrics(alone).blind_ns) == {"stalled": 4 * S, "suspended": 0, "network_lost": 0}


def test_the_greatest_lag_of_a_minute_is_shown_with_the_newest_load(alone):
    assert (metrics(alone).loop_lag_ns, metrics(alone).in_flight) == (0, 0)
    alone.tell(LoadSeen(9 * MS, 4), *[LoadSeen(MS, 3)] * (LAG_WINDOWS_KEPT - 1))
    assert (metrics(alone).loop_lag_ns, metrics(alone).in_flight) == (9 * MS, 3)
    alone.tell(LoadSeen(2 * MS, 5))
    assert (metrics(alone).loop_lag_ns, metrics(alone).in_flight) == (2 * MS, 5)


def test_parts_show_their_health_and_all_pollers_are_one(alone):
    alone.tell(
        IncidentsResumed((), (), backlogs=(ChannelBacklog("ops"),)),
        HealthReported("poller/shop", "it crashed"),
        HealthReported("channel ops", "busy"),
        HealthReported("invariants", "broken"),
        CounterIncreased("poller_restarts", 2),
        CounterIncreased("samples_shed", 7),
        CounterIncreased("evidence_shed", 1),
    )
    parts = {part.part: part for part in metrics(alone).parts}
    assert {name: part.is_healthy for name, part in parts.items()} == {
        "store": True,
        "pollers": False,
        "network": True,
        "channel ops": False,
        "invariants": False,
    }
    assert (parts["store"].shed, parts["pollers"].restarts) == (8, 2)
