"""The rate of a channel: never more than its number in any span, and none lost."""

from hypothesis import given
from hypothesis import strategies as st
from records import notice_of, opened
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.outbox import Outbox
from watchkeeper.domain.incidents.rate_limit import RateLimit
from watchkeeper.domain.limits import LIMITED_SAID_MAX
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.time.moment import NS_PER_S

MINUTE_NS = 60 * NS_PER_S


@given(st.integers(1, 5), st.integers(1, 50), st.lists(st.integers(0, 20), min_size=1, max_size=60))
def test_no_span_has_more_than_the_number_and_a_wait_ends_when_it_says(count, length, steps):
    limit, now, begun = RateLimit(count, length), 0, []
    for step in steps:
        now += step
        may = limit.next_ns is None or now >= limit.next_ns
        assert limit.take(now) is may
        begun += [now] * may
    for at in begun:
        assert sum(at <= other < at + length for other in begun) <= count


def test_a_clock_that_is_set_back_stops_nothing():
    limit = RateLimit(1, MINUTE_NS)
    assert limit.take(1_000 * MINUTE_NS)
    assert limit.take(MINUTE_NS)


def outbox(count, rate="2/1m", room=64):
    box = Outbox([Channel(id="ops", log=Log(), in_flight_max=room, rate=rate)])
    for number in range(count):
        box.add(notice_of(opened(f"inc_{number:03}")))
    return box


def handed(box, now_ns):
    return [entry.notice.incident.id for entry, _ in box.hand_out(now_ns)]


def test_notices_beyond_the_rate_wait_in_order_until_it_lets_them_go():
    box = outbox(5)
    assert handed(box, 0) == ["inc_000", "inc_001"]
    assert box.next_ns == MINUTE_NS
    assert handed(box, MINUTE_NS - 1) == []
    assert handed(box, MINUTE_NS) == ["inc_002", "inc_003"]
    assert handed(box, 2 * MINUTE_NS) == ["inc_004"]
    assert box.next_ns is None


def test_a_repeat_counts_as_another_request():
    box = outbox(1)
    ((entry, _),) = box.hand_out(0)
    box.failed(entry.notice.key, 1)
    box.ready_again(entry.notice.key)
    assert handed(box, 1) == ["inc_000"]
    box.failed(entry.notice.key, 2)
    box.ready_again(entry.notice.key)
    assert handed(box, 2) == []
    assert box.next_ns == MINUTE_NS


def test_a_channel_without_room_waits_for_its_room_and_not_for_its_rate():
    box = outbox(3, rate="1/1m", room=1)
    assert handed(box, 0) == ["inc_000"]
    assert box.next_ns is None


def test_the_record_says_once_of_the_next_notices_that_they_wait_for_the_rate():
    box = outbox(LIMITED_SAID_MAX + 9, rate="1/1m")
    box.hand_out(0)
    said = box.limited(7)
    assert len(said) == LIMITED_SAID_MAX
    assert {(each.state, each.attempts, each.at_ns) for each in said} == {(DeliveryState.PENDING, 0, 7)}
    assert {each.detail for each in said} == {"waits for the rate of its channel, 1/1m"}
    assert box.limited(8) == []
