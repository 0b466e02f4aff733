"""Problems: what is wrong with something written down, and where."""

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from json import dumps

import msgspec

from ..limits import PROBLEM_WORD_CHARACTERS_MAX, PROBLEMS_MAX
from ..line import cut

Path = tuple[str | int, ...]
"""How to get from the whole configuration to a part of it: keys and positions in lists."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Problem(msgspec.Struct, frozen=True):
    """One fault: where it is, and what is wrong with what to do about it."""

    path: Path
    text: str
    at_key: bool = False
    """The key at the end of the path is at fault, not the value under it."""
    depends_on: tuple[Path, ...] = ()
    """Values elsewhere without which it might be none."""

    def below(self, path: Path) -> "Problem":
        """The problem of a part as one of the whole, in which the part stands at `path`."""
        depends_on = tuple((*path, *other) for other in self.depends_on)
        return Problem((*path, *self.path), self.text, self.at_key, depends_on)

    def __str__(self) -> str:
        where = path_text(self.path)
        return f"{where}: {self.text}" if where else self.text


def path_text(path: Path) -> str:
    """A path as people write it: `targets[0].http.url`; a key that is no plain word stands in brackets."""
    return "".join(_step_text(step) for step in path).removeprefix(".")


def _step_text(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN_KEY.fullmatch(step):
        return f".{step}"
    return f"[{dumps(cut(step, PROBLEM_WORD_CHARACTERS_MAX))}]"


def capped(lines: Sequence[str], more: int = 0) -> tuple[str, ...]:
    """The first lines, as many as are told at once, and how many more there are; `more` counts those left out before."""
    more += max(0, len(lines) - PROBLEMS_MAX)
    rest = (f"and {more:,} more problem{'s' if more > 1 else ''}",) if more else ()
    return (*lines[:PROBLEMS_MAX], *rest)


def not_one(given: Collection[str], names: Iterable[str]) -> str:
    """The problem of something that has none or several of the keys of which it needs one."""
    return f"needs exactly one of {', '.join(names)}; it has {' and '.join(given) or 'none'}"


def quoted(word: str) -> str:
    """A word as a problem may show it: in quotes, of bounded length, free of control characters."""
    return repr(cut(word, PROBLEM_WORD_CHARACTERS_MAX))


def suggestion(word: str, known: Iterable[str]) -> str:
    """`, did you mean X` when a known word is close, else nothing."""
    return meant(nearest(word, known))


def meant(close: str) -> str:
    """`, did you mean X` for what `nearest` found, nothing where it found none."""
    return f", did you mean {close}" if close else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is closest, empty where none is close."""
    if len(word) > PROBLEM_WORD_CHARACTERS_MAX:
        return ""
    return next(iter(get_close_matches(word.lower(), list(known))), "")
