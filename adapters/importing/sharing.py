"""Values that targets share, written once under `defaults` and `templates`, so that the result is as short as a hand would write it."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from .imported import Imported, ImportedEntry, plain

_KEYS: dict[str, Any] = {
    "every": None,
    "timeout": "5s",
    "retry_every": None,
    "expect": [],
    "warn": [],
    "rules": [],
    "notify": [],
}
"""The keys that `defaults` have, and what a target without one then states, so that the default is not its own; None: nothing."""
_SHARING_MIN = 3
"""So many targets share a value at least: below that it is as short where it stands."""
_TEMPLATES_MAX = 16
_OWN = ("group", "labels", "description")
"""The keys of a target that say where it belongs: templates have them where that makes but few templates more."""
_FURTHER_MAX = 2


class _Shared(NamedTuple):
    """A value that is to be a default."""

    key: str
    value: Any
    absent: Any


def share(imported: Imported, is_same: Callable[[], bool]) -> None:
    """Moves shared values out of targets; `is_same` tells whether the configuration still says the same, and passes check."""
    _to_defaults(imported, is_same)
    _to_templates(imported, is_same)


def _to_defaults(imported: Imported, is_same: Callable[[], bool]) -> None:
    for key, absent in _KEYS.items():
        shared = _most_frequent(imported, key, absent)
        if shared is None:
            continue
        before = [(target, target.data) for target in imported.sections["targets"]]
        for target, data in before:
            target.data = _without(data, shared)
        if imported.sections["defaults"]:
            defaults = imported.sections["defaults"][0]
        else:
            defaults = imported.add("defaults", {})
        defaults.data[key] = shared.value
        if not is_same():
            del defaults.data[key]
            for target, data in before:
                target.data = data
        if not defaults.data:
            imported.sections["defaults"].clear()


def _to_templates(imported: Imported, is_same: Callable[[], bool]) -> None:
    """Has targets that state the same under several keys use a template; that which saves most lines comes first."""
    before = [(target, target.data) for target in imported.sections["targets"]]
    templates = imported.sections["templates"]
    held = [*templates]
    chosen, broader = _alike(imported, (*_KEYS, *_OWN)), _alike(imported, (*_KEYS,))
    if len(chosen) > len(broader) + _FURTHER_MAX:
        chosen = broader
    for number, alike in enumerate(chosen, 1):
        name = f"shared-{number}"
        imported.add("templates", alike.common, name=name)
        for target in alike.targets:
            own = {key: value for key, value in target.data.items() if key not in alike.common}
            target.data = {"id": own.pop("id"), "use": name, **own}
    if chosen and not is_same():
        templates[:] = held
        for target, data in before:
            target.data = data


class _Alike(NamedTuple):
    """Targets that state the same under some keys."""

    common: dict[str, Any]
    targets: list[ImportedEntry]

    @property
    def saved(self) -> int:
        """How many lines fewer there are where they use a template."""
        return _lines_saved(self.common, len(self.targets))


def _alike(imported: Imported, keys: tuple[str, ...]) -> list[_Alike]:
    """Returns the groups of targets that are alike under these keys and gain by a template, the largest gain first."""
    found: dict[str, list[ImportedEntry]] = {}
    for target in imported.sections["targets"]:
        stated = {key: plain(target.data[key]) for key in keys if key in target.data}
        # An empty list stays, as it is there against a default.
        common = {key: value for key, value in stated.items() if value != []}
        found.setdefault(json.dumps(common), []).append(target)
    groups = [_Alike(json.loads(text), targets) for text, targets in found.items()]
    groups.sort(key=lambda group: -group.saved)
    return [group for group in groups if group.saved > 0][:_TEMPLATES_MAX]


def _lines_saved(common: dict[str, Any], count: int) -> int:
    """Returns how many lines fewer there are where so many targets use a template; nothing for a few of them, and for one key."""
    if count < _SHARING_MIN or len(common) < 2:
        return 0
    lines = sum(_lines(value) for value in common.values())
    return (lines - 1) * count - lines - 1


def _lines(value: Any) -> int:
    entries = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return sum(map(_lines, entries), start=1) if entries else 1


def _most_frequent(imported: Imported, key: str, absent: Any) -> _Shared | None:
    """Returns the most frequent value of a key; None where a default makes nothing shorter."""
    targets = imported.sections["targets"]
    values = Counter(json.dumps(plain(target.data[key])) for target in targets if key in target.data)
    text, count = next(iter(values.most_common(1)), ("", 0))
    lacking = len(targets) - values.total() if absent is not None else 0
    if count < _SHARING_MIN or count <= lacking + 1:
        return None
    return _Shared(key, json.loads(text), absent)


def _without(data: dict[str, Any], shared: _Shared) -> dict[str, Any]:
    """Returns the keys of a target without the value that is its default, and with its own in place of what it does not state."""
    if shared.key not in data:
        return data if shared.absent is None else data | {shared.key: shared.absent}
    if plain(data[shared.key]) != shared.value:
        return data
    return {key: value for key, value in data.items() if key != shared.key}
