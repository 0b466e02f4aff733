"""The comments of a YAML file with their lines."""

import re
from typing import NamedTuple

import yaml

_COMMENT = re.compile(r"(?:^|(?<=\s))#")


class Comment(NamedTuple):
    """A comment, without its sign."""

    line: int
    text: str
    is_alone: bool | None
    """Whether nothing else stands in its line; None for one that the importer adds, which stands between entries."""


def comments_of(text: str) -> list[Comment]:
    """Returns every comment; a JSON document has none."""
    if text.lstrip()[:1] in {"{", "["}:
        return []
    within = _columns_of_scalars(text)
    found = []
    for number, line in enumerate(text.splitlines()):
        for sign in _COMMENT.finditer(line):
            at = sign.start()
            if not any(begin <= at < end for begin, end in within.get(number, ())):
                found.append(Comment(number + 1, line[at + 1 :].strip(), not line[:at].strip(" -")))
                break
    return found


def _columns_of_scalars(text: str) -> dict[int, list[tuple[int, int]]]:
    """Returns by line which columns belong to texts, in which the sign begins no comment."""
    within: dict[int, list[tuple[int, int]]] = {}
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if not isinstance(token, yaml.ScalarToken):
            continue
        start, end = token.start_mark, token.end_mark
        if token.style in {"|", ">"}:
            # The line of the sign itself may end with a comment.
            start_line, start_column = start.line + 1, 0
        else:
            start_line, start_column = start.line, start.column
        for line in range(start_line, end.line + 1):
            begin = start_column if line == start_line else 0
            last = end.column if line == end.line else 1 << 30
            within.setdefault(line, []).append((begin, last))
    return within
