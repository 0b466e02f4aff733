"""Validation: whatever is wrong with a configuration, all of it at once. Each problem says what to do."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from . import limits
from .channel import Channel
from .configuration import Configuration, Defaults, RuntimeOptions
from .problem import Problem
from .target import Target
from .validation_meaning import target_problems
from .validation_pieces import Pieces

__all__ = ["Problem", "fitted", "problems_of", "problems_of_target"]

S = TypeVar("S")


def problems_of(configuration: Configuration) -> tuple[Problem, ...]:
    """Everything wrong with a configuration made in Python, whose types nobody has checked yet."""
    pieces = Pieces()
    channels, targets = configuration.channels, configuration.targets
    sound = Configuration(
        runtime=pieces.made(configuration.runtime, RuntimeOptions, ("runtime",)),
        defaults=pieces.made(configuration.defaults, Defaults, ("defaults",)),
        channels=tuple(
            pieces.made(channel, Channel, ("channels", at)) for at, channel in enumerate(channels)
        ),
        targets=tuple(pieces.made(target, Target, ("targets", at)) for at, target in enumerate(targets)),
    )
    return pieces.problems(sound, _too_many(configuration))


def problems_of_target(
    target: Target, *, channels: Iterable[str], allow_exec: bool = False
) -> tuple[Problem, ...]:
    """Everything wrong with one target, judged by itself; paths begin at the target."""
    pieces = Pieces()
    sound = pieces.made(target, Target, ())
    return pieces.with_these(target_problems(sound, channels, allow_exec=allow_exec))


def fitted(specification: S, kind: type[S]) -> S:
    """A specification without problems in the very types that it is declared with.

    Python lets a list stand for a tuple and `"critical"` for Severity.CRITICAL; a cache and `is` do not.
    """
    return msgspec.convert(msgspec.to_builtins(specification), kind)


def _too_many(configuration: Configuration) -> list[Problem]:
    counts = (
        ("channels", len(configuration.channels), limits.CHANNELS_MAX),
        ("targets", len(configuration.targets), limits.TARGETS_MAX),
    )
    return [
        Problem((group,), f"has {count:,} entries: {most:,} is the most")
        for group, count, most in counts
        if count > most
    ]
