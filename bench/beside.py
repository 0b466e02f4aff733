"""The frame of the benches that compare checks alone with checks beside something else: options, runs, medians and the printed document."""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nginx
from machine import describe, stay_on

Run = Callable[[nginx.Nginx, Path, float], dict[str, Any]]
"""Makes one run with a window of so many seconds, and returns its figures."""
Judge = Callable[[dict[str, Any]], tuple[bool | dict[str, bool], dict[str, Any]]]
"""Returns whether the medians meet each bar, and the setting in which they were taken."""


def compare(
    arguments: list[str],
    description: str | None,
    run: Run,
    judge: Judge,
    core: int,
    windows_s: tuple[float, float],
) -> int:
    """Runs on a core, of windows for a figure and for a quick look, and prints one JSON object. Returns 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short run: a look, not a figure to quote")
    options = parser.parse_args(arguments)
    if not nginx.installed():
        print(nginx.INSTALL, file=sys.stderr)
        return 2
    stay_on(core)
    runs, window_s = (1, windows_s[1]) if options.quick else (options.runs, windows_s[0])
    with tempfile.TemporaryDirectory() as name, nginx.Nginx(Path(name), core) as server:
        found = [run(server, Path(name), window_s) for _ in range(runs)]
    figures = {key: round(statistics.median(each[key] for each in found), 3) for key in found[0]}
    met, setting = judge(figures)
    setting |= {"runs": runs}
    document = {**figures, "met": met, "setting": setting, "quick": options.quick, "machine": describe()}
    print(json.dumps(document, indent=2))
    return int(not (all(met.values()) if isinstance(met, dict) else met))
