"""The second book on silences and openings: each breach is named by its invariant, and nothing else is said."""

import pytest
from audited import (
    NOTICE,
    OPENED,
    UNTOLD,
    Book,
    S,
    outgoing,
    silence,
)
from msgspec.structs import replace
from records import NOON, notice_of, opened, then
from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.auditing.invariants_record import RecordRules
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Checkpoint, Restored
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.target import Target


@pytest.fixture
def book():
    return Book()


# Silences.

IN_SILENCE = [
    (silence(), ["S22"]),
    (silence(target="shop"), ["S22"]),
    (silence(target="bank"), []),
    (silence(until_s=0), []),
    (replace(silence(until_s=0), until_ns=NOON.wall_ns + 1), ["S22"]),
]


@pytest.mark.parametrize(("muted", "expected"), IN_SILENCE)
def test_no_notice_is_made_inside_a_silence(book, muted, expected):
    book.commit(silences=(muted,))
    assert book.commit(OPENED, notices=(NOTICE,)) == expected


@pytest.mark.parametrize(("target", "expected"), [(None, []), ("shop", []), ("bank", ["S4"])])
def test_a_silence_excuses_the_steps_of_its_target(book, target, expected):
    book.commit(silences=(silence(target=target),))
    assert book.commit(OPENED) == expected
    assert Book().commit(OPENED, silences=(silence(target=target),)) == expected


def test_a_silence_that_begins_in_the_batch_of_a_notice_came_too_late_for_it(book):
    assert book.commit(OPENED, notices=(NOTICE,), silences=(silence(),)) == []


def test_a_silence_that_ends_in_the_batch_of_a_notice_holds_nothing_back(book):
    book.commit(silences=(silence(),))
    assert book.commit(OPENED, notices=(NOTICE,), silences=(silence(until_s=0),)) == []


def test_a_silence_that_is_lengthened_in_the_batch_of_a_notice_held_until_its_first_end(book):
    book.commit(silences=(silence(until_s=0),))
    assert book.commit(OPENED, notices=(NOTICE,), silences=(silence(),)) == []


@pytest.mark.parametrize(("now_s", "expected"), [(59, ["S22"]), (60, [])])
def test_a_silence_that_was_over_stays_over_when_the_clock_goes_back(book, now_s, expected):
    muted = silence()
    book.rules.muted(muted)
    book.commit(silences=(muted,))
    book.rules.time_passed(NOON.shifted(now_s * S))
    book.rules.time_passed(NOON)
    assert book.commit(OPENED, notices=(NOTICE,)) == expected


@pytest.mark.parametrize(("now_s", "expected"), [(0, ["S22"]), (60, [])])
def test_a_new_sink_takes_the_end_of_each_silence_against_its_own_clock(book, now_s, expected):
    muted = silence()
    book.rules.muted(muted)
    book.commit(silences=(muted,))
    book.rules.time_passed(NOON.shifted(60 * S))
    book.rules.sink_began(NOON.shifted(now_s * S))
    assert book.commit(OPENED, notices=(NOTICE,)) == expected


def test_a_new_sink_knows_the_recorded_silences_and_no_other(book):
    muted, never_recorded = silence(target="shop"), silence("lost", "bank")
    book.commit(silences=(muted,))
    book.rules.muted(never_recorded)
    book.rules.sink_began(NOON)
    book.rules.time_passed(NOON.shifted(60 * S))
    book.commit(silences=(never_recorded,))
    assert book.commit(OPENED, notices=(NOTICE,)) == []
    other = opened("inc_2", "bank")
    assert book.commit(other, notices=(notice_of(other),)) == ["S22"]


# Openings.


def test_a_store_restores_exactly_what_was_committed(book):
    mark, muted = Checkpoint("shop", b"x", 1), silence()
    other = opened("inc_2", target="bank", rule="slow", **UNTOLD)
    book.tell(OPENED)
    book.commit(
        other, silences=(muted, silence("over", until_s=0)), checkpoints=(mark, Checkpoint("bank", b"", 1))
    )
    whole = {
        "incidents": (other.incident, OPENED.incident),
        "told": NOTICE.as_delivered(),
        "checkpoints": (mark,),
        "silences": (muted,),
    }
    assert book.open(**whole) == []
    for name in ("incidents", "checkpoints", "silences"):
        assert book.open(**{**whole, name: ()}) == ["S11"]
    assert book.open(**{**whole, "told": (replace(NOTICE.as_delivered()[0], sequence=2),)}) == ["S11"]
    assert book.open(**{**whole, "outbox": (outgoing(OPENED),)}) == ["S11"]
    assert book.open(NOON.shifted(60 * S), **{**whole, "silences": ()}) == []
    ended = then(opened("inc_3", rule="flaps"), TransitionKind.RESOLVED)
    assert book.open(**{**whole, "incidents": (*whole["incidents"], ended.incident)}) == []


