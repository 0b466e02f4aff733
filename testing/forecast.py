"""A forecast of a configuration: a world runs it for hours, through a course of events drawn from a seed."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import merge
from operator import itemgetter
from random import Random
from typing import NamedTuple

import msgspec

from ..actors.checked import InvariantBroken
from ..domain.incidents.incident import Incident
from ..domain.incidents.notice import Notice
from ..domain.observation.outcome import Outcome
from ..domain.specification.configuration import Configuration
from ..domain.specification.target import Target
from ..domain.units import NS_PER_MINUTE, NS_PER_S
from .clock import START_WALL_NS
from .script import Script
from .world import World

SEED_VERSION = 5
"""Raised whenever a seed no longer means the same course of events."""
MINUTES_A_DAY = 24 * 60
SPELLS_A_DAY = 4
BAD_WORDS = ("down", "down", "hang", "status 500", "slow 2s", "unknown")


CHANNEL_WORDS: dict[str, tuple[str, ...]] = {
    "channel_down": ("down", "hang"),
    "channel_slow": ("slow 9s", "slow 12s", "slow 40s"),
    "channel_busy": ("status 429", "status 503"),
    "channel_refuses": ("status 400", "status 410"),
}
"""The faults of channels, with the words of their scripts."""


class Mishap(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the course."""

    at_ns: int
    """Since the beginning."""
    fault: str
    target: str
    length_s: int


class _Kind(NamedTuple):
    """The frequency of a fault, its possible lengths, and its effect on the world."""

    a_day: int
    lengths_s: Sequence[int]
    do: Callable[[World, Mishap], object]
    undo: Callable[[World, Mishap], object] | None = None
    """Its effect after the length."""


def _acknowledge_all(world: World, _: Mishap) -> None:
    for incident in world.incidents(open_only=True):
        world.acknowledge(incident.id)


