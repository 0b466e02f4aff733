"""The contract of every store."""

import msgspec
import pytest
from msgspec.structs import replace
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.domain.errors import StoreCorrupt, StoreError
from watchkeeper.domain.incidents.announcement import Announcement
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState, NoticeReason
from watchkeeper.domain.incidents.record import (
    Batch,
    Checkpoint,
    HeardMark,
    LatestFinding,
    Outgoing,
    PauseMark,
    Restored,
    Silence,
)
from watchkeeper.domain.incidents.trials.drill import Drill
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.time.moment import NS_PER_S

PENDING, DELIVERED, DEAD = DeliveryState

OPENED = opened()
CHANGED = then(OPENED, TransitionKind.CHANGED)
RESOLVED = then(CHANGED, TransitionKind.RESOLVED)


def restart(store):
    store.close()
    return store.open(NOON)


def committed(store, *batches):
    store.open(NOON)
    for batch in batches:
        store.commit(batch)
    return restart(store)


def told_of(step, channel="ops"):
    notice = notice_of(step, channel)
    return Batch(transitions=(step,), notices=(notice,), deliveries=(delivery_of(notice, DELIVERED),))


def test_a_new_store_remembers_nothing(store):
    assert store.open(NOON) == Restored(epoch=1, writes=0)


def test_a_store_in_its_place_has_no_problem(store):
    assert store.file_problem() == ""
    store.open(NOON)
    assert store.file_problem() == ""


def test_an_incident_keeps_the_texts_about_its_target(store):
    about = TargetMetadata(group="shop/api", labels=(("team", "payments"),), link="https://wiki/")
    described, plain = opened(about=about), opened("inc_2", target="door")
    found = {
        incident.id: incident
        for incident in committed(store, Batch(transitions=(described, plain))).incidents
    }
    assert found["inc_1"].metadata == about
    assert not found["inc_2"].metadata


@pytest.mark.parametrize("samples", [(), (sample_at(0),)])
def test_the_newest_mark_of_what_was_heard_is_kept_until_it_is_taken_away(store, samples):
    shop, door = HeardMark("shop", 5), HeardMark("door", 3, 2, "run", 1)
    marks = (HeardMark("shop", 9), HeardMark("door", 2), door), (shop, HeardMark("", 7))
    restored = committed(store, *(Batch(samples=samples, heard=each) for each in marks))
    assert restored.heard == (HeardMark("", 7), door, shop)
    store.commit(Batch(samples=samples, heard=(HeardMark("door", None), HeardMark("", None))))
    assert restart(store).heard == (shop,)


def test_a_pause_is_kept_until_it_is_taken_away(store):
    shop, door = PauseMark("shop", 5, "ann"), PauseMark("door", 3)
    assert committed(store, Batch(pauses=(PauseMark("shop", 9), door)), Batch(pauses=(shop,))).pauses == (
        door,
        shop,
    )
    store.commit(Batch(pauses=(PauseMark("door", None), PauseMark("shop", None, "bob"))))
    assert restart(store).pauses == ()


def test_the_newest_finding_is_kept_until_the_next_step_of_its_incident(store):
    news = LatestFinding("inc_1", "news")
    findings = Batch(latest=(LatestFinding("inc_1", "old"),)), Batch(latest=(news,))
    assert committed(store, Batch(transitions=(OPENED,)), *findings).latest == (news,)
    store.commit(Batch(transitions=(CHANGED,)))
    assert restart(store).latest == ()


def test_every_write_but_one_of_mere_samples_or_marks_is_counted(store):
    """A count that is lower than that of the process shows that the store went back."""
    counted = Batch(transitions=(OPENED,)), Batch(checkpoints=(Checkpoint("shop", b"x", 1),))
    restored = committed(
        store, *counted, Batch(samples=(sample_at(0),)), Batch(heard=(HeardMark("shop", 5),))
    )
    assert restored.writes == 2
    store.commit(Batch(transitions=(CHANGED,)))
    assert restart(store).writes == 3


def test_every_opening_has_a_higher_epoch(store):
    assert [store.open(NOON).epoch, restart(store).epoch, restart(store).epoch] == [1, 2, 3]


