"""How the command ends, for those who call it from a script."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit statuses; `meaning` says each in one line."""

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
    ExitStatus.FINE: "done; `run` was stopped by a signal and drained, or left notices in its store for the next run",
    ExitStatus.FAILED: "failed while running, could not write its output, or lost something at the stop",
    ExitStatus.CONFIGURATION: "the configuration or the command line cannot be used; nothing was started",
    ExitStatus.STORE: "the store is held by another process, or its record does not verify",
    ExitStatus.INTERRUPTED: "ended at once by a second SIGINT",
    ExitStatus.TERMINATED: "ended at once by a second SIGTERM",
}
