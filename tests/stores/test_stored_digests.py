"""Digests and reminders in both stores: each member is told, a restart goes on with all of it, and nothing reads back otherwise."""

import apsw
import msgspec
import pytest
from msgspec.structs import replace
from records import NOON, delivery_of, digest_of_steps, notice_of, opened, then
from watchkeeper.adapters.stores.opening import make_reader, make_store
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.errors import StoreCorrupt, StoreError
from watchkeeper.domain.incidents.delivery_try import DeliveryTry
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState, NoticeReason, make_notice
from watchkeeper.domain.incidents.record import Batch, LastDigest

S = 1_000_000_000
DELIVERED, DEAD, PENDING = DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.PENDING
STEPS = tuple(opened(f"inc_{number}", target=f"t{number}") for number in range(3))
ENDS = tuple(then(step, TransitionKind.RESOLVED) for step in STEPS)
DIGEST = digest_of_steps(*STEPS)
END = digest_of_steps(*ENDS)


def batch(*steps, notices=(), deliveries=()):
    return Batch(transitions=steps, notices=notices, deliveries=deliveries)


def restarted(store):
    store.close()
    return store.open(NOON)


def known(restored):
    return {(told.incident_id, told.channel): told for told in restored.told}


def test_a_digest_comes_back_with_all_its_members(store):
    store.open(NOON)
    store.commit(batch(*STEPS, notices=(DIGEST,)))
    (outgoing,) = restarted(store).outbox
    assert outgoing.notice == DIGEST


def test_every_member_of_a_delivered_digest_is_told(store):
    store.open(NOON)
    delivery = replace(delivery_of(DIGEST, DELIVERED), memory="1234.5")
    store.commit(batch(*STEPS, notices=(DIGEST,), deliveries=(delivery,)))
    told = known(restarted(store))
    assert set(told) == {(step.incident_id, "ops") for step in STEPS}
    assert {(each.sequence, each.change, each.at_ns, each.memory) for each in told.values()} == {
        (1, TransitionKind.OPENED, delivery.at_ns, "1234.5")
    }
    assert {each.grouping for each in told.values()} == {DIGEST.digest.grouping}


def test_the_ends_of_a_digest_stay_until_it_is_delivered(store):
    store.open(NOON)
    store.commit(batch(*STEPS, notices=(DIGEST,), deliveries=(delivery_of(DIGEST, DELIVERED),)))
    store.commit(batch(*ENDS, notices=(END,)))
    assert {incident.id for incident in restarted(store).incidents} == {step.incident_id for step in STEPS}
    store.commit(batch(deliveries=(delivery_of(END, DELIVERED),)))
    after = restarted(store)
    assert (after.incidents, after.told, after.outbox) == ((), (), ())


def test_a_restart_knows_when_the_last_digest_of_a_group_was_made(store):
    store.open(NOON)
    later = digest_of_steps(*STEPS[:1], at_ns=DIGEST.created_at_ns + 300 * S)
    store.commit(batch(*STEPS, notices=(later, DIGEST)))
    grouping = DIGEST.digest.grouping
    assert restarted(store).digests == (LastDigest("ops", grouping, later.created_at_ns),)


def test_a_dead_digest_is_brought_back_and_recalled_with_every_member(store):
    store.open(NOON)
    store.commit(batch(*STEPS, notices=(DIGEST,), deliveries=(delivery_of(DIGEST, DEAD),)))
    store.commit(batch(ENDS[0]))
    (dead,) = restarted(store).dead
    assert dead.notice == DIGEST
    recalled = store.recall(DIGEST.key)
    assert [incident.sequence for incident in recalled.incidents] == [2, 1, 1]
    assert recalled.told == ()


def test_a_digest_needs_every_step_that_it_tells_of(store):
    store.open(NOON)
    with pytest.raises(StoreError, match="not recorded"):
        store.commit(batch(*STEPS[:2], notices=(DIGEST,)))
    store.commit(batch(*STEPS[:2]))
    with pytest.raises(StoreError, match="not recorded"):
        store.commit(batch(notices=(DIGEST,)))


def reminder(number, step=STEPS[0]):
    at_ns = step.at_ns + number * 3_600 * S
    return make_notice(step.incident, "ops", step.change, at_ns, NoticeReason.REMINDER, number)


def test_a_reminder_is_written_over_what_its_channel_knows(store):
    store.open(NOON)
    first = notice_of(STEPS[0])
    store.commit(batch(STEPS[0], notices=(first,), deliveries=(delivery_of(first, DELIVERED),)))
    for number in (1, 2):
        notice = reminder(number)
        delivery = replace(delivery_of(notice, DELIVERED), memory=f"ts {number}")
        store.commit(batch(notices=(notice,)))
        assert [each.notice for each in restarted(store).outbox] == [notice]
        store.commit(batch(deliveries=(delivery,)))
        told = known(restarted(store))["inc_0", "ops"]
        assert (told.sequence, told.reminders, told.at_ns) == (1, number, delivery.at_ns)
        assert told.memory == f"ts {number}"


