"""Files that a configuration names: found from its own folder, readable, and of use."""

import os
import ssl
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path as FilePath
from typing import Any, TypeVar

from ...domain.specification.configuration import IN_MEMORY
from ...domain.specification.construction.shape import UNREADABLE
from ...domain.specification.problem import Path, Problem, quoted
from ...domain.store_place import is_url
from .certificate_files import secured_parts
from .key_files import holds_certificate, key_fault_of

P = TypeVar("P")


def settle(data: Any, folder_of: Callable[[Path], FilePath], *, looks: bool = True) -> list[Problem]:
    """Makes the file names in plain data absolute, in place, and returns what is wrong with the files.

    `folder_of` gives the folder from which the name at a path is meant. Unless it `looks` at them, only names that no file can have are wrong.
    """
    problems: list[Problem] = []
    fault_of = cache(file_fault)
    for holder, key, path in _names(data):
        name = holder[key]
        if not isinstance(name, str):
            continue
        found = folder_of(path) / name
        usable = name and "\0" not in name
        fault = "an empty or unprintable text names no file"
        if usable:
            fault = fault_of(found, key) if looks else ""
        holder[key] = UNREADABLE if fault else str(found)
        if fault:
            problems.append(Problem(path, fault))
    if looks:
        problems.extend(_key_problems(data))
        problems.extend(_system_problems(data))
    return problems


def _key_problems(data: Any) -> Iterator[Problem]:
    """Private keys that cannot be used with their certificates; of pairs whose files can be read."""
    fault_of = cache(key_fault_of)
    for path, tls, _ in secured_parts(data):
        certificate, key = tls.get("certificate_file"), tls.get("key_file")
        password = tls.get("key_password")
        if isinstance(certificate, str) and isinstance(key or "", str) and isinstance(password or "", str):
            fault = fault_of(certificate, key, password)
            if fault is not None:
                place = "certificate_file" if key is None or fault.is_of_certificate else "key_file"
                yield Problem((*path, place), fault.value)


def _names(data: Any) -> Iterator[tuple[dict[str, Any], str, Path]]:
    """Every place in plain data where a file is named, whatever else may be wrong with the data."""
    runtime = _part(data, "runtime", dict)
    store = runtime.get("store", IN_MEMORY)
    if store != IN_MEMORY and not (isinstance(store, str) and is_url(store)):
        yield runtime, "store", ("runtime", "store")
    for part in secured_parts(data):
        yield from ((part.data, key, (*part.path, key)) for key in part.names)
    for group in ("targets", "channels"):
        for at, entry in enumerate(_part(data, group, list)):
            command = _part(entry, "exec", dict)
            if "directory" in command:
                yield command, "directory", (group, at, "exec", "directory")


def _part(holder: Any, key: str, kind: type[P]) -> P:
    """The value under the key, or an empty one where it is missing or of another kind."""
    found = holder.get(key) if isinstance(holder, dict) else None
    return found if isinstance(found, kind) else kind()


def file_fault(found: FilePath, key: str) -> str:
    """Returns what is wrong with the file that stands under a key such as `ca_file`; nothing where it can be used."""
    try:
        match key:
            case "store":
                return _store_fault(found)
            case "directory":
                return "" if found.is_dir() else f"{quoted(str(found))} is no folder"
            case "ca_file":
                return _reading_fault(found) or _authorities_fault(found)
            case _:
                return _reading_fault(found)
    except OSError as error:
        return f"{quoted(str(found))} cannot be used: {error.strerror}"


def _store_fault(found: FilePath) -> str:
    if found.is_dir():
        return f"{quoted(str(found))} is a folder: name a file in it"
    if found.exists() and not found.is_file():
        return f"{quoted(str(found))} is a device or a pipe: name a file"
    if not found.parent.is_dir():
        return f"there is no folder {quoted(str(found.parent))} for the store: make it first"
    if not os.access(found.parent, os.W_OK):
        return f"the folder {quoted(str(found.parent))} cannot be written to"
    return ""


def _reading_fault(found: FilePath) -> str:
    if found.is_dir():
        return f"{quoted(str(found))} is a folder: name a file"
    with found.open("rb") as file:
        file.read(1)
    return ""


def _authorities_fault(found: FilePath) -> str:
    if holds_certificate(found):
        return ""
    return (
        f"{quoted(str(found))} holds no certificate that can be read: write those of the authorities as PEM"
    )


def _system_problems(data: Any) -> Iterator[Problem]:
    """The first place that needs the certificate authorities of a machine that has none."""
    known = ssl.get_default_verify_paths()
    if known.cafile or (known.capath and any(FilePath(known.capath).iterdir())):
        return
    needing = (part.needing_authorities for part in secured_parts(data))
    for path in (path for path in needing if path is not None):
        text = "needs certificate authorities, and this machine has none: install ca-certificates, or name a file under tls.ca_file"
        yield Problem(path, text)
        return
