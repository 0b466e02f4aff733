"""How long 100,000 targets take from a configuration file to the first due tick.

    python bench/start.py [--runs 5] [--targets 100000] [--quick]

Prints one JSON object. A run is `watchkeeper run`, timed from before the interpreter starts until the first target is
knocked at. Gatus and Uptime Kuma are not run: they wait between starting one target and the next, by their
own sources 222 ms and 650 ms, so that their figures are products.
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import cpu_us, describe

BAR_S = 10.0
APART_MS = {"gatus": 222, "uptime_kuma": 650}
WITHIN_S = 120.0
HEAD = """\
runtime:
  store: {store}
channels:
  - {{id: ops, log: {{}}}}
targets:
"""
SHORT = "  - {{id: target-{number}, every: 60s, http: {{url: http://127.0.0.1:{port}/{number}}}, notify: [ops]}}\n"
WHOLE = """\
  - id: target-{number}
    every: 60s
    timeout: 5s
    retry_every: 20s
    http: {{url: "http://127.0.0.1:{port}/{number}", method: GET, follow_redirects: true}}
    expect: ["[STATUS] == 200", "[RESPONSE_TIME] < 2000"]
    rules:
      - {{id: down, kind: consecutive, after: 3, recover: 2, severity: critical}}
      - {{id: slow, kind: threshold, value: 1500, window: 5m, aggregate: p95, severity: warning}}
    notify: [ops]
"""
FORMS = {"one_line_each": SHORT, "every_key_written": WHOLE}


def write(path: Path, form: str, count: int, port: int) -> None:
    """A configuration in one of two forms: as short as it may be, or with what people usually write."""
    with path.open("w") as file:
        file.write(HEAD.format(store=path.with_suffix(".db")))
        for number in range(count):
            file.write(FORMS[form].format(number=number, port=port))


def run(path: Path, door: socket.socket) -> dict[str, float]:
    """Measures the time from before the interpreter starts until the first probe arrives: the first due tick, from outside."""
    began = time.monotonic()
    command = [sys.executable, "-m", "watchkeeper", "run", str(path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            door.accept()[0].close()
            whole_s = time.monotonic() - began
            figures = {"whole_s": whole_s, "cpu_s": cpu_us(process.pid) / 1e6}
        finally:
            process.kill()  # how long 100,000 targets take to stop is another question
    for left in path.parent.glob(f"{path.stem}.db*"):
        left.unlink()
    return figures


def measure(form: str, count: int, runs: int) -> dict[str, float]:
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "watch.yaml"
        for number in range(runs):
            with socket.create_server(("127.0.0.1", 0), backlog=1) as door:
                door.settimeout(WITHIN_S)
                write(path, form, count, door.getsockname()[1])
                seen.append(run(path, door))
            print(f"{form} {number + 1}/{runs}: {seen[-1]['whole_s']:.1f} s", file=sys.stderr)
    return {name: round(statistics.median(each[name] for each in seen), 2) for name in seen[0]}


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--targets", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="one run each: a look, not a figure to quote")
    options = parser.parse_args(arguments)
    runs = 1 if options.quick else options.runs
    found = {form: measure(form, options.targets, runs) for form in FORMS}
    whole_s = found["one_line_each"]["whole_s"]
    theirs = {f"{peer}_s": options.targets * apart_ms / 1e3 for peer, apart_ms in APART_MS.items()}
    met = {form: figures["whole_s"] < BAR_S for form, figures in found.items()}
    figures = {
        **found,
        "by_their_own_arithmetic": theirs,
        "times_sooner": {peer: round(each / whole_s) for peer, each in theirs.items()},
    }
    setting = {"targets": options.targets, "runs": runs}
    bars = {"whole_s_max": BAR_S}
    print(
        json.dumps({**figures, "bars": bars, "met": met, "setting": setting, "machine": describe()}, indent=2)
    )
    return 0 if met["one_line_each"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
