"""The sink reviews the notices of many incidents in slices, and makes no digest before the last slice."""

import pytest
from msgspec.structs import replace
from planned import Planned, S, grouped
from records import opened
from watchkeeper.domain.incidents.delivery_plan import HoldKind, Recipient
from watchkeeper.domain.limits import DIGEST_MEMBERS_AT_ONCE, NOTICES_REVIEWED_AT_ONCE
from watchkeeper.domain.suppression.silence_book import SilenceBook
from watchkeeper.protocol.recorder import WaitsChanged
from watchkeeper.protocol.sink import Commit, ResumeRetries, ReviewNotices
from watchkeeper.protocol.supervisor import NoticeCheckRequested

from tests.actors.flow.sink_alone import SinkAlone


class PlannedSuppression(Planned):
    """The plan of a test in the place of a runtime's policy."""

    def __init__(self, *recipients):
        super().__init__(*recipients)
        self.silences = SilenceBook()
        self.change_ns = None

    def next_change_ns(self, now):
        return self.change_ns if self.change_ns is not None and self.change_ns > now.wall_ns else None

    def pause(self, target, *, paused):
        return False


@pytest.fixture
def alone():
    plan = PlannedSuppression(grouped(wait_s=30))
    sink = SinkAlone(make_policy=lambda: plan)
    sink.plan = plan
    return sink


def step(sink, number, **fields):
    return opened(f"inc_{number:04}", target=f"t{number}", notify=(), at_ns=sink.wall_ns, **fields)


def records(sink, count):
    sink.record(*[step(sink, number) for number in range(count)])


def test_a_digest_is_asked_for_and_sent_at_its_time(alone):
    records(alone, 3)
    assert alone.supervisor.of(NoticeCheckRequested) == [NoticeCheckRequested(alone.wall_ns + 30 * S)]
    assert alone.delivered() == []
    alone.clock.advance(30 * S)
    alone.tell(ReviewNotices())
    ((notice, _),) = alone.delivered()
    assert len(notice.steps) == 3


@pytest.mark.parametrize(("members", "commits"), [(DIGEST_MEMBERS_AT_ONCE, 3), (10, 1)])
def test_a_large_digest_has_a_commit_of_its_own_and_small_ones_share_one(alone, members, commits):
    for group in range(3):
        recipient = replace(grouped(wait_s=30), group=(("group", f"g{group}"),))
        alone.plan.of_target |= {f"t{group * members + number}": (recipient,) for number in range(members)}
    records(alone, 3 * members)
    before = len(alone.store.batches)
    alone.clock.advance(30 * S)
    alone.tell(ReviewNotices())
    told = [len(batch.notices) for batch in alone.store.batches[before:] if batch.notices]
    assert told == [3 // commits] * commits


def test_the_same_moment_is_asked_for_once_and_again_by_a_new_supervisor(alone):
    records(alone, 3)
    alone.supervisor.take()
    alone.tell(Commit())
    alone.record(step(alone, 9))
    assert alone.supervisor.of(NoticeCheckRequested) == []
    alone.tell(ResumeRetries())
    assert alone.supervisor.of(NoticeCheckRequested) == [NoticeCheckRequested(alone.wall_ns + 30 * S)]


def test_a_hold_that_begins_at_the_moment_of_a_digest_takes_every_incident_out_of_it(alone):
    count = 2 * NOTICES_REVIEWED_AT_ONCE + 1
    alone.plan.change_ns = alone.wall_ns + 30 * S
    records(alone, count)
    alone.plan.held = {f"t{number}": None for number in range(1, count)}
    alone.clock.advance(30 * S)
    alone.dispatcher.turn_messages = 1
    alone.sink.tell(ReviewNotices())
    alone.dispatcher.step()
    assert alone.delivered() == [], "incidents of later slices are not judged yet"
    alone.dispatcher.run_until_idle()
    ((notice, _),) = alone.delivered()
    assert [each.incident_id for each in notice.steps] == ["inc_0000"]


def test_the_waits_of_incidents_are_shown_as_they_change(alone):
    records(alone, 1)
    (shown,) = alone.recorder.of(WaitsChanged)
    (waiting,) = shown.waits
    assert (waiting.incident_id, waiting.channel, waiting.hold.kind) == (
        "inc_0000",
        "ops",
        HoldKind.GROUPING,
    )
    alone.recorder.take()
    alone.clock.advance(30 * S)
    alone.tell(ReviewNotices())
    assert alone.recorder.of(WaitsChanged) == [WaitsChanged(("inc_0000",), ())]


def test_an_escalation_is_asked_for_at_its_time(alone):
    alone.plan.chosen = (Recipient(channel="ops"), Recipient(channel="calm", after_ns=900 * S))
    records(alone, 1)
    assert alone.supervisor.of(NoticeCheckRequested) == [NoticeCheckRequested(alone.wall_ns + 900 * S)]
    alone.clock.advance(900 * S)
    alone.tell(ReviewNotices())
    assert len(alone.calm.take()) == 1
