"""Writes a configuration with the comments of the file that it comes from, and with what could not be brought over."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from ...domain.specification.problem import Path
from ..configuration.scalars import as_written
from .comments import Comment, comments_of
from .imported import SECTIONS, Imported, ImportedEntry, Placed
from .source import Note, PeerFile

_FORMS = {"runtime": "whole", "web": "whole", "defaults": "whole", "templates": "named"}
"""How the entries of a section are written, where it is no list."""
_MARK = "not imported"
"""Begins each comment on what could not be brought over."""


class _Line(NamedTuple):
    text: str
    source: int = 0
    """The line of the peer's file that states it; 0 where none does."""


class _Span(NamedTuple):
    """An entry, and the comments that stand in or above it."""

    entry: ImportedEntry
    above: list[str]
    within: list[Comment]


def write(imported: Imported, file: PeerFile, head: str) -> str:
    """Returns the configuration as YAML; `head` is its first comment."""
    notes = [*file.notes, *imported.lost]
    owned, orphans = _owned(imported, notes)
    comments = [*comments_of(file.text), *(Comment(note.line, note_text(note), None) for note in orphans)]
    spans, tail = _with_comments(imported, sorted(comments, key=lambda each: each.line))
    lines = [f"# {head}"]
    for section in SECTIONS:
        entries = imported.sections[section]
        if not entries:
            continue
        lines += ["", f"{section}:"]
        for entry in entries:
            span = spans[id(entry)]
            lines += _entry_lines(span, owned[id(entry)], _FORMS.get(section, "listed"))
    if not any(imported.sections.values()):
        lines += ["", "targets: []"]
    if tail:
        lines += ["", *(f"# {comment.text}".rstrip() for comment in tail)]
    return "\n".join(lines) + "\n"


def note_text(note: Note) -> str:
    """Returns a note in one line."""
    value = f": {note.shown}" if note.shown else ""
    return f"{_MARK} (line {note.line}): {note.key}{value} - {note.reason}"


def _with_comments(imported: Imported, comments: Iterable[Comment]) -> tuple[dict[int, _Span], list[Comment]]:
    """Returns each entry with its comments, and the comments that stand below the last one."""
    spans = {id(entry): _Span(entry, [], []) for entry in imported.entries}
    stated = [span for span in spans.values() if span.entry.source is not None]
    stated.sort(key=lambda span: (span.entry.first, -span.entry.last))
    firsts = [span.entry.first for span in stated]
    reach = [*accumulate((span.entry.last for span in stated), max)]
    tail = []
    for comment in comments:
        below = bisect_right(firsts, comment.line)
        inside = _holder(stated, below, reach, comment.line)
        if inside is not None and comment.is_alone is not None:
            inside.within.append(comment)
        elif below < len(stated):
            stated[below].above.append(comment.text)
        else:
            tail.append(comment)
    return spans, tail


def _holder(spans: list[_Span], below: int, reach: list[int], line: int) -> _Span | None:
    """Returns the last of the entries above `below` that holds a line; `reach` is how far those up to each come."""
    for at in range(below - 1, -1, -1):
        if reach[at] < line:
            break
        if spans[at].entry.last >= line:
            return spans[at]
    return None


def _owned(imported: Imported, notes: Iterable[Note]) -> tuple[dict[int, list[Note]], list[Note]]:
    """Returns the notes of each entry, and those of no entry. A note belongs to the entry of the smallest part that holds it."""
    owned: dict[int, list[Note]] = {id(entry): [] for entry in imported.entries}
    holders: dict[Path, int] = {}
    for entry in imported.entries:
        if entry.source:
            holders.setdefault(entry.source, id(entry))
    orphans = []
    for note in notes:
        parts = (note.path[:length] for length in range(len(note.path), 0, -1))
        holder = next((holders[part] for part in parts if part in holders), None)
        if holder is None:
            orphans.append(note)
        else:
            owned[holder].append(note)
    return owned, orphans


def _entry_lines(span: _Span, notes: list[Note], form: str) -> list[str]:
    entry = span.entry
    indent = "  " if form == "whole" else "    "
    lines = [f"  # {text}".rstrip() for text in span.above]
    lines += [f"  # {text}" for text in entry.remarks]
    body = [*_mapping_lines(entry.data, indent)]
    if form == "listed" and body:
        body[0] = body[0]._replace(text=f"  - {body[0].text.lstrip()}")
    elif form == "named":
        lead = f"  {as_written(entry.name)}:"
        body = [_Line(lead if body else f"{lead} {{}}", entry.first), *body]
    lines += _commented(body, span.within, indent)
    lines += [f"{indent}# {note_text(note)}" for note in notes]
    return lines


def _commented(body: list[_Line], comments: Iterable[Comment], indent: str) -> list[str]:
    """Returns the lines with each comment beside the value that it stands beside in the source, or above the next one."""
    beside: dict[int, list[str]] = {}
    above: dict[int, list[str]] = {}
    below = []
    for comment in comments:
        same = [at for at, line in enumerate(body) if line.source == comment.line]
        later = [at for at, line in enumerate(body) if line.source > comment.line]
        if same and not comment.is_alone:
            beside.setdefault(same[-1], []).append(comment.text)
        elif later:
            nearest = min(later, key=lambda at: (body[at].source, at))
            above.setdefault(nearest, []).append(comment.text)
        else:
            below.append(comment.text)
    lines = []
    for at, line in enumerate(body):
        # Comments on the first line of an entry stand above its dash.
        lead = re.match(r" *", line.text)[0]  # type: ignore[index]  # it matches any text
        lines += [f"{lead}# {text}".rstrip() for text in above.get(at, ())]
        lines.append(line.text + "".join(f"  # {text}" for text in beside.get(at, ())))
    return [*lines, *(f"{indent}# {text}".rstrip() for text in below)]


def _mapping_lines(data: dict[str, Any], indent: str) -> Iterator[_Line]:
    for key, value in data.items():
        yield from _value_lines(f"{indent}{as_written(key)}:", value, f"{indent}  ")


def _value_lines(lead: str, value: Any, indent: str) -> Iterator[_Line]:
    """Yields a value behind a key, and what it holds below that."""
    source = 0
    if isinstance(value, Placed):
        value, source = value.value, value.line
    match value:
        case dict() if value:
            yield _Line(lead, source)
            yield from _mapping_lines(value, indent)
        case list() if value:
            yield _Line(lead, source)
            for entry in value:
                yield from _listed_lines(entry, indent)
        case _:
            yield _Line(f"{lead} {as_written(value)}", source)


def _listed_lines(entry: Any, indent: str) -> Iterator[_Line]:
    plain = entry.value if isinstance(entry, Placed) else entry
    if not isinstance(plain, dict) or not plain:
        yield from _value_lines(f"{indent}-", entry, indent)
        return
    for number, line in enumerate(_mapping_lines(plain, f"{indent}  ")):
        yield line if number else line._replace(text=f"{indent}- {line.text.lstrip()}")
