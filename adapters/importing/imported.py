"""The result of an importer: the parts of a configuration, each with the part of the peer's file that it comes from."""

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from ...domain.limits import (
    MATCHER_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    REMIND_NS_MAX,
    REMIND_NS_MIN,
    ROUTES_MAX,
)
from ...domain.specification.problem import Path
from ...domain.specification.routing import Route
from ...domain.time.duration import parse_duration
from .source import Note, PeerPart

_NOT_IN_IDS = re.compile(r"[/\x00-\x1f\x7f]+")
_PING_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")
_GROUP_INTERVAL = Route(to=("x",)).group_interval
"""How long a route waits between two notices of a group; reminders are not closer."""
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class Placed(msgspec.Struct, frozen=True):
    """A value and the line of the peer's file that states it."""

    value: Any
    line: int


class ImportedEntry(msgspec.Struct, kw_only=True):
    """An entry of a list of the configuration, or a mapping of it that has a name."""

    data: dict[str, Any]
    """Plain data, in which any value may be `Placed`."""
    source: Path | None = None
    """The part of the peer's file that it comes from; None where nothing there states it."""
    first: int = 0
    last: int = 0
    """Its lines in the peer's file."""
    name: str = ""
    """Its key, where it is no entry of a list."""
    remarks: tuple[str, ...] = ()
    """Comments of the importer, which no reader has to act on."""
    completing: dict[str, Any] = {}
    """Of a template: the keys that a target adds to it."""

    reminds: tuple["ImportedEntry", ...] = ()
    """Of a route: the targets that it tells in place of their own channels."""

    @property
    def plain_id(self) -> str:
        """Its id, without its line."""
        return str(plain(self.data.get("id", "")))


class _Reminded(NamedTuple):
    """A target of which its channels are told again, and the key that says so."""

    entry: ImportedEntry
    part: PeerPart
    key: str


SECTIONS = (
    "runtime",
    "web",
    "templates",
    "defaults",
    "channels",
    "routes",
    "windows",
    "maintenance",
    "targets",
)
"""The keys of a configuration that importers write, in the order in which they are written."""


class Imported:
    """The configuration that is made of a peer's file."""

    def __init__(self) -> None:
        """Is empty at first."""
        self.sections: dict[str, list[ImportedEntry]] = {section: [] for section in SECTIONS}
        self.lost: list[Note] = []
        """The parts that `check` refused."""
        self._ids: set[str] = set()
        self._numbers: dict[str, int] = {}
        """By a name that several entries state, the number of the last one."""
        self._reminders: dict[tuple[str, tuple[str, ...]], list[_Reminded]] = {}

    def add(
        self, section: str, data: dict[str, Any], part: PeerPart | None = None, name: str = ""
    ) -> ImportedEntry:
        """Adds an entry that comes from a part of the peer's file."""
        entry = ImportedEntry(data=without_nothing(data), name=name)
        if part is not None:
            entry.source, entry.first = part.path, part.line
            entry.last = part.file.last_line(part.path, part.value)
        self.sections[section].append(entry)
        return entry

    def new_id(self, *steps: str | None) -> str:
        """Returns an id of these steps, such as `group.name`, that no other entry has."""
        stated = ".".join(filter(None, (_NOT_IN_IDS.sub("-", step or "").strip() for step in steps)))
        stated = (stated if stated.strip(".") else "target")[: NAME_CHARACTERS_MAX - 8].strip()
        number, found = self._numbers.get(stated, 1), stated
        while found in self._ids:
            number += 1
            found = f"{stated}-{number}"
        self._numbers[stated] = number
        self._ids.add(found)
        return found

    def remind(self, entry: ImportedEntry, every: str, part: PeerPart, key: str) -> None:
        """Tells the channels of a target again of an incident that lasts; `every` is a duration, which a key of the peer states."""
        channels = plain(entry.data.get("notify"))
        if channels and (reason := _unfit(every)):
            part.leave(key, reason)
        elif channels:
            self._reminders.setdefault((every, tuple(channels)), []).append(_Reminded(entry, part, key))

    def write_reminders(self) -> None:
        """Adds the routes that remind, in place of the channels of their targets: a target that names channels has no route."""
        routes = self.sections["routes"]
        for (every, channels), reminded in self._reminders.items():
            are_all = len(reminded) == len(self.sections["targets"])
            matchers = [None] if are_all else [*matchers_of(each.entry.plain_id for each in reminded)]
            if len(routes) + len(matchers) > ROUTES_MAX:
                for each in reminded:
                    each.part.leave(each.key, f"there are at most {ROUTES_MAX} routes, which remind")
                continue
            targets = tuple(each.entry for each in reminded)
            for matcher in matchers:
                data = {"match": matcher and [matcher], "to": [*channels], "remind_every": every}
                if parse_duration(every) < parse_duration(_GROUP_INTERVAL):
                    data["group_interval"] = every
                self.add("routes", data).reminds = targets
            for each in reminded:
                del each.entry.data["notify"]
        self._reminders.clear()

    def open_door(self) -> None:
        """Adds the door by which jobs report, where any target is a heartbeat."""
        if any("heartbeat" in entry.data for entry in self.sections["targets"]):
            self.add("web", {"listen": "127.0.0.1:8080"})

    @property
    def entries(self) -> Iterator[ImportedEntry]:
        """All entries in the order in which they are written."""
        for section in SECTIONS:
            yield from self.sections[section]


