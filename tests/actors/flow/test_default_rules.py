"""Default rules: what a target is judged by without a word of its own."""

from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.probe import Heartbeat, Tcp
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.specification.target import Target
from watchkeeper.testing.world import World

H = 3_600_000_000_000
SHOP = Target(id="shop", every="30s", tcp=Tcp(host="a", port=1), notify=("ops",))


def test_a_missed_nightly_backup_is_told_when_its_grace_is_over():
    job = Target(id="backup", every="24h", heartbeat=Heartbeat(grace="1h"), notify=("ops",))
    world = World([job])
    world.heartbeat("backup")
    beat = world.now
    world.run("25h")
    assert world.delivered("ops") == ["backup/missed opened"]
    assert world.incidents()[0].opened_at_ns == beat.wall_ns + 25 * H
    world.heartbeat("backup")
    world.run("1s")
    assert world.delivered("ops") == ["backup/missed opened", "backup/missed resolved"]


def test_a_target_that_is_unknown_for_ever_is_told_as_silent():
    world = World([SHOP])
    world.script("shop", "ok 5m, unknown 1h, ok")
    world.run("14m")
    assert world.delivered("ops") == []
    world.run("2m")
    (incident,) = world.incidents(open_only=True)
    assert (incident.rule, incident.reason, incident.severity) == ("silent", "no_data", Severity.WARNING)
    assert world.status().targets[0].status is Status.DEGRADED
    world.run("1h")
    assert world.delivered("ops") == ["shop/silent opened", "shop/silent resolved"]


def test_a_slow_cadence_alone_is_never_silent():
    world = World([Target(id="slow", every="6h", tcp=Tcp(host="a", port=1), notify=("ops",))])
    world.run("48h")
    assert world.incidents() == ()


def test_an_outage_is_told_as_down_and_is_no_silence():
    world = World([SHOP])
    world.script("shop", "ok 5m, down 30m, ok")
    world.run("1h")
    assert world.delivered("ops") == ["shop/down opened", "shop/down resolved"]
