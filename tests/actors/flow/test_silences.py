"""The record of a silence: its author, its reason and the moment at which it was made."""

from msgspec.structs import replace
from watchkeeper.domain.incidents.record import Silence
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.protocol.sink import Mute
from watchkeeper.testing.world import World

HOUR_NS = 3_600 * NS_PER_S


def muted(world, silence):
    world.system.sink.tell(Mute(silence))
    world.run("1s")
    return world.status().silences


def test_a_silence_keeps_its_creation_when_its_end_is_moved(shop):
    world = World([shop()])
    made_ns = world.now.wall_ns
    asked = Silence(id="move", target="shop", until_ns=made_ns + HOUR_NS, by="ann", reason="moving house")
    assert muted(world, asked) == (replace(asked, created_at_ns=made_ns),)
    later = replace(asked, until_ns=made_ns + 2 * HOUR_NS)
    world.restart(away="1m")
    kept = replace(later, created_at_ns=made_ns)
    assert muted(world, later) == (kept,)
    world.crash()
    assert world.status().silences == (kept,)


def test_a_silence_that_has_ended_is_made_anew(shop):
    world = World([shop()])
    asked = Silence(id="move", until_ns=world.now.wall_ns + HOUR_NS)
    muted(world, asked)
    world.run("61m")
    again_ns = world.now.wall_ns
    (again,) = muted(world, replace(asked, until_ns=again_ns + HOUR_NS))
    assert again.created_at_ns == again_ns


def test_a_silence_that_is_ended_early_still_says_what_it_muted(shop):
    world = World([shop()])
    asked = Silence(id="move", target="shop", until_ns=world.now.wall_ns + HOUR_NS, by="ann", reason="moving")
    (kept,) = muted(world, asked)
    ended = Silence(id="move", until_ns=world.now.wall_ns)
    assert ended.after(kept, world.now.wall_ns) == replace(kept, until_ns=world.now.wall_ns)
    assert muted(world, ended) == ()
