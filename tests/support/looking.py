"""Looks again and again until something has happened outside this process."""

import threading
from itertools import chain, repeat
from time import monotonic

WITHIN_S = 120
PAUSE = threading.Event()
"""Never set: waiting for it is a pause between two looks."""


def until(look, within_s=WITHIN_S):
    """Returns the first true answer of a look.

    Looks are fewer after the first ones: many are requests to an API, which takes twenty a second of one client.
    """
    ends = monotonic() + within_s
    for pause_s in chain(repeat(0.02, 10), repeat(0.1)):
        if found := look():
            return found
        assert monotonic() < ends, "this took too long"
        PAUSE.wait(pause_s)
    raise AssertionError
