"""The tenure of a store: its owner, its claims and its lease."""

import itertools

import pytest
from msgspec.structs import replace
from watchkeeper.domain import limits
from watchkeeper.domain.supervision.tenure import SilenceWatch, TakeoverPace, Tenure
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S

OWNED = Tenure(owner="process 7", incarnation="a", epoch=3, commits=5)
LOOK = limits.TENURE_LOOK_NS


def looks(watch, rows, every_ns=LOOK, from_ns=0):
    """The answers to one look at each row."""
    return [watch.look(row, from_ns + number * every_ns) for number, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("found", "has_lock", "lapsed", "may"),
    [
        (Tenure(), True, None, True),
        (Tenure(), False, None, True),
        (OWNED, False, None, False),
        (OWNED, True, None, True),  # a free lock: its owner is dead
        (replace(OWNED, has_lock=False), True, None, False),  # the free lock was that of a former owner
        (replace(OWNED, has_lock=False), True, replace(OWNED, has_lock=False), True),
        (OWNED, False, OWNED, True),
        (OWNED.beaten(), False, OWNED, False),
        (OWNED.advanced(), False, OWNED, False),
        (replace(OWNED, incarnation="b"), False, None, True),  # its own, after a failure
    ],
)
def test_a_store_may_be_claimed_where_it_is_free_or_its_owner_is_gone(found, has_lock, lapsed, may):
    assert found.may_be_claimed("b", has_lock=has_lock, lapsed=lapsed) is may


@pytest.mark.parametrize(
    ("found", "is_later"),
    [
        (replace(OWNED, incarnation="b", epoch=4), True),
        (replace(OWNED, incarnation="b", epoch=4).released(), True),
        (OWNED.advanced(), False),
        (replace(OWNED, commits=2), False),  # went back in time, and is still its own
        (replace(OWNED, incarnation="z", epoch=2), False),  # went back to before its claim
    ],
)
def test_a_later_claim_of_another_supersedes_a_tenure(found, is_later):
    assert found.supersedes(OWNED) is is_later


def test_a_release_leaves_no_owner_and_one_more_commit():
    assert OWNED.released() == Tenure(epoch=3, commits=6)


def test_a_row_lapses_after_a_whole_lease_without_a_change():
    count = limits.TENURE_LEASE_NS // LOOK
    answers = looks(SilenceWatch(), [OWNED] * (count + 1), from_ns=77 * NS_PER_S)
    assert answers == [None] * count + [OWNED]


@pytest.mark.parametrize("changed", [OWNED.beaten(), OWNED.advanced(), None])
def test_a_change_begins_the_lease_again(changed):
    watch, count = SilenceWatch(), limits.TENURE_LEASE_NS // LOOK
    assert looks(watch, [OWNED] * count + [changed] + [OWNED] * count, from_ns=NS_PER_S) == [None] * (
        2 * count + 1
    )


def test_a_pause_of_the_watching_begins_the_lease_again():
    watch = SilenceWatch()
    assert looks(watch, [OWNED] * 3) == [None] * 3
    after = 2 * LOOK + limits.TENURE_WATCH_GAP_NS + NS_PER_MS
    assert watch.look(OWNED, after) is None
    assert watch.look(OWNED, after + LOOK) is None


def test_an_absent_row_never_lapses():
    assert looks(SilenceWatch(), [None] * 40) == [None] * 40


def tries(pace, seen, *, fails=True):
    """The numbers of the looks at which a take-over is tried."""
    found = []
    for number, (row, is_free) in enumerate(seen):
        if pace.is_due(row, is_free=is_free, looks=2):
            found.append(number)
            if fails:
                pace.fail()
    return found


def test_a_store_is_taken_over_at_the_second_look_that_finds_it_free():
    assert tries(TakeoverPace(), [(1, False), (1, True), (1, False), (1, True), (1, True)], fails=False) == [
        4
    ]


def test_a_takeover_that_fails_is_tried_again_at_ever_longer_pauses():
    found = tries(TakeoverPace(), [(1, True)] * 300)
    assert found[:5] == [1, 3, 7, 15, 31]
    pauses = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert max(pauses) == pauses[-1] == limits.TENURE_TRY_NS_MAX // LOOK


def test_a_change_of_the_store_ends_the_pause_before_the_next_takeover():
    assert tries(TakeoverPace(), [(1, True)] * 40 + [(2, True)] * 4) == [1, 3, 7, 15, 31, 40, 42]
    assert tries(TakeoverPace(), [(1, True)] * 40 + [(1, False)] + [(1, True)] * 4) == [
        1,
        3,
        7,
        15,
        31,
        42,
        44,
    ]


def test_a_row_that_a_failed_takeover_has_written_is_no_change():
    assert tries(TakeoverPace(), [(1, True)] * 2 + [(2, True)] * 8) == [1, 3, 7]
