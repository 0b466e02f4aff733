"""Runs every leg on real processes in full size, one after the other, and prints a table of their last lines.

    python -m tests.system.run [--only kill told disk processes standby unfenced workers cluster clocks races]

Takes about 35 minutes on two cores and at most 67, the sum of the limits: a leg that exceeds its limit has failed. Needs root (a
small tmpfs is mounted), a C compiler, and strace, which is installed when it is missing. The exit status is 0 only when
every leg has ended with 0.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Leg(NamedTuple):
    """One command and the time that it may take."""

    arguments: tuple[str, ...]
    within_s: int


class Result(NamedTuple):
    """The end of a leg."""

    passed: bool
    took_s: float
    said: str


def tests(name: str) -> tuple[str, ...]:
    return ("-m", "pytest", "-q", "--no-header", str(HERE / name))


LEGS = {
    "kill": Leg(("-m", "tests.system.kill", "--kills", "200", "--points", "2"), 360),
    "told": Leg(("-m", "tests.system.told_once", "--kills", "200"), 900),
    "disk": Leg(("-m", "tests.system.disk", "--faults", "12"), 420),
    "processes": Leg(tests("test_processes.py"), 120),
    "standby": Leg(("-m", "tests.system.standby", "--kills", "40", "--freezes", "40"), 420),
    "unfenced": Leg(("-m", "tests.system.unfenced"), 180),
    "workers": Leg(("-m", "tests.system.workers"), 300),
    "cluster": Leg(("-m", "tests.system.cluster"), 1_800),
    "clocks": Leg(tests("test_clocks.py"), 120),
    "races": Leg((str(ROOT / "tests" / "stress" / "ask_race.py"), "--races", "100000"), 300),
}


def run(leg: Leg) -> Result:
    """Runs one leg. Its last line is its summary."""
    started_at = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, *leg.arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=leg.within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(passed=False, took_s=time.monotonic() - started_at, said="not done in time")
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["nothing"]
    return Result(done.returncode == 0, time.monotonic() - started_at, lines[-1])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=LEGS, default=list(LEGS), metavar="LEG")
    passed = True
    for name in parser.parse_args(arguments).only:
        result = run(LEGS[name])
        passed &= result.passed
        verdict = "passed" if result.passed else "FAILED"
        sys.stdout.write(f"{name:<10} {verdict} {result.took_s:6.1f} s  {result.said}\n")
        sys.stdout.flush()
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
