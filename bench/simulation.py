"""Speed of the simulator: worlds of 20 and of 500 targets, every invariant on. Prints one JSON object."""

import json
import sys
import time

from watchkeeper.testing.simulation.drawing import draw_case
from watchkeeper.testing.simulation.faults import parse_faults
from watchkeeper.testing.simulation.run import run_case

WORLDS = {"20 targets at 30 s": (20, 60), "500 targets at 30 s": (500, 10)}


def measure(targets: int, minutes: int, seed: int) -> dict[str, float]:
    case = draw_case(
        seed, allowed=parse_faults("none"), minutes=minutes, targets=targets, every_s=30, plain=True
    )
    # Of the processor, not of the wall: on a shared machine the rest measures the neighbours.
    began_ns = time.process_time_ns()
    result = run_case(case)
    real_ns = time.process_time_ns() - began_ns
    if result.violations:
        sys.exit(result.violations[0].line())
    return {
        "times_real_time": round(result.simulated_ns / real_ns),
        "simulated_hours": round(result.simulated_ns / 3.6e12, 2),
        "steps_per_second": round(result.steps / real_ns * 1e9),
        "processor_s": round(real_ns / 1e9, 2),
    }


def main() -> None:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print(json.dumps({name: measure(*world, seed) for name, world in WORLDS.items()}, indent=1))


main()