def test_an_open_incident_survives_a_restart(store):
    assert committed(store, Batch(transitions=(OPENED,)), Batch(transitions=(CHANGED,))).incidents == (
        CHANGED.incident,
    )


def test_a_resolved_incident_is_not_brought_back(store):
    assert committed(store, Batch(transitions=(OPENED, CHANGED, RESOLVED))).incidents == ()


def test_a_resolution_not_yet_delivered_is_restored(store):
    restored = committed(store, told_of(OPENED), Batch(transitions=(CHANGED, RESOLVED)))
    assert restored.incidents == (RESOLVED.incident,)
    assert [(told.channel, told.sequence, told.change) for told in restored.told] == [
        ("ops", 1, TransitionKind.OPENED)
    ]


def test_a_resolution_delivered_to_all_is_settled(store):
    restored = committed(store, told_of(OPENED), told_of(CHANGED), told_of(RESOLVED))
    assert (restored.incidents, restored.told, restored.outbox) == ((), (), ())


def test_one_deaf_channel_keeps_an_incident_alive(store):
    heard = told_of(then(OPENED, TransitionKind.RESOLVED))
    restored = committed(store, told_of(OPENED), *[deaf_batch()], heard)
    assert [told.channel for told in restored.told] == ["chat", "ops"]
    assert [told.sequence for told in restored.told] == [1, 2]


def deaf_batch():
    notice = notice_of(OPENED, "chat")
    return Batch(notices=(notice,), deliveries=(delivery_of(notice, DELIVERED),))


def test_pending_notices_come_back_oldest_first(store):
    first, second = notice_of(OPENED), notice_of(CHANGED)
    attempted = delivery_of(first, PENDING, attempts=2, detail="503")
    restored = committed(
        store,
        Batch(transitions=(OPENED, CHANGED), notices=(first, second)),
        Batch(deliveries=(attempted,)),
    )
    assert restored.outbox[0] == Outgoing(first, attempted)
    assert [outgoing.notice for outgoing in restored.outbox] == [first, second]
    assert restored.outbox[1].delivery.attempts == 0


def test_a_pending_resolution_keeps_its_incident(store):
    notice = notice_of(RESOLVED)
    restored = committed(store, Batch(transitions=(OPENED, CHANGED, RESOLVED), notices=(notice,)))
    assert restored.incidents == (RESOLVED.incident,)


def test_the_same_batch_twice_is_the_same_as_once(store):
    notice = notice_of(OPENED)
    moves = (delivery_of(notice, PENDING), delivery_of(notice, DELIVERED))
    batch = Batch(
        transitions=(OPENED, CHANGED),
        notices=(notice,),
        deliveries=moves,
        checkpoints=(Checkpoint("shop", b"state", 5),),
        samples=(sample_at(0), sample_at(NS_PER_S)),
    )
    once = committed(store, batch)
    store.commit(batch)
    again = restart(store)
    assert (again.incidents, again.told, again.outbox) == (once.incidents, once.told, once.outbox)
    assert [told.sequence for told in again.told] == [1]


def test_another_step_in_the_same_place_is_corruption(store):
    store.open(NOON)
    store.commit(Batch(transitions=(OPENED,)))
    with pytest.raises(StoreCorrupt, match="recorded otherwise"):
        store.commit(Batch(transitions=(opened(reason="dns_failed"),)))
    with pytest.raises(StoreError, match="opened again"):
        store.commit(Batch())
    assert restart(store).incidents == (OPENED.incident,)


@pytest.mark.parametrize(
    "steps",
    [(CHANGED,), (OPENED, RESOLVED), (OPENED, CHANGED, RESOLVED, then(RESOLVED, TransitionKind.CHANGED))],
    ids=["without a first", "with a gap", "after the end"],
)
def test_an_illegal_transition_is_refused_with_its_batch(store, steps):
    store.open(NOON)
    with pytest.raises(StoreError, match="may not follow"):
        store.commit(Batch(transitions=steps, checkpoints=(Checkpoint("shop", b"state", 5),)))
    restored = restart(store)
    assert (restored.incidents, restored.checkpoints) == ((), ())


