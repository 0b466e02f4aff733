"""Locations: where agents probe from, and which targets can be probed there."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UNSET

from ...specification.configuration import Configuration
from ...specification.probe import Tls
from ...specification.problem import Path, Problem, quoted, suggestion
from ...specification.remote.agents import Agents, servers_problem
from ...specification.remote.logins import credentials_problem
from ...specification.rule import Threshold
from ...specification.target import Target
from ...time.duration import parse_duration
from ..network import tls_problems

ONLY_HERE = {
    "exec": "an exec target runs a program of this machine",
    "call": "a call target runs a function of this process",
    "plugin": "a plugin target runs a package of this machine",
    "heartbeat": "a heartbeat reports by itself",
    "composite": "a composite target is made from other targets",
}
"""Kinds that no other location can probe, each with the reason."""
MEASURED_TOGETHER = frozenset({"response_time", "availability"})
"""The measures that the judgement of several locations has; all others stay with each of them."""


class KnownLocations(NamedTuple):
    """The locations that targets may name."""

    home: str
    """That of the runtime itself."""
    agents: tuple[str, ...] | None
    """Those of the agents; None where none are configured."""

    @classmethod
    def of(cls, configuration: Configuration) -> "KnownLocations":
        agents = configuration.agents
        return cls(configuration.runtime.location, None if agents is None else agents.locations)


def agents_problems(agents: Agents, home: str) -> Iterator[Problem]:
    """Yields the problems of the agents; `home` is the location of the runtime itself. Paths begin at the whole."""
    if text := servers_problem(agents.nats):
        yield Problem(("agents", "nats"), text)
    if agents.credentials is not None and (text := credentials_problem(agents.credentials)):
        yield Problem(("agents", "credentials"), text)
    if agents.tls is not UNSET:
        yield from _trust_problems(agents.tls, agents.nats)
    yield from _repeated(agents.locations, ("agents", "locations"))
    for at, name in enumerate(agents.locations):
        if name == home:
            text = (
                f"{quoted(name)} is the location of this runtime itself: rename one, or set runtime.location"
            )
            yield Problem(("agents", "locations", at), text, depends_on=(("runtime", "location"),))


def _trust_problems(tls: Tls, nats: str) -> Iterator[Problem]:
    path: Path = ("agents", "tls")
    if nats.startswith("nats://"):
        text = "has no effect with nats://: write tls:// in front of the servers, or leave it out"
        yield Problem(path, text, depends_on=(("agents", "nats"),))
    if not tls.verify:
        text = "would give the login and the secrets of targets to any server: name its authorities under ca_file"
        yield Problem((*path, "verify"), text)
    yield from tls_problems(tls, path)


def location_problems(target: Target, places: KnownLocations | None) -> Iterator[Problem]:
    """Yields the problems of the locations of a target; paths begin at the target. Without `places` any location may exist."""
    if target.locations is UNSET:
        if target.quorum is not UNSET:
            text = "means nothing without locations: write those too, or leave it out"
            yield Problem(("quorum",), text)
        return
    if why := ONLY_HERE.get(target.kind):
        yield Problem(("locations",), f"{why}: leave it out")
        return
    if places is not None:
        yield from _unknown(target.locations, places)
    yield from _repeated(target.locations, ("locations",))
    count = len(target.locations)
    if target.quorum is not UNSET and target.quorum > count:
        text = f"{target.quorum} of {count} can never agree: write 1 to {count}"
        yield Problem(("quorum",), text, depends_on=(("locations",),))
    yield from _without_effect(target)


def _unknown(names: tuple[str, ...], places: KnownLocations) -> Iterator[Problem]:
    if places.agents is None:
        if any(name != places.home for name in names):
            text = "needs agents, which probe there: write agents with nats and locations"
            yield Problem(("locations",), text)
        return
    known = (places.home, *places.agents)
    for at, name in enumerate(names):
        if name not in known:
            close = suggestion(name, known)
            text = (
                f"there is no location {quoted(name)}{close}: name one of agents.locations, or {places.home}"
            )
            yield Problem(("locations", at), text)


def _repeated(names: tuple[str, ...], path: Path) -> Iterator[Problem]:
    for at, name in enumerate(names):
        if name in names[:at]:
            yield Problem((*path, at), f"the location {quoted(name)} stands twice: keep one")


def _without_effect(target: Target) -> Iterator[Problem]:
    """Yields what only a probe of this process can do."""
    try:
        shares = parse_duration(target.max_age) > 0
    except ValueError:
        shares = False
    if shares:
        yield Problem(
            ("max_age",), "has no effect with locations: each makes an attempt of its own; leave it out"
        )
    for at, rule in enumerate(target.rules):
        if isinstance(rule, Threshold) and rule.measure not in MEASURED_TOGETHER:
            text = (
                f"{quoted(rule.measure)} is not known of several locations together:"
                " write a condition under expect, which each of them judges"
            )
            yield Problem(("rules", at, "measure"), text)
