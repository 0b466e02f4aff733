"""A pytest plugin that appends to the file MUTANTS_TIMES how many seconds each test that passed took."""

import json
import os
from pathlib import Path


def pytest_runtest_logreport(report):
    """One line a test."""
    if report.when == "call" and report.passed:
        with Path(os.environ["MUTANTS_TIMES"]).open("a") as times:
            times.write(json.dumps([report.nodeid, report.duration]) + "\n")