def test_a_refused_batch_does_not_end_the_stores_use(store):
    store.open(NOON)
    with pytest.raises(StoreError):
        store.commit(Batch(transitions=(CHANGED,)))
    store.commit(Batch(transitions=(OPENED,)))
    assert restart(store).incidents == (OPENED.incident,)


def test_a_second_open_incident_of_a_rule_is_refused(store):
    store.open(NOON)
    store.commit(Batch(transitions=(OPENED,)))
    with pytest.raises(StoreError, match="open incident already"):
        store.commit(Batch(transitions=(opened("inc_2"),)))
    store.commit(Batch(transitions=(CHANGED, RESOLVED, opened("inc_2"))))
    assert [incident.id for incident in restart(store).incidents] == ["inc_2"]


def test_drills_that_run_at_once_are_open_side_by_side(store):
    drill = Drill(route="shop", until_ns=NOON.wall_ns + 1)
    first, second = (opened(name, rule="drill", drill=drill) for name in ("inc_1", "inc_2"))
    store.open(NOON)
    for step in (first, second):
        store.commit(Batch(transitions=(step,)))
    restored = restart(store)
    assert restored.incidents == (first.incident, second.incident)
    assert [opening.rule for opening in restored.openings] == ["drill/inc_1", "drill/inc_2"]
    store.commit(Batch(transitions=(then(first, TransitionKind.RESOLVED),)))
    assert [incident.id for incident in restart(store).incidents if incident.is_open] == ["inc_2"]


def test_a_notice_needs_the_step_that_it_tells_of(store):
    store.open(NOON)
    with pytest.raises(StoreError, match="not recorded"):
        store.commit(Batch(notices=(notice_of(OPENED),)))


def test_a_notice_made_again_stays_the_first_one(store):
    first = notice_of(OPENED)
    again = type(first)(
        key=first.key,
        channel=first.channel,
        change=first.change,
        incident=first.incident,
        reason=NoticeReason.CATCH_UP,
        created_at_ns=first.created_at_ns + 1,
    )
    restored = committed(store, Batch(transitions=(OPENED,), notices=(first,)), Batch(notices=(again,)))
    assert [outgoing.notice for outgoing in restored.outbox] == [first]


@pytest.mark.parametrize(
    "other",
    [notice_of(OPENED, "chat"), notice_of(CHANGED), notice_of(opened("inc_2", target="door"))],
    ids=["another channel", "another step", "another incident"],
)
def test_a_key_of_another_notice_is_corruption(store, other):
    store.open(NOON)
    steps = (OPENED, CHANGED, opened("inc_2", target="door"))
    store.commit(Batch(transitions=steps, notices=(notice_of(OPENED),)))
    with pytest.raises(StoreCorrupt, match="recorded for another notice"):
        store.commit(Batch(notices=(msgspec.structs.replace(other, key=notice_of(OPENED).key),)))


def test_a_delivery_without_a_notice_is_refused(store):
    store.open(NOON)
    with pytest.raises(StoreError, match="no notice"):
        store.commit(Batch(deliveries=(delivery_of(notice_of(OPENED), DELIVERED),)))


@pytest.mark.parametrize(
    ("moves", "ends"),
    [
        ([PENDING], PENDING),
        ([PENDING, DELIVERED], DELIVERED),
        ([DELIVERED, PENDING], DELIVERED),
        ([DELIVERED, DELIVERED], DELIVERED),
        ([PENDING, DEAD], DEAD),
        ([DEAD, DEAD], DEAD),
        ([DEAD, PENDING], PENDING),
        ([DEAD, PENDING, DELIVERED], DELIVERED),
        ([DELIVERED, DEAD], None),
        ([DEAD, DELIVERED], None),
    ],
)
def test_deliveries_move_by_the_table(store, moves, ends):
    store.open(NOON)
    notice = notice_of(OPENED)
    store.commit(Batch(transitions=(OPENED,), notices=(notice,)))
    batch = Batch(deliveries=tuple(delivery_of(notice, state) for state in moves))
    if ends is None:
        with pytest.raises(StoreError, match="cannot go"):
            store.commit(batch)
        return
    store.commit(batch)
    assert (store.recall(notice.key) is not None) == (ends is DEAD)
    assert bool(restart(store).outbox) == (ends is PENDING)


