"""A user's own configuration as a case: what its targets would do, by script or by chance."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ...domain.incidents.incident import Incident
from ...domain.incidents.notice import Notice
from ...domain.specification.configuration import Configuration
from ..expectations import require_meetable
from ..script import Script
from .case import CASE_VERSION, Act, Case, Options, Reached, Watched
from .drawing import draw_acts, draw_channel_script
from .faults import Fault, parse_faults
from .run import Result, Run, quiet
from .tape import Stream, Tape

SPELLS_A_DAY = 4
OF_NO_CONFIGURATION = {
    Fault.RECONFIGURE: "what runs is this configuration and no other",
    Fault.TIGHT_MAILBOX: "no configuration can make mailboxes that small",
}
"""What would tell nothing about a configuration, and why."""
BAD_WORDS = ("down", "down", "hang", "status 500", "slow 2s", "unknown")


def parse_seed(text: str) -> int:
    """Read `7`, or `1-7` as a simulation names its seed. Raises ValueError for one of another version."""
    version, _, number = text.rpartition("-")
    if not number.isdigit() or (version and not version.isdigit()):
        raise ValueError(f"{text!r} is no seed: write a whole number like 7, or {CASE_VERSION}-7")
    if version and int(version) != CASE_VERSION:
        raise ValueError(
            f"seed {text} is of version {version}, which drew other runs; this is version {CASE_VERSION}: "
            f"say {CASE_VERSION}-{number} for whatever that draws now"
        )
    return int(number)


def seed_text(seed: int) -> str:
    """A seed with the version that gives it its meaning."""
    return f"{CASE_VERSION}-{seed}"


def faults_of(text: str) -> tuple[Fault, ...]:
    """Read `all`, `none` or names joined by commas; `all` are those that a configuration can meet.

    Raises ValueError for what only a host does or what no configuration can ask for.
    """
    faults = parse_faults(text)
    refused = [fault for fault in faults if fault in OF_NO_CONFIGURATION]
    if refused and text != "all":
        said = "; ".join(f"{fault.value}: {OF_NO_CONFIGURATION[fault]}" for fault in refused)
        known = ", ".join(fault.value for fault in Fault if fault not in OF_NO_CONFIGURATION)
        raise ValueError(f"a configuration cannot be run with {said}; there are all, none, {known}")
    return tuple(fault for fault in faults if fault not in OF_NO_CONFIGURATION)


def case_of(
    configuration: Configuration,
    *,
    seed: int,
    minutes: int,
    faults: tuple[Fault, ...],
    scripts: Mapping[str, str],
) -> Case:
    """The case that runs a configuration. Raises ValueError for a script that means nothing, is nobody's or cannot be."""
    known = [target.id for target in configuration.targets]
    for name in scripts:
        if name not in known:
            raise ValueError(f"there is no target {name!r} to follow a script; there are {', '.join(known)}")
    tape = Tape(seed)
    options = Options(
        minutes=minutes, faults=faults, schedule="random", in_flight_max=configuration.runtime.in_flight_max
    )
    watched = tuple(
        Watched(target=target, script=scripts.get(target.id) or _spells(tape.stream(target.id), minutes))
        for target in configuration.targets
    )
    for follows in watched:
        require_meetable(follows.target, Script.parse(follows.script))
    reached = tuple(
        Reached(channel=channel, script=draw_channel_script(tape.stream(f"channel {channel.id}"), options))
        for channel in configuration.channels
    )
    acts: tuple[Act, ...] = draw_acts(tape.stream("acts"), options, watched) if watched else ()
    return Case(seed=seed, options=options, targets=watched, channels=reached, acts=acts)


def _spells(stream: Stream, minutes: int) -> str:
    """Mostly well, with a few bad spells a day."""
    parts = []
    left_s = minutes * 60
    while left_s > 60:
        well_s = min(stream.between(60, 2 * 86_400 // SPELLS_A_DAY), left_s)
        bad_s = stream.between(10, 1_800)
        parts += [f"ok {well_s}s", f"{BAD_WORDS[stream.below(len(BAD_WORDS))]} {bad_s}s"]
        left_s -= well_s + bad_s
    return ", ".join([*parts, "ok"])


class Foreseen(NamedTuple):
    """What would come of a configuration."""

    incidents: tuple[Incident, ...]
    notices: dict[str, tuple[Notice, ...]]
    """By channel, as its receiver applied them."""
    result: Result


def foresee(case: Case, progress: Callable[[int], None] = lambda _: None) -> Foreseen:
    """Run the case for its minutes and say what came of it; `progress` hears how much time has passed in it."""
    with quiet():
        run = Run(case)
        try:
            run.safety(progress)
        finally:
            run.close()
    lives = run.machine.auditor.durable.lives.values()
    return Foreseen(
        tuple(life[-1] for life in lives),
        {name: tuple(receiver.applied.values()) for name, receiver in run.machine.receivers.items()},
        run.result(),
    )
