"""From the text of a file to plain data: YAML by its events, under caps that hold before anything is built."""

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

import msgspec
import yaml

from ...domain import limits
from ...domain.conditions.json_document import nested_deeper
from ...domain.specification.construction.shape import UNREADABLE
from ...domain.specification.problem import Path, Problem
from .anchors import Anchor, unshared
from .scalars import resolve

Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it, else the same events from Python, twenty times slower."""

_MARKED = " is not allowed: write the value out, in quotes if it is a text that begins with {}"
"""The text of the file is not repeated: it may be a password without quotes."""
_UNKNOWN_ALIAS = (
    "an alias, and no anchor of its name ends above: put it in quotes if it is a text that begins with *"
)
_EMPTY_ANCHOR = "an anchor without a value: put it in quotes if it is a text that begins with &"
_MERGE = "<<"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class DocumentFault(msgspec.Struct, frozen=True):
    """A problem with the place where it was seen, counted from one."""

    line: int
    column: int
    problem: Problem
    file: str = ""
    """The included file in which it is; empty for the configuration itself."""
    uses: str = ""
    """Where what it is about is used, in brackets."""

    @property
    def said(self) -> str:
        """The problem in words, with its uses."""
        return f"{self.problem.text}{self.uses}"


class DocumentSize(NamedTuple):
    """The cost of files together, before anything that aliases repeat is copied."""

    values: int = 0
    repeated: int = 0
    """The characters that aliases repeat."""

    @property
    def exceeds(self) -> bool:
        """Whether it is more than is read."""
        too_long = self.repeated > limits.CONFIGURATION_BYTES_MAX
        return too_long or self.values > limits.CONFIGURATION_NODES_MAX


NOTHING_READ = DocumentSize()


class Document(msgspec.Struct, frozen=True):
    """The content of a file as plain data, and its faults as YAML."""

    data: Any
    """UNREADABLE where the file could not be read to its end."""
    faults: tuple[DocumentFault, ...] = ()
    faults_left_out: int = 0
    """How many more there are than are told at once."""
    beginning: Any = None
    """The keys of the whole that were read completely before the first fault that ends reading."""
    size: DocumentSize = NOTHING_READ
    """Of the whole, and of what was read before it."""


def parse(text: str, before: DocumentSize = NOTHING_READ) -> Document:
    """Read YAML, or JSON, which is a subset and has a faster way when nothing is wrong with it.

    `before` is the size of other files, beside which it is read.
    """
    if text.lstrip()[:1] == "{":
        size = before._replace(values=before.values + sum(map(text.count, ",[{:")))
        data = _plain_json(text) if size.values < limits.CONFIGURATION_NODES_MAX else UNREADABLE
        if data is not UNREADABLE:
            return Document(data, size=size)
    return DocumentReader(text, before).read()


class _Hopeless(Exception):  # it says how reading ended, and never leaves this file
    """Reading cannot go on after what was told last."""


class DocumentReader:
    """Builds plain data from events, keeping the first of what stands twice."""

    def __init__(self, text: str, before: DocumentSize = NOTHING_READ) -> None:
        """`before` is the size of other files, which are read already."""
        self._faults: list[DocumentFault] = []
        self._left_out = 0
        self._path: list[str | int] = [""] * (limits.CONFIGURATION_DEPTH_MAX + 1)
        self._before = before
        self._nodes = before.values
        self._top: dict[str, Any] = {}
        self._anchors: dict[str, Anchor] = {}
        self._deepest = 0
        """The levels of the part that is read now, counted from the whole."""
        self._copied = before.repeated
        """The characters that aliases repeat."""
        self._is_shared = False
        self._is_bomb = False
        self._end: Any = None
        """The event that ended the list or mapping which was read last."""
        self._text = text
        self._resolve = lru_cache(limits.CONFIGURATION_WORDS_KEPT)(resolve)
        """For one file alone: a word may be a secret."""

    def read(self) -> Document:
        data: Any = UNREADABLE
        try:
            parser = Parser(self._text)
            self._next = parser.get_event
            data = self._documents()
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
        except yaml.reader.ReaderError as error:
            before = self._text.encode()[: error.position].decode(errors="ignore")  # libyaml counts bytes
            self._fault(*end_of(before), _unprintable(error))
        except _Hopeless:
            pass
        top = self._top
        if self._is_shared:
            # A bomb would explode here: nothing of it is copied.
            has_ended = data is not UNREADABLE
            data = unshared(data)
            top = data if has_ended else {} if self._is_bomb else unshared(top)
        size = DocumentSize(self._nodes, self._copied)
        return Document(data, tuple(self._faults), self._left_out, top, size)

    def _documents(self) -> Any:
        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        data = self._node(self._next(), 0)
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._hopeless(event, 0, "a second document starts here: a configuration is one document")
        return data

    def _node(self, event: Any, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > limits.CONFIGURATION_NODES_MAX:
            self._too_many(event, depth)
        kind = type(event)
        if kind is yaml.ScalarEvent and event.anchor is None and event.tag is None:
            return self._scalar(event, depth)
        if kind is yaml.AliasEvent:
            return self._alias(event, depth)
        return self._part(event, depth) if event.anchor is None else self._anchored(event, depth)

    def _part(self, event: Any, depth: int) -> Any:
        """Returns a scalar, a list or a mapping; UNREADABLE for one with a tag."""
        if event.tag is not None:
            self._tell(event, depth, f"a tag{_MARKED.format('!')}")
        if type(event) is yaml.ScalarEvent:
            return self._scalar(event, depth) if event.tag is None else UNREADABLE
        if depth >= limits.CONFIGURATION_DEPTH_MAX:
            self._too_deep(event, depth)
        if depth >= self._deepest:
            self._deepest = depth + 1
        built = self._mapping(depth) if type(event) is yaml.MappingStartEvent else self._sequence(depth)
        return built if event.tag is None else UNREADABLE

    def _anchored(self, event: Any, depth: int) -> Any:
        """Returns the part, which aliases may repeat from here on; one inside of it finds no anchor yet."""
        nodes, copied, deepest = self._nodes, self._copied, self._deepest
        path = tuple(self._path[:depth])
        self._anchors.pop(event.anchor, None)
        self._deepest = depth
        self._end = event
        value = self._part(event, depth)
        if value is None and event.implicit[0] and not event.value:
            value = self._tell(event, depth, _EMPTY_ANCHOR)
        self._anchors[event.anchor] = Anchor(
            value,
            path,
            self._nodes - nodes + 1,
            self._end.end_mark.index - event.start_mark.index + self._copied - copied,
            self._deepest - depth,
        )
        self._deepest = max(self._deepest, deepest)
        return value

    def _alias(self, event: Any, depth: int) -> Any:
        """Returns the part that an alias repeats, counted as often as it stands there, and copied at the end alone."""
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            return self._tell(event, depth, _UNKNOWN_ALIAS)
        self._nodes += anchor.nodes - 1
        self._copied += anchor.characters
        self._is_bomb = DocumentSize(self._nodes, self._copied).exceeds
        if self._nodes > limits.CONFIGURATION_NODES_MAX:
            self._too_many(event, depth)
        if self._is_bomb:
            most = limits.CONFIGURATION_BYTES_MAX // (1024 * 1024)
            self._hopeless(event, depth, f"aliases repeat more than {most} MiB in {self._place}")
        if depth + anchor.height > limits.CONFIGURATION_DEPTH_MAX:
            self._too_deep(event, depth)
        self._deepest = max(self._deepest, depth + anchor.height)
        self._is_shared |= anchor.height > 0
        self._linked(tuple(self._path[:depth]), anchor.path, event)
        return anchor.value

    def _linked(self, path: Path, source: Path, event: Any) -> None:
        """Notes that the part at `path` stands in the text at `source`; the event is its use."""

    def _scalar(self, event: Any, depth: int) -> Any:
        text = event.value
        if not event.implicit[0]:
            return text
        try:
            return self._resolve(text)
        except ValueError as error:
            return self._tell(event, depth, str(error))

    def _sequence(self, depth: int) -> list[Any]:
        entries: list[Any] = []
        path, below = self._path, depth + 1
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            path[depth] = len(entries)
            entries.append(self._node(event, below))
        self._end = event
        return entries

    def _mapping(self, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        if depth == 0:
            self._top = entries
        firsts: dict[str, Any] = {}
        path, below = self._path, depth + 1
        merged: tuple[Any, Any] | None = None
        while type(event := self._next()) is not yaml.MappingEndEvent:
            key = self._key(event, depth, firsts)
            path[depth] = key
            value = self._node(self._next(), below)
            if key == _MERGE and event.implicit[0]:
                merged = merged or (event, value)
            else:
                entries.setdefault(key, value)
        self._end = event
        if merged is not None:
            self._merge(merged[0], merged[1], entries, depth)
        return entries

    def _merge(self, event: Any, merged: Any, entries: dict[str, Any], depth: int) -> None:
        """Adds the keys of other mappings that this one does not state; of several the first wins."""
        path = tuple(self._path[:depth])
        sources = merged if isinstance(merged, list) else [merged]
        for number, source in enumerate(sources):
            at = (*path, _MERGE, number) if isinstance(merged, list) else (*path, _MERGE)
            if isinstance(source, dict):
                for key, value in source.items():
                    if key not in entries:
                        entries[key] = value
                        self._linked((*path, key), (*at, key), event)
                self._is_shared = True
            elif source is not UNREADABLE:
                self._path[depth] = _MERGE
                self._tell(event, depth + 1, "<< takes a mapping, as in <<: *NAME, or a list of mappings")

    def _key(self, event: Any, depth: int, firsts: dict[str, Any]) -> str:
        if type(event) is not yaml.ScalarEvent:
            self._hopeless(event, depth, "a key must be a plain text, not a list, a mapping or an alias")
        if event.anchor is not None or event.tag is not None:
            self._tell(event, depth, "a key may have neither an anchor nor a tag: write the plain text")
        key: str = event.value
        if key in firsts:
            self._path[depth] = key
            line = firsts[key].start_mark.line + 1
            text = f"this key stands twice here: keep one (the first is in line {line})"
            self._tell(event, depth + 1, text, at_key=True)
        else:
            firsts[key] = event
        return key

    @property
    def _place(self) -> str:
        return "all files together" if self._before.values else "one file"

    def _too_many(self, event: Any, depth: int) -> NoReturn:
        most = f"{limits.CONFIGURATION_NODES_MAX:,}"
        self._hopeless(event, depth, f"too many values: {most} are the most in {self._place}")

    def _too_deep(self, event: Any, depth: int) -> NoReturn:
        most = f"{limits.CONFIGURATION_DEPTH_MAX} levels are the most"
        self._hopeless(event, depth, f"nested too deeply: {most}")

    def _hopeless(self, event: Any, depth: int, text: str) -> NoReturn:
        self._tell(event, depth, text)
        raise _Hopeless

    def _tell(self, event: Any, depth: int, text: str, *, at_key: bool = False) -> Any:
        path = tuple(self._path[:depth])
        mark = event.start_mark
        self._fault(mark.line + 1, mark.column + 1, text, path, at_key=at_key)
        return UNREADABLE

    def _fault(self, line: int, column: int, text: str, path: Path = (), *, at_key: bool = False) -> None:
        if len(self._faults) >= limits.PROBLEMS_MAX:
            self._left_out += 1
        else:
            self._faults.append(DocumentFault(line, column, Problem(path, text, at_key)))

    def _syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        at_mark = self._text.splitlines()[line - 1 : line]
        tabbed = bool(at_mark) and at_mark[0].startswith("\t", column - 1)
        hint = ": indent with spaces, not with a tab" if tabbed else ""
        self._fault(line, column, f"this is not YAML: {error.problem or 'it cannot be read'}{hint}")


def end_of(text: str) -> tuple[int, int]:
    """Line and column of what follows the text."""
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def _unprintable(error: Any) -> str:
    character = error.character if isinstance(error.character, str) else chr(error.character)
    return (
        f"the character {character!r} may not stand in YAML: in double quotes write it as \\x and two digits"
    )


def _plain_json(text: str) -> Any:
    """The data of faultless JSON; UNREADABLE where anything is odd, so that the events tell what and where."""
    if nested_deeper(text.encode(errors="replace"), limits.CONFIGURATION_DEPTH_MAX):
        return UNREADABLE
    try:
        data = json.loads(
            text, object_pairs_hook=_unique, parse_float=resolve, parse_int=resolve, parse_constant=_refuse
        )
        if _SURROGATE.search(text):
            json.dumps(data, ensure_ascii=False).encode()  # half a pair is no character: UnicodeEncodeError
    except (ValueError, RecursionError):
        return UNREADABLE
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("a key stands twice")
    return entries


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no finite number")