def test_the_last_delivered_notice_of_a_channel_never_goes_back(store):
    late = notice_of(OPENED)
    store.open(NOON)
    store.commit(Batch(transitions=(OPENED, CHANGED), notices=(late,)))
    store.commit(told_of(CHANGED))
    store.commit(Batch(deliveries=(delivery_of(late, DELIVERED),)))
    assert [told.sequence for told in restart(store).told] == [2]


def test_a_dead_letter_is_recalled_with_the_last_delivered_notice(store):
    notice = notice_of(CHANGED)
    dead = delivery_of(notice, DEAD, attempts=9, detail="given up")
    store.open(NOON)
    store.commit(told_of(OPENED))
    store.commit(Batch(transitions=(CHANGED, RESOLVED), notices=(notice,), deliveries=(dead,)))
    recalled = store.recall(notice.key)
    assert recalled.outbox == (Outgoing(notice, dead),)
    assert recalled.incidents == (RESOLVED.incident,)
    assert [told.sequence for told in recalled.told] == [1]


def test_dead_letters_of_open_incidents_are_brought_back(store):
    notice = notice_of(OPENED)
    dead = delivery_of(notice, DEAD)
    restored = committed(store, Batch(transitions=(OPENED,), notices=(notice,), deliveries=(dead,)))
    assert restored.dead == (Outgoing(notice, dead),)


def test_dead_letters_of_ended_incidents_stay_where_they_are(store):
    notice = notice_of(OPENED)
    batch = Batch(transitions=(OPENED,), notices=(notice,), deliveries=(delivery_of(notice, DEAD),))
    restored = committed(store, batch, Batch(transitions=(CHANGED, RESOLVED)))
    assert (restored.dead, restored.given_up) == ((), (("ops", 1),))


def test_only_a_dead_letter_is_recalled(store):
    store.open(NOON)
    store.commit(Batch(transitions=(OPENED,), notices=(notice_of(OPENED),)))
    assert store.recall(notice_of(OPENED).key) is None
    assert store.recall("msg_unknown") is None


def test_the_newest_checkpoint_of_a_target_stays(store):
    kept, gone = Checkpoint("a", b"new", 2), Checkpoint("b", b"old", 1)
    restored = committed(
        store,
        Batch(checkpoints=(gone, Checkpoint("a", b"old", 1))),
        Batch(checkpoints=(kept, Checkpoint("b", b"", 2))),
    )
    assert restored.checkpoints == (kept,)


def test_a_silence_comes_back_until_it_ends(store):
    running = Silence(id="night", target="shop", until_ns=NOON.wall_ns + 1, by="ann")
    over = Silence(id="lunch", until_ns=NOON.wall_ns)
    assert committed(store, Batch(silences=(running, over))).silences == (running,)


def test_an_announcement_comes_back_in_its_newest_state_until_it_ends(store):
    made = Announcement(id="a", title="Slow", created_at_ns=1, updated_at_ns=1, pages=("shop",))
    changed = replace(made, text="Better", updated_at_ns=2)
    over = replace(made, id="b", until_ns=NOON.wall_ns)
    again = replace(made, id="b", created_at_ns=2)
    restored = committed(store, Batch(announcements=(made, over)), Batch(announcements=(changed, again)))
    assert restored.announcements == (changed, again)


def test_a_store_that_is_not_open_takes_nothing(store):
    with pytest.raises(StoreError, match="not open"):
        store.commit(Batch())
    with pytest.raises(StoreError, match="not open"):
        store.run_maintenance(NOON)
    with pytest.raises(StoreError, match="not open"):
        store.recall("msg_1")


def test_a_commit_leaves_no_sample_out(store):
    store.open(NOON)
    assert store.commit(Batch(samples=(sample_at(0),))) == 0


def test_opening_an_open_store_is_refused(store):
    store.open(NOON)
    with pytest.raises(StoreError, match="open already"):
        store.open(NOON)


def test_closing_a_closed_store_is_harmless(store):
    store.close()
    store.open(NOON)
    store.close()
    store.close()
