"""Looks again and again until something has happened outside this process."""

import threading
from time import monotonic

WITHIN_S = 60
PAUSE = threading.Event()
"""Never set: waiting for it is a pause between two looks."""


def until(look, within_s=WITHIN_S):
    """Returns the first true answer of a look."""
    ends = monotonic() + within_s
    while not (found := look()):
        assert monotonic() < ends, "this took too long"
        PAUSE.wait(0.02)
    return found