def test_an_outbox_that_is_restored_in_another_order_is_the_same(book):
    other = opened("inc_2", rule="slow")
    book.commit(OPENED, other, notices=(NOTICE, notice_of(other)))
    incidents = (OPENED.incident, other.incident)
    assert book.open(incidents=incidents, outbox=(outgoing(other), outgoing(OPENED))) == []
    assert book.open(incidents=incidents, outbox=(outgoing(OPENED),)) == ["S11"]


def test_marks_and_silences_are_compared_in_any_order(book):
    marks = tuple(Checkpoint(name, b"x", 1) for name in ("shop", "bank"))
    muted = tuple(silence(name) for name in ("second", "first"))
    book.commit(checkpoints=marks, silences=muted)
    assert book.open(checkpoints=marks, silences=muted) == []
    assert book.open(checkpoints=marks[::-1], silences=muted[::-1]) == []


@pytest.mark.parametrize(("epoch", "expected"), [(0, ["S14"]), (1, ["S14"]), (2, [])])
def test_each_opening_has_a_higher_epoch(book, epoch, expected):
    book.rules.opened(Restored(epoch=epoch), NOON)
    assert book.complaints() == expected
    assert book.durable.epoch == epoch


def test_a_commit_needs_a_store_that_is_open_and_has_not_failed(book):
    def complaints():
        book.rules.committing()
        return book.complaints()

    assert complaints() == []
    book.rules.failed()
    assert (book.rules.is_failed, complaints()) == (True, ["S33"])
    assert book.open() == complaints() == []
    book.rules.closed()
    assert (book.rules.is_failed, complaints()) == (False, ["S33"])
    book.open()
    book.rules.failed()
    book.rules.process_began()
    assert (book.rules.is_failed, complaints()) == (False, ["S33"])
    book.open()
    book.rules.process_began()
    assert complaints() == ["S33"]


def test_rules_that_never_saw_a_store_allow_no_commit():
    said = []
    rules = RecordRules(Durable(), {}, lambda invariant, _: said.append(invariant))
    assert not rules.is_failed
    rules.committing()
    assert said == ["S33"]


# Matchers.

FRONT, BACK = (TargetMetadata(group=group) for group in ("front", "back"))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (("target=shop", "rule=down"), ["S22"]),
        (("target=shop", "rule=slow"), []),
        (("severity=~.*",), ["S22"]),
        # The record does not say the present texts of a target: nothing is sure.
        (("group=front",), []),
        (("group!=front",), []),
    ],
)
def test_no_notice_is_made_inside_a_silence_whose_matchers_hold(book, match, expected):
    book.commit(silences=(silence(target="*", match=match),))
    assert book.commit(OPENED, notices=(NOTICE,)) == expected


@pytest.mark.parametrize(
    ("target", "match", "expected"),
    [("*", ("rule=down",), []), ("*", ("rule=slow",), ["S4"]), ("*", ("group=x",), []), ("sh?p", (), [])],
)
def test_a_silence_excuses_the_steps_that_its_matchers_may_accept(book, target, match, expected):
    book.commit(silences=(silence(target=target, match=match),))
    assert book.commit(OPENED) == expected


@pytest.mark.parametrize(
    ("texts", "expected"), [([FRONT], ["S22"]), ([BACK], []), ([FRONT, BACK], []), ([FRONT, FRONT], ["S22"])]
)
def test_a_silence_by_group_is_held_against_all_texts_that_a_target_has_had(book, texts, expected):
    for metadata in texts:
        book.rules.described([Target(id="shop", tcp=Tcp(host="h", port=1), group=metadata.group)])
    step = replace(OPENED, about=FRONT)
    book.commit(silences=(silence(target="*", match=("group=front",)),))
    assert book.commit(step, notices=(notice_of(step),)) == expected


def test_a_silence_that_is_ended_by_its_id_is_over(book):
    muted = silence()
    book.rules.muted(muted)
    book.commit(silences=(muted,))
    book.rules.unmuted("another", NOON)
    book.rules.time_passed(NOON)
    assert book.commit(OPENED, notices=(NOTICE,)) == ["S22"]
    book.rules.unmuted(muted.id, NOON)
    book.rules.time_passed(NOON)
    ended = muted.ended(NOON.wall_ns, "ann")
    other = opened("inc_2", "bank")
    assert book.commit(other, silences=(ended,), notices=(notice_of(other),)) == []
