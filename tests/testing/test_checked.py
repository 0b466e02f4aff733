"""Invariants at run time: valid traffic passes, and a violation is refused with the id of its invariant."""

import pytest
from records import NOON, delivery_of, notice_of, opened, then
from watchkeeper.actors.checked import Checks, InvariantBroken
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import Answer, DeliveryState
from watchkeeper.domain.incidents.record import Batch, Outgoing, Restored
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.time.moment import NS_PER_S, Deadline

OPENED = opened()
RESOLVED = then(OPENED, TransitionKind.RESOLVED)
NOTICE = notice_of(OPENED)
ATTEMPTED = Batch(
    transitions=(OPENED,), notices=(NOTICE,), deliveries=(delivery_of(NOTICE, DeliveryState.PENDING, 1),)
)
DEADLINE = Deadline.after(NOON, NS_PER_S)


class Outside:
    """A messenger that answers on request of the test."""

    def send(self, notice, attempt, deadline, done, memory=""):
        self.done = done


@pytest.fixture
def checks():
    return Checks([Channel(id="ops", log=Log())])


@pytest.fixture
def store(checks):
    checked = checks.store(MemoryStore())
    checked.open(NOON)
    return checked


@pytest.fixture
def outside():
    return Outside()


@pytest.fixture
def messenger(checks, outside):
    return checks.messengers({"ops": outside})["ops"]


def test_a_committed_notice_may_leave(store, messenger, outside):
    store.commit(ATTEMPTED)
    messenger.send(NOTICE, 1, DEADLINE, lambda _: None)
    outside.done(Answer(accepted=True))
    store.commit(Batch(deliveries=(delivery_of(NOTICE, DeliveryState.DELIVERED, 1),)))


def test_nothing_leaves_before_it_is_committed(store, messenger):
    with pytest.raises(InvariantBroken, match=r"^S5: "):
        messenger.send(NOTICE, 1, DEADLINE, lambda _: None)


def test_no_channel_gets_an_end_alone(store, messenger):
    store.commit(Batch(transitions=(OPENED, RESOLVED), notices=(notice_of(RESOLVED),)))
    with pytest.raises(InvariantBroken, match=r"^S9: "):
        messenger.send(notice_of(RESOLVED), 1, DEADLINE, lambda _: None)


def test_a_notice_that_was_not_accepted_is_not_delivered(store):
    store.commit(ATTEMPTED)
    with pytest.raises(InvariantBroken, match=r"^S8: "):
        store.commit(Batch(deliveries=(delivery_of(NOTICE, DeliveryState.DELIVERED, 1),)))


def test_a_failed_store_is_opened_before_it_is_written(store):
    with pytest.raises(StoreError):
        store.commit(Batch(transitions=(RESOLVED,)))
    with pytest.raises(InvariantBroken, match=r"^S33: "):
        store.commit(ATTEMPTED)
    store.close()
    store.open(NOON)
    store.commit(ATTEMPTED)


def test_a_store_that_forgets_is_caught_at_its_opening(checks):
    store = checks.store(MemoryStore())
    store.open(NOON)
    store.commit(ATTEMPTED)
    checks.durable.pending.clear()
    store.close()
    with pytest.raises(InvariantBroken, match=r"^S11: "):
        store.open(NOON)


def test_the_book_lets_go_of_what_is_over(checks, store):
    store.commit(Batch(transitions=(OPENED, RESOLVED)))
    checks.durable.forget_what_is_over()
    assert checks.durable.lives == {}


def life(number):
    """A batch that opens an incident and ends it."""
    first = opened(f"inc_{number}", target=f"t{number}")
    return Batch(transitions=(first, then(first, TransitionKind.RESOLVED)))


