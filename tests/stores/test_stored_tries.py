"""Tries to deliver notices in the store: one row each, read back by incident and by key, kept as long as failed samples."""

import apsw
import pytest
from histories import run_maintenance
from msgspec.structs import replace
from records import NOON, delivery_of, notice_of, opened, then
from watchkeeper.adapters.stores.opening import make_reader, make_store
from watchkeeper.domain import limits
from watchkeeper.domain.errors import UsageError
from watchkeeper.domain.incidents.delivery_try import DeliveryTry, TryResult
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import Answer, DeliveryState
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.incidents.told import ChannelTold
from watchkeeper.domain.specification.configuration import Retention
from watchkeeper.domain.time.duration import NS_PER_DAY
from watchkeeper.domain.time.moment import NS_PER_S

OPENED = opened(notify=("calm", "ops", "silent"))
RESOLVED = then(OPENED, TransitionKind.RESOLVED)
TOLD, CALM, OVER = notice_of(OPENED), notice_of(OPENED, "calm"), notice_of(RESOLVED)
DELIVERED, DEAD, PENDING = DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.PENDING


def begun(notice, attempt=1, after_ns=0):
    at_ns = NOON.wall_ns + after_ns
    return DeliveryTry(key=notice.key, attempt=attempt, channel=notice.channel, at_ns=at_ns)


BUSY = begun(TOLD).answered(Answer(accepted=False, detail="HTTP 503"), NS_PER_S)
THANKS = begun(TOLD, 2, NS_PER_S).answered(Answer(accepted=True, detail="HTTP 204"), 5)
HISTORY = Batch(
    transitions=(OPENED, RESOLVED),
    notices=(TOLD, CALM, OVER),
    deliveries=(
        delivery_of(TOLD, DELIVERED, 2, "HTTP 204"),
        delivery_of(CALM, DEAD, 1, "HTTP 410"),
        delivery_of(OVER, PENDING, 3, "attempting"),
    ),
    tries=(begun(TOLD), BUSY, begun(TOLD, 2, NS_PER_S), THANKS, begun(OVER, 3, 2 * NS_PER_S)),
)


@pytest.fixture
def path(place):
    return place


@pytest.fixture
def store(path):
    store = make_store(path, Retention(failed_samples="2d"))
    store.open(NOON)
    yield store
    store.close()


def test_tries_are_read_back_by_incident_and_by_key(store, path):
    store.commit(HISTORY)
    reader = make_reader(path)
    assert reader.deliveries(incident=OPENED.id) == (BUSY, THANKS, begun(OVER, 3, 2 * NS_PER_S))
    assert reader.deliveries(key=TOLD.key) == (BUSY, THANKS)
    assert reader.deliveries(incident="inc_unknown") == reader.deliveries(key="msg_unknown") == ()
    assert (THANKS.result, THANKS.took_ns, BUSY.result) == (TryResult.ACCEPTED, 5, TryResult.FAILED)


@pytest.mark.parametrize("asked", [{}, {"incident": "inc_1", "key": "msg_1"}])
def test_tries_are_asked_for_by_one_of_the_two(path, store, asked):
    with pytest.raises(UsageError, match="give one of the two"):
        make_reader(path).deliveries(**asked)


def test_the_newest_tries_are_read(store, path, monkeypatch):
    monkeypatch.setattr(limits, "READ_TRIES_MAX", 1)
    store.commit(HISTORY)
    assert make_reader(path).deliveries(key=TOLD.key) == (THANKS,)


def test_a_notice_that_is_tried_for_days_keeps_its_first_try_and_the_newest(store, path, monkeypatch):
    monkeypatch.setattr(limits, "TRIES_KEPT_PER_NOTICE", 3)
    store.commit(Batch(tries=tuple(begun(TOLD, attempt, attempt) for attempt in range(1, 8))))
    assert [each.attempt for each in make_reader(path).deliveries(key=TOLD.key)] == [1, 6, 7]


def test_the_same_batch_again_changes_no_try(store, path):
    store.commit(HISTORY)
    store.commit(HISTORY)
    assert len(make_reader(path).deliveries(incident=OPENED.id)) == 3


def test_tries_go_with_their_retention(store, path):
    store.commit(HISTORY)
    newer = begun(OVER, 4, 3 * NS_PER_DAY)
    store.commit(Batch(tries=(newer,)))
    run_maintenance(store, 4 * NS_PER_DAY, calls=4)
    assert make_reader(path).deliveries(incident=OPENED.id) == (newer,)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_changed_try_is_found_by_a_whole_check(store, path):
    store.commit(HISTORY)
    assert not make_reader(path).verify().problems
    store.close()
    connection = apsw.Connection(path)
    connection.execute("UPDATE delivery SET result = 'accepted' WHERE attempt = 1")
    connection.close()
    (problem,) = make_reader(path).verify().problems
    assert problem == f"try 1 of notice {TOLD.key} does not read back as it was written"
    store.open(NOON)  # no restart builds on it


def test_each_channel_of_an_incident_says_what_it_was_told_and_what_waits(store, path):
    store.commit(HISTORY)
    told_at_ns = TOLD.created_at_ns + NS_PER_S
    assert make_reader(path).told(OPENED.id) == (
        ChannelTold(
            channel="calm",
            waiting=TransitionKind.OPENED,
            state=DEAD,
            waiting_tries=1,
            detail="HTTP 410",
        ),
        ChannelTold(
            channel="ops",
            told=TransitionKind.OPENED,
            sequence=1,
            told_at_ns=told_at_ns,
            tries=2,
            waiting=TransitionKind.RESOLVED,
            state=PENDING,
            waiting_tries=3,
            detail="attempting",
        ),
        ChannelTold(channel="silent"),
    )
    assert make_reader(path).told("inc_unknown") == ()


def test_a_notice_that_was_given_up_is_over_once_a_later_one_is_taken(store, path):
    late = notice_of(RESOLVED, "calm")
    heard = delivery_of(late, DELIVERED)
    store.commit(replace(HISTORY, notices=(*HISTORY.notices, late), deliveries=(*HISTORY.deliveries, heard)))
    calm = make_reader(path).told(OPENED.id)[0]
    assert (calm.told, calm.waiting, calm.detail) == (TransitionKind.RESOLVED, None, "")
