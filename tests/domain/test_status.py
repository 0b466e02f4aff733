"""Work left undone at a stop: the next run continues it, or it is lost."""

import pytest
from watchkeeper.domain.read_model.status import (
    IN_THE_OUTBOX,
    STORE_LOST,
    UNWRITTEN,
    AbandonedWork,
    no_sample_since,
)

NOTICES = (IN_THE_OUTBOX, ("key 1", "key 2"))
ACTORS = ("actors that did not end in time", ("sink",))
RECORDS = (UNWRITTEN, ("the opening of shop/down",))
GONE = (STORE_LOST, ("watch.db is gone",))
STORE = "watch.db"


@pytest.mark.parametrize(
    ("left", "store", "waiting", "lost"),
    [
        ((), STORE, (), ()),
        ((), None, (), ()),
        ((NOTICES,), STORE, ("key 1", "key 2"), ()),
        ((NOTICES,), None, (), (NOTICES,)),
        ((ACTORS, NOTICES), STORE, ("key 1", "key 2"), (ACTORS,)),
        ((RECORDS, NOTICES), STORE, (), (RECORDS, NOTICES)),
        ((ACTORS,), STORE, (), (ACTORS,)),
        ((GONE, NOTICES), STORE, (), (GONE, NOTICES)),
    ],
)
def test_notices_wait_in_a_store_that_could_be_written_and_all_else_is_lost(left, store, waiting, lost):
    work = AbandonedWork(left, store)
    assert (work.waiting, work.lost) == (waiting, lost)
    assert bool(work) is bool(left)


def test_a_stale_target_says_since_when():
    assert no_sample_since(1_767_268_800_250_000_000) == "no sample since 2026-01-01T12:00:00.250Z"
