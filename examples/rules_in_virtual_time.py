"""Rules under test: hours pass in a moment, because the clock moves only in `run`. Run it with pytest, too."""

from watchkeeper import Consecutive, Http, NoData, Severity, Target, Threshold
from watchkeeper.testing import World

SHOP = Target(
    id="shop",
    every="30s",
    http=Http(url="http://shop.example/"),
    rules=(
        Consecutive(id="down", after=3, recover=2),
        Threshold(id="slow", value=500, for_="2m", severity=Severity.WARNING),
        NoData(id="silent", after="10m"),
    ),
    notify=("ops",),
)


def test_a_minute_of_silence_is_no_outage() -> None:
    world = World([SHOP])
    world.script("shop", "ok 10m, down 50s, ok")
    world.run("6h")
    assert world.delivered("ops") == []


def test_a_slow_hour_is_a_warning_and_no_outage() -> None:
    world = World([SHOP])
    world.script("shop", "ok 1h, slow 700ms 1h, ok")
    world.run("6h")
    assert world.delivered("ops") == ["shop/slow opened", "shop/slow resolved"]


if __name__ == "__main__":
    test_a_minute_of_silence_is_no_outage()
    test_a_slow_hour_is_a_warning_and_no_outage()
    print("both hold")
