"""The effect of each key of the rules that do not count in a row, seen at the channel in virtual time."""

from typing import Any

from cases import Case, R, T, mild, scripted, seconds, shop, slow
from seeing import posts, words

SHAKY = "ok 5m, down 20s, ok 10s, down 10s, ok"
"""Two bad samples, a good one, a bad one: three of four."""
HALF = "ok 5m, degraded 1m, down 1m, ok"
FOUND = ["shop/some opened", "shop/some resolved"]
HARD = ["shop/hard opened", "shop/hard resolved"]


def some(**fields: Any) -> dict[str, Any]:
    return shop({"id": "some", "kind": "k_of_n", "bad": 3, "of": 5, "recover": 2, **fields})


def hard(**fields: Any) -> dict[str, Any]:
    return shop({"id": "hard", "kind": "nagios", "max_check_attempts": 2, **fields})


def slower(**fields: Any) -> dict[str, Any]:
    return slow(mode="relative_change", value=50, aggregate="mean", window="1m", baseline="2m", **fields)


def promised(**fields: Any) -> dict[str, Any]:
    document = shop({"id": "retired", "kind": "consecutive", "state": "retired"})
    document["targets"][0]["slo"] = {"objective": "99.9%", **fields}
    return document


def without_slo() -> dict[str, Any]:
    document = promised()
    del document["targets"][0]["slo"]
    return document


def slow_now() -> dict[str, Any]:
    document = shop()
    document["targets"][0]["warn"] = ["[RESPONSE_TIME] < 800"]
    return document


def together(composite: dict[str, Any]) -> dict[str, Any]:
    """A target that is made from two others, of which one is down for a while."""
    quick = {"every": "10s", "rules": [{"id": "down", "kind": "consecutive", "after": 2, "recover": 1}]}
    members = [{"id": name, "tcp": {"host": name, "port": 1}, "every": "10s"} for name in ("eu", "us")]
    whole = {"id": "shop", "composite": composite, "notify": ["ops"], "default_rules": False, **quick}
    return {"channels": [{"id": "ops", "log": {}}], "targets": [whole, *members]}


def with_one_down(folder: Any, document: Any) -> list[str]:
    scripts = {"shop": "ok", "eu": "ok 5m, down 5m, ok", "us": "ok"}
    return [said for name, _, notice in posts(folder, document, scripts, "20m")
            for said in [f"{notice.incident.target}/{notice.incident.rule} {notice.change.value}"] if name]  # fmt: skip


SEEN = scripted(words, script=SHAKY)
TIMES = scripted(seconds, script=SHAKY)
STATES = scripted(words, script=HALF)
SPENT = scripted(words, script="ok 1h, down 2m, ok", length="2h")
S = (*T, "slo")
W = (*T, "composite")
WHOLE = ["shop/down opened", "shop/down resolved"]
WARNED = ["shop/warn opened", "shop/warn resolved"]
TICKET = ["shop/slo-ticket opened"]
BOTH = ["shop/slo-ticket opened", "shop/slo-page opened", "shop/slo-page resolved"]
"""One of a tenth of a percent of the samples, over hours and over days; the ticket is open at the end."""

RULED: dict[str, Case] = {
    "KOfN.kind": Case(some(), R, {"id": "some", "kind": "no_data", "after": "2m"}, SEEN, FOUND, []),
    "KOfN.id": Case(some(), (*R, "id"), "few", SEEN, FOUND, ["shop/few opened", "shop/few resolved"]),
    "KOfN.severity": Case(mild(some()), (*R, "severity"), "info", SEEN, FOUND, []),
    "KOfN.state": Case(some(), (*R, "state"), "draft", SEEN, FOUND, []),
    "KOfN.for": Case(some(), (*R, "for"), "10s", TIMES, [334, 354], [344, 354]),
    "KOfN.keep_firing_for": Case(some(), (*R, "keep_firing_for"), "1m", TIMES, [334, 354], [334, 414]),
    "KOfN.bad": Case(some(), (*R, "bad"), 4, SEEN, FOUND, []),
    "KOfN.of": Case(some(), (*R, "of"), 3, SEEN, FOUND, []),
    "KOfN.recover": Case(some(), (*R, "recover"), 6, TIMES, [334, 354], [334, 394]),
    "KOfN.on": Case(some(), (*R, "on"), "degraded", scripted(seconds, script=HALF), [384, 444], [324, 444]),
    "Nagios.kind": Case(hard(), R, {"id": "hard", "kind": "no_data", "after": "2m"}, STATES, [
        "shop/hard opened", "shop/hard changed", "shop/hard resolved"], []),
    "Nagios.id": Case(hard(), (*R, "id"), "other", words, HARD, ["shop/other opened", "shop/other resolved"]),
    "Nagios.severity": Case(mild(hard()), (*R, "severity"), "info", words, HARD, []),
    "Nagios.state": Case(hard(), (*R, "state"), "draft", words, HARD, []),
    "Nagios.for": Case(hard(), (*R, "for"), "2m", seconds, [314, 604], [434, 604]),
    "Nagios.keep_firing_for": Case(hard(), (*R, "keep_firing_for"), "2m", seconds, [314, 604], [314, 724]),
    "Nagios.max_check_attempts": Case(hard(), (*R, "max_check_attempts"), 4, seconds, [314, 604], [334, 604]),
    "Threshold.recover": Case(slow(), (*R, "recover"), 100,
                              scripted(seconds, script="ok 5m, slow 700ms 1m, slow 200ms 2m, ok"),
                              [304, 364], [304, 484]),
    "Threshold.baseline": Case(slower(), (*R, "baseline"), "10m",
                               scripted(words, script="ok 5m, slow 700ms 5m, ok"),
                               ["shop/slow opened", "shop/slow resolved"], []),
    "Threshold.min_samples": Case(slow(window="1m"), (*R, "min_samples"), 6,
                                  scripted(seconds, script="slow 700ms 5m, ok"), [4, 304], [54, 304]),
    "Slo.objective": Case(promised(), (*S, "objective"), "99%", SPENT, BOTH, TICKET),
    "Slo.window": Case(promised(objective="99%"), (*S, "window"), "90d", SPENT, TICKET,
                       [*TICKET, "shop/slo-ticket resolved"]),
    "Slo.min_samples": Case(promised(), (*S, "min_samples"), 100, scripted(seconds, script="down 2m, ok", length="2h"),
                            [94, 94, 2164], [994, 994, 2164]),
    "Composite.worst_of": Case(together({"worst_of": ["eu", "us"]}), (*W, "worst_of"), ["us"], with_one_down,
                               WHOLE, []),
    "Composite.targets": Case(together({"targets": ["eu"]}), (*W, "targets"), ["us"], with_one_down, WHOLE, []),
    "Composite.at_least": Case(together({"targets": ["eu", "us"], "at_least": 2}), (*W, "at_least"), 1,
                               with_one_down, WHOLE, []),
    "Target.composite": Case(together({"worst_of": ["eu", "us"]}), W, {"targets": ["us"]}, with_one_down, WHOLE, []),
    "Target.warn": Case(slow_now(), (*T, "warn"), ["[RESPONSE_TIME] < 300"],
                        scripted(words, script="ok 5m, slow 700ms 5m, ok"), [], WARNED),
    "Target.upside_down": Case(hard(), (*T, "upside_down"), True, scripted(seconds), [314, 604],
                               [14, 304, 614]),
    "Target.slo": Case(without_slo(), S, {"objective": "99%"}, SPENT, [], TICKET),
}  # fmt: skip
