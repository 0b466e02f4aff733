"""The placement of targets on shards: together what is judged or told together, whatever the order, and where it was before."""

from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.cluster.placement import Placement, shard_of_text
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Composite, Tcp
from watchkeeper.domain.specification.routing import Route
from watchkeeper.domain.specification.target import Target

OPS = Channel(id="ops", log=Log())
NAMES = tuple(f"t{number}" for number in range(12))
SHARDS = 16
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=10)


def target(name, **named):
    return Target(id=name, tcp=Tcp(host="a", port=1), notify=("ops",), **named)


def configured(pairs=(), names=NAMES, **named):
    """A configuration in which the second of each pair is a parent of the first; a circle is none of its problems here."""
    parents = {name: tuple(sorted({up for down, up in pairs if down == name != up})) for name in names}
    targets = [target(name, depends_on=parents[name]) if parents[name] else target(name) for name in names]
    return Configuration(channels=(OPS,), targets=targets, **named)


def units(pairs):
    """The sets of names that are connected, recounted naively."""
    found = [{name} for name in NAMES]
    for pair in pairs:
        joined = [unit for unit in found if unit & set(pair)]
        found = [unit for unit in found if not unit & set(pair)] + [set().union(*joined)]
    return found


@given(PAIRS)
def test_connected_targets_lie_on_one_shard_that_of_their_first_name(pairs):
    placement = Placement(configured(pairs), SHARDS)
    for unit in units(pairs):
        assert {placement.shard_of(name) for name in unit} == {shard_of_text(min(unit), SHARDS)}


@given(PAIRS, st.permutations(NAMES))
def test_the_order_of_the_targets_makes_no_difference(pairs, order):
    first, second = Placement(configured(pairs), SHARDS), Placement(configured(pairs, order), SHARDS)
    assert [first.shard_of(name) for name in NAMES] == [second.shard_of(name) for name in NAMES]


@given(PAIRS, st.sampled_from(NAMES))
def test_a_target_that_goes_moves_none_that_it_is_not_connected_to(pairs, gone):
    left = tuple(name for name in NAMES if name != gone)
    before = Placement(configured(pairs), SHARDS)
    after = Placement(configured([pair for pair in pairs if gone not in pair], left), SHARDS)
    unit = next(unit for unit in units(pairs) if gone in unit)
    assert all(before.shard_of(name) == after.shard_of(name) for name in set(left) - unit)


@given(PAIRS)
def test_each_target_is_on_one_shard_and_each_shard_names_its_own(pairs):
    placement = Placement(configured(pairs), SHARDS)
    on = [placement.targets_of(shard) for shard in range(SHARDS)]
    assert sorted(name for names in on for name in names) == sorted(NAMES)
    assert all(placement.shard_of(name) == shard for shard, names in enumerate(on) for name in names)


def test_members_of_a_composite_lie_with_it():
    whole = Target(id="all", composite=Composite(targets=("t1", "t7"), at_least=1), notify=("ops",))
    configuration = Configuration(channels=(OPS,), targets=(*configured().targets, whole))
    placement = Placement(configuration, 64)
    assert placement.shard_of("all") == placement.shard_of("t1") == placement.shard_of("t7")
    assert len({placement.shard_of(name) for name in NAMES}) > 4


def test_targets_of_one_digest_lie_together_and_those_of_another_elsewhere():
    targets = tuple(
        target(name, labels={"team": "web" if number % 2 else "mail"}) for number, name in enumerate(NAMES)
    )
    route = Route(id="teams", match=("team=~.*",), to=("ops",), group_by=("team",))
    placement = Placement(Configuration(channels=(OPS,), targets=targets, routes=(route,)), 64)
    assert len({placement.shard_of(name) for name in NAMES[::2]}) == 1
    assert len({placement.shard_of(name) for name in NAMES[1::2]}) == 1
    assert placement.shard_of("t0") != placement.shard_of("t1")


def test_digests_of_single_targets_join_none():
    route = Route(id="each", to=("ops",), group_by=("target", "rule"))
    joined, plain = Placement(configured(routes=(route,)), 64), Placement(configured(), 64)
    assert [joined.shard_of(name) for name in NAMES] == [plain.shard_of(name) for name in NAMES]


def test_a_renamed_target_keeps_its_place():
    renamed = Configuration(channels=(OPS,), targets=(target("new", renamed_from=["t3"]),))
    assert Placement(renamed, 64).shard_of("new") == shard_of_text("t3", 64)
    assert Placement(renamed, 64).shard_of("elsewhere") == shard_of_text("elsewhere", 64)


def test_the_place_of_a_name_is_the_same_in_every_version():
    assert [shard_of_text(name, 16) for name in NAMES[:6]] == [11, 9, 10, 6, 13, 9]


def test_shards_that_a_target_leaves_or_comes_to_have_moved_and_new_targets_move_nothing():
    apart = Placement(configured(names=("t0", "t1", "t2")), SHARDS)
    joined = Placement(configured([("t1", "t0")], names=("t0", "t1", "t2", "t3")), SHARDS)
    was, is_now = apart.shard_of("t1"), joined.shard_of("t1")
    assert was != is_now == apart.shard_of("t0")
    assert joined.moved_since(apart) == apart.moved_since(joined) == {was, is_now}
    assert joined.moved_since(joined) == frozenset()


def test_a_shard_has_the_present_and_former_names_of_its_targets():
    shop, mail = target("shop", renamed_from=["store"]), target("mail")
    placement = Placement(Configuration(channels=(OPS,), targets=[shop, mail]), SHARDS)
    here, there = placement.shard_of("shop"), placement.shard_of("mail")
    assert here != there
    found = placement.names_on(here)
    assert {*found.names} == {"shop", "store"}
    elsewhere = {name: found.lies_elsewhere(name) for name in ("shop", "store", "mail", "unknown")}
    assert elsewhere == {"shop": False, "store": False, "mail": True, "unknown": False}
    assert placement.lies_elsewhere("store", there)
