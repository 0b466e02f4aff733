"""Conditions under `warn`: a level between up and down, with an incident of its own that an outage neither opens nor ends."""

import msgspec
import pytest
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.validation.partial import judged_target
from watchkeeper.testing import World

HTTP = Http(url="http://shop.example/")
SHOP = Target(
    id="shop",
    every="10s",
    http=HTTP,
    expect=("[STATUS] == 2xx",),
    warn=("[RESPONSE_TIME] < 300",),
    notify=("ops",),
)
DOWN, WARN = ["shop/down opened", "shop/down resolved"], ["shop/warn opened", "shop/warn resolved"]
COURSES = [
    ("ok 5m, slow 200ms 5m, ok", []),
    ("ok 5m, slow 700ms 5m, ok", WARN),
    ("ok 5m, slow 700ms 10s, ok", []),
    ("ok 5m, status 204 5m, ok", []),
    ("ok 5m, status 503 5m, ok", DOWN),
    ("ok 5m, down 5m, ok", DOWN),
    ("ok 5m, slow 700ms 2m, down 5m, slow 700ms 2m, ok", [WARN[0], *DOWN, WARN[1]]),
    ("ok 5m, slow 700ms 2m, down 5m, ok", [WARN[0], DOWN[0], DOWN[1], WARN[1]]),
    ("ok 5m, down 2m, slow 700ms 2m, ok", [DOWN[0], WARN[0], DOWN[1], WARN[1]]),
    ("ok 5m, slow 700ms 2m, unknown 2m, ok", WARN),
]


@pytest.mark.parametrize(("script", "told"), COURSES)
def test_a_warning_tells_of_itself_and_an_outage_of_itself(script, told):
    world = World([SHOP])
    world.script("shop", script)
    world.run("20m")
    assert sorted(world.delivered("ops")) == sorted(told)


def test_a_warned_target_is_degraded_with_an_incident_of_severity_warning():
    world = World([SHOP])
    world.script("shop", "ok 1m, slow 700ms")
    world.run("5m")
    (row,) = world.status().targets
    assert (row.status, row.raw) == (Status.DEGRADED, Status.DEGRADED)
    assert row.sample.explanation() == "condition_failed: [RESPONSE_TIME] (700) < 300"
    (notice,) = world.notices("ops")
    assert (notice.incident.rule, notice.incident.severity) == ("warn", Severity.WARNING)


def test_the_bytes_of_a_target_without_warnings_are_those_of_former_versions():
    plain = Target(id="shop", http=HTTP)
    assert b"warn" not in msgspec.msgpack.encode(plain)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(plain), type=Target).warnings == ()
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(SHOP), type=Target) == SHOP


REFUSED = [
    ({"http": HTTP, "warn": ["[STATUS] == 999999"]}, "warn[0]: can never hold"),
    ({"http": HTTP, "warn": ["[STATUS]"]}, "warn[0]: [STATUS]: character 9: there is no operator"),
    ({"http": HTTP, "warn": ["[DNS_RCODE] == NOERROR"]}, "warn[0]: a probe of http gives no [DNS_RCODE]"),
    (
        {"http": HTTP, "warn": ["[STATUS] == 200"], "expect": ["[STATUS] == 200"]},
        "warn[0]: stands under expect too, where it means down",
    ),
    (
        {"http": HTTP, "warn": ["[STATUS] == 200"], "upside_down": True},
        "warn: means nothing for a target that must",
    ),
    ({"heartbeat": {}, "warn": ["[STATUS] == 200"]}, "warn[0]: a probe of heartbeat gives no [STATUS]"),
    ({"composite": {"worst_of": ["a"]}, "warn": ["[STATUS] == 200"]}, "warn: has no effect on a composite"),
]


@pytest.mark.parametrize(("fields", "said"), REFUSED)
def test_a_warning_that_means_nothing_is_refused_at_its_place(fields, said):
    target = msgspec.convert({"id": "shop", **msgspec.to_builtins(fields)}, Target)
    assert any(str(each).startswith(said) for each in judged_target(target, channels=())[1])
