"""Refuses a process in which gevent or eventlet has replaced Python's threads."""

import _thread
import queue
import subprocess

from ..domain.errors import UsageError

REPLACING = frozenset({"gevent", "eventlet"})


def require_real_threads() -> None:
    """Raises: UsageError where gevent or eventlet has replaced what an engine needs of Python as it is.

    Their threads share one thread of the system, which the engine's loop would block for ever; their queues end its threads
    with LoopExit; their processes cannot be started from other threads, so that every `exec` target would be down.
    """
    needed = {
        "thread": _thread.start_new_thread,
        "queue": queue.SimpleQueue,
        "subprocess": subprocess.Popen,
    }
    origins = {name: str(part.__module__).partition(".")[0] for name, part in needed.items()}
    replaced = [name for name, library in origins.items() if library in REPLACING]
    if replaced:
        library, spared = origins[replaced[0]], ", ".join(f"{name}=False" for name in replaced)
        raise UsageError(
            f"{library} has replaced Python's {', '.join(replaced)} in this process, which watchkeeper needs as they are: "
            f"patch with {spared}, or run watchkeeper in a process of its own"
        )
