"""Rules of Prometheus on the metrics of blackbox_exporter: each group becomes a template with its rules, which targets use."""

import re
from collections import deque
from collections.abc import Callable
from math import isfinite, prod
from typing import Any

from .imported import Imported, Placed, literal, placed
from .source import PeerFile, PeerPart

_SELECTOR = r"(?:\{[^}]*\})?"
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>")
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_PRODUCT = re.compile(rf"{_NUMBER}(?:\s*\*\s*{_NUMBER})*")
_MEASURES = {
    "probe_duration_seconds": ("response_time", 1_000),
    "probe_http_status_code": ("status", 1),
    "probe_dns_lookup_time_seconds": ("dns", 1_000),
    "probe_success": ("availability", 100),
}
"""By metric: the measure, and how many of its units one unit of the metric is."""
_AGGREGATES = {"avg": "mean", "min": "min", "max": "max", "last": "last"}
_NO_SIDES = ("", "", "")
_NAMES = "|".join(_MEASURES)
_PLAIN = re.compile(rf"({_NAMES}){_SELECTOR}")
_OVER_TIME = re.compile(rf"(avg|min|max|last)_over_time\(\s*({_NAMES}){_SELECTOR}\[(\w+)\]\s*\)")
_EXPIRY = re.compile(
    rf"\(?\s*probe_ssl_earliest_cert_expiry{_SELECTOR}\s*-\s*time\(\)\s*\)?(?:\s*/\s*(86400|3600))?"
)
_ABSENT = re.compile(rf"absent\(\s*(?:up|probe_success){_SELECTOR}\s*\)|up{_SELECTOR}\s*==\s*0")
_SEVERITIES = {
    "critical": "critical",
    "page": "critical",
    "error": "critical",
    "warning": "warning",
    "info": "info",
}
_NOT_OURS = "the expression is not on a metric of a probe, or in a form that no rule has"

MAPPED = {
    "groups[].name": "the name of a template",
    "groups[].interval": "`every`",
    "groups[].rules[].alert": "the `id` of a rule",
    "groups[].rules[].expr": (
        "`consecutive` for `probe_success == 0`, `no_data` for `absent(...)` and `up == 0`, `threshold` for a comparison of"
        " `probe_duration_seconds`, `probe_http_status_code`, `probe_dns_lookup_time_seconds`, `probe_success` or"
        " `probe_ssl_earliest_cert_expiry - time()` with a number, also by `avg_over_time`, `min_over_time` and `max_over_time`; others are listed"
    ),
    "groups[].rules[].for": "`for`",
    "groups[].rules[].keep_firing_for": "`keep_firing_for`",
    "groups[].rules[].labels.severity": "`severity`; `page` and `error` are `critical`",
}
"""Keys that are read, and what they come to."""
LEFT = {
    "groups[].limit": "each target has incidents of its own",
    "groups[].labels": "labels belong to a target",
    "groups[].query_offset": "a rule judges each sample once it is there",
    "groups[].partial_response_strategy": "a rule judges each sample once it is there",
    "groups[].rules[].record": "a measure is not recorded under another name",
    "groups[].rules[].labels": "labels belong to a target",
    "groups[].rules[].annotations": "`description`, `link` and `runbook` belong to a target",
}
"""Why keys are not read: each is the reason of all below it."""


def from_prometheus_rules(file: PeerFile) -> Imported:
    """Returns the templates that a file of rules comes to; its notes list the rest."""
    made = Imported()
    for group in file.root.parts("groups"):
        name = group.text("name") or "rules"
        rules = [rule for each in group.parts("rules") if (rule := _rule(each)) is not None]
        every = group.text("interval")
        if rules:
            data = {"every": placed(group, "interval", every), "rules": _renamed(rules)}
            entry = made.add("templates", data, group, made.new_id(name))
            entry.completing = {"http": {"url": "https://www.example.com/"}}
            entry.remarks = ("a target that uses it adds its probe",)
    file.note_what_is_left()
    return made


