"""Every key of the configuration with two values, and what a user sees of each."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

from seeing import about, after_a_rename, after_a_start, first, hourly, told, without_a_gateway, words

DOWN = ["shop/down opened", "shop/down resolved"]


class Case(NamedTuple):
    """A document, another value of one of its keys, and the visible effect of both. A value of ... removes the key."""

    document: dict[str, Any]
    key: tuple[str | int, ...]
    value: Any
    see: Callable[..., Any]
    before: Any
    after: Any


def changed(document: dict[str, Any], key: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """The document with one value in another place's stead."""
    whole = deepcopy(document)
    place: Any = whole
    for step in key[:-1]:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    if value is ...:
        del place[key[-1]]
    else:
        place[key[-1]] = value
    return whole


def shop(*rules: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """One target and one channel; its probe is never started in virtual time."""
    target = {
        "id": "shop",
        "every": "10s",
        "http": {"url": "http://shop.example/"},
        "notify": ["ops"],
        **fields,
    }
    if rules:
        target |= {"rules": list(rules), "default_rules": False}
    return {"channels": [{"id": "ops", "log": {}}], "targets": [target]}


def without(key: str) -> dict[str, Any]:
    """The same target with one of its keys left to the defaults."""
    document = shop()
    del document["targets"][0][key]
    return document


def counting(**fields: Any) -> dict[str, Any]:
    return shop({"id": "down", "kind": "consecutive", "after": 2, "recover": 1, **fields})


def slow(**fields: Any) -> dict[str, Any]:
    return shop({"id": "slow", "kind": "threshold", "value": 300, **fields})


def silent(**fields: Any) -> dict[str, Any]:
    return shop({"id": "silent", "kind": "no_data", "after": "2m", **fields})


def scripted(see: Callable[..., Any], **how: Any) -> Callable[..., Any]:
    return lambda folder, document: see(folder, document, **how)


SLOW = scripted(words, script="ok 5m, slow 700ms 5m, ok")
SPEAKING = {
    **shop({"id": "down", "kind": "consecutive", "after": 3, "recover": 1}),
    "runtime": {"connectivity": {"targets": ["gateway"], "every": "5s"}},
}
SPEAKING["targets"] = [
    *SPEAKING["targets"],
    {"id": "gateway", "every": "10m", "tcp": {"host": "gateway", "port": 53}},
    {"id": "far", "every": "1h", "tcp": {"host": "far", "port": 53}},
]
N = ("runtime", "connectivity")
OWN = ["watchkeeper/network opened", "watchkeeper/network resolved"]
BLIND = {"script": "ok 5m, unknown 5m, ok"}
R = ("targets", 0, "rules", 0)
T = ("targets", 0)
C = ("channels", 0)
RETIRED = [{"id": "down", "kind": "consecutive", "state": "retired"}]
MILD = [{"id": "ops", "log": {}, "min_severity": "warning"}]


def mild(document: dict[str, Any]) -> dict[str, Any]:
    """The same with a channel that takes warnings and worse."""
    return {**document, "channels": MILD}


def seconds(folder: Any, document: Any, **how: Any) -> list[int]:
    return [at_s for _, _, at_s in told(folder, document, **how)]


HEARTBEAT = {
    "channels": [{"id": "ops", "log": {}}],
    "targets": [{"id": "job", "every": "1m", "heartbeat": {"grace": "10s"}, "notify": ["ops"],
                 "rules": [{"id": "missed", "kind": "consecutive", "after": 1, "recover": 1}]}],
}  # fmt: skip

SCHEDULED = {
    "channels": HEARTBEAT["channels"],
    "targets": [{key: value for key, value in HEARTBEAT["targets"][0].items() if key != "every"}
                | {"heartbeat": {"schedule": "*:15", "grace": "10s"}}],
}  # fmt: skip
"""Reports at a quarter past each hour, by the clock of its zone."""

VIRTUAL: dict[str, Case] = {
    "RuntimeOptions.connectivity": Case(SPEAKING, N, ..., without_a_gateway, OWN, DOWN),
    "RuntimeOptions.notify": Case(SPEAKING, ("runtime", "notify"), [], without_a_gateway, OWN, []),
    "Connectivity.targets": Case(SPEAKING, (*N, "targets"), ["far"], without_a_gateway, OWN, DOWN),
    "Connectivity.every": Case(SPEAKING, (*N, "every"), "10m", without_a_gateway, OWN, [*DOWN, OWN[0]]),
    "Configuration.targets": Case(shop(), ("targets",), [], words, DOWN, []),
    "Configuration.channels": Case(
        shop(), ("channels",), [{"id": "ops", "log": {}}, {"id": "boss", "log": {}}],
        lambda folder, document: {name for name, _, _ in told(folder, {**document, "targets": [
            {**document["targets"][0], "notify": [each["id"] for each in document["channels"]]}]})},
        {"ops"}, {"ops", "boss"},
    ),
    "Configuration.defaults": Case(without("every"), ("defaults",), {"every": "5s"}, seconds, [384, 654], [314, 609]),
    "Target.id": Case(shop(), (*T, "id"), "till", words, DOWN, ["till/down opened", "till/down resolved"]),
    "Target.every": Case(shop(), (*T, "every"), "1m", seconds, [324, 614], [444, 684]),
    "Target.retry_every": Case(shop(every="1m"), (*T, "retry_every"), "5s", seconds, [444, 684], [334, 624]),
    "Target.timeout": Case(shop(), (*T, "timeout"), "1s", scripted(words, script="ok 5m, slow 3s 5m, ok"), [], DOWN),
    "Target.expect": Case(shop(), (*T, "expect"), ["[STATUS] == 200"],
                          scripted(words, script="ok 5m, status 204 5m, ok"), [], DOWN),
    "Target.rules": Case(shop(), (*T, "rules"), RETIRED, words, DOWN, []),
    "Target.default_rules": Case(shop(), (*T, "default_rules"), False, words, DOWN, []),
    "Target.notify": Case(shop(), (*T, "notify"), [], words, DOWN, []),
    "Target.renamed_from": Case(shop(), (*T, "renamed_from"), ["old"], after_a_rename,
                                ["old/down resolved", "shop/down opened"], ["shop/down changed"]),
    "Target.paused": Case(shop(), (*T, "paused"), True, words, DOWN, []),
    "Target.group": Case(shop(), (*T, "group"), "shop/api", about, None, {"group": "shop/api"}),
    "Target.name": Case(shop(), (*T, "name"), "The shop", about, None, {"name": "The shop"}),
    "Target.labels": Case(shop(), (*T, "labels"), {"team": "payments"}, about, None, {"labels": {"team": "payments"}}),
    "Target.description": Case(shop(), (*T, "description"), "Sells", about, None, {"description": "Sells"}),
    "Target.link": Case(shop(), (*T, "link"), "https://wiki/shop", about, None, {"link": "https://wiki/shop"}),
    "Target.runbook": Case(shop(), (*T, "runbook"), "https://wiki/down", about, None, {"runbook": "https://wiki/down"}),
    "Target.public": Case(shop(), (*T, "public"), "Shop", about, None, {"public": "Shop"}),
    "Target.heartbeat": Case(shop(), T, {"id": "shop", "every": "10s", "heartbeat": {}, "notify": ["ops"]},
                             scripted(words, script="ok"), [], ["shop/missed opened"]),
    "Heartbeat.grace": Case(HEARTBEAT, (*T, "heartbeat", "grace"), "50s", first, 70, 110),
    "Heartbeat.schedule": Case(SCHEDULED, (*T, "heartbeat", "schedule"), "*:50", hourly, 910, 3_010),
    "Heartbeat.zone": Case(SCHEDULED, (*T, "heartbeat", "zone"), "Asia/Kathmandu", hourly, 910, 1_810),
    "Heartbeat.run_max": Case(HEARTBEAT, (*T, "heartbeat", "run_max"), "20s", after_a_start, 70, 20),
    "Defaults.every": Case(without("every"), ("defaults", "every"), "5s", seconds, [384, 654], [314, 609]),
    "Defaults.timeout": Case(shop(), ("defaults", "timeout"), "1s",
                             scripted(words, script="ok 5m, slow 3s 5m, ok"), [], DOWN),
    "Defaults.retry_every": Case(shop(every="1m"), ("defaults", "retry_every"), "5s", seconds, [444, 684], [334, 624]),
    "Defaults.rules": Case(shop(), ("defaults", "rules"), RETIRED, words, DOWN, []),
    "Defaults.default_rules": Case(shop(), ("defaults", "default_rules"), False, words, DOWN, []),
    "Defaults.notify": Case(without("notify"), ("defaults", "notify"), ["ops"], words, [], DOWN),
    "Channel.id": Case(shop(), C, {"id": "boss", "log": {}},
                       lambda folder, document: {name for name, _, _ in told(folder, {**document, "targets": [
                           {**document["targets"][0], "notify": [document["channels"][0]["id"]]}]})},
                       {"ops"}, {"boss"}),
    "Channel.min_severity": Case(counting(severity="warning"), (*C, "min_severity"), "critical",
                                 words, DOWN, []),
    "Channel.give_up_after": Case(shop(), (*C, "give_up_after"), "1m",
                                  scripted(words, channel="ok 5m, down 10m, ok", length="1h"), DOWN, []),
    "Consecutive.kind": Case(counting(), R, {"id": "down", "kind": "no_data", "after": "2m"}, words, DOWN, []),
    "Consecutive.id": Case(counting(), (*R, "id"), "gone", words, DOWN, ["shop/gone opened", "shop/gone resolved"]),
    "Consecutive.severity": Case(mild(counting()), (*R, "severity"), "info", words, DOWN, []),
    "Consecutive.state": Case(counting(), (*R, "state"), "draft", words, DOWN, []),
    "Consecutive.for": Case(counting(), (*R, "for"), "2m", seconds, [314, 604], [434, 604]),
    "Consecutive.keep_firing_for": Case(counting(), (*R, "keep_firing_for"), "2m", seconds, [314, 604], [314, 724]),
    "Consecutive.after": Case(counting(), (*R, "after"), 4, seconds, [314, 604], [334, 604]),
    "Consecutive.recover": Case(counting(), (*R, "recover"), 4, seconds, [314, 604], [314, 634]),
    "Consecutive.on": Case(counting(), (*R, "on"), "degraded",
                           scripted(words, script="ok 5m, degraded 5m, ok"), [], DOWN),
    "Threshold.kind": Case(slow(), R, {"id": "slow", "kind": "consecutive"}, SLOW,
                           ["shop/slow opened", "shop/slow resolved"], []),
    "Threshold.id": Case(slow(), (*R, "id"), "late", SLOW, ["shop/slow opened", "shop/slow resolved"],
                         ["shop/late opened", "shop/late resolved"]),
    "Threshold.severity": Case(mild(slow()), (*R, "severity"), "info", SLOW,
                               ["shop/slow opened", "shop/slow resolved"], []),
    "Threshold.state": Case(slow(), (*R, "state"), "draft", SLOW, ["shop/slow opened", "shop/slow resolved"], []),
    "Threshold.for": Case(slow(), (*R, "for"), "10m", SLOW, ["shop/slow opened", "shop/slow resolved"], []),
    "Threshold.keep_firing_for": Case(slow(), (*R, "keep_firing_for"), "30m", SLOW,
                                      ["shop/slow opened", "shop/slow resolved"], ["shop/slow opened"]),
    "Threshold.measure": Case(slow(), (*R, "measure"), "status", scripted(words, script="ok 5m, status 503 5m, ok"),
                              [], ["shop/slow opened", "shop/slow resolved"]),
    "Threshold.operator": Case(slow(), (*R, "operator"), "<", SLOW, ["shop/slow opened", "shop/slow resolved"],
                               ["shop/slow opened", "shop/slow resolved", "shop/slow opened"]),
    "Threshold.value": Case(slow(), (*R, "value"), 900, SLOW, ["shop/slow opened", "shop/slow resolved"], []),
    "Threshold.window": Case(slow(aggregate="min"), (*R, "window"), "10m",
                             SLOW, ["shop/slow opened", "shop/slow resolved"], []),
    "Threshold.aggregate": Case(slow(window="10m", aggregate="max"), (*R, "aggregate"), "min",
                                SLOW, ["shop/slow opened", "shop/slow resolved"], []),
    "Threshold.mode": Case(slow(window=2, value=50), (*R, "mode"), "rate_of_change",
                           scripted(seconds, script="ok 5m, slow 700ms 5m, ok"), [304, 604], [304, 314]),
    "NoData.kind": Case(silent(), R, {"id": "silent", "kind": "consecutive"}, scripted(words, **BLIND),
                        ["shop/silent opened", "shop/silent resolved"], []),
    "NoData.id": Case(silent(), (*R, "id"), "mute", scripted(words, **BLIND),
                      ["shop/silent opened", "shop/silent resolved"], ["shop/mute opened", "shop/mute resolved"]),
    "NoData.severity": Case(mild(silent()), (*R, "severity"), "info", scripted(words, **BLIND),
                            ["shop/silent opened", "shop/silent resolved"], []),
    "NoData.state": Case(silent(), (*R, "state"), "draft", scripted(words, **BLIND),
                         ["shop/silent opened", "shop/silent resolved"], []),
    "NoData.for": Case(silent(), (*R, "for"), "1m", scripted(seconds, **BLIND), [414, 604], [474, 604]),
    "NoData.keep_firing_for": Case(silent(), (*R, "keep_firing_for"), "1m", scripted(seconds, **BLIND), [414, 604], [414, 664]),
    "NoData.after": Case(silent(), (*R, "after"), "4m", scripted(seconds, **BLIND), [414, 604], [534, 604]),
    "NoData.policy": Case(silent(), (*R, "policy"), "keep", scripted(words, **BLIND),
                          ["shop/silent opened", "shop/silent resolved"], []),
}  # fmt: skip