def test_the_book_forgets_once_it_is_full_and_next_when_it_has_doubled(monkeypatch):
    monkeypatch.setattr(limits, "AUDITED_LIVES_MAX", 3)
    checks = Checks([Channel(id="ops", log=Log())])
    store = checks.store(MemoryStore())
    store.open(NOON)
    sizes = []
    for number in range(4):
        store.commit(life(number))
        sizes.append(len(checks.durable.lives))
    assert sizes == [1, 2, 3, 0]
    for number in range(10, 14):
        store.commit(Batch(transitions=(opened(f"inc_{number}", target=f"t{number}", notify=()),)))
    assert len(checks.durable.lives) == 4
    for number in range(20, 25):
        store.commit(life(number))
        sizes.append(len(checks.durable.lives))
    assert sizes[4:] == [5, 6, 7, 8, 4]


def test_the_receipts_of_incidents_that_are_over_are_forgotten_with_them(monkeypatch, outside):
    monkeypatch.setattr(limits, "AUDITED_LIVES_MAX", 1)
    checks = Checks([Channel(id="ops", log=Log())])
    store, messenger = checks.store(MemoryStore()), checks.messengers({"ops": outside})["ops"]
    store.open(NOON)
    store.commit(ATTEMPTED)
    messenger.send(NOTICE, 1, DEADLINE, lambda _: None)
    outside.done(Answer(accepted=True))
    ended = notice_of(RESOLVED)
    for notice, batch in ((NOTICE, Batch()), (ended, Batch(transitions=(RESOLVED,), notices=(ended,)))):
        store.commit(batch)
        checks.accepted("ops", notice)
        store.commit(Batch(deliveries=(delivery_of(notice, DeliveryState.DELIVERED, 1),)))
    store.commit(life(2))
    assert (checks.durable.lives, checks.durable.notices) == ({}, {})
    with pytest.raises(InvariantBroken, match=r"^S8: "):
        store.commit(
            Batch(
                transitions=(OPENED,),
                notices=(NOTICE,),
                deliveries=(delivery_of(NOTICE, DeliveryState.DELIVERED, 1),),
            )
        )


def test_a_fault_of_a_check_is_reported_and_the_checked_work_goes_on():
    told = []
    checks = Checks([Channel(id="ops", log=Log())], lambda invariant, says: told.append((invariant, says)))

    def fail(number):
        raise LookupError(number)

    checks.look(fail, 7)
    assert told == [("checks", "LookupError(7)")]
    assert checks.broken == ["checks: LookupError(7)"]


def test_the_first_broken_invariants_are_kept():
    checks = Checks([], lambda *_: None)
    for number in range(limits.AUDITED_BREACHES_KEPT + 1):
        checks.look(lambda number=number: {}[number])
    assert checks.broken == [f"checks: KeyError({number})" for number in range(limits.AUDITED_BREACHES_KEPT)]


@pytest.mark.parametrize("told", [1, 2])
def test_no_channel_gets_a_step_again_or_an_earlier_one(checks, store, messenger, told):
    store.commit(ATTEMPTED)
    checks.durable.told["inc_1", "ops"] = told
    with pytest.raises(InvariantBroken, match=rf"^S9: ops would get step 1 after {told}"):
        messenger.send(NOTICE, 1, DEADLINE, lambda _: None)


class Refusing:
    """A messenger that cannot begin."""

    def send(self, notice, attempt, deadline, done, memory=""):
        raise RuntimeError("cannot render")


class Running:
    """A messenger whose deliveries can be cancelled."""

    def send(self, notice, attempt, deadline, done, memory=""):
        return self

    def cancel(self):
        return CancelOutcome.WITHOUT_EFFECT


@pytest.mark.parametrize("how", ["answered", "cancelled", "could not begin"])
def test_a_delivery_that_is_over_may_be_followed_by_the_next_attempt(checks, store, outside, how):
    second = delivery_of(NOTICE, DeliveryState.PENDING, 2)
    store.commit(ATTEMPTED)
    answers = []
    if how == "answered":
        checks.messengers({"ops": outside})["ops"].send(NOTICE, 1, DEADLINE, answers.append)
        outside.done(Answer(accepted=False))
        assert answers == [Answer(accepted=False)]
    elif how == "cancelled":
        running = checks.messengers({"ops": Running()})["ops"].send(NOTICE, 1, DEADLINE, answers.append)
        assert running.cancel() is CancelOutcome.WITHOUT_EFFECT
    else:
        with pytest.raises(RuntimeError, match="cannot render"):
            checks.messengers({"ops": Refusing()})["ops"].send(NOTICE, 1, DEADLINE, answers.append)
    store.commit(Batch(deliveries=(second,)))
    checks.messengers({"ops": outside})["ops"].send(NOTICE, 2, DEADLINE, answers.append)


