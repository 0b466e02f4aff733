"""Failures of every kind of probe by the thousand: the descriptors of the process before and after, and the reasons.

    python -m tests.system.failures [--count 10000] [--only KIND ...]

The exit status is 1 where a descriptor stays open.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

from failing_probes import FAILING, ManyFailures
from left_behind import becomes_true, descriptors


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--only", choices=list(FAILING), nargs="+", default=list(FAILING))
    options = parser.parse_args(arguments)
    many, leaks = ManyFailures(), 0
    for kind in options.only:
        many.fail(kind, 100)
        before = descriptors()
        reasons = sorted(many.fail(kind, options.count))
        becomes_true(lambda before=before: many.turn() or descriptors() <= before)  # type: ignore[misc]
        left = descriptors() - before
        leaks += left > 0
        said = f"{kind}: {options.count} failures, {left} descriptors more; {', '.join(reasons)}"
        sys.stdout.write(f"{said}\n")
    many.close()
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
