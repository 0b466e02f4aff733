"""The stamp of a configuration: what it is and since when, as the owner of a store leaves it for other processes."""

from hashlib import blake2b

import msgspec

from ..specification.configuration import Configuration, Defaults
from ..specification.target import Target


class ConfigurationStamp(msgspec.Struct, frozen=True, array_like=True):
    """Tells two configurations apart, and which of them is newer."""

    digest: str = ""
    given_at_ns: int = 0
    """The wall time at which a process was made with it, or reloaded it; of nodes by the clock of the store."""

    def is_newer_than(self, other: "ConfigurationStamp") -> bool:
        """Whether it differs, and was given later."""
        return self.digest != other.digest and self.given_at_ns > other.given_at_ns

    @property
    def text(self) -> str:
        """The stamp as it is kept."""
        return msgspec.json.encode(self).decode()


class StampTimes:
    """Gives stamps the time of the store's clock. Those of two machines would show which clock is ahead, not which stamp is newer."""

    def __init__(self) -> None:
        self._known: tuple[int, int] | None = None
        """The time of the last stamp, and the skew then: a clock that is set later makes no stamp another."""

    def by_store(self, stamp: ConfigurationStamp, skew_ns: int) -> ConfigurationStamp:
        """Returns a stamp of this machine by the clock of the store; `skew_ns` is how far this machine's is ahead of it now."""
        known = self._known
        if known is None or known[0] != stamp.given_at_ns:
            # Replaced whole: several threads ask.
            self._known = known = (stamp.given_at_ns, skew_ns)
        return ConfigurationStamp(stamp.digest, stamp.given_at_ns - known[1])


def stamp_of(configuration: Configuration, given_at_ns: int) -> ConfigurationStamp:
    """Returns the stamp of a configuration as it was given: pauses by command are none of it, nor is what belongs to one process.

    Processes may reach one store by several names, and each listens at an address of its own. The defaults are filled into the
    targets: a start from a file passes only these on, and a reload of the same file all of it.
    """
    targets = sorted(configuration.targets, key=_by_id)
    options = msgspec.structs.replace(configuration.runtime, store=None)
    said = msgspec.structs.replace(
        configuration, runtime=options, targets=tuple(targets), web=None, defaults=Defaults()
    )
    digest = blake2b(msgspec.json.encode(said, enc_hook=str), digest_size=12).hexdigest()
    return ConfigurationStamp(digest, given_at_ns)


def read_stamp(text: str) -> ConfigurationStamp | None:
    """Returns the stamp that an owner has left; None without one, and for one of another version."""
    try:
        return msgspec.json.decode(text, type=ConfigurationStamp)
    except msgspec.MsgspecError:
        return None


def _by_id(target: Target) -> str:
    return target.id
