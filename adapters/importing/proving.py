"""Makes sure that the result of an importer is a valid configuration: what `check` would refuse is taken out and listed."""

import json
from pathlib import Path as FilePath
from typing import Any

from ...domain.errors import ConfigurationError
from ...domain.specification.configuration import Configuration
from ...domain.specification.problem import Path, Problem, path_text
from ..configuration.loading import Examined, examine
from .imported import SECTIONS, Imported, ImportedEntry, Placed, plain
from .sharing import share
from .source import Note, PeerFile
from .writer import write

_ROUNDS_MAX = 1_000
_IN_PARTS = frozenset({"expect", "warn", "labels", "notify", "rules"})
"""The keys of a target of which one entry may be taken out alone."""


def proven(imported: Imported, file: PeerFile, folder: FilePath, head: str) -> str:
    """Returns the text of a configuration that passes `check`; `imported` has what was taken out of it under `lost`.

    Variables and the files that values name are taken to be there and right. Raises: ConfigurationError where nothing that could
    be taken out would help, as in a file with too many targets.
    """
    for template in [*imported.sections["templates"]]:
        _prove_template(imported, template, folder)
    for _ in range(_ROUNDS_MAX):
        text = write(imported, file, head)
        examined = examine(text, None, folder=folder, looks_at_files=False)
        if not examined.faults and examined.configuration is not None:
            return _shortened(imported, file, folder, head, examined.configuration)
        # From the rear, and of each entry one alone: the numbers of those before it stay.
        of_entries = {problem.path[:2]: problem for problem in _refused(examined)}
        for problem in reversed(of_entries.values()):
            _take_out(imported, file, problem)
    raise ConfigurationError(
        f"{file.name}: it has more than {_ROUNDS_MAX:,} problems in one part: mend it first"
    )


def _shortened(
    imported: Imported, file: PeerFile, folder: FilePath, head: str, configuration: Configuration
) -> str:
    """Returns the text with shared values under `defaults`, which says the same as `configuration`."""

    def is_same() -> bool:
        examined = examine(write(imported, file, head), None, folder=folder, looks_at_files=False)
        whole = examined.configuration
        return not examined.faults and whole is not None and whole.targets == configuration.targets

    share(imported, is_same)
    return write(imported, file, head)


def _prove_template(imported: Imported, template: ImportedEntry, folder: FilePath) -> None:
    """Takes out of a template what `check` would refuse of a target that uses it."""
    for _ in range(_ROUNDS_MAX):
        target = {"id": "target", **_merged(plain(template.data), template.completing)}
        text = json.dumps({"targets": [target]})
        examined = examine(text, None, folder=folder, looks_at_files=False)
        if not examined.faults:
            return
        problem = _refused(examined)[-1]
        reason = f"check refuses {path_text(problem.path[2:]) or 'it'}: {problem.text}"
        imported.lost.append(Note(template.first, template.source or (), reason))
        if not _is_part(problem.path) or not _dropped(template.data, problem.path[2:]):
            imported.sections["templates"].remove(template)
            return


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return one | {
        key: _merged(one[key], value) if isinstance(value, dict) and key in one else value
        for key, value in other.items()
    }


def _refused(examined: Examined) -> list[Problem]:
    """Returns what is refused, in the order of the configuration."""
    found = examined.problems or [fault.problem for fault in examined.faults]
    return sorted(found, key=lambda problem: _order(problem.path))


def _is_part(path: Path) -> bool:
    return len(path) > len(("targets", 0, "expect")) and path[2] in _IN_PARTS


def _order(path: Path) -> tuple[tuple[bool, str, int], ...]:
    return tuple(
        (isinstance(step, int), "" if isinstance(step, int) else step, step if isinstance(step, int) else 0)
        for step in path
    )


def _take_out(imported: Imported, file: PeerFile, problem: Problem) -> None:
    """Takes one value out, or the whole entry that holds it. Raises: ConfigurationError where no entry holds it."""
    path = problem.path
    section = str(path[0]) if path else SECTIONS[-1]
    entry = _entry(imported.sections.get(section, []), path[1] if len(path) > 1 else None)
    if entry is None:
        raise ConfigurationError(f"{file.name}: what it comes to is no configuration: {problem}")
    if section == "channels" and "log" not in entry.data:
        # Its targets keep a channel until another one is chosen.
        entry.data = {"id": entry.data["id"], "log": {}}
    elif not _is_part(path) or not _dropped(entry.data, path[2:]):
        imported.sections[section].remove(entry)
        for target in entry.reminds:
            # Without its route a target tells its channels by itself.
            target.data["notify"] = [*entry.data["to"]]
    reason = f"check refuses {path_text(path[2:]) or 'it'}: {problem.text}"
    imported.lost.append(Note(entry.first, entry.source or (section,), reason))


def _entry(entries: list[ImportedEntry], at: Any) -> ImportedEntry | None:
    if isinstance(at, int):
        return entries[at] if at < len(entries) else None
    return next((entry for entry in entries if entry.name == at), None)


def _dropped(data: dict[str, Any], path: Path) -> bool:
    """Takes a condition, a label or a channel out of an entry; returns whether it was found."""
    key, step = path[0], path[1]
    held = data.get(str(key))
    held = held.value if isinstance(held, Placed) else held
    if isinstance(held, list) and isinstance(step, int):
        held.pop(step)
    elif isinstance(held, dict):
        held.pop(str(step))
    else:
        return False
    if not held:
        del data[str(key)]
    return True
