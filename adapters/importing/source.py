"""The file of a peer: its parts with their lines, and which of its keys the importer has read."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ...domain.errors import ConfigurationError
from ...domain.line import MASK, one_line
from ...domain.specification.construction.shape import UNREADABLE
from ...domain.specification.problem import Path
from ..configuration.document import parse
from ..configuration.positions import Places
from ..masking import secret_fields

SHOWN_MAX = 200
"""How many characters of a value a comment shows."""
UNKNOWN = "the importer does not know this key"
UNUSED = "it has no effect here: other kinds use it"
_PRIVATE = "x-"
"""Keys of the top level that begin so hold anchors, as in files of Docker Compose."""
SECRET_WORDS = (
    *("password", "pass", "secret", "token", "credentials", "authorization", "api-key", "webhook"),
    *("header", "metadata", "connectionstring", "proxy-url", "proxy_url", "private-key"),
)
"""Words in keys whose values no comment shows."""


_KEY_END = re.compile(r"(?=\.)|\Z")


class Note(NamedTuple):
    """A part of the file that is not in the result, and why."""

    line: int
    path: Path
    reason: str
    shown: str = ""
    """The value in one line; empty where it may be a secret."""

    @property
    def key(self) -> str:
        """The key with the numbers of entries, such as `endpoints[3].ui`."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return "".join(steps).removeprefix(".")


class PeerFile:
    """The text of a peer's file as parts, which count what is read of them."""

    def __init__(self, text: str, name: str, reasons: Mapping[str, str], mapped: Iterable[str] = ()) -> None:
        """Raises: ConfigurationError with each fault of a text that is neither YAML nor JSON.

        `reasons` says of keys, written as `endpoints[].ui`, why they are not mapped; `mapped` has those that are.
        """
        document = parse(text)
        if document.faults or document.data is UNREADABLE:
            raise ConfigurationError(
                *(f"{name}:{fault.line}:{fault.column}: {fault.said}" for fault in document.faults)
            )
        self.name = name
        self.text = text
        self.notes: list[Note] = []
        self._reasons = reasons
        self._mapped = {key[: end.start()] for key in mapped for end in _KEY_END.finditer(key)}
        self._parts: list[PeerPart] = []
        self._whole: list[Path] = []
        paths = [*_paths(document.data, ())]
        self._places = Places(text, paths)
        sources = {path: self._places.source(path) for path in paths}
        self._shared = {source[0] for path, source in sources.items() if source and source[0] != path[0]}
        self.root = PeerPart(
            self, (), document.data if isinstance(document.data, dict) else {"": document.data}
        )
        self.data = document.data

    def line(self, path: Path) -> int:
        """Returns the line in which a key or an entry begins."""
        return self._places.of(path, at_key=bool(path) and isinstance(path[-1], str))[0]

    def last_line(self, path: Path, value: Any) -> int:
        """Returns the line in which the newest key or entry of a part begins."""
        return max((self.line(below) for below in _paths(value, path)), default=self.line(path))

    def note(self, path: Path, reason: str, value: Any) -> None:
        """Lists a part that is not in the result."""
        is_secret = any(word in str(step).lower() for step in path for word in SECRET_WORDS)
        shown = "" if is_secret or isinstance(value, dict | list) else _shown(value)
        self.notes.append(Note(self.line(path), path, reason, shown))

    def leave_all_below(self, path: Path) -> None:
        """Lists nothing below a path any more: the whole is listed."""
        self._whole.append(path)
        self.notes = [note for note in self.notes if note.path[: len(path)] != path]

    def adopt(self, part: "PeerPart") -> None:
        """Remembers a part whose keys are to be read."""
        self._parts.append(part)

    def note_what_is_left(self) -> None:
        """Lists every key that nothing has read, with the reason of the key or of what holds it.

        Raises: ConfigurationError where the file has no keys at all.
        """
        if not isinstance(self.data, dict) and "" in self.root.unread:
            said = "the file is empty" if self.data is None else "a mapping is expected here"
            raise ConfigurationError(f"{self.name}:1:1: {said}: nothing can be imported")
        for part in self._parts:
            if any(part.path[: len(whole)] == whole for whole in self._whole):
                continue
            for key in part.unread:
                path = (*part.path, key)
                if len(path) == 1 and self._is_for_anchors(key):
                    continue
                self.note(path, self._reason(path), part.value[key])
        self.notes.sort(key=lambda note: note.line)

    def _is_for_anchors(self, key: str) -> bool:
        """Returns whether a key of the top level says nothing to the peer itself, and holds what aliases elsewhere take over."""
        return key.startswith(_PRIVATE) or (key in self._shared and self._reason((key,)) == UNKNOWN)

    def _reason(self, path: Path) -> str:
        for length in range(len(path), 0, -1):
            for key in _keys_of(path[:length]):
                if (reason := self._reasons.get(key)) is not None:
                    return reason
        return UNKNOWN if self._mapped.isdisjoint(_keys_of(path)) else UNUSED


