"""Problems of the whole with their places in its sources, the same one once."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ....domain.specification.construction.shape import ShapeChecker
from ....domain.specification.problem import Path, Problem, path_text
from ..document import DocumentFault
from ..positions import Places
from .expansion import Expansion, UnfinishedPart
from .keys import DEFAULTS, FOR_EACH, HTTP, KNOWN, USE
from .source import ReuseFault, ValueOrigin

RENAME = "rename one"
"""The advice for two parts with one name."""
_MENTIONED = re.compile(r"(?<![\w.\"'])(targets|channels|routes|windows|maintenance)\[(\d+)\]")


class Location(NamedTuple):
    """Where a value stands, and where it is used."""

    file: str
    """Empty for the configuration itself."""
    line: int
    column: int
    path: Path
    """Its path in the file."""
    uses: str = ""


def locations(expansion: Expansion, paths: Iterable[Path]) -> dict[Path, Location]:
    """Returns where the value under each path of the whole stands; each text is read once more."""
    origins = {path: expansion.origin(path) for path in paths}
    places = _places(expansion, origins.values())
    return {path: _location(expansion, places, origin) for path, origin in origins.items()}


def located(
    expansion: Expansion, problems: Iterable[Problem], faults: Iterable[ReuseFault] = ()
) -> tuple[DocumentFault, ...]:
    """Returns each problem of the whole, and of reuse itself, with its place."""
    found = [(expansion.origin(problem.path), _retold(expansion, problem)) for problem in problems]
    found += [(ValueOrigin(fault.source, fault.problem.path), fault.problem) for fault in faults]
    if not found:
        return ()
    places = _places(expansion, (origin for origin, _ in found))
    told: dict[DocumentFault, list[str]] = {}
    for origin, problem in found:
        at = _location(expansion, places, origin, at_key=problem.at_key)
        fault = DocumentFault(at.line, at.column, Problem(at.path, problem.text, problem.at_key), at.file)
        told.setdefault(fault, []).append(at.uses)
    return tuple(
        DocumentFault(fault.line, fault.column, fault.problem, fault.file, _summed(uses))
        for fault, uses in told.items()
    )


def first_of(expansion: Expansion, problems: Sequence[Problem], most: int) -> tuple[list[Problem], int]:
    """Returns the problems of so many places at most, and how many more there are; one that many targets share counts once."""
    if expansion.is_plain:
        return list(problems[:most]), max(0, len(problems) - most)
    kept: list[Problem] = []
    told: set[object] = set()
    left_out: set[object] = set()
    for problem in problems:
        origin = expansion.origin(problem.path)
        place = (origin.source, origin.path, problem.text, problem.at_key)
        if place in told or len(told) < most:
            told.add(place)
            kept.append(problem)
        else:
            left_out.add(place)
    return kept, len(left_out)


def partial_faults(parts: Iterable[UnfinishedPart]) -> Iterator[ReuseFault]:
    """Yields what is wrong with the keys of templates, of default keys, and of targets from which something is missing."""
    for part in parts:
        value = part.value
        if not isinstance(value, dict):
            continue
        checker = ShapeChecker(further=KNOWN, is_partial=True)
        checker.fit(
            {key: each for key, each in value.items() if key not in {USE, FOR_EACH}}, part.kind, part.path
        )
        yield from (ReuseFault(part.source, problem) for problem in checker.problems)
        if part.path == (DEFAULTS, HTTP) and "url" in value:
            text = "each target has a url of its own: write it there"
            yield ReuseFault(part.source, Problem((*part.path, "url"), text, at_key=True))


def _places(expansion: Expansion, origins: Iterable[ValueOrigin]) -> dict[int, Places]:
    wanted: dict[int, set[Path]] = {}
    for origin in origins:
        wanted.setdefault(origin.source, set()).add(origin.path)
        for source, path in origin.uses:
            wanted.setdefault(source, set()).add(path)
    return {number: Places(expansion.sources[number].text, paths) for number, paths in wanted.items()}


def _location(
    expansion: Expansion, places: dict[int, Places], origin: ValueOrigin, *, at_key: bool = False
) -> Location:
    here = places[origin.source]
    line, column = here.of(origin.path, at_key=at_key)
    uses = []
    alias = here.use(origin.path)
    if alias is not None:
        uses.append(f"used in line {alias[0]}")
    for source, path in origin.uses:
        if FOR_EACH in path:
            uses.append(f"{FOR_EACH}[{path[-1]}]")
            continue
        at = places[source].of(path)[0]
        uses.append(
            f"used in line {at}"
            if source == origin.source
            else f"used in {expansion.sources[source].name}:{at}"
        )
    file = expansion.sources[origin.source].name if origin.source else ""
    return Location(file, line, column, origin.path, ", ".join(uses))


def _summed(uses: list[str]) -> str:
    """Returns the first use, and how many more there are."""
    if not uses[0]:
        return ""
    several = len(set(uses)) - 1
    more = f" and {several:,} more time{'s' if several > 1 else ''}" if several else ""
    return f" ({uses[0]}{more})"


def _retold(expansion: Expansion, problem: Problem) -> Problem:
    """Returns a problem whose text names other parts as their own file does."""
    if expansion.is_plain or not _MENTIONED.search(problem.text):
        return problem

    mine = expansion.origin(problem.path[:2])

    def told(found: re.Match[str]) -> str:
        origin = expansion.origin((found[1], int(found[2])))
        if (origin.source, origin.path) == (mine.source, mine.path) and origin.uses:
            return f"{FOR_EACH}[{origin.uses[-1][1][-1]}] of the same loop"
        own = expansion.origin(problem.path).source
        name = "" if origin.source == own else f" of {expansion.sources[origin.source].name}"
        return f"{path_text(origin.path)}{name}"

    text = _MENTIONED.sub(told, problem.text)
    if text.endswith(f" of the same loop: {RENAME}"):
        text = f"{text.removesuffix(RENAME)}let ${{each}} make an id of its own of each entry"
    return Problem(problem.path, text, problem.at_key)
