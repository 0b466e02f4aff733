"""Samples that change nothing are held for the next commit: many in one record, none forgotten."""

from watchkeeper.domain import limits
from watchkeeper.domain.specification.rule import Consecutive

QUICK = (Consecutive(id="down", after=1, recover=1),)


EVERY_NS = 10_000_000


def kept(world, name="shop"):
    """The ticks that are on record, counted from the first."""
    moments = [sample.at.wall_ns for sample in world.store.samples(name)]
    return [(at_ns - moments[0]) // EVERY_NS for at_ns in moments]


def without_gap(world):
    return kept(world) == list(range(len(kept(world))))


def test_good_samples_ride_to_the_sink_together(watched, shop):
    world = watched(shop(every="10ms", timeout="10ms"))
    turns = world.dispatcher.steps
    world.run("10s")
    taken = dict(world.status().counters)["samples"]
    # The timer, the supervisor, the poller, its driver, the supervisor again, the owner and the recorder; the sink has
    # a turn for a commit and a record four times a second, and now and then for something else.
    assert world.dispatcher.steps - turns < taken * 7.25
    assert taken - len(kept(world)) <= taken / 10


def test_a_bad_sample_is_on_record_at_once_with_those_before_it(watched, shop):
    world = watched(shop(every="10ms", timeout="10ms", rules=QUICK))
    world.script("shop", "ok 5010ms, down 1h")
    world.run("5060ms")
    opened = [sample for sample in world.store.samples("shop") if sample.outcome.value == "down"]
    assert opened
    assert without_gap(world)


def test_samples_held_at_a_crash_of_the_owner_are_recorded(watched, shop):
    world = watched(shop(every="10ms", timeout="10ms"))
    world.run("5100ms")
    world.system.owner.tell(object())
    world.run("1s")
    # Samples that arrive before the new owner knows its targets are counted as lost.
    assert kept(world)[:509] == list(range(509))


def test_samples_held_at_the_end_are_recorded(watched, shop):
    world = watched(shop(every="10ms", timeout="10ms"))
    world.run("5100ms")
    taken = dict(world.status().counters)["samples"]
    world.restart()
    assert len(kept(world)) >= taken


def test_no_message_to_the_sink_grows_without_end(watched, shop):
    assert limits.SAMPLES_HELD_MAX * limits.SINK_MAILBOX_MAX >= limits.BATCH_RECORDS_MAX
