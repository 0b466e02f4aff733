"""The metadata of a target: texts for people, carried along and never decided by."""

from typing import Any

from ..public_value import PublicValue


class TargetMetadata(PublicValue, frozen=True, kw_only=True, omit_defaults=True):
    """Texts of a target for people; a field that is not stated is empty."""

    group: str = ""
    """Its place among the targets; a slash divides levels: `shop/api`."""
    name: str = ""
    """Its name for people."""
    labels: tuple[tuple[str, str], ...] = ()
    """Pairs of name and text, in the order of the names."""
    description: str = ""
    link: str = ""
    runbook: str = ""
    """A link to what is to be done when it is down."""
    public: str = ""
    """Its name on a public page."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the stated fields as plain data; the labels are a mapping."""
        stated = {name: value for name in self.__struct_fields__ if (value := getattr(self, name))}
        return stated | {"labels": dict(self.labels)} if self.labels else stated

    def __bool__(self) -> bool:
        """Whether anything is stated."""
        return self != NO_METADATA


NO_METADATA = TargetMetadata()
