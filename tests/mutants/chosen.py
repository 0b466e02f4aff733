"""A pytest plugin that runs the tests whose names stand in the file MUTANTS_TESTS, in that order; a file stands for all its tests.

Names on the command line would not do: the name of a test with parameters may hold any character, and may differ from run to run.
"""

import os
from pathlib import Path


def files_of(tests):
    """The files to collect, each once."""
    return list(dict.fromkeys(test.partition("::")[0] for test in tests))


def pytest_collection_modifyitems(config, items):
    """Select and sort, where there is such a file."""
    if "MUTANTS_TESTS" not in os.environ:
        return
    names = Path(os.environ["MUTANTS_TESTS"]).read_text().split("\n")
    places = {name: place for place, name in enumerate(names)}

    def place_of(item):
        return places.get(item.nodeid, places.get(item.nodeid.partition("::")[0]))

    config.hook.pytest_deselected(items=[item for item in items if place_of(item) is None])
    items[:] = sorted((item for item in items if place_of(item) is not None), key=place_of)
