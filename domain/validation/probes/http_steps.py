"""The check of several HTTP steps: each request by itself, and the values that go from one to the next."""

import re
from collections.abc import Collection, Iterator

import msgspec

from ...conditions.facts import BODY, CERTIFICATE
from ...conditions.grammar import parse_placeholder
from ...conditions.operand import Placeholder, fact_of
from ...conditions.parse_error import ParseError
from ...specification.probe import Http
from ...specification.probes.web.filling import FILLED, filled, names_in
from ...specification.probes.web.http_steps import HttpCapture, HttpStep, HttpSteps
from ...specification.problem import Path, Problem, quoted, suggestion
from ...specification.target import Target
from ...specification.text import PLACE
from ..conditions import condition_faults, never_encrypted, unread
from .http import request_problems
from .patterns import pattern_problems

_OWN_KEYS = frozenset({"id", "expect", "capture", "always"})
_BEFORE_PATH = re.compile(r"[^/?#]*(?://[^/?#]*)?")
_PLAIN = Target(id="step", http=Http(url="https://step.example/"))


def steps_problems(probe: HttpSteps, path: Path) -> Iterator[Problem]:
    """Yields the problems of several steps."""
    known: set[str] = set()
    ids: set[str] = set()
    for at, step in enumerate(probe.steps):
        where = (*path, "steps", at)
        if step.id in ids:
            yield Problem((*where, "id"), f"the id {quoted(step.id)} stands twice: rename one")
        ids.add(step.id)
        yield from _step_problems(step, known, where)
        known |= {name for name, _ in step.captures}


def _step_problems(step: HttpStep, known: Collection[str], path: Path) -> Iterator[Problem]:
    if faults := [*_filling_problems(step, known, path)]:
        yield from faults
        return
    names = {name: "x" for key in FILLED for name in names_in(getattr(step, key, None))}
    step = filled(step, names)
    yield from request_problems(step, path)
    if step.connection == "reuse":
        yield Problem((*path, "connection"), "each step connects anew: leave it out")
    alone = msgspec.structs.replace(_PLAIN, http=step)
    for at, fault in condition_faults(alone, step.expect):
        yield Problem((*path, "expect", at), fault)
    for name, capture in step.captures:
        written = isinstance(dict(step.capture)[name], str)
        yield from _capture_problems(capture, alone, (*path, "capture", name), is_short=written)


def _filling_problems(step: HttpStep, known: Collection[str], path: Path) -> Iterator[Problem]:
    """The problems of where captured values are used."""
    for key, value in msgspec.to_builtins(step).items():
        if key in _OWN_KEYS:
            continue
        for name in dict.fromkeys(names_in(value)):
            if key not in FILLED:
                text = f"no captured value is put in here: it may stand in {', '.join(FILLED)}"
                yield Problem((*path, key), text)
            elif name not in known:
                listed = ", ".join(sorted(known)) or "none"
                close = suggestion(name, known)
                text = f"no earlier step captures {quoted(name)}{close} (captured until here: {listed})"
                yield Problem((*path, key), text)
    if PLACE.search(_before_path(step.url)):
        text = "a captured value stands before the path: a step may not be led to another host, so write the host"
        yield Problem((*path, "url"), text)


def _before_path(url: str) -> str:
    found = _BEFORE_PATH.match(url)
    return found[0] if found else url


def _capture_problems(
    capture: HttpCapture, alone: Target, path: Path, *, is_short: bool
) -> Iterator[Problem]:
    at = path if is_short else (*path, "of")
    try:
        place = parse_placeholder(capture.of)
    except ParseError as fault:
        yield Problem(at, fault.problem)
    else:
        yield from _place_problems(place, alone, at)
    if capture.matches is not None:
        yield from pattern_problems(capture.matches, (*path, "matches"))


def _place_problems(place: Placeholder, alone: Target, path: Path) -> Iterator[Problem]:
    fact = fact_of(place)
    if fact not in HttpSteps.facts:
        yield Problem(path, f"an answer of HTTP gives no [{fact}]")
    elif fact == BODY and (fault := unread(alone)):
        yield Problem(path, fault)
    elif fact.startswith(CERTIFICATE) and never_encrypted(alone):
        yield Problem(path, "there is no certificate without https: change the url or leave it out")
