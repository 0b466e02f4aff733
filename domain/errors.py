"""The errors of watchkeeper, named by who is at fault. A failed probe is not an error: it is a sample."""


class WatchkeeperError(Exception):
    """The root of every error raised on purpose."""


class ConfigurationError(WatchkeeperError, ValueError):
    """A configuration cannot be run; `problems` lists every fault, one line each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ConditionError(ConfigurationError):
    """A condition's text means nothing."""


class UsageError(WatchkeeperError):
    """The host called something at the wrong time or from the wrong place."""


class UnknownName(UsageError, LookupError):
    """No target, rule, incident or channel has this name."""


class StoreError(WatchkeeperError):
    """The store cannot be trusted or written at the moment; nothing was acknowledged."""


class StoreBusy(StoreError):
    """Another process holds the store; the message names it."""


class StoreCorrupt(StoreError):
    """The record does not verify; nothing more will be written until somebody looks."""


class MessageError(WatchkeeperError, ValueError):
    """Bytes that are no message of ours."""
