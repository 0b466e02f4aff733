"""The exceptions of watchkeeper, one class per cause. A failed probe is not an exception: it is a sample."""


class WatchkeeperError(Exception):
    """The root of every error raised on purpose."""


class ConfigurationError(WatchkeeperError, ValueError):
    """A configuration cannot be run; `problems` lists every fault, one line each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ConditionError(ConfigurationError):
    """The text of a condition cannot be parsed."""


class UsageError(WatchkeeperError):
    """The host called something at the wrong time or from the wrong place."""


class UnknownName(UsageError, LookupError):
    """No target, rule, incident or channel has this name."""


class NotRunning(UsageError):
    """No process runs the store, or nothing answers at the address."""


class NotAllowed(UsageError, PermissionError):
    """The role of this client does not allow what it asked."""


class StoreError(WatchkeeperError):
    """The store cannot be read or written; no write of the failed call was acknowledged."""


class StoreBusy(StoreError):
    """Another process holds the store; the message names it."""


class StoreFenced(StoreError):
    """Another process has claimed the store: this one has lost it for good and writes and notifies no more."""


class StoreNewer(StoreError):
    """A newer version has written the store: this process cannot use it, however long it waits."""


class NotSent(StoreError):
    """A command for another node did not get as far as the store: nothing of it is done, now or later."""


class StoreCorrupt(StoreError):
    """The store's hash chain or content does not verify; writing stops until an operator has inspected it."""


class MessageError(WatchkeeperError, ValueError):
    """The bytes are not a valid watchkeeper message."""