def test_a_delivery_is_carried_once_at_a_time(checks, store, outside):
    messenger = checks.messengers({"ops": outside})["ops"]
    store.commit(ATTEMPTED)
    messenger.send(NOTICE, 1, DEADLINE, lambda _: None)
    store.commit(Batch(deliveries=(delivery_of(NOTICE, DeliveryState.PENDING, 2),)))
    with pytest.raises(InvariantBroken, match=r"^S16: .* carried twice"):
        messenger.send(NOTICE, 2, DEADLINE, lambda _: None)


def test_each_channel_has_its_own_room_and_least_severity():
    first, second = (opened(f"inc_{number}", target=f"t{number}", notify=("one", "two")) for number in (1, 2))
    channels = [
        Channel(id="one", log=Log(), in_flight_max=1),
        Channel(id="two", log=Log(), in_flight_max=2, min_severity=Severity.CRITICAL),
    ]
    checks = Checks(channels)
    store = checks.store(MemoryStore())
    store.open(NOON)
    notices = {
        (step.id, channel): notice_of(step, channel) for step in (first, second) for channel in ("one", "two")
    }
    store.commit(
        Batch(
            transitions=(first, second),
            notices=tuple(notices.values()),
            deliveries=tuple(delivery_of(notice, DeliveryState.PENDING, 1) for notice in notices.values()),
        )
    )
    senders = checks.messengers({"one": Running(), "two": Running()})
    for step in (first, second):
        senders["two"].send(notices[step.id, "two"], 1, DEADLINE, lambda _: None)
    senders["one"].send(notices["inc_1", "one"], 1, DEADLINE, lambda _: None)
    with pytest.raises(InvariantBroken, match=r"^S24: channel one carries 2 notices"):
        senders["one"].send(notices["inc_2", "one"], 1, DEADLINE, lambda _: None)


class Letters(MemoryStore):
    """A store that recalls one dead letter and leaves samples out."""

    def recall(self, key):
        return LETTER if key == NOTICE.key else None

    def commit(self, batch):
        super().commit(batch)
        return 3

    def file_problem(self):
        return "the file is gone"

    maintained = 0

    def run_maintenance(self, now):
        self.maintained += 1
        return True


LETTER = Restored(
    incidents=(OPENED.incident,), outbox=(Outgoing(NOTICE, delivery_of(NOTICE, DeliveryState.DEAD, 1)),)
)


def test_a_checked_store_answers_as_the_store_behind_it(checks):
    letters = Letters()
    store = checks.store(letters)
    store.open(NOON)
    assert store.commit(Batch()) == 3
    assert (store.recall("unheard of"), store.file_problem()) == (None, "the file is gone")
    assert checks.durable.lives == {}
    assert store.recall(NOTICE.key) is LETTER
    assert checks.durable.lives.keys() == {"inc_1"}
    assert store.run_maintenance(NOON) is True
    assert letters.maintained == 1


def test_another_process_may_send_again_what_the_last_one_carried(checks, store, outside):
    messenger = checks.messengers({"ops": outside})["ops"]
    store.commit(ATTEMPTED)
    messenger.send(NOTICE, 1, DEADLINE, lambda _: None)
    checks.process_began()
    store.close()
    store.open(NOON)
    store.commit(Batch(deliveries=(delivery_of(NOTICE, DeliveryState.PENDING, 2),)))
    messenger.send(NOTICE, 2, DEADLINE, lambda _: None)