def test_a_reminder_of_a_step_without_a_cause_tells_the_incident_as_it_was_restored(store):
    """Earlier versions recorded no cause: it is read from the first step, and the step itself stays as it was."""
    store.open(NOON)
    step = replace(STEPS[0], cause="", latest="")
    store.commit(batch(step))
    (incident,) = restarted(store).incidents
    notice = make_notice(incident, "ops", step.change, step.at_ns, NoticeReason.REMINDER, 1)
    store.commit(batch(notices=(notice,)))
    store.commit(batch(step))
    assert [each.notice for each in restarted(store).outbox] == [notice]


def test_a_remark_comes_back_with_its_notice(store):
    store.open(NOON)
    remarked = replace(notice_of(STEPS[0]), remark="opened 7 times within 1h")
    store.commit(batch(STEPS[0], notices=(remarked,)))
    assert [each.notice for each in restarted(store).outbox] == [remarked]


def test_a_reminder_that_arrives_after_a_later_step_changes_nothing(store):
    store.open(NOON)
    first, late = notice_of(STEPS[0]), reminder(1)
    end = notice_of(ENDS[0])
    store.commit(batch(STEPS[0], ENDS[0], notices=(first, late, end)))
    told = tuple(delivery_of(each, DELIVERED) for each in (first, end, late))
    store.commit(batch(deliveries=told))
    assert restarted(store).told == ()


def test_an_attempt_leaves_the_rest_of_its_notice_as_it_was(store):
    store.open(NOON)
    remarked = replace(notice_of(STEPS[1]), remark="opened 7 times within 1h")
    notices = (DIGEST, reminder(1), remarked)
    store.commit(batch(*STEPS, notices=notices))
    store.commit(batch(deliveries=tuple(delivery_of(each, PENDING, detail="HTTP 503") for each in notices)))
    outbox = restarted(store).outbox
    assert tuple(each.notice for each in outbox) == notices
    assert {(each.delivery.attempts, each.delivery.detail) for each in outbox} == {(1, "HTTP 503")}


def test_a_restart_knows_when_incidents_opened(store):
    store.open(NOON)
    changed = then(STEPS[0], TransitionKind.CHANGED)
    store.commit(batch(STEPS[0], changed, STEPS[1], ENDS[1]))
    openings = restarted(store).openings
    assert [(each.incident_id, each.target, each.at_ns) for each in openings] == [
        ("inc_0", "t0", STEPS[0].at_ns),
        ("inc_1", "t1", STEPS[1].at_ns),
    ]
    store.close()
    days = NOON.shifted(3 * 86_400 * S)
    assert [each.incident_id for each in store.open(days).openings] == ["inc_0"]


@pytest.fixture
def path(tmp_path):
    return with_digests(str(tmp_path / "digests.db"))


@pytest.fixture
def filled(place):
    return with_digests(place)


def with_digests(path):
    """A closed store with a digest that was told, one that was given up, and a reminder."""
    store = make_store(path)
    store.open(NOON)
    late = reminder(1)
    store.commit(
        batch(
            *STEPS,
            notices=(DIGEST, late),
            deliveries=(delivery_of(DIGEST, DELIVERED), delivery_of(late, DEAD)),
        )
    )
    tried = DeliveryTry(key=DIGEST.key, attempt=1, channel="ops", at_ns=DIGEST.created_at_ns)
    store.commit(Batch(tries=(tried,), deliveries=(replace(delivery_of(DIGEST, DELIVERED), attempts=1),)))
    store.close()
    return path


def test_a_reader_finds_the_digest_of_each_member(filled):
    reader = make_reader(filled)
    for step in STEPS[1:]:
        (outgoing,) = reader.notices(step.incident_id)
        assert outgoing.notice == DIGEST
        (told,) = reader.told(step.incident_id)
        assert (told.channel, told.told, told.sequence) == ("ops", TransitionKind.OPENED, 1)
        assert [each.key for each in reader.deliveries(incident=step.incident_id)] == [DIGEST.key]
    assert not reader.verify().problems


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE told SET memory = 'another' WHERE incident = 'inc_1'",
        "UPDATE told SET at_ns = at_ns + 1 WHERE incident = 'inc_1'",
        "DELETE FROM told WHERE incident = 'inc_1'",
        "UPDATE grouped SET at_ns = at_ns + 1",
        "UPDATE addition SET reminder = 7 WHERE reminder = 1",
        "DELETE FROM addition WHERE reminder = 1",
    ],
)
def test_a_changed_row_of_what_a_restart_builds_on_is_noticed(path, statement):
    connection = apsw.Connection(path)
    connection.execute(statement)
    connection.close()
    with pytest.raises(StoreCorrupt, match="does not read back as it was written"):
        SqliteStore(path).open(NOON)
    assert StoreReader(path).verify().problems


def test_the_link_of_a_told_member_has_the_bytes_of_a_told_incident(path):
    connection = apsw.Connection(path)
    bodies = [body for (body,) in connection.execute("SELECT body FROM chain WHERE channel <> ''")]
    connection.close()
    assert [msgspec.json.decode(body) for body in bodies] == [
        {"incident": step.incident_id, "channel": "ops", "sequence": 1, "change": "opened"} for step in STEPS
    ]
