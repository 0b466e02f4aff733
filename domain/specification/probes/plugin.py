"""The `plugin` probe as it is written: a kind of probe that an installed package brings, and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import msgspec

from ... import limits
from ..probe import ProbeForm
from ..text import MASK, Name

PlainSetting: TypeAlias = str | int | float | bool | None
SettingText: TypeAlias = Annotated[str, msgspec.Meta(max_length=limits.SETTING_CHARACTERS_MAX)]
Setting: TypeAlias = (
    SettingText
    | int
    | float
    | bool
    | Annotated[tuple[PlainSetting, ...], msgspec.Meta(max_length=limits.SETTINGS_MAX)]
    | None
)
_FEW = msgspec.Meta(max_length=limits.SETTINGS_MAX)
Settings: TypeAlias = (
    Annotated[Mapping[str, Setting], _FEW] | Annotated[tuple[tuple[str, Setting], ...], _FEW]
)
"""Written as a mapping; a specification keeps it as sorted pairs, so that it stays immutable and hashable."""


class Plugin(ProbeForm, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="plugin", eq=False):
    """A kind of probe that an installed package brings: an entry point of the group `watchkeeper.probes`."""

    name: Name
    """The name of the entry point."""
    settings: Settings = ()
    """The settings of the kind: texts, numbers, truth values and lists of them, by name. They are never shown."""

    def __init__(self, *, name: str, settings: Mapping[str, Any] | Settings = ...) -> None: ...

    def __post_init__(self) -> None:
        settings = self.settings
        pairs = sorted(settings.items()) if isinstance(settings, Mapping) else settings
        msgspec.structs.force_setattr(self, "settings", tuple((str(name), value) for name, value in pairs))

    @property
    def pairs(self) -> tuple[tuple[str, Setting], ...]:
        """The settings by name, in order."""
        return tuple(self.settings.items()) if isinstance(self.settings, Mapping) else self.settings

    def as_mapping(self) -> dict[str, Any]:
        """Returns the settings as the kind gets them: a mapping of its own, with lists."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.pairs}

    # 1, 1.0 and true are equal to Python, and are three settings.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Plugin):
            return NotImplemented
        return (self.name, repr(self.settings)) == (other.name, repr(other.settings))

    def __hash__(self) -> int:
        return hash((self.name, self.settings))

    def __repr__(self) -> str:
        names = ", ".join(f"{name}={MASK}" for name, _ in self.pairs)
        return f"Plugin(name={self.name!r}, settings=[{names}])"
