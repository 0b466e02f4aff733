"""The mark of a drill: an incident that nothing has caused, by which operators try a route out."""

import msgspec


class Drill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Says whose drill an incident is; it is recorded with the incident."""

    route: str
    """The id of the route that is tried out."""
    by: str = ""
    until_ns: int
    """Wall time at which the drill ends by itself."""
    despite_holds: bool = False
    """Whether silences and quiet windows hold none of its notices back."""
