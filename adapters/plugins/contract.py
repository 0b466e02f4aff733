"""The contract of a package that brings a kind of probe."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

SettingProblem: TypeAlias = str | tuple[str, str]
"""A sentence about the settings, or the name of a setting and a sentence about it."""


class ProbePlugin(Protocol):
    """A kind of probe, as an entry point of the group `watchkeeper.probes` names it: a class that is made without arguments.

    An entry point may name an async function in its place, which is called as `probe` is; its settings are not judged.
    """

    def validate(self, settings: Mapping[str, Any]) -> Iterable[SettingProblem]:
        """Returns the problems of the settings of one target; none where they are right.

        It is called for each target when a configuration is checked, must not connect to anything.
        """
        ...

    async def probe(self, settings: Mapping[str, Any], deadline: float) -> object:
        """Makes one attempt, and returns an `Observation`, or whatever a checked function may return.

        `deadline` is in seconds of `time.monotonic()` and of the event loop: `asyncio.timeout_at(deadline)`. The attempt is
        cancelled then. It runs on an event loop that the attempts of this kind alone share. An error that it raises is `down`.
        """
        ...
