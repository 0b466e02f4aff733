"""Membership: what nodes claim and release by one view, and by the views of a life."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from watchkeeper.domain import limits
from watchkeeper.domain.cluster.membership import ClusterView, Member, ShardRow, StartRetries, plan
from watchkeeper.domain.cluster.planner import NodePlanner
from watchkeeper.domain.cluster.stamp import ConfigurationStamp, StampTimes
from watchkeeper.domain.time.moment import NS_PER_S, Moment

OLD, NEW = ConfigurationStamp("old", 1_000), ConfigurationStamp("new", 2_000)
LOOK = limits.TENURE_LOOK_NS
NAMES = ("a", "b", "c", "d")


def node(name, stamp=NEW, **named):
    return Member(name=name, incarnation=f"{name}1", process=name, stamp=stamp, **named)


def shards(*owners, **named):
    return tuple(
        ShardRow(shard=number, incarnation=owner, owner=owner, **named) for number, owner in enumerate(owners)
    )


def view(members, rows):
    return ClusterView(members=tuple(members), shards=tuple(rows))


STAMPS = st.sampled_from([OLD, NEW, ConfigurationStamp("newest", 3_000), ConfigurationStamp("old", 4_000)])
MEMBERS = st.lists(
    st.builds(node, st.sampled_from(NAMES), STAMPS, is_able=st.booleans(), is_alive=st.booleans()),
    unique_by=lambda each: each.name,
    max_size=4,
)
OWNERS = st.sampled_from(["", "a1", "b1", "c1", "gone"])
ROWS = st.lists(
    st.builds(
        lambda owner, stamp, is_silent: ShardRow(
            shard=0, incarnation=owner, stamp=stamp, is_silent=is_silent
        ),
        OWNERS,
        STAMPS,
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
).map(lambda rows: [replace(row, shard=number) for number, row in enumerate(rows)])


def plans(seen, *, may_take_over=True, abandoned=()):
    """The plan of each living node by one view."""
    return {
        each.name: plan(
            seen,
            each.incarnation,
            [row.shard for row in seen.shards if row.incarnation == each.incarnation],
            may_take_over=may_take_over,
            abandoned=abandoned,
        )
        for each in seen.members
        if each.is_alive
    }


@given(MEMBERS, ROWS, st.booleans())
def test_two_nodes_never_want_the_same_shard_in_the_same_view(members, rows, may_take_over):
    found = plans(view(members, rows), may_take_over=may_take_over, abandoned=range(8))
    claimed = [shard for each in found.values() for shard in each.claim]
    assert len(claimed) == len(set(claimed))


@given(MEMBERS, ROWS)
def test_a_claim_is_of_a_shard_that_is_free_or_silent_by_a_node_with_the_newest_configuration(members, rows):
    seen = view(members, rows)
    newest = {each.name for each in seen.newest()}
    for name, found in plans(seen, abandoned=range(8)).items():
        assert not found.claim or name in newest
        assert all(rows[shard].is_free or rows[shard].is_silent for shard in found.claim)


@given(MEMBERS, ROWS)
def test_a_node_that_was_away_itself_claims_from_no_owner(members, rows):
    found = plans(view(members, rows), may_take_over=False, abandoned=range(8))
    assert all(rows[shard].is_free for each in found.values() for shard in each.claim)


@given(MEMBERS, ROWS)
def test_a_shard_that_one_node_releases_is_another_ones(members, rows):
    seen = view(members, rows)
    wanted = seen.wanted()
    for name, found in plans(seen).items():
        assert all(wanted[shard] != name for shard in found.release)


@given(MEMBERS, ROWS)
@settings(max_examples=50)
def test_views_that_follow_each_other_come_to_rest(members, rows):
    """Each node does what it plans; then every shard runs where it is wanted, and no node plans anything more."""
    seen = view([replace(each, is_alive=True) for each in members], rows)
    living = {each.incarnation for each in members}
    for _ in range(3):
        owners = [replace(row, is_silent=row.incarnation not in living) for row in seen.shards]
        now = replace(seen, shards=tuple(owners))
        for name, found in plans(now, abandoned=range(8)).items():
            for shard in found.release:
                owners[shard] = replace(owners[shard], incarnation="")
            for shard in found.claim:
                owners[shard] = replace(owners[shard], incarnation=f"{name}1")
        seen = replace(now, shards=tuple(owners))
    if seen.members:
        assert {row.shard: row.incarnation.rstrip("1") for row in seen.shards} == seen.wanted()
        assert not any(found.claim or found.release for found in plans(seen).values())


def test_a_node_claims_what_is_free_and_what_is_silent_once_it_may_take_over():
    seen = view([node("a")], [*shards(""), ShardRow(shard=1, incarnation="gone", is_silent=True)])
    assert plan(seen, "a1", (), may_take_over=False).claim == (0,)
    assert plan(seen, "a1", (), may_take_over=True).claim == (0, 1)
    assert plan(seen, "a1", (0, 1), may_take_over=True).claim == ()


def test_an_older_node_releases_its_shards_to_a_newer_one_that_lives():
    rows = shards("a1", "a1", stamp=OLD)
    for lives, released in ((True, (0, 1)), (False, ())):
        seen = view([node("a", OLD), node("b", is_alive=lives)], rows)
        assert plan(seen, "a1", (0, 1), may_take_over=True).release == released


def test_an_older_configuration_claims_only_what_is_abandoned():
    seen = view([node("a", OLD)], shards("", "", stamp=NEW))
    assert plan(seen, "a1", (), may_take_over=True).claim == ()
    assert plan(seen, "a1", (), may_take_over=True, abandoned=[1]).claim == (1,)


def test_a_node_that_is_not_able_runs_shards_where_no_other_is():
    members = [node("a", is_able=False), node("b")]
    assert set(view(members, shards("", "")).wanted().values()) == {"b"}
    assert set(view(members[:1], shards("", "")).wanted().values()) == {"a"}
    assert set(view([members[0], node("b", is_able=False)], shards("", "")).wanted().values()) == {"a", "b"}


def test_a_shard_that_no_node_is_to_run_stays_where_it_is():
    seen = view([node("a", is_alive=False), node("b", is_alive=False)], shards("a1", "b1"))
    assert plan(seen, "a1", [0], may_take_over=True) == ((), ())
    assert plan(view([], shards("a1")), "a1", [0], may_take_over=True) == ((), ())


# The planner.


class Life:
    """A node that looks at a cluster in which another one owns everything and is silent."""

    def __init__(self):
        self.planner, self.at_ns = NodePlanner("a1"), NS_PER_S
        self.seen = view([node("a")], shards("b1", "b1", is_silent=True, stamp=NEW))

    @property
    def now(self):
        return Moment(self.at_ns, self.at_ns)

    def look(self, after_ns=LOOK):
        self.at_ns += after_ns
        return self.planner.look(self.seen, (), self.now)

    def looks_until_a_claim(self):
        return next(number for number in range(100) if self.look().claim)


def test_a_node_may_take_over_after_a_whole_lease_of_looks():
    assert Life().looks_until_a_claim() == limits.TENURE_LEASE_NS // LOOK


@pytest.mark.parametrize("pause_ns", [limits.TENURE_WATCH_GAP_NS + 1, 60 * NS_PER_S])
def test_a_pause_between_two_looks_begins_the_lease_again(pause_ns):
    life = Life()
    life.looks_until_a_claim()
    assert life.look(pause_ns).claim == ()
    assert life.looks_until_a_claim() == limits.TENURE_LEASE_NS // LOOK - 1


def test_a_look_that_failed_begins_the_lease_again():
    life = Life()
    life.looks_until_a_claim()
    life.planner.look_failed()
    assert life.looks_until_a_claim() == limits.TENURE_LEASE_NS // LOOK


def test_a_shard_of_a_newer_configuration_is_taken_after_a_while():
    life = Life()
    life.seen = view([node("a", OLD)], shards("", "", stamp=NEW))
    assert life.looks_until_a_claim() == limits.NODE_OUTDATED_NS // LOOK + 1
    life.seen = view([node("a", OLD)], shards("b1", "b1", stamp=NEW))
    assert life.look().claim == ()
    life.seen = view([node("a", OLD)], shards("", "", stamp=NEW))
    assert life.looks_until_a_claim() == limits.NODE_OUTDATED_NS // LOOK + 1, "it was served meanwhile"


def test_the_highest_epoch_that_was_seen_is_known():
    life = Life()
    assert life.planner.known_epoch(0) == 0
    for epoch in (3, 7, 5):
        life.seen = view([node("a")], shards("b1", epoch=epoch))
        life.look()
    assert life.planner.known_epoch(0) == 7


# Starts that fail.


def test_a_shard_that_does_not_start_is_tried_after_ever_longer_pauses():
    retries, now_ns, pauses = StartRetries(), 0, []
    for _ in range(6):
        retries.failed(3, now_ns, is_of_shard=True)
        began_ns = now_ns
        while retries.waiting(now_ns):
            now_ns += limits.NODE_TRY_NS // 2
        pauses.append((now_ns - began_ns) // limits.NODE_TRY_NS)
    assert pauses == [1, 2, 4, 8, 15, 15]
    assert retries.is_able(now_ns), "it would start on no other node either"
    retries.failed(3, now_ns, is_of_shard=True)
    retries.started(3)
    assert retries.waiting(now_ns) == frozenset()


def test_a_node_on_which_shards_do_not_start_is_not_able_for_ever_longer():
    retries, now_ns, lengths = StartRetries(), 0, []
    for _ in range(7):
        for shard in range(4):
            retries.failed(shard, now_ns, is_of_shard=False)
        began_ns = now_ns
        while not retries.is_able(now_ns):
            now_ns += limits.NODE_TRY_NS
        lengths.append((now_ns - began_ns) // limits.NODE_UNABLE_NS)
    assert lengths == [1, 2, 4, 8, 16, 20, 20]


def test_a_node_that_an_upgrade_has_left_behind_leaves_its_shards_to_others_for_as_long_as_any():
    retries = StartRetries()
    for shard in range(4):
        retries.failed(shard, 0, is_of_shard=False, is_lasting=True)
    assert not retries.is_able(limits.NODE_UNABLE_NS_MAX - 1)
    assert retries.is_able(limits.NODE_UNABLE_NS_MAX), "where the older schema was restored"


# The stamps.


def test_the_newest_configuration_is_that_which_was_given_last_by_the_clock_of_the_store():
    """The clock of one machine is four minutes ahead: its configuration is none the newer for it."""
    ahead_ns = 240 * NS_PER_S
    ahead, right = StampTimes(), StampTimes()
    old = ahead.by_store(ConfigurationStamp("old", 10 * NS_PER_S + ahead_ns), ahead_ns)
    new = right.by_store(ConfigurationStamp("new", 20 * NS_PER_S), 0)
    assert new.is_newer_than(old)
    assert [each.name for each in view([node("a", old), node("b", new)], ()).newest()] == ["b"]


def test_a_stamp_is_no_other_once_the_clock_was_set():
    times, given_ = StampTimes(), ConfigurationStamp("a", 1_000)
    assert times.by_store(given_, 300) == times.by_store(given_, -40_000) == ConfigurationStamp("a", 700)
    assert times.by_store(ConfigurationStamp("b", 2_000), 500).given_at_ns == 1_500
