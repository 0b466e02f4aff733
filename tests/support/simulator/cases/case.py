"""A case: everything that determines a run, as one value that can be stored, shortened and run again."""

from pathlib import Path

import msgspec
from watchkeeper.domain.specification.channel import Channel
from watchkeeper.domain.specification.target import Target

from ..suppression.policy import Policy
from .faults import Fault

CASE_VERSION = 8
"""Increased by every change after which a seed means another case."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options that are drawn once per run, so that no two runs are alike (swarm testing)."""

    minutes: int = 15
    faults: tuple[Fault, ...] = ()
    schedule: str = "fifo"
    """`fifo:K` (K deviations), `random`, `pos`, or `pct:D` (priorities per causal chain, D - 1 change points)."""
    store: str = "memory"
    """`memory`, or `sqlite` on a file system that fails on command, compared with the former after every commit."""
    through_bytes: bool = False
    turn_messages: int = 1
    in_flight_max: int = 1_000
    ping_every_s: int = 0
    """The time from one dead-man's ping to the next; 0: none is configured."""
    micro_fault_every: int = msgspec.field(default=400, name="trouble_every")
    """The mean number of sites between two micro faults. Saved cases hold it under its former name."""


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One act of an operator, a host or the machine, at a time."""

    at_ns: int
    """Since the beginning of the run."""
    do: str
    name: str = ""
    """The target, actor or channel that the act concerns."""
    length_ns: int = 0
    target: Target | None = None


class Watched(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A target, its script during the faults, and its script once all faults have stopped."""

    target: Target
    script: str
    finally_: str = "ok"


class Reached(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel, its receiver's script, and whether the receiver stays dead when all faults have stopped."""

    channel: Channel
    script: str = "ok"
    dead: bool = False


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that determines one run."""

    version: int = CASE_VERSION
    seed: int
    options: Options
    targets: tuple[Watched, ...]
    channels: tuple[Reached, ...]
    acts: tuple[Act, ...] = ()
    policy: Policy = Policy()
    tape: dict[str, list[int]] | None = None
    """The draws to play back; None draws them from the seed."""
    expects: str = ""
    """In a stored regression: the invariant that it once broke."""


def save_case(case: Case, path: Path) -> None:
    """Writes a case as indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(case), indent=1) + b"\n")


def load_case(path: Path) -> Case:
    """Reads a case. Raises: ValueError for another version, and for a file that holds no case."""
    data = path.read_bytes()
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path} is no stored case: {error}") from error
    if version != CASE_VERSION:
        raise ValueError(f"{path} is a case of version {version}; this simulator runs version {CASE_VERSION}")
    try:
        return msgspec.json.decode(data, type=Case)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path} is no stored case: {error}") from error


class _Versioned(msgspec.Struct):
    version: int
