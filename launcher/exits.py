"""Exit statuses of the command, for scripts that call it."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """An exit status; `meaning` explains it in one line."""

    FINE = 0
    FAILED = 1
    CONFIGURATION = 2
    STORE = 3
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    ExitStatus.FINE: "done; `run` drained after a signal, and notices that it left in its store wait for the next run",
    ExitStatus.FAILED: "failed while running, could not write its output, or lost work at the stop",
    ExitStatus.CONFIGURATION: "the configuration or the command line is not valid; nothing was started",
    ExitStatus.STORE: "another process holds the store, or its record does not verify",
    ExitStatus.INTERRUPTED: "a second SIGINT ended the process at once",
    ExitStatus.TERMINATED: "a second SIGTERM ended the process at once",
}
