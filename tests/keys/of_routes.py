"""The effect of each key of routes, windows, maintenance, dependencies and flapping, seen at the channels in virtual time."""

from collections.abc import Callable, Mapping
from typing import Any

from cases import Case
from seeing import posts, reasons

BOTH = ["ops opened", "ops resolved"]
DOWN = "ok 5m, down 5m, ok"
LONG = "ok 5m, down 3h, ok"
FLAPS = "ok 5m, down 2m, ok 2m, down 2m, ok 2m, down 2m, ok 2m, down 2m, ok"
FAST = "ok 5m, " + "down 30s, ok 30s, " * 10 + "down 20m, ok"
"""Changes at every third sample, and then an outage."""
JUDGED = {
    "every": "10s",
    "http": {"url": "http://shop.example/"},
    "rules": [{"id": "down", "kind": "consecutive", "after": 2, "recover": 1}],
    "default_rules": False,
}
MIDNIGHT = {"id": "w", "cron": "0 0 * * *", "length": "15m"}
"""A world begins at midnight, UTC."""
PLANNED = {"id": "m", "match": ["group=shop"], "cron": "0 0 * * *", "length": "15m"}
MOVE = {"id": "m", "match": ["group=shop"], "from": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:15:00Z"}


def routed(*routes: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """One target without channels of its own, in the group `shop`."""
    channels = [{"id": name, "log": {}} for name in ("ops", "boss", "rest")]
    return {
        "channels": channels,
        "routes": list(routes),
        "targets": [{"id": "shop", "group": "shop", **JUDGED}],
        **parts,
    }


def one(**route: Any) -> dict[str, Any]:
    return routed({"to": ["ops"], **route})


def fleet(**route: Any) -> dict[str, Any]:
    """Two targets of one group and one of another, behind one route."""
    groups = {"a": "shop", "b": "shop", "c": "office"}
    targets = [{"id": name, "group": group, **JUDGED} for name, group in groups.items()]
    return {**one(**route), "targets": targets}


def quiet(**window: Any) -> dict[str, Any]:
    return {**one(quiet=["w"]), "windows": [{**MIDNIGHT, **window}]}


def planned(**maintenance: Any) -> dict[str, Any]:
    return {**one(), "maintenance": [maintenance or PLANNED]}


def behind(depends_on: Any = None, **gateway: Any) -> dict[str, Any]:
    """A target behind a gateway that tells `boss`, and another one that is well."""
    parents = [{"id": name, "notify": ["boss"], **JUDGED} for name in ("gateway", "other")]
    shop = {"id": "shop", "group": "shop", **JUDGED}
    child = shop if depends_on is None else {**shop, "depends_on": depends_on}
    return {**one(), "targets": [child, *parents]}


def flapping(**stated: Any) -> dict[str, Any]:
    document = one()
    return {**document, "targets": [{**document["targets"][0], "flapping": stated}]}


Seen = Callable[[Any, dict[str, Any]], Any]


def kinds(script: str | Mapping[str, str] = DOWN, length: str = "30m", channel: str = "") -> Seen:
    """Sees `ops opened`, `ops resolved` and so on, in the order of time."""
    return lambda folder, document: [
        f"{name} {notice.change.value}"
        for name, _, notice in posts(folder, document, script, length)
        if channel in ("", name)
    ]


def seconds(script: str | Mapping[str, str] = DOWN, length: str = "30m", channel: str = "ops") -> Seen:
    """Sees when notices are made."""
    return lambda folder, document: [
        at_s for name, at_s, _ in posts(folder, document, script, length) if name == channel
    ]


def count(script: str | Mapping[str, str] = DOWN, length: str = "30m", channel: str = "ops") -> Seen:
    return lambda folder, document: len(seconds(script, length, channel)(folder, document))


def routes_told(folder: Any, document: dict[str, Any]) -> set[str]:
    """The names of the routes of digests."""
    return {notice.digest.route for _, _, notice in posts(folder, document, DOWN, "30m")}


def waits(folder: Any, document: dict[str, Any]) -> list[str]:
    """The reasons for which the notices of an open incident wait."""
    return reasons(folder, document, DOWN, "6m")


TWO_STEPS = [{"after": "2m", "to": ["boss"]}]
STAGGERED = {"a": "ok 5m, down 10m, ok", "b": "ok 7m, down 8m, ok", "c": "ok"}
GATE = {"gateway": DOWN, "shop": DOWN, "other": "ok"}
C, R, T = ("channels", 0), ("routes", 0), ("targets", 0)
W, M, E = ("windows", 0), ("maintenance", 0), (*R, "escalate")
F, D = (*T, "flapping"), (*T, "depends_on")

ROUTED: dict[str, Case] = {
    "Configuration.routes": Case(one(), ("routes",), [], kinds(), BOTH, []),
    "Configuration.windows": Case(
        quiet(), ("windows",), [{**MIDNIGHT, "cron": "0 12 * * *"}], kinds(), [], BOTH
    ),
    "Configuration.maintenance": Case(planned(), ("maintenance",), [], kinds(), [], BOTH),
    "Channel.after": Case(one(), (*C, "after"), "10m", kinds(), BOTH, []),
    "Channel.rate": Case(fleet(), (*C, "rate"), "1/10m", count(length="8m"), 3, 1),
    "Route.id": Case(one(group_by=["group"]), (*R, "id"), "web", routes_told, {"routes[0]"}, {"web"}),
    "Route.match": Case(one(), (*R, "match"), ["group=office"], kinds(), BOTH, []),
    "Route.to": Case(one(), (*R, "to"), ["boss"], kinds(), BOTH, ["boss opened", "boss resolved"]),
    "Route.group_by": Case(fleet(), (*R, "group_by"), ["group"], count(), 6, 4),
    "Route.group_wait": Case(
        fleet(group_by=["group"]), (*R, "group_wait"), "2m", seconds(length="8m"), [340, 349], [430, 439]
    ),
    "Route.group_interval": Case(
        fleet(group_by=["group"]), (*R, "group_interval"), "1m", seconds(STAGGERED), [340, 640, 940], [340, 460, 930]
    ),
    "Route.remind_every": Case(one(), (*R, "remind_every"), "1h", count(LONG, "4h"), 2, 4),
    "Route.escalate": Case(one(), E, TWO_STEPS, count(channel="boss"), 0, 2),
    "Route.quiet": Case({**one(), "windows": [MIDNIGHT]}, (*R, "quiet"), ["w"], kinds(), BOTH, []),
    "Route.continue": Case(
        routed({"match": ["group=shop"], "to": ["ops"]}, {"to": ["boss"]}),
        (*R, "continue"), True, count(channel="boss"), 0, 2,
    ),
    "Escalation.after": Case(one(escalate=TWO_STEPS), (*E, 0, "after"), "20m", count(channel="boss"), 2, 0),
    "Escalation.to": Case(one(escalate=TWO_STEPS), (*E, 0, "to"), ["rest"], count(channel="boss"), 2, 0),
    "Window.id": Case(
        {**one(quiet=["w"]), "windows": [MIDNIGHT, {**MIDNIGHT, "id": "v", "cron": "0 12 * * *"}]},
        ("windows",), [{**MIDNIGHT, "id": "v"}, {**MIDNIGHT, "cron": "0 12 * * *"}], kinds(), [], BOTH,
    ),
    "Window.cron": Case(quiet(), (*W, "cron"), "0 12 * * *", kinds(), [], BOTH),
    "Window.length": Case(quiet(), (*W, "length"), "8m", seconds(), [], [480, 604]),
    "Window.zone": Case(quiet(), (*W, "zone"), "Europe/Berlin", kinds(), [], BOTH),
    "Maintenance.id": Case(planned(), (*M, "id"), "n", waits, ["maintenance m"], ["maintenance n"]),
    "Maintenance.match": Case(planned(), (*M, "match"), ["group=office"], kinds(), [], BOTH),
    "Maintenance.cron": Case(planned(), (*M, "cron"), "0 12 * * *", kinds(), [], BOTH),
    "Maintenance.length": Case(planned(), (*M, "length"), "8m", seconds(), [], [480, 604]),
    "Maintenance.from": Case(
        planned(**MOVE), (*M, "from"), "2026-01-01T00:07:00Z", seconds(), [], [314, 900]
    ),
    "Maintenance.until": Case(
        planned(**MOVE), (*M, "until"), "2026-01-01T00:08:00Z", seconds(), [], [480, 604]
    ),
    "Maintenance.zone": Case(planned(), (*M, "zone"), "Europe/Berlin", kinds(), [], BOTH),
    "Target.depends_on": Case(behind(), D, ["gateway"], count(GATE), 2, 0),
    "Dependency.targets": Case(
        behind({"targets": ["gateway"]}), (*D, "targets"), ["other"], count(GATE), 0, 2
    ),
    "Dependency.at_least": Case(
        behind({"targets": ["gateway", "other"]}), (*D, "at_least"), 1, count(GATE), 0, 2
    ),
    "Target.flapping": Case(one(), F, False, count(FLAPS, "1h"), 4, 8),
    "Defaults.flapping": Case(one(), ("defaults", "flapping"), False, count(FLAPS, "1h"), 4, 8),
    "Flapping.method": Case(flapping(), (*F, "method"), "icinga", count(FLAPS, "1h"), 4, 8),
    "Flapping.opened_max": Case(flapping(), (*F, "opened_max"), 4, count(FLAPS, "1h"), 4, 6),
    "Flapping.window": Case(flapping(), (*F, "window"), "6m", count(FLAPS, "1h"), 4, 8),
    "Flapping.low": Case(flapping(method="nagios"), (*F, "low"), 1, seconds(FAST, "1h"),
 [314, 334, 374, 394, 434, 454, 984, 2104], [314, 334, 374, 394, 434, 454, 1104, 2104]),
    "Flapping.high": Case(flapping(method="nagios"), (*F, "high"), 90, count(FAST, "1h"), 8, 22),
}  # fmt: skip
