"""A second, naive way to write a configuration out: no place is kept, nothing is counted, and nothing is refused."""

import json
from copy import deepcopy
from typing import Any

Files = dict[str, dict[str, Any]]


def written_out(files: Files, name: str = "w.yaml") -> dict[str, Any]:
    """The configuration without reuse that the files say."""
    whole = together(files, name)
    templates, defaults = whole.pop("templates", {}), whole.get("defaults", {})
    http = defaults.pop("http", {})
    whole["targets"] = [
        target
        for stated in whole.get("targets", [])
        for target in looped(used(stated, templates))
        if "http" not in target or target.update(http=over(target["http"], http)) is None
    ]
    return whole


def together(files: Files, name: str) -> dict[str, Any]:
    stated = deepcopy(files[name])
    included = stated.pop("include", [])
    whole = {key: value for key, value in stated.items() if not key.startswith("x-")}
    for other in included:
        for key, value in together(files, other).items():
            if isinstance(value, list):
                whole[key] = whole.get(key, []) + value
            else:
                whole[key] = over(whole.get(key, {}), value)
    return whole


def over(above: Any, below: Any) -> Any:
    """The value above, with what the mapping below has besides."""
    if not (isinstance(above, dict) and isinstance(below, dict)):
        return above
    return {key: over(above.get(key, below.get(key)), below.get(key)) for key in {**above, **below}}


def used(target: dict[str, Any], templates: dict[str, Any]) -> dict[str, Any]:
    whole = {key: value for key, value in target.items() if key != "use"}
    names = target.get("use", [])
    for name in reversed([names] if isinstance(names, str) else names):
        whole = over(whole, used(templates[name], templates))
    return whole


def looped(target: dict[str, Any]) -> list[dict[str, Any]]:
    entries = target.pop("for_each", None)
    return [target] if entries is None else [json.loads(filled(json.dumps(target), each)) for each in entries]


def filled(text: str, entry: Any) -> str:
    if not isinstance(entry, dict):
        return text.replace("${each}", str(entry))
    for key, value in entry.items():
        text = text.replace(f"${{each.{key}}}", str(value))
    return text
