"""The check of tcp probes: what their types cannot say of a dialogue and of TLS."""

from collections.abc import Iterator

from msgspec import UNSET

from ...specification.probe import DialogueStep, Tcp
from ...specification.probes.dialogue import names_captured, places_in
from ...specification.problem import Path, Problem, quoted, suggestion
from ..network import place_problems, tls_problems
from .patterns import pattern_problems


def tcp_problems(tcp: Tcp, path: Path) -> Iterator[Problem]:
    """Yields the problems of a TCP probe."""
    yield from place_problems(tcp.host, tcp.address_family, path)
    if tcp.expect == "":
        text = "an empty text is in every answer: write what to look for or leave it out"
        yield Problem((*path, "expect"), text)
    if tcp.tls is not UNSET:
        yield from tls_problems(tcp.tls, (*path, "tls"))
    for key in ("send", "expect"):
        if tcp.steps and getattr(tcp, key) is not None:
            text = "stands beside a dialogue, which takes its place: write it as a step, or leave it out"
            yield Problem((*path, key), text)
    yield from _dialogue_problems(tcp.steps, (*path, "dialogue"))


def _dialogue_problems(steps: tuple[DialogueStep, ...], path: Path) -> Iterator[Problem]:
    captured: set[str] = set()
    secured = False
    for at, step in enumerate(steps):
        place = (*path, at)
        if not (step.send or step.expect or step.starttls):
            yield Problem(place, "does nothing: write send, expect or starttls")
        if step.starttls and secured:
            yield Problem((*place, "starttls"), "begins TLS a second time: leave it to one step")
        secured = secured or step.starttls
        for name in places_in(step.send or ""):
            if name not in captured:
                said = f"{quoted(name)} is captured by no step before: write (?P<{name}>...) in its expect"
                yield Problem((*place, "send"), said + suggestion(name, captured))
        if step.expect is not None:
            faults = [*pattern_problems(step.expect, (*place, "expect"))]
            yield from faults
            captured |= frozenset() if faults else names_captured(step.expect)
