"""The configuration of a world: a file, targets, or both, with the channels that are only named."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from ..adapters.configuration.loading import load
from ..domain.specification.channel import Channel, Log
from ..domain.specification.configuration import Configuration, RuntimeOptions
from ..domain.specification.remote.agents import Agents
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
    given = whole.channels
    named = dict.fromkeys(_named(whole))
    missing = [name for name in named if name not in {channel.id for channel in given}]
    channels = (*(Channel(id=name, log=Log()) for name in missing), *given)
    return sound(replace(whole, channels=channels))


def _named(whole: Configuration) -> Iterator[str]:
    """Yields the channels that targets and routes name."""
    for target in whole.targets:
        yield from target.notify
    for route in whole.routes:
        yield from route.named


def _of_targets(targets: Iterable[Target], channels: Iterable[Channel]) -> Configuration:
    """Returns a configuration of mere targets, which tells no channel of the runtime's own problems."""
    whole = Configuration(runtime=RuntimeOptions(notify=()), targets=targets, channels=channels)
    return with_agents(whole)


def with_agents(whole: Configuration) -> Configuration:
    """Returns a configuration whose agents are at every location that its targets name, as far as it states none."""
    if whole.agents is not None:
        return whole
    named = dict.fromkeys(place for target in whole.targets for place in target.places)
    places = tuple(place for place in named if place != whole.runtime.location)
    return replace(whole, agents=Agents(nats="nats://localhost", locations=places)) if places else whole


def sound(given: Configuration) -> Configuration:
    """Returns all in their declared types; executes nothing.

    Raises: ConfigurationError with everything that is wrong.
    """
    runtime = given.runtime
    options = RuntimeOptions(
        allow_exec=True,
        connectivity=runtime.connectivity,
        notify=runtime.notify,
        ping=runtime.ping,
        location=runtime.location,
    )
    return require_valid(replace(given, runtime=options), None)


def sound_beside(target: Target, others: Iterable[Target], whole: Configuration) -> Target:
    """Returns a further target of a configuration in its declared types, beside those on which it depends.

    Raises: ConfigurationError with everything that is wrong.
    """
    few = Configuration(channels=whole.channels, targets=(*others, target), agents=whole.agents)
    *_, valid = sound(with_agents(few)).targets
    return valid


def beside_targets(configuration: Configuration) -> tuple[object, ...]:
    """Returns what a restart is needed for where it differs: a change of targets alone needs none."""
    policies = configuration.routes, configuration.windows, configuration.maintenance
    told = configuration.runtime.notify, configuration.runtime.connectivity
    return configuration.channels, policies, told
