"""The effect of each key of the kinds of probes that installed packages bring."""

from pathlib import Path
from typing import Any

from of_network_probes import ELSEWHERE
from of_probes import probe_kind
from packages import package
from watched import Real, one_target

TEXT = """
async def good(settings, deadline):
    return settings.get("good", True)

async def bad(settings, deadline):
    return False
"""
POINTS = {"good": "good", "bad": "bad"}


def plugin(folder: Path, probe: dict[str, Any]) -> str:
    with package(folder, TEXT, POINTS):
        return one_target(folder, {"plugin": probe})[0]


def kind(folder: Path, probe: dict[str, Any]) -> Any:
    with package(folder, TEXT, POINTS):
        return probe_kind(folder, probe)


PLUGINS: dict[str, Real] = {
    "Target.plugin": Real(kind, (ELSEWHERE, {"plugin": {"name": "good"}}), ("http", "plugin")),
    "Plugin.name": Real(lambda folder, value: plugin(folder, {"name": value}), ("good", "bad"), ("up", "down")),
    "Plugin.settings": Real(lambda folder, value: plugin(folder, {"name": "good", "settings": value}), ({}, {"good": False}), ("up", "down")),
}  # fmt: skip