class PeerPart:
    """A mapping of the file: keys that are read count as mapped, and all others are listed."""

    def __init__(self, file: PeerFile, path: Path, value: dict[str, Any]) -> None:
        self.file, self.path, self.value = file, path, value
        self._read: set[str] = set()
        file.adopt(self)

    @property
    def unread(self) -> list[str]:
        """The keys that nothing has read."""
        return [key for key in self.value if key not in self._read]

    @property
    def line(self) -> int:
        """The line in which it begins."""
        return self.file.line(self.path)

    def line_of(self, key: str) -> int:
        """Returns the line of a key; that of the whole where it is not there."""
        return self.file.line((*self.path, key)) if key in self.value else self.line

    def raw(self, key: str) -> Any:
        """Returns a value as it stands, and None for none."""
        self._read.add(key)
        return self.value.get(key)

    def text(self, key: str) -> str | None:
        """Returns a value as text; numbers and truth as YAML writes them. None where there is none, or an empty one."""
        value = self.raw(key)
        if isinstance(value, dict | list):
            self.leave(key, "a text is expected here")
            return None
        if value is None or value == "":
            return None
        return value if isinstance(value, str) else json.dumps(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Returns whether a value is true, also as 1 or as a text."""
        text = self.text(key)
        return default if text is None else text.lower() in {"true", "1", "yes", "on"}

    def number(self, key: str) -> float | None:
        """Returns a number, also one that stands as text; None where there is none."""
        text = self.text(key)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.leave(key, "a number is expected here")
            return None
        return number

    def whole(self, key: str) -> int | None:
        """Returns a number without its fraction; None where there is none."""
        number = self.number(key)
        return None if number is None else int(number)

    def texts(self, key: str) -> list[str]:
        """Returns the texts of a list, or the one that stands in place of a list."""
        value = self.raw(key)
        entries = value if isinstance(value, list) else [] if value is None else [value]
        return [each if isinstance(each, str) else json.dumps(each) for each in entries]

    def pairs(self, key: str) -> dict[str, str]:
        """Returns a mapping of texts."""
        value = self.raw(key)
        if value is not None and not isinstance(value, dict):
            self.leave(key, "a mapping is expected here")
            return {}
        return {
            name: each if isinstance(each, str) else json.dumps(each) for name, each in (value or {}).items()
        }

    def part(self, key: str) -> "PeerPart | None":
        """Returns a mapping below, of which each key is to be read on its own."""
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.leave(key, "a mapping is expected here")
            return None
        return PeerPart(self.file, (*self.path, key), value)

    def parts(self, key: str) -> list["PeerPart"]:
        """Returns the mappings of a list below."""
        value = self.raw(key)
        if value is not None and not isinstance(value, list):
            self.leave(key, "a list is expected here")
        entries = value if isinstance(value, list) else []
        found = []
        for number, entry in enumerate(entries):
            path = (*self.path, key, number) if key else (number,)
            if isinstance(entry, dict):
                found.append(PeerPart(self.file, path, entry))
            elif entry is not None:
                self.file.note(path, "a mapping is expected here", entry)
        return found

    def leave(self, key: str, reason: str) -> None:
        """Lists a key as not mapped."""
        self._read.add(key)
        self.file.note((*self.path, key), reason, self.value.get(key))

    def leave_entry(self, key: str, number: int, reason: str) -> None:
        """Lists one entry of a list as not mapped, or what stands in place of a list."""
        stated = self.value[key]
        if isinstance(stated, list):
            self.file.note((*self.path, key, number), reason, stated[number])
        else:
            self.file.note((*self.path, key), reason, stated)

    def leave_whole(self, reason: str) -> None:
        """Lists the whole as not mapped, in place of its keys."""
        self.file.leave_all_below(self.path)
        self.file.note(self.path, reason, self.value)


def key_of(path: Path) -> str:
    """Returns a path as tables of keys write it: `endpoints[].ui.hide-url`."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _keys_of(path: Path) -> Iterator[str]:
    """Yields a path as tables of keys write it, also with NAME for its second key, which a module has from its author."""
    yield key_of(path)
    if len(path) > 1:
        yield key_of((path[0], "NAME", *path[2:]))


def _paths(value: Any, path: Path) -> Iterator[Path]:
    yield path
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in below:
        yield from _paths(each, (*path, step))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    for secret in filter(None, secret_fields(text)):
        text = text.replace(secret, MASK)
    return one_line(text, SHOWN_MAX)
