"""The effect of each key of reuse: which targets there are, what they are told of, and what a server is asked."""

import json
from pathlib import Path
from typing import Any

from cases import DOWN, Case, shop, words
from seeing import samples
from servers import web
from watched import Real, watching

API = {"every": "10s", "notify": ["ops"], "http": {"url": "http://${each}.example/"}}
TEMPLATED = {
    "channels": [{"id": "ops", "log": {}}],
    "templates": {"api": {**API, "rules": [{"id": "down", "kind": "consecutive", "after": 2}]}, "other": API},
    "targets": [{"use": "api", "for_each": ["shop"], "id": "${each}"}],
}
RETIRED = [{"id": "down", "kind": "consecutive", "state": "retired"}]


def included(folder: Path, document: dict[str, Any]) -> list[str]:
    """The notices where a file beside the configuration retires the rule of every target."""
    (folder / "more.yaml").write_text(json.dumps({"defaults": {"rules": RETIRED}}))
    return words(folder, document)


def method(folder: Path, value: dict[str, Any]) -> str:
    """The method by which the target is asked, whose own keys of `http` have the url alone."""
    with web() as server:
        document = watching({"http": {"url": server.url("/healthy")}}) | {"defaults": {"http": value}}
        samples(folder, document)
        return server.heard[0].method


REUSED: dict[str, Case] = {
    "Configuration.include": Case(shop(), ("include",), ["more.yaml"], included, DOWN, []),
    "Configuration.templates": Case(TEMPLATED, ("templates", "api", "rules"), RETIRED, words, DOWN, []),
    "Target.use": Case(
        TEMPLATED | {"templates": {**TEMPLATED["templates"], "other": {**API, "rules": RETIRED}}},
        ("targets", 0, "use"), "other", words, DOWN, [],
    ),
    "Target.for_each": Case(TEMPLATED, ("targets", 0, "for_each"), ["till"], words, DOWN,
                            ["till/down opened", "till/down resolved"]),
    "Defaults.expect": Case(shop(), ("defaults",), {"expect": ["[STATUS] == 200"]},
                            lambda folder, document: words(folder, document, script="ok 5m, status 204 5m, ok"), [], DOWN),
    "Defaults.warn": Case(shop(), ("defaults",), {"warn": ["[STATUS] == 200"]},
                          lambda folder, document: words(folder, document, script="ok 5m, status 204 5m, ok"),
                          [], ["shop/warn opened", "shop/warn resolved"]),
}  # fmt: skip

SERVED: dict[str, Real] = {"Defaults.http": Real(method, ({}, {"method": "POST"}), ("GET", "POST"))}
