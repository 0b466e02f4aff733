"""Very many open incidents at once."""

from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.target import Target
from watchkeeper.protocol import codec
from watchkeeper.protocol.owner import ResumeFrom
from watchkeeper.testing.world import World


def test_hundreds_of_open_incidents_are_resumed_through_bytes():
    names = [f"target {number}" for number in range(850)]
    world = World(
        [Target(id=name, every="30s", http=Http(url="http://h/"), notify=("ops",)) for name in names]
    )
    for name in names:
        world.script(name, "down 2m, ok")
    world.run("2m")
    opened = world.incidents(open_only=True)
    assert len(codec.encode(ResumeFrom(1, opened, ()), 2**30)) > codec.MESSAGE_BYTES_MAX

    world.crash()
    assert len(world.incidents(open_only=True)) == len(names)
    world.run("3m")

    assert sorted(world.delivered("ops")) == sorted(
        f"{name}/down {change}" for name in names for change in ("opened", "resolved")
    )
