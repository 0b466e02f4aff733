"""Validation: whatever is wrong with a configuration, all of it at once. Each problem says what to do."""

from collections.abc import Iterable

from ..specification.channel import Channel
from ..specification.configuration import Configuration, Defaults, RuntimeOptions
from ..specification.problem import Problem
from ..specification.target import Target
from .partial import PartialConfiguration
from .semantics import target_problems

__all__ = ["Problem", "judged", "judged_target"]


def judged(configuration: Configuration) -> tuple[Configuration, tuple[Problem, ...]]:
    """A configuration made in Python in its declared types, and everything that is wrong with it.

    The constructors have judged each part, but `msgspec.structs.replace` goes past them.
    """
    pieces = PartialConfiguration()
    channels, targets = configuration.channels, configuration.targets
    valid = Configuration(
        runtime=pieces.made(configuration.runtime, RuntimeOptions, ("runtime",)),
        defaults=pieces.made(configuration.defaults, Defaults, ("defaults",)),
        channels=tuple(
            pieces.made(channel, Channel, ("channels", at)) for at, channel in enumerate(channels)
        ),
        targets=tuple(pieces.made(target, Target, ("targets", at)) for at, target in enumerate(targets)),
    )
    return valid, pieces.problems(valid)


def judged_target(
    target: Target, *, channels: Iterable[str], allow_exec: bool = False
) -> tuple[Target, tuple[Problem, ...]]:
    """One target as `judged` gives it, judged by itself; paths begin at the target."""
    pieces = PartialConfiguration()
    valid = pieces.made(target, Target, ())
    return valid, pieces.with_these(target_problems(valid, channels, allow_exec=allow_exec))