def _unfit(every: str) -> str:
    """Returns why a time is none between reminders; nothing where it is one."""
    try:
        is_fit = REMIND_NS_MIN <= parse_duration(every) <= REMIND_NS_MAX
    except ValueError:
        is_fit = False
    return (
        "" if is_fit else "channels are told again after a minute at the earliest, and 30 days at the latest"
    )


def matchers_of(targets: Iterable[str]) -> Iterator[str]:
    """Yields matchers of these targets, each with as many as it has room for."""
    held = ""
    for target in targets:
        signs = "".join(f"\\{each}" if each in r"\.+*?()|[]{}^$" else each for each in target)
        longer = f"{held}|{signs}" if held else signs
        if held and len(_matching(longer)) > MATCHER_CHARACTERS_MAX:
            yield _matching(held)
            longer = signs
        held = longer
    yield _matching(held)


def _matching(pattern: str) -> str:
    return f"target=~{quoted(pattern)}"


def quoted(text: str) -> str:
    """Returns a text as the value of a matcher."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def plain(value: Any) -> Any:
    """Returns data without the lines from which they come."""
    if isinstance(value, Placed):
        value = value.value
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [*map(plain, value)] if isinstance(value, list) else value


def without_nothing(data: dict[str, Any]) -> dict[str, Any]:
    """Returns a mapping without the keys that have no value, at any depth."""
    kept = {}
    for key, value in data.items():
        line = value.line if isinstance(value, Placed) else None
        held = value.value if isinstance(value, Placed) else value
        if isinstance(held, dict):
            held = without_nothing(held)
        elif isinstance(held, list):
            held = [without_nothing(each) if isinstance(each, dict) else each for each in held]
        if held is None or held in ([], {}):
            continue
        kept[key] = held if line is None else Placed(held, line)
    return kept


def placed(part: PeerPart, key: str, value: Any) -> Any:
    """Returns a value with the line of the key that states it; alone where nothing states it."""
    return Placed(value, part.line_of(key)) if value is not None and key in part.value else value


def seconds_text(seconds: float) -> str:
    """Returns a duration in the largest unit that divides it."""
    if seconds <= 0 or not math.isfinite(seconds) or seconds != int(seconds):
        return f"{seconds:g}s"
    return next(f"{int(seconds) // size}{unit}" for size, unit in _UNITS if seconds % size == 0)


def literal(text: str) -> str:
    """Returns a text as our files write it, in which no variable is filled in."""
    return text.replace("${", "$${")


def label_name(text: str, number: int) -> str:
    """Returns a text as the name of a label; `number` makes one of a text without a letter."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "_.-") else "-" for each in text)
    return plain if plain[:1].isalpha() or plain[:1] == "_" else f"tag-{plain or number}"


def ping_key(part: PeerPart, key: str, text: str | None) -> Any:
    """Returns a text as the key of a heartbeat, with its line; None where it can be none, which is listed."""
    if text is None:
        return None
    if _PING_KEY.fullmatch(text) or text.startswith("${"):
        return placed(part, key, text)
    part.leave(
        key, "a key has 16 to 128 letters, digits, hyphens and underscores: choose one as heartbeat.key"
    )
    return None
