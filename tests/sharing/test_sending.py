"""A stand-by alone: a command is sent once more only where the process that was asked cannot obey it any more, and a take-over
that is refused again and again is a problem.
"""

from contextlib import closing

import pytest
from looking import PAUSE, until
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain import limits
from watchkeeper.domain.cluster.stamp import ConfigurationStamp
from watchkeeper.domain.errors import StoreBusy
from watchkeeper.domain.units import NS_PER_MS
from watchkeeper.host.sharing.peer_wire import answer_bytes
from watchkeeper.host.sharing.standby import Standby
from watchkeeper.protocol.supervisor import Pause

CLOCK = SystemClock()


class SlowLink:
    """The way to a process that obeys and does not answer in time."""

    def __init__(self, meanwhile=lambda: None):
        self.asked = 0
        self.meanwhile = meanwhile

    def ask(self, store, data, within_s):
        self.asked += 1
        if self.asked > 1:
            return answer_bytes(None)
        self.meanwhile()
        raise TimeoutError("no answer in time")


@pytest.fixture
def owner(store):
    """A store that another object owns, whose row can be read."""
    found = SqliteStore(str(store))
    found.open(CLOCK.read())
    yield found
    found.close()


@pytest.fixture
def standing_by(store, owner):
    """Makes a stand-by with a link, which has seen the owner."""
    made = []

    def stand_by(link, take_over=lambda _: False):
        standby = Standby(str(store), link, CLOCK, ConfigurationStamp(), take_over)
        made.append(standby)
        standby.start()
        until(lambda: standby.owner is not None)
        return standby

    yield stand_by
    for each in made:
        each.end()
        each.join()


def test_a_command_is_not_sent_again_to_a_process_that_may_obey_it_yet(standing_by):
    link = SlowLink()
    with pytest.raises(TimeoutError):
        standing_by(link).obeyed(Pause("job", "ann"))
    assert link.asked == 1


def test_a_command_is_sent_again_to_the_process_that_has_taken_over(standing_by, owner, store):
    successor = SqliteStore(str(store))

    def taken_over():
        former = standby.owner
        owner.close()
        successor.open(CLOCK.read())
        until(lambda: standby.owner.supersedes(former))

    link = SlowLink(taken_over)
    standby = standing_by(link)
    with closing(successor):
        assert standby.obeyed(Pause("job", "ann")) is not None
    assert link.asked == 2


def test_a_takeover_whose_tries_wait_for_a_lock_is_a_problem_until_the_owner_goes_on(
    standing_by, owner, monkeypatch
):
    for name in ("TENURE_LEASE_NS", "TENURE_WATCH_GAP_NS"):
        monkeypatch.setattr(limits, name, 400 * NS_PER_MS)

    def refused(standby):
        # Longer than the gap that begins the lease again, as the wait for a lock of SQLite is.
        PAUSE.wait(0.5)
        standby.refuse(StoreBusy("held by process 9, which is frozen in the middle of a write"))
        return False

    standby = standing_by(SlowLink(), refused)
    assert until(lambda: "process 9" in standby.problem)
    owner.beat()
    assert until(lambda: not standby.problem)
