"""Files that a configuration names: found from its own folder, and readable."""

import os
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from ...domain.specification.problem import Path, Problem, quoted
from ...domain.specification.shape import UNREADABLE

_FILES = ("ca_file", "certificate_file", "key_file")


class Files:
    """Makes the paths in plain data absolute and gathers what is wrong with the files."""

    def __init__(self, folder: FilePath) -> None:
        self._folder = folder
        self.problems: list[Problem] = []
        self._judged: dict[FilePath, str] = {}

    def settle(self, data: Any) -> None:
        """Replace every file name in place."""
        for holder, key, path in _names(data):
            name = holder[key]
            if not isinstance(name, str):
                continue
            if not name or "\0" in name:
                fault = "an empty or unprintable text names no file"
            else:
                found = self._folder / name
                holder[key] = str(found)
                fault = self._fault(found, key)
            if fault:
                self.problems.append(Problem(path, fault))
                holder[key] = UNREADABLE

    def _fault(self, found: FilePath, key: str) -> str:
        if found not in self._judged:
            self._judged[found] = _fault(found, key)
        return self._judged[found]


def _names(data: Any) -> Iterator[tuple[dict[str, Any], str, Path]]:
    """Every place in plain data where a file is named, whatever else may be wrong with the data."""
    runtime = _mapping(data, "runtime")
    if "store" in runtime:
        yield runtime, "store", ("runtime", "store")
    for group, kind in (("targets", "http"), ("channels", "webhook")):
        for at, entry in enumerate(_list(data, group)):
            tls = _mapping(_mapping(entry, kind), "tls")
            yield from ((tls, key, (group, at, kind, "tls", key)) for key in _FILES if key in tls)
            command = _mapping(entry, "exec")
            if "directory" in command:
                yield command, "directory", (group, at, "exec", "directory")


def _mapping(holder: Any, key: str) -> dict[str, Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    return found if isinstance(found, dict) else {}


def _list(holder: Any, key: str) -> list[Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else []


def _fault(found: FilePath, key: str) -> str:
    try:
        match key:
            case "store":
                return _store_fault(found)
            case "directory":
                return "" if found.is_dir() else f"{quoted(str(found))} is no folder"
            case _:
                return _reading_fault(found)
    except OSError as error:
        return f"{quoted(str(found))} cannot be used: {error.strerror}"


def _store_fault(found: FilePath) -> str:
    if found.is_dir():
        return f"{quoted(str(found))} is a folder: name a file in it"
    if not found.parent.is_dir():
        return f"there is no folder {quoted(str(found.parent))} for the store: make it first"
    return (
        ""
        if os.access(found.parent, os.W_OK)
        else f"the folder {quoted(str(found.parent))} cannot be written to"
    )


def _reading_fault(found: FilePath) -> str:
    if found.is_dir():
        return f"{quoted(str(found))} is a folder: name a file"
    with found.open("rb") as file:
        file.read(1)
    return ""
