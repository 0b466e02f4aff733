"""The answers of every node of a store on this machine: each alone knows of its own shards what the record does not have."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ...adapters.net.listening import nodes_here
from ...client.connection import Connection, connect
from ...domain.errors import WatchkeeperError

R = TypeVar("R")
ASKED_AT_ONCE = 16


def ask_each(store: str, question: Callable[[Connection], R], within_s: float) -> list[R]:
    """Returns the answers of all nodes of a store that answer this user on this machine, or that of the one process which runs it.

    They are asked at the same time: one that is frozen costs the others nothing. Raises: the error of one where none answers.
    """
    names = nodes_here(store)
    if not names:
        return [question(connect(store, timeout_s=within_s))]
    with ThreadPoolExecutor(min(len(names), ASKED_AT_ONCE)) as asking:
        asked = [asking.submit(question, connect(store, timeout_s=within_s, node=name)) for name in names]
    found, failed = list[R](), list[Exception]()
    for each in asked:
        try:
            found.append(each.result())
        except (WatchkeeperError, OSError) as error:
            failed.append(error)
    if not found:
        raise failed[0]
    return found
