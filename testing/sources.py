"""The configuration of a world: a file, targets, or both, with the channels that are only named."""

import os
from collections.abc import Iterable
from pathlib import Path

from ..adapters.configuration.loading import load
from ..domain.specification.channel import Channel, Log
from ..domain.specification.configuration import Configuration, RuntimeOptions
from ..domain.specification.target import Target
from ..host.configured import require_valid

Source = Configuration | str | Path | Iterable[Target]


def configuration_of(source: Source, channels: Iterable[Channel]) -> Configuration:
    """Returns the configuration of a source; a channel that is only named logs.

    Raises: ConfigurationError with everything that is wrong.
    """
    if isinstance(source, str | Path):
        source = load(source, os.environ)
    whole = source if isinstance(source, Configuration) else _of_targets(source, channels)
    targets, given = whole.targets, whole.channels
    named = dict.fromkeys(channel for target in targets for channel in target.notify)
    missing = [name for name in named if name not in {channel.id for channel in given}]
    channels = (*(Channel(id=name, log=Log()) for name in missing), *given)
    return sound(targets, channels, whole.runtime)


def _of_targets(targets: Iterable[Target], channels: Iterable[Channel]) -> Configuration:
    """Returns a configuration of mere targets, which tells no channel of the runtime's own problems."""
    return Configuration(runtime=RuntimeOptions(notify=()), targets=targets, channels=channels)


def sound(
    targets: tuple[Target, ...],
    channels: tuple[Channel, ...],
    runtime: RuntimeOptions | None = None,
) -> Configuration:
    """Returns all in their declared types; executes nothing.

    Raises: ConfigurationError with everything that is wrong.
    """
    given = runtime or RuntimeOptions()
    options = RuntimeOptions(allow_exec=True, connectivity=given.connectivity, notify=given.notify)
    return require_valid(Configuration(runtime=options, targets=targets, channels=channels), None)
