"""The whole table: every script once, every row with its bar and its verdict.

    ./launch bench [--quick] [--only SCRIPT ...] [--write bench/RESULTS.md]

Prints a table to its standard output and progress to standard error. A row is `met` or `missed` by what its script
measured in this run, or `not measured`, and why: nothing is taken from an earlier run. Ends with 1 when a row is missed
and with 2 when one was not measured.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from machine import describe
from table import ROWS, SCRIPTS, Figures, Row

HERE = Path(__file__).parent
TABLE = "The table"
WITHOUT_PEER = 2
NO_BAR = "shown"
"""The verdict of a row that only informs and has no limit."""


class Outcome(NamedTuple):
    """The output of a script: its figures, or why there are none."""

    figures: Figures | None
    why: str = ""


class Line(NamedTuple):
    """One line of the printed table."""

    what: str
    figure: str
    bar: str
    verdict: str


def measured(name: str, *, quick: bool) -> Outcome:
    """Runs one script. Returns its exit status: 0 and 1 are its verdicts, 2 means that its peer is missing."""
    script = SCRIPTS[name]
    arguments = script.quick if quick else script.arguments
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    began = time.monotonic()
    print(f"{name} ...", file=sys.stderr, flush=True)
    try:
        ended = subprocess.run(command, capture_output=True, check=False, text=True, timeout=script.within_s)
    except subprocess.TimeoutExpired:
        return Outcome(None, f"it took more than {script.within_s:.0f} s")
    said = ended.stderr.strip().splitlines()
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if ended.returncode == WITHOUT_PEER:
        return Outcome(None, said[-1] if said else "its peer is missing")
    try:
        return Outcome(json.loads(ended.stdout))
    except ValueError:
        return Outcome(None, f"it failed: {said[-1] if said else f'status {ended.returncode}'}")


def line_of(row: Row, outcome: Outcome) -> Line:
    if outcome.figures is None:
        return Line(row.what, "", row.bar, f"not measured: {outcome.why}")
    try:
        met = row.met(outcome.figures) if row.met else None
        verdict = NO_BAR if met is None else "met" if met else "missed"
        return Line(row.what, row.figure(outcome.figures), row.bar, verdict)
    except KeyError as error:
        return Line(row.what, "", row.bar, f"not measured: {row.script}.py printed no {error}")


def as_markdown(lines: list[Line]) -> str:
    rows = [Line("what", "measured", "bar", "verdict"), *lines]
    widths = [max(len(line[place]) for line in rows) for place in range(len(Line._fields))]
    shown = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in rows
    ]
    ruler = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([shown[0], ruler, *shown[1:]])


def write(path: Path, table: str, outcomes: dict[str, Outcome], command: str) -> None:
    """Replaces the rows and figures of an earlier run of the same scripts; the rest of the file stays."""
    text = path.read_text() if path.exists() else "# Measured\n"
    machine = json.dumps(describe(), indent=2)
    text = with_part(text, TABLE, f"`{command}` on this machine:\n\n```json\n{machine}\n```\n\n{table}")
    for name, outcome in outcomes.items():
        if outcome.figures is not None:
            figures = {key: value for key, value in outcome.figures.items() if key != "machine"}
            text = with_part(text, f"{name}.py", f"```json\n{json.dumps(figures, indent=2)}\n```")
    path.write_text(text)


def with_part(text: str, name: str, body: str) -> str:
    """The text with a part between two marks replaced, or added as a section at its end."""
    begins, ends = f"<!-- {name}: written by run.py from here -->", f"<!-- {name}: to here -->"
    part = f"{begins}\n\n{body}\n\n{ends}"
    before, found, rest = text.partition(begins)
    if not found:
        return f"{text.rstrip()}\n\n## {name}\n\n{part}\n"
    _, closed, after = rest.partition(ends)
    if not closed:
        raise SystemExit(f"{name} begins with a mark and has none at its end: {ends}")
    return f"{before}{part}{after}"


def main(arguments: list[str]) -> int:
    """Runs the requested scripts and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs: a look, not figures to quote")
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, help="these scripts alone")
    parser.add_argument("--write", type=Path, help="also write the table and the figures into this file")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    outcomes = {name: measured(name, quick=options.quick) for name in options.only or SCRIPTS}
    lines = [line_of(row, outcomes[row.script]) for row in ROWS if row.script in outcomes]
    table = as_markdown(lines)
    print(table)
    print(f"\n{time.monotonic() - began:.0f} s" + (", quick: a look only" if options.quick else ""))
    if options.write is not None:
        write(options.write, table, outcomes, " ".join(["./launch bench", *arguments]))
    verdicts = {line.verdict.partition(":")[0] for line in lines}
    return 2 if "not measured" in verdicts else int("missed" in verdicts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
