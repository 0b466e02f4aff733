"""Prints how much of peers' files is brought over: `python tests/importing/figures.py FILE...`, a command of its own and no test.

Of each file the endpoints, modules, monitors, checks or rules are counted: those of
which all came over, those with a part that is listed, and those that are not in the result.
"""

import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from watchkeeper.adapters.importing.peers import PEERS, BroughtOver, bring_over
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.specification.problem import Path as KeyPath

UNITS = {
    "gatus": ("endpoints", "external-endpoints", "suites"),
    "blackbox": ("modules",),
    "uptime-kuma": ("monitorList",),
    "healthchecks": ("checks",),
    "prometheus-rules": ("groups",),
}
"""By peer: the keys of the top level that hold what is counted, by which its files are told apart, too."""


class Figures(NamedTuple):
    """How many entries of a file came over whole, in part and not at all, and why."""

    peer: str
    whole: int
    in_part: int
    lost: int
    reasons: Counter[str]


def figures_of(peer: str, document: object, made: BroughtOver) -> Figures:
    """Returns the figures of a file by what is listed of it."""
    units = [*_units(peer, document)]
    states: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for unit in units:
        notes = [note for note in made.notes if note.path[: len(unit)] == unit]
        is_lost = any(note.path == unit for note in notes)
        states["lost" if is_lost else "part" if notes else "whole"] += 1
    for note in made.notes:
        is_counted = any(note.path[: len(unit)] == unit for unit in units)
        reasons[f"{'' if is_counted else 'beside them: '}{note.reason}"] += 1
    return Figures(peer, states["whole"], states["part"], states["lost"], reasons)


def _units(peer: str, document: object) -> list[KeyPath]:
    if isinstance(document, list):
        return [(number,) for number in range(len(document))]
    found: list[KeyPath] = []
    for key in UNITS[peer]:
        held = document.get(key) if isinstance(document, dict) else None
        found += [(key, name) for name in (held if isinstance(held, dict) else range(len(held or ())))]
    return found


def peer_of(document: object) -> str | None:
    """Returns the peer whose file a document is; None for none."""
    if isinstance(document, list):
        return "healthchecks"
    stated = document if isinstance(document, dict) else {}
    return next((peer for peer, keys in UNITS.items() if any(key in stated for key in keys)), None)


def main(names: list[str]) -> int:
    """Prints the figures of each file and of all of a peer; returns 1 where a file cannot be read as one of any."""
    totals: dict[str, Figures] = {}
    status = 0
    for name in names:
        text = Path(name).read_text(encoding="utf-8")
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError:
            document = None
        peer = peer_of(document)
        if peer is None:
            _tell(f"{name}: it is the file of no known peer")
            status = 1
            continue
        try:
            made = bring_over(PEERS[peer], text, name, Path(name).resolve().parent)
        except ConfigurationError as error:
            _tell(f"{name}: {error}")
            status = 1
            continue
        found = figures_of(peer, document, made)
        _tell(f"{name}: {_line(found)}")
        known = totals.get(peer, Figures(peer, 0, 0, 0, Counter()))
        totals[peer] = Figures(
            peer,
            known.whole + found.whole,
            known.in_part + found.in_part,
            known.lost + found.lost,
            known.reasons + found.reasons,
        )
    for total in totals.values():
        _tell(f"all of {total.peer}: {_line(total)}")
        for reason, count in total.reasons.most_common():
            _tell(f"  {count:>4}  {reason}")
    return status


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _line(found: Figures) -> str:
    count = found.whole + found.in_part + found.lost
    return f"{count} of {found.peer}: {found.whole} whole, {found.in_part} in part, {found.lost} not"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
