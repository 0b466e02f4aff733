"""Doubts: what a valid configuration says and its author probably does not mean."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..conditions.condition import Condition, facts_named
from ..specification.configuration import Configuration
from ..specification.probe import Tcp
from ..specification.probes.web.filling import FILLED
from ..specification.probes.web.http_steps import HttpSteps
from ..specification.problem import Path, Problem, quoted
from ..specification.rule import (
    BurnRate,
    Consecutive,
    JudgedRule,
    KOfN,
    Nagios,
    NoData,
    NoDataPolicy,
    RuleState,
    Threshold,
)
from ..specification.target import Target
from ..specification.text import as_pairs
from ..units import NS_PER_MS, NS_PER_S
from .conditions import compiled
from .durations import heartbeat_doubts
from .fates import bare_numbers, quoted_constants
from .routing_doubts import RouteFates, routed_doubts

NAMES_SHOWN = 8
SHORT_MS = 60 * NS_PER_S // NS_PER_MS
"""Below a minute an expiry is nearly over: days or hours were meant."""
EXPIRY = "CERTIFICATE_EXPIRATION"
ENCRYPTED = frozenset({EXPIRY.lower(), "tls"})
_LIKE_A_PLACE = re.compile(r"\{\{(?!\s*[A-Za-z_]\w*\s*\}\})[ \t]*[\w.$\[\]-]+[ \t]*\}\}", re.ASCII)
"""Such as `{{login.token}}`."""
_DEGRADED_BY_THEMSELVES = frozenset({"exec", "call", "composite"})
REDIRECTED = "an http url has a certificate only where it redirects to https: write the https url"


def doubts(configuration: Configuration, now_ns: int) -> Iterator[Problem]:
    """The doubts about a configuration that has no problems; `now_ns` is the wall time."""
    targets = configuration.targets
    used = {
        *(name for target in targets for name in target.notify),
        *(name for route in configuration.routes for name in route.named),
        *(configuration.runtime.notify or ()),
    }
    for at, channel in enumerate(configuration.channels):
        if channel.id not in used:
            said = f"no target or route notifies the channel {quoted(channel.id)}: name it there or remove it"
            yield Problem(("channels", at), said)
    if silent := RouteFates(configuration).untold:
        way = ", or add a route that matches them" if configuration.routes else ""
        said = f"the incidents of {names_shown(silent)} notify nobody: name a channel under notify{way}"
        yield Problem(("targets",), said)
    yield from routed_doubts(configuration, now_ns)
    if unjudged := [
        target.id
        for target in targets
        if not any(_judges_outcome(rule, target) for rule in target.judged_rules)
    ]:
        said = f"no active rule opens an incident when {names_shown(unjudged)} fails: add one of kind consecutive"
        yield Problem(("targets",), said)
    yield from _of_pages(configuration)
    for at, target in enumerate(targets):
        for doubt in (*_of_target(target), *heartbeat_doubts(target, now_ns)):
            yield doubt.below(("targets", at))


def _of_pages(configuration: Configuration) -> Iterator[Problem]:
    for at, page in enumerate(configuration.web.pages if configuration.web else ()):
        if not page.chosen(configuration.targets):
            said = (
                f"the page {quoted(page.id)} shows nothing: no target that it matches has `public`,"
                " its name for everybody"
            )
            yield Problem(("web", "pages", at), said)


def names_shown(names: Sequence[str]) -> str:
    """The first names, quoted, and how many more there are."""
    shown = ", ".join(quoted(name) for name in names[:NAMES_SHOWN])
    return f"{shown} and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else shown


def _judges_outcome(rule: JudgedRule, target: Target) -> bool:
    """A job that reports by itself fails by its silence."""
    if isinstance(rule, Consecutive | KOfN) and rule.on == "warning":
        return False
    told = isinstance(rule, Consecutive | KOfN | Nagios | BurnRate) or (
        target.kind == "heartbeat" and isinstance(rule, NoData) and rule.policy is NoDataPolicy.FIRE
    )
    return told and rule.state is RuleState.ACTIVE


def _of_target(target: Target) -> Iterator[Problem]:
    places = [("expect", at, text) for at, text in enumerate(target.expect)]
    places += [("warn", at, text) for at, text in enumerate(target.warnings)]
    for key, at, text in places:
        condition = compiled(text)
        if isinstance(condition, Condition):
            for said in _of_condition(condition, target):
                yield Problem((key, at), said)
    yield from _unfilled(target)
    for at, rule in enumerate(target.rules):
        if isinstance(rule, Consecutive | KOfN) and rule.on == "warning" and (why := _never_degraded(target)):
            yield Problem(("rules", at, "on"), f"counts degraded samples alone, and {why}")
        if not isinstance(rule, Threshold):
            continue
        if rule.measure in ENCRYPTED and _is_plain(target):
            yield Problem(("rules", at, "measure"), REDIRECTED)
        if isinstance(rule.value, str):
            continue
        if rule.measure == EXPIRY.lower() and 0 < rule.value < SHORT_MS:
            said = f"{rule.value:g} is that many milliseconds: for days write {rule.value:g}d"
            yield Problem(("rules", at, "value"), said)


def _unfilled(target: Target) -> Iterator[Problem]:
    """A text that looks like the place of a captured value and is none is sent as it stands."""
    match target.probe:
        case HttpSteps(steps=steps):
            for at, step in enumerate(steps):
                for key in FILLED:
                    yield from _places_unfilled(getattr(step, key, None), ("http_steps", "steps", at, key))
        case Tcp(dialogue=tuple() as dialogue):
            for at, sent in enumerate(dialogue):
                yield from _places_unfilled(sent.send, ("tcp", "dialogue", at, "send"))
        case _:
            pass


def _places_unfilled(value: Any, path: Path) -> Iterator[Problem]:
    texts = [("", value)] if isinstance(value, str) else as_pairs(value or ())
    for name, text in texts:
        for place in _LIKE_A_PLACE.findall(text):
            said = f"{quoted(place)} is sent as it stands: the place of a captured value is {{{{name}}}}, of letters, digits and underscores"
            yield Problem((*path, name) if name else path, said)


def _never_degraded(target: Target) -> str:
    """Returns why no sample of a target is ever degraded; empty where some may be."""
    if target.upside_down is True:
        return "a target that must fail has none: remove the rule"
    if target.kind in _DEGRADED_BY_THEMSELVES or target.warnings:
        return ""
    if target.kind == "heartbeat":
        return "a job has none without conditions under warn, such as [RUN_TIME] < 1h: add them, or remove the rule"
    return "this target has none without conditions under warn: add them, or say on: down"


def _is_plain(target: Target) -> bool:
    return target.http is not None and not target.http.url.lower().startswith("https:")


def _of_condition(condition: Condition, target: Target) -> Iterator[str]:
    for text in quoted_constants(condition):
        yield f"the quotes of {text} are a part of the text: leave them out unless the answer has them"
    if EXPIRY not in facts_named(condition):
        return
    if _is_plain(target):
        yield REDIRECTED
    for text, number in bare_numbers(condition):
        if 0 < number < SHORT_MS:
            yield f"{text} is that many milliseconds: for days write {text}d"