WALL_STEPS_S = (-1, 1, -3_600, 3_600, -7, 7, -86_400, 200, -2)
NO_LENGTH = (0,)
KINDS: dict[str, _Kind] = {
    # The process is killed and started again: only committed records are left.
    "death": _Kind(4, NO_LENGTH, lambda world, _: world.crash()),
    # The process is stopped in good order and started again.
    "restart": _Kind(4, NO_LENGTH, lambda world, _: world.restart()),
    "store_full": _Kind(4, range(1, 600), lambda world, mishap: world.fill_store(mishap.length_s)),
    "wall_step": _Kind(4, WALL_STEPS_S, lambda world, mishap: world.step_wall(mishap.length_s * NS_PER_S)),
    "suspend": _Kind(4, range(1, 3_600), lambda world, mishap: world.suspend(mishap.length_s)),
    "stall": _Kind(8, range(1, 30), lambda world, mishap: world.stall(mishap.length_s)),
    "pause": _Kind(
        4,
        range(60, 3_600),
        lambda world, mishap: world.pause(mishap.target),
        lambda world, mishap: world.resume(mishap.target),
    ),
    "silence": _Kind(
        4, range(60, 3_600), lambda world, mishap: world.silence(mishap.target, mishap.length_s)
    ),
    # An operator looks twice an hour: more seldom, few incidents would be open just then.
    "acknowledge": _Kind(48, NO_LENGTH, _acknowledge_all),
}
"""The faults besides those of channels, and the acts of operators."""
FAULTS = (*CHANNEL_WORDS, *KINDS)


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration and every event that will happen to it."""

    configuration: Configuration
    seed: int
    minutes: int
    scripts: dict[str, str]
    """By target."""
    channel_scripts: dict[str, str]
    mishaps: tuple[Mishap, ...]


class Forecast(NamedTuple):
    """The result of a course of events."""

    incidents: tuple[Incident, ...]
    notices: dict[str, tuple[Notice, ...]]
    """By channel, as its receiver applied them."""
    simulated_ns: int
    broken: str
    """The violated invariant of watchkeeper itself, by its id and in words; empty without one."""


# Arguments.


def parse_seed(text: str) -> int:
    """Reads `7`, or `5-7` as a forecast prints its seed.

    Raises: ValueError for a seed of another version and for a text that is no seed.
    """
    version, _, number = text.rpartition("-")
    if not number.isdigit() or (version and not version.isdigit()):
        raise ValueError(f"{text!r} is no seed: write a whole number like 7, or {SEED_VERSION}-7")
    if version and int(version) != SEED_VERSION:
        raise ValueError(
            f"seed {text} is of version {version}, which drew other runs; this is version {SEED_VERSION}: "
            f"use {SEED_VERSION}-{number} for the run that this version draws"
        )
    return int(number)


def seed_text(seed: int) -> str:
    """Returns the seed with its version, without which it has no meaning."""
    return f"{SEED_VERSION}-{seed}"


def parse_faults(text: str) -> tuple[str, ...]:
    """Reads `all`, `none` or names joined by commas.

    Raises: ValueError with the known names.
    """
    if text in {"all", "none"}:
        return FAULTS if text == "all" else ()
    named = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in named if word not in FAULTS]
    if unknown or not named:
        known = ", ".join(FAULTS)
        raise ValueError(
            f"no fault is called {', '.join(unknown) or repr(text)}; there are all, none, {known}"
        )
    return tuple(fault for fault in FAULTS if fault in named)


# Drawing.


def draw_course(
    configuration: Configuration,
    *,
    seed: int,
    minutes: int,
    faults: tuple[str, ...],
    scripts: Mapping[str, str],
) -> Course:
    """Draws the course of events; targets without a script fail by chance.

    Raises: ValueError for a script that cannot be read or belongs to no target.
    """
    _require_known(scripts, [target.id for target in configuration.targets])
    # Each target, channel and fault has its own random stream: a further entry in the file changes no other.
    drawn = {
        target.id: scripts.get(target.id)
        or _draw_spells(Random(f"{seed}/target/{target.id}"), minutes, *_words_of(target))
        for target in configuration.targets
    }
    for script in drawn.values():
        Script.parse(script)
    words = tuple(word for fault in faults for word in CHANNEL_WORDS.get(fault, ()))
    channels = {
        channel.id: _draw_spells(Random(f"{seed}/channel/{channel.id}"), minutes, words)
        for channel in configuration.channels
    }
    watched = tuple(target.id for target in configuration.targets if not target.paused)
    mishaps = [
        mishap
        for fault in faults
        if fault in KINDS and watched
        for mishap in _draw_mishaps(Random(f"{seed}/{fault}"), fault, minutes, watched)
    ]
    return Course(
        configuration=configuration,
        seed=seed,
        minutes=minutes,
        scripts=drawn,
        channel_scripts=channels,
        mishaps=tuple(sorted(mishaps, key=lambda mishap: mishap.at_ns)),
    )


def _require_known(scripts: Mapping[str, str], targets: list[str]) -> None:
    for name in scripts:
        if name not in targets:
            known = ", ".join(targets)
            raise ValueError(f"there is no target {name!r} to follow a script; there are {known}")


def _words_of(target: Target) -> tuple[tuple[str, ...], str]:
    """Returns the words of the bad spells of a target, and that of the good ones."""
    return (("ok",), "down") if target.upside_down is True else (BAD_WORDS, "ok")


def _draw_spells(dice: Random, minutes: int, bad_words: tuple[str, ...], well: str = "ok") -> str:
    """Returns a script that is mostly well, with a few bad spells a day."""
    parts = []
    left_s = minutes * 60 if bad_words else 0
    while left_s > 60:
        well_s = min(dice.randint(60, 2 * 86_400 // SPELLS_A_DAY), left_s)
        bad_s = dice.randint(10, 1_800)
        parts += [f"{well} {well_s}s", f"{dice.choice(bad_words)} {bad_s}s"]
        left_s -= well_s + bad_s
    return ", ".join([*parts, well])


def _draw_mishaps(dice: Random, fault: str, minutes: int, targets: tuple[str, ...]) -> Iterator[Mishap]:
    """Yields at least one event, however short the time, so that each requested fault occurs."""
    kind = KINDS[fault]
    for _ in range(max(1, round(kind.a_day * minutes / MINUTES_A_DAY))):
        yield Mishap(
            at_ns=dice.randrange(minutes * NS_PER_MINUTE),
            fault=fault,
            target=dice.choice(targets),
            length_s=dice.choice(kind.lengths_s),
        )


# Running.

CourseEvent = tuple[int, Callable[[World, int], object]]
"""The time of an event in nanoseconds since the beginning, and its effect at that time."""


def run_course(course: Course, progress: Callable[[int], None] = lambda _: None) -> Forecast:
    """Runs the course to its end or to the first violated invariant; blocks until then.

    Calls `progress` once a simulated minute with the simulated nanoseconds.
    """
    with quiet():
        world = _world_of(course)
        began_ns = world.now.monotonic_ns
        broken = ""
        try:
            for at_ns, happens in _events(course, progress):
                if at_ns <= course.minutes * NS_PER_MINUTE:
                    left_ns = began_ns + at_ns - world.now.monotonic_ns
                    world.run(f"{max(0, left_ns)}ns")
                    happens(world, at_ns)
        except InvariantBroken as error:
            broken = str(error)
    return Forecast(
        world.store.incidents(),
        {name: tuple(world.notices(name)) for name in world.messengers},
        world.now.monotonic_ns - began_ns,
        broken,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Disables logging: the actors would log each fault that is asked for."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)


def _world_of(course: Course) -> World:
    in_flight_max = course.configuration.runtime.in_flight_max
    world = World(course.configuration, seed=course.seed, in_flight_max=in_flight_max)
    for target, script in course.scripts.items():
        world.script(target, script)
    for channel, script in course.channel_scripts.items():
        world.script_channel(channel, script)
    return world


def _events(course: Course, progress: Callable[[int], None]) -> Iterator[CourseEvent]:
    """Yields all events in the order of time."""
    beats = (
        _beats(target, course) for target in course.configuration.targets if target.heartbeat is not None
    )
    mishaps = map(_as_events, course.mishaps)
    minutes = range(NS_PER_MINUTE, course.minutes * NS_PER_MINUTE + 1, NS_PER_MINUTE)
    reports = ((at_ns, lambda _, at_ns: progress(at_ns)) for at_ns in minutes)
    return merge(*mishaps, *beats, reports, key=itemgetter(0))


def _beats(target: Target, course: Course) -> Iterator[CourseEvent]:
    """Yields the reports of a heartbeat target while its script is ok: one per cadence, or a second after each moment."""
    script = Script.parse(course.scripts[target.id])
    for at_ns in _moments(target, course.minutes * NS_PER_MINUTE):
        if script.at(at_ns).observation.outcome is Outcome.UP:
            yield at_ns, lambda world, _: world.heartbeat(target.id)


def _moments(target: Target, until_ns: int) -> Iterator[int]:
    occurrences = target.heartbeat.occurrences if target.heartbeat else None
    if occurrences is None:
        yield from range(target.every_ns, until_ns, target.every_ns)
        return
    moment_ns = occurrences.next_after(START_WALL_NS)
    while moment_ns is not None and (at_ns := moment_ns - START_WALL_NS + NS_PER_S) < until_ns:
        yield at_ns
        moment_ns = occurrences.next_after(moment_ns)


def _as_events(mishap: Mishap) -> Iterator[CourseEvent]:
    kind = KINDS[mishap.fault]
    yield mishap.at_ns, lambda world, _: kind.do(world, mishap)
    if (undo := kind.undo) is not None:
        yield mishap.at_ns + mishap.length_s * NS_PER_S, lambda world, _: undo(world, mishap)
