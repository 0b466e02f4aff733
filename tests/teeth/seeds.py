"""Runs seeds of the simulator until one finds something: `python seeds.py COUNT SECONDS` prints one JSON object."""

import json
import os
import sys
from itertools import count
from time import process_time

import watchkeeper
from simulator.cases.drawing import draw_case
from simulator.run import run_case

SEED_CPU_S = 60.0
"""Two hundred times what a seed takes; one that is not over by then never comes to rest."""


def report(seeds, found):
    """The last thing that is done. Nothing of a run may be in its way, so it does not return."""
    said = {"seeds": seeds, "found": found[:300], "package": watchkeeper.__file__}
    os.write(sys.stdout.fileno(), json.dumps(said).encode())
    os._exit(0)


def broken_by(seed):
    """Returns the finds of a seed; empty for none."""
    try:
        result = run_case(draw_case(seed), keep_tape=False, cpu_s=SEED_CPU_S)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # injected crashes are no Exceptions; one that gets out is a find
        return f"raised: {type(error).__name__}: {error}"
    return "".join(f"{found.invariant}: {found.says}" for found in result.violations[:1])


def main(seeds_max, seconds):
    """Report the first find, or how many seeds found nothing."""
    for seed in count():
        if seed == seeds_max or process_time() > seconds:
            report(seed, "")
        found = broken_by(seed)
        if found:
            report(seed + 1, found)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