def _rule(part: PeerPart) -> dict[str, Any] | None:
    """Returns the rule of an alert; None where it has none, which is then listed."""
    if part.value.get("record") is not None:
        part.leave_whole(LEFT["groups[].rules[].record"])
        return None
    expression = " ".join((part.text("expr") or "").split())
    found = next((keys for each in _FORMS if (keys := each(expression)) is not None), None)
    if found is None:
        part.leave_whole(_NOT_OURS)
        return None
    labels = part.part("labels")
    severity = labels and labels.text("severity")
    if labels and severity and severity not in _SEVERITIES:
        labels.leave("severity", "a severity is info, warning or critical")
    return {
        "id": placed(part, "alert", literal(part.text("alert") or "alert").replace("/", "-")),
        **found,
        "for": placed(part, "for", part.text("for")),
        "keep_firing_for": placed(part, "keep_firing_for", part.text("keep_firing_for")),
        "severity": _SEVERITIES.get(severity or ""),
    }


def _renamed(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns rules whose ids differ: an alert of Prometheus may stand twice in a group."""
    taken: dict[str, int] = {}
    for rule in rules:
        stated = rule["id"].value if isinstance(rule["id"], Placed) else rule["id"]
        name, number = stated, taken.get(stated, 1)
        while name in taken:
            number += 1
            name = f"{stated}-{number}"
        taken[stated] = number
        taken.setdefault(name, 1)
        if name != stated:
            rule["id"] = name
    return [{key: value for key, value in rule.items() if value is not None} for rule in rules]


def _sides(expression: str) -> tuple[str, str, str] | None:
    """Returns the sides of a comparison with a number, and the operator between them, which is the last one: no number holds any."""
    last = next(iter(deque(_OPERATOR.finditer(expression), maxlen=1)), None)
    if last is None:
        return None
    right = expression[last.end() :].strip().removeprefix("bool").strip()
    return (expression[: last.start()].strip(), last[0], right) if _PRODUCT.fullmatch(right) else None


def _down(expression: str) -> dict[str, Any] | None:
    left, operator, right = _sides(expression) or _NO_SIDES
    if not (left.startswith("probe_success") and _PLAIN.fullmatch(left)):
        return None
    is_down = (operator, right) in {("==", "0"), ("<", "1"), ("!=", "1")}
    return {"kind": "consecutive", "after": 1, "recover": 1} if is_down else None


def _silent(expression: str) -> dict[str, Any] | None:
    return {"kind": "no_data"} if _ABSENT.fullmatch(expression) else None


def _threshold(expression: str) -> dict[str, Any] | None:
    left, operator, right = _sides(expression) or _NO_SIDES
    value = prod(float(factor) for factor in right.split("*") if right)
    # The largest factor below is that of days in milliseconds: nothing that is computed from the number is infinite.
    if not (right and isfinite(value * 1_000 * 86_400)):
        return None
    if expiry := _EXPIRY.fullmatch(left):
        ms = value * float(expiry[1] or 1) * 1_000
        return {
            "kind": "threshold",
            "measure": "certificate_expiration",
            "operator": operator,
            "value": _figure(ms),
        }
    over, plain = _OVER_TIME.fullmatch(left), _PLAIN.fullmatch(left)
    if over is None and plain is None:
        return None
    measure, units = _MEASURES[over[2] if over else plain[1] if plain else ""]
    rule = {"kind": "threshold", "measure": measure, "operator": operator, "value": _figure(value * units)}
    return rule if over is None else rule | {"aggregate": _AGGREGATES[over[1]], "window": over[3]}


def _figure(value: float) -> float:
    return int(value) if value == int(value) else round(value, 6)


_FORMS: tuple[Callable[[str], dict[str, Any] | None], ...] = (_down, _silent, _threshold)
