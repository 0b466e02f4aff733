"""Notices: the comparison of the last delivered notice with the present state, row by row."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import delivery_of, notice_of, opened, then
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import (
    DELIVERY_TRANSITIONS,
    DeliveryState,
    LastDelivered,
    NoticeReason,
    due_change,
    lateness_s,
    make_notice,
    notice_key,
)
from watchkeeper.domain.limits import NOTICE_LATE_NS

OPENED = opened()
CHANGED = then(OPENED, TransitionKind.CHANGED)
SEEN = then(OPENED, TransitionKind.ACKNOWLEDGED, acknowledged_at_ns=1)
CHANGED_AFTER_SEEN = then(SEEN, TransitionKind.CHANGED)
RESOLVED = then(OPENED, TransitionKind.RESOLVED)
RESOLVED_AFTER_SEEN = then(SEEN, TransitionKind.RESOLVED)
DRAFT = msgspec.structs.replace(OPENED, draft=True)


@pytest.mark.parametrize(
    ("present", "due"),
    [
        (OPENED, TransitionKind.OPENED),
        (CHANGED, TransitionKind.OPENED),
        (SEEN, None),
        (RESOLVED, TransitionKind.RESOLVED),
        (RESOLVED_AFTER_SEEN, TransitionKind.RESOLVED),
    ],
)
def test_a_beginning_that_was_given_up_is_followed_by_the_end(present, due):
    assert due_change(present, None, given_up=True) is due


def heard(step):
    return LastDelivered(
        incident_id=step.incident_id, channel="ops", sequence=step.sequence, change=step.change
    )


ROWS = [
    # Last delivered, present, due. The numbers are the rows of Alertmanager's table that apply here.
    pytest.param(None, OPENED, TransitionKind.OPENED, id="first (1)"),
    pytest.param(None, RESOLVED, None, id="never told of the problem (2, 7)"),
    pytest.param(None, CHANGED, TransitionKind.OPENED, id="first heard of after a change (1)"),
    pytest.param(None, SEEN, None, id="somebody has seen it before we could tell"),
    pytest.param(None, RESOLVED_AFTER_SEEN, None, id="seen and over, never told (2)"),
    pytest.param(OPENED, OPENED, None, id="nothing new (5)"),
    pytest.param(OPENED, CHANGED, TransitionKind.CHANGED, id="changed (3)"),
    pytest.param(OPENED, SEEN, TransitionKind.ACKNOWLEDGED, id="acknowledged"),
    pytest.param(SEEN, CHANGED_AFTER_SEEN, None, id="changes in what was seen are not told"),
    pytest.param(OPENED, CHANGED_AFTER_SEEN, None, id="seen and changed before we could tell"),
    pytest.param(OPENED, RESOLVED, TransitionKind.RESOLVED, id="over (11)"),
    pytest.param(SEEN, RESOLVED_AFTER_SEEN, TransitionKind.RESOLVED, id="over after it was seen (11)"),
    pytest.param(
        OPENED, RESOLVED_AFTER_SEEN, TransitionKind.RESOLVED, id="over, seen while we could not tell"
    ),
    pytest.param(RESOLVED, RESOLVED, None, id="over and told"),
    pytest.param(RESOLVED, OPENED, None, id="never back in time"),
    pytest.param(None, DRAFT, None, id="a draft tells nobody"),
]


@pytest.mark.parametrize(("told", "present", "due"), ROWS)
def test_a_notice_is_due_by_the_last_delivered_one_and_the_present_state(told, present, due):
    assert due_change(present, None if told is None else heard(told)) is due


KEYS = st.tuples(st.text("ab", max_size=4), st.integers(1, 99), st.text("ab", max_size=4))


@given(KEYS, KEYS)
def test_a_key_is_derived_from_incident_step_and_channel(one, other):
    assert (notice_key(*one) == notice_key(*other)) is (one == other)


def test_the_key_is_the_same_whatever_the_reason_and_time():
    again = make_notice(OPENED, "ops", TransitionKind.OPENED, 99, NoticeReason.CATCH_UP)
    assert again.key == notice_of(OPENED).key
    assert again.key == "msg_" + again.key.removeprefix("msg_")
    assert len(again.key) == 36


def test_the_moves_of_a_delivery_list_every_state():
    assert set(DELIVERY_TRANSITIONS) == set(DeliveryState)
    assert DELIVERY_TRANSITIONS[DeliveryState.DELIVERED] == ()
    assert DELIVERY_TRANSITIONS[DeliveryState.DEAD] == (DeliveryState.PENDING,)


PENDING, DELIVERED, DEAD = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.DEAD
REPLACED = {
    (PENDING, PENDING): True,
    (PENDING, DELIVERED): True,
    (PENDING, DEAD): True,
    (DELIVERED, PENDING): False,
    (DELIVERED, DELIVERED): False,
    (DELIVERED, DEAD): StoreError,
    (DEAD, PENDING): True,
    (DEAD, DELIVERED): StoreError,
    (DEAD, DEAD): False,
}


@pytest.mark.parametrize("before", DeliveryState)
@pytest.mark.parametrize("after", DeliveryState)
def test_a_delivery_replaces_the_recorded_one_by_the_table(before, after):
    notice = notice_of(OPENED)
    recorded, following = delivery_of(notice, before, 1), delivery_of(notice, after, 2)
    expected = REPLACED[before, after]
    if expected is StoreError:
        with pytest.raises(StoreError, match=f"notice {notice.key} cannot go from {before} to {after}"):
            following.replaces(recorded)
    else:
        assert following.replaces(recorded) is expected


def test_a_delivery_that_says_the_same_replaces_nothing():
    recorded = delivery_of(notice_of(OPENED), PENDING)
    assert not delivery_of(notice_of(OPENED), PENDING).replaces(recorded)


def test_a_redriven_dead_letter_is_pending_with_the_attempts_it_had():
    dead = delivery_of(notice_of(OPENED), DEAD, 9, "HTTP 500")
    again = dead.redriven(7)
    assert delivery_of(notice_of(OPENED), DEAD).redriven(7).detail == "re-driven"
    assert (again.key, again.state, again.attempts) == (dead.key, PENDING, 9)
    assert (again.at_ns, again.detail) == (7, "re-driven; it had ended: HTTP 500")


def test_a_delivered_notice_is_remembered_by_incident_channel_and_step():
    assert notice_of(CHANGED).as_delivered() == (heard(CHANGED),)


@pytest.mark.parametrize(
    ("age_ns", "said"),
    [(0, None), (NOTICE_LATE_NS, None), (NOTICE_LATE_NS + 1, 60), (90_999_999_999, 90), (-1, None)],
)
def test_a_notice_is_late_by_whole_seconds_after_a_minute(age_ns, said):
    assert lateness_s(notice_of(OPENED), OPENED.at_ns + age_ns) == said
