"""The stamp of a configuration: what it is and since when, as the owner of a store leaves it for other processes."""

from hashlib import blake2b

import msgspec

from ..specification.configuration import Configuration
from ..specification.target import Target


class ConfigurationStamp(msgspec.Struct, frozen=True, array_like=True):
    """Tells two configurations apart, and which of them is newer."""

    digest: str = ""
    given_at_ns: int = 0
    """The wall time at which a process was made with it, or reloaded it."""

    def is_newer_than(self, other: "ConfigurationStamp") -> bool:
        """Whether it differs, and was given later."""
        return self.digest != other.digest and self.given_at_ns > other.given_at_ns

    @property
    def text(self) -> str:
        """The stamp as it is kept."""
        return msgspec.json.encode(self).decode()


def stamp_of(configuration: Configuration, given_at_ns: int) -> ConfigurationStamp:
    """Returns the stamp of a configuration as it was given: pauses by command are none of it, nor is the name of the store.

    Processes may reach one store by several names.
    """
    targets = sorted(configuration.targets, key=_by_id)
    options = msgspec.structs.replace(configuration.runtime, store=None)
    said = msgspec.structs.replace(configuration, runtime=options, targets=tuple(targets))
    digest = blake2b(repr(msgspec.to_builtins(said, enc_hook=str)).encode(), digest_size=12).hexdigest()
    return ConfigurationStamp(digest, given_at_ns)


def read_stamp(text: str) -> ConfigurationStamp | None:
    """Returns the stamp that an owner has left; None without one, and for one of another version."""
    try:
        return msgspec.json.decode(text, type=ConfigurationStamp)
    except msgspec.MsgspecError:
        return None


def _by_id(target: Target) -> str:
    return target.id
