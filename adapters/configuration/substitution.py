"""Values from outside a configuration, put into its texts after parsing and never parsed again.

`${NAME}` and `${NAME:-default}` come from the environment, `${file:PATH}` from a file such as a mounted secret.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any

from ...domain.limits import ENVIRONMENT_VALUE_CHARACTERS_MAX
from ...domain.specification.construction.shape import UNREADABLE
from ...domain.specification.problem import Path, Problem, quoted, suggestion
from .reuse.consulted import SeenFile, seen

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
"""A reference without its end reaches to the end of the text: no character is read again for the next `${`."""
_SPACED = re.compile(r"(?=\s|.*\s$)\s*([A-Za-z_][A-Za-z0-9_]*|each\.[\w-]+)\s*")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_FILE = re.compile(r"file:(?!-)(.+)", re.DOTALL)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SHORT = 3
_OF_LINES: frozenset[Path] = frozenset({("agents", "credentials")})
"""Where a text of several lines stands, such as a file of credentials."""
_SHOWN = frozenset(
    {
        "id",
        "name",
        "group",
        "description",
        "public",
        "host",
        "server_name",
        "notify",
        "store",
        "directory",
        "logger",
        "level",
        "method",
        "address_family",
        "ca_file",
        "certificate_file",
        "key_file",
        "every",
        "timeout",
        "grace",
        "after",
        "within",
        "severity",
    }
)
"""The keys of values that every output shows."""


class Substitution:
    """One pass over plain data; it remembers what it put where, so that no problem shows such a value."""

    def __init__(
        self,
        environment: Mapping[str, str] | None,
        folder_of: Callable[[Path], FilePath] = lambda _: FilePath(),
        *,
        reads_files: bool = True,
    ) -> None:
        """Without an environment, and unless it reads files, their values are unknown, which is no problem.

        `folder_of` gives the folder from which the text at a path names files.
        """
        self._environment = environment
        self._folder_of = folder_of
        self._reads_files = reads_files
        self._unknown: set[Path] = set()
        self._given: dict[Path, set[str]] = {}
        self.filled: list[Path] = []
        """The places of texts with references; what was put there is a text."""
        self.secrets: set[str] = set()
        """The values of files, and those of variables unless they stand where every output shows them."""
        self.problems: list[Problem] = []
        self.files: list[SeenFile] = []
        """The files that texts name, also those that cannot be read."""

    def fill(self, data: Any, path: Path = ()) -> Any:
        """The data with every reference replaced, in place; UNREADABLE where that cannot be done."""
        match data:
            case str():
                return self._text(data, path) if "${" in data else data
            case dict():
                for key, value in data.items():
                    data[key] = self.fill(value, (*path, key))
            case list():
                for at, value in enumerate(data):
                    data[at] = self.fill(value, (*path, at))
            case _:
                pass
        return data

    def discreet(self, problem: Problem) -> Problem:
        """The problem without the values that the environment gave at or below its path."""
        depth = len(problem.path)
        values = {
            value
            for path, given in self._given.items()
            if path[:depth] == problem.path or problem.path[: len(path)] == path
            for value in given
        }
        return Problem(problem.path, masked(problem.text, values), problem.at_key) if values else problem

    def _text(self, text: str, path: Path) -> Any:
        told = len(self.problems)
        self.filled.append(path)
        filled = _REFERENCE.sub(lambda found: self._value(found, path), text)
        self.secrets |= {value for value in self._given.get(path, ()) if not _is_shown(value, path, filled)}
        return filled if len(self.problems) == told and path not in self._unknown else UNREADABLE

    def _value(self, found: re.Match[str], path: Path) -> str:
        if found[0] == "$${":
            return "${"
        stated = found[1] if found[2] else ""
        file = _FILE.fullmatch(stated)
        if file is not None:
            return self._content(file[1], path)
        name = _NAME.fullmatch(stated)
        if spaced := _SPACED.fullmatch(stated):
            return self._tell(path, f"a name in ${{...}} stands without blanks: write ${{{spaced[1]}}}")
        if name is None and stated.startswith("each."):
            return self._tell(path, f"{found[0]} stands outside of a target with for_each: write the value")
        if name is None:
            text = "a ${ that names no variable: write ${NAME}, or $${ for the characters themselves"
            return self._tell(path, text)
        variable, default = name.groups()
        if default is not None and variable == "each":
            return self._tell(path, "${each} takes no default: each entry of for_each is there")
        value = None if self._environment is None else self._environment.get(variable)
        if value is not None:
            return self._checked(_without_end(value), f"the environment variable {variable}", path)
        if default is None and self._environment is None:
            self._unknown.add(path)
            return ""
        if default is None and variable == "each":
            return self._tell(path, "${each} stands outside of a target with for_each: write the value")
        if default is None:
            close = suggestion(variable, self._environment or ())
            text = f"is not set{close}: set it or write ${{{variable}:-default}}"
            return self._tell(path, f"the environment variable {variable} {text}")
        return str(default)

    def _content(self, name: str, path: Path) -> str:
        """The text of a file without its last line end. Only so much is read as a value may have."""
        if not self._reads_files:
            self._unknown.add(path)
            return ""
        said = f"the file {quoted(name)}"
        found = self._folder_of(path) / name
        self.files.append(seen(found))
        try:
            # A pipe that nothing is written to would never be opened.
            if found.exists() and not (found.is_file() or found.is_dir()):
                return self._tell(path, f"{said} is a device or a pipe: name a file")
            with found.open(encoding="utf-8") as file:
                text = file.read(ENVIRONMENT_VALUE_CHARACTERS_MAX + 2)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            return self._tell(path, f"{said} cannot be read: {why}")
        value = _without_end(text)
        self.secrets.add(value)
        if not value:
            return self._tell(path, f"{said} is empty: write the value into it")
        if len(value) > ENVIRONMENT_VALUE_CHARACTERS_MAX:
            return self._tell(path, f"{said} has more than {ENVIRONMENT_VALUE_CHARACTERS_MAX:,} characters")
        return self._checked(value, said, path)

    def _checked(self, value: str, source: str, path: Path) -> str:
        self._given.setdefault(path, set()).add(value)
        if len(value) > ENVIRONMENT_VALUE_CHARACTERS_MAX:
            fault = f"has {len(value):,} characters: {ENVIRONMENT_VALUE_CHARACTERS_MAX:,} are the most"
        elif _UNPRINTABLE.search(value if path not in _OF_LINES else value.replace("\n", "")):
            fault = "holds a line end or another control character: remove it"
        else:
            return value
        return self._tell(path, f"{source} {fault}")

    def _tell(self, path: Path, text: str) -> str:
        self.problems.append(Problem(path, text))
        return ""


def _without_end(text: str) -> str:
    """Returns the text without its last line end, which editors and `echo` add."""
    return text.removesuffix("\n").removesuffix("\r")


def _host_of(url: str) -> str:
    return re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]


def _is_shown(value: str, path: Path, filled: str) -> bool:
    """Whether outputs show the value anyway: it is written for people, a file, a length, or the host of a URL."""
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    return key in _SHOWN or "labels" in path or (key == "url" and value in _host_of(filled))


def masked(text: str, values: set[str]) -> str:
    """The text with every value, and every quoted part that was cut out of one, made unreadable."""
    for value in sorted(values - {""}, key=len, reverse=True):
        for form in {value, repr(value)[1:-1]}:
            text = _short(text, form) if len(form) <= _SHORT else text.replace(form, "***")
    return re.sub(r"(['\"])(.+?)\1", lambda part: _hidden(part, values), text)


def _short(text: str, value: str) -> str:
    """A short value is hidden where it stands by itself: it is part of many an innocent word."""
    return re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "***", text)


def _hidden(part: re.Match[str], values: set[str]) -> str:
    inner = part[2].rstrip("…")
    return "'***'" if len(inner) > _SHORT and any(inner in value for value in values) else part[0]
