"""The end of a leg: one process runs until nothing of its store is open or pending, and ends in good order."""

import threading
from collections.abc import Callable
from pathlib import Path

from tests.system.audit import is_quiet
from tests.system.outside import Site
from tests.system.processes import Watch

QUIET_WITHIN_S = 120.0
LOOK_EVERY_S = 0.1
ENDS_MAX = 5
_PAUSE = threading.Event()
"""Never set: waiting for it is a pause between two looks."""


def until_quiet(store: Path, site: Site, check: Callable[[], None] = lambda: None) -> bool:
    """Waits until nothing is open or pending, once targets were asked again; `check` may raise meanwhile. Returns False where it never came."""
    site.wait_for_questions(2)
    for _ in range(int(QUIET_WITHIN_S / LOOK_EVERY_S)):
        if is_quiet(store):
            return True
        check()
        _PAUSE.wait(LOOK_EVERY_S)
    return False


def settle(
    store: Path, site: Site, start: Callable[[], Watch], listen: Callable[[Watch], None] = lambda _: None
) -> bool:
    """Runs a process until all is quiet, and again where a check that ended too late on a busy machine has opened an incident since.

    `listen` is given each process once it has ended. Returns False where it never is quiet, or a process ends badly.
    """
    for _ in range(ENDS_MAX):
        with start() as watch:
            watch.until_watching()
            if not until_quiet(store, site, lambda: is_alive(watch)) or watch.stop():
                return False
            listen(watch)
        if is_quiet(store):
            return True
    return False


def is_alive(watch: Watch) -> None:
    """Raises: AssertionError where a process has ended."""
    assert watch.is_alive, watch.errors.all()
