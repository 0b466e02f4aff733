"""The common part of probes that speak with one host: what they give, what they need, and how they are shown."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec
from msgspec import UNSET

from ..probe import ProbeForm, Tls


class Library(msgspec.Struct, frozen=True):
    """A library that a kind of probe needs, and the extra that brings it."""

    module: str
    """The name by which it is imported."""
    title: str
    """Its name for people."""
    extra: str
    """The extra of this package that installs it."""


class NetworkProbe(ProbeForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Speaks with one host. A kind states the facts and figures that it gives, so that a wrong condition is refused."""

    # The placeholders of conditions that have a value; the measures that rules may have a threshold for; the library that
    # it needs besides those that are always installed; and the shortest cadence that those who are asked put up with.
    facts: ClassVar[frozenset[str]] = frozenset()
    measures: ClassVar[tuple[str, ...]] = ()
    library: ClassVar[Library | None] = None
    every_ns_min: ClassVar[int] = 0

    @property
    def peer(self) -> str:
        """The host that is spoken with; empty where the configuration names none."""
        return str(getattr(self, "host", None) or "")

    @property
    def figures(self) -> tuple[str, ...]:
        """The measures that rules may have a threshold for: those of the kind, and of this very probe."""
        return self.measures

    @property
    def summary(self) -> str:
        """Returns what is done at each attempt, in a few words without secrets."""
        return f"{self.__struct_config__.tag} {self.peer}".strip()

    def named_texts(self) -> Iterator[tuple[str, str]]:
        """Yields the texts of which some are secrets by their names, such as headers, each with its name."""
        yield from ()

    def secrets(self) -> Iterator[str]:
        """Yields the texts that are never shown: a password, and the pass phrase of a key."""
        password, tls = getattr(self, "password", None), getattr(self, "tls", None)
        if isinstance(password, str):
            yield password
        if isinstance(tls, Tls) and tls.key_password is not UNSET:
            yield tls.key_password
