"""Fills the generated parts of the documents from the tables and the schema in the code: `python docs/generate.py`.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. A test compares the documents with what this prints.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

from bounds import bounds, length, policies
from peer_keys import importing
from semantics import ATTEMPTS, JUDGED, NOTICES, SHOWN, Semantics
from watchkeeper.adapters.configuration import json_schema
from watchkeeper.adapters.configuration.schema import FILLED, REFERENCE
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.incident import INCIDENT_TRANSITIONS
from watchkeeper.domain.incidents.notice import DELIVERY_TRANSITIONS
from watchkeeper.domain.incidents.outbox import STAGE_MOVES
from watchkeeper.domain.observation.attempt import ATTEMPT_TRANSITIONS
from watchkeeper.domain.observation.outcome import WITHOUT_ANSWER, Reason
from watchkeeper.domain.rules.phase import PHASE_TRANSITIONS
from watchkeeper.domain.specification import rule, text
from watchkeeper.domain.specification.rule import RULE_TRANSITIONS
from watchkeeper.domain.specification.web import Role
from watchkeeper.domain.units import NS_PER_S
from watchkeeper.web.metrics.families import FAMILIES

DOCS = Path(__file__).parent
PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
PROGRAM = re.compile(r"(<!-- generated: file (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
LANGUAGES = {".py": "py", ".toml": "toml", ".yaml": "yml"}
"""The languages of files that a document shows whole."""

# Tables of states.


def semantics(rows: dict[Any, Semantics], transitions: dict[Any, tuple[Any, ...]]) -> str:
    lines = [
        "| state | means | a cancel leaves | a retry | after a crash | may become |",
        "|---|---|---|---|---|---|",
    ]
    for state, said in rows.items():
        after = ", ".join(f"`{each.value}`" for each in transitions.get(state, ())) or "nothing"
        lines.append(
            f"| `{state.value}` | {said.means} | {said.on_cancel} | {said.on_retry} | {said.on_crash} | {after} |"
        )
    return "\n".join(lines)


def machine(transitions: dict[Any, tuple[Any, ...]]) -> str:
    lines = ["| state | may become |", "|---|---|"]
    for state, after in transitions.items():
        name = "(none yet)" if state is None else f"`{state.value}`"
        lines.append(f"| {name} | {', '.join(f'`{each.value}`' for each in after) or 'nothing'} |")
    return "\n".join(lines)


def statuses() -> str:
    rows = (f"| `{status.value}` | {when} |" for status, when in SHOWN.items())
    return "\n".join(["| status | shown when |", "|---|---|", *rows])


def judged() -> str:
    reasons = ", ".join(f"`{reason.value}`" for reason in Reason if reason in WITHOUT_ANSWER)
    rows = (f"| {sample} | {counts} |" for sample, counts in JUDGED.items())
    return "\n".join(
        ["| a sample with | counts |", "|---|---|", *rows, "", f"Reasons without a whole answer: {reasons}."]
    )


def metrics() -> str:
    lines = ["| name | type | labels | tells |", "|---|---|---|---|"]
    for family in sorted(FAMILIES):
        name = f"{family.name}_total" if family.kind == "counter" else family.name
        labels = ", ".join(f"`{label}`" for label in family.labels)
        lines.append(f"| `{name}` | {family.kind} | {labels} | {family.help} |")
    return "\n".join(lines)


# The reference of the configuration.

ENUMERATIONS: dict[str, Any] = {**vars(rule), "Role": Role}

Bounds = tuple[int, int]
_KEPT: Bounds = (limits.RETENTION_NS_MIN, limits.RETENTION_NS_MAX)
_EVERY: Bounds = (limits.EVERY_NS_MIN, limits.EVERY_NS_MAX)
_TIMEOUT: Bounds = (limits.TIMEOUT_NS_MIN, limits.TIMEOUT_NS_MAX)
_CLOCK: Bounds = (0, limits.KEEP_FIRING_NS_MAX)
_TIMED = (
    *("Target", "Defaults", "Webhook", "Email", "ExecChannel", "Apprise", "CallChannel"),
    *("Slack", "Discord", "Telegram", "Ntfy", "PagerDuty", "Alertmanager"),
)
DURATION_BOUNDS: dict[tuple[str, str], Bounds] = {
    ("RuntimeOptions", "grace"): (0, limits.GRACE_NS_MAX),
    ("Connectivity", "every"): _EVERY,
    ("PingOptions", "every"): (limits.PING_EVERY_NS_MIN, limits.EVERY_NS_MAX),
    ("Retention", "samples"): (limits.RETENTION_NS_MIN, limits.RAW_SAMPLES_NS_MAX),
    **{("Retention", name): _KEPT for name in ("failed_samples", "history", "hourly", "daily")},
    **{(owner, name): _EVERY for owner in ("Target", "Defaults") for name in ("every", "retry_every")},
    **{(owner, "timeout"): _TIMEOUT for owner in _TIMED},
    ("Target", "max_age"): (0, limits.SHARED_RESULTS_NS_MAX),
    ("Heartbeat", "grace"): (0, limits.EVERY_NS_MAX),
    ("Heartbeat", "run_max"): (limits.RUN_NS_MIN, limits.EVERY_NS_MAX),
    ("Channel", "give_up_after"): (limits.GIVE_UP_NS_MIN, limits.GIVE_UP_NS_MAX),
    ("Alertmanager", "ends_after"): (limits.ALERT_NS_MIN, limits.ALERT_NS_MAX),
    ("Channel", "after"): (0, limits.DELAY_NS_MAX),
    ("Route", "group_wait"): (0, limits.GROUP_WAIT_NS_MAX),
    ("Route", "group_interval"): (limits.GROUP_INTERVAL_NS_MIN, limits.GROUP_INTERVAL_NS_MAX),
    ("Route", "remind_every"): (limits.REMIND_NS_MIN, limits.REMIND_NS_MAX),
    ("Escalation", "after"): (NS_PER_S, limits.DELAY_NS_MAX),
    **{
        (owner, "length"): (limits.WINDOW_NS_MIN, limits.WINDOW_NS_MAX) for owner in ("Window", "Maintenance")
    },
    ("Flapping", "window"): (limits.FLAPPING_WINDOW_NS_MIN, limits.FLAPPING_WINDOW_NS_MAX),
    **{
        (kind, name): _CLOCK
        for kind in ("Consecutive", "KOfN", "Nagios", "Threshold", "NoData")
        for name in ("for", "keep_firing_for")
    },
    ("NoData", "after"): _CLOCK,
    ("Threshold", "window"): (1, limits.KEEP_FIRING_NS_MAX),
    ("Threshold", "baseline"): (1, limits.KEEP_FIRING_NS_MAX),
    **{("Threshold", name): _CLOCK for name in ("value", "recover")},
    ("Slo", "window"): (limits.SLO_WINDOW_NS_MIN, limits.SLO_WINDOW_NS_MAX),
}
"""Rules of durations that JSON Schema cannot express; a test compares each with what a configuration is refused for."""
WORDS = {
    text.CRON_PATTERN: "schedule",
    text.ZONE_PATTERN: "time zone",
    text.MOMENT_PATTERN: "moment",
    text.RATE_PATTERN: "rate",
    text.PERCENT_PATTERN: "percentage",
}
"""The words for texts of a form that their descriptions explain."""
SCALARS = {"string": "text", "number": "number", "boolean": "true or false"}
_DURATION = get_args(text.DurationText)[1].description
_ID = get_args(text.Name)[1].description


class Reference:
    """The tables of every part of a configuration, in the order in which a file has them."""

    def __init__(self) -> None:
        self._parts: dict[str, Any] = json_schema()["$defs"]
        self._places: dict[str, list[str]] = {}
        self._find("Configuration", "")

    def _find(self, name: str, place: str) -> None:
        """Note every place at which a part may stand; `defaults` last, because it repeats what targets have."""
        if "properties" not in self._parts[name]:
            return
        self._places.setdefault(name, []).append(place)
        for key, schema in sorted(
            self._parts[name]["properties"].items(), key=lambda each: each[0] == "defaults"
        ):
            for found, dots in _referred(schema):
                if place != "defaults":
                    self._find(found, f"{place}.{key}{dots}".lstrip("."))

    def render(self) -> str:
        return "\n\n".join(self._section(name) for name in self._places)

    def _section(self, name: str) -> str:
        part = self._parts[name]
        rows = [self._row(name, key, schema) for key, schema in part["properties"].items()]
        kind = part["properties"].get("kind", {}).get("enum", [""])[0]
        says = " ".join(part.get("description", "").split())
        lines = [f"### {self._title(name)}{f', kind `{kind}`' if kind else ''}", "", says, ""]
        return "\n".join(
            [*lines, "| key | type | default | bounds | description |", "|---|---|---|---|---|", *rows]
        )

    def _title(self, name: str) -> str:
        return " and ".join(f"`{place}`" for place in self._places[name] if place) or "The whole file"

    def _row(self, owner: str, key: str, schema: dict[str, Any]) -> str:
        required = key in self._parts[owner].get("required", ())
        default = "**required**" if required else self._default(schema)
        bounds = ", ".join(dict.fromkeys(self._bounds(owner, key, schema)))
        said = schema.get("description", "").replace(_DURATION, "").replace(_ID, "").strip()
        cells = (f"`{key}`", self._type(schema), default, bounds, " ".join(said.split()))
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    def _type(self, schema: dict[str, Any]) -> str:
        schema = _written(schema)
        if "anyOf" in schema:
            kinds = [self._type(each) for each in schema["anyOf"] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
        if "else" in schema:
            return self._type(schema["else"])
        if "$ref" in schema:
            return self._named(schema["$ref"].rpartition("/")[2])
        if "enum" in schema:
            return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
        match schema["type"]:
            case [*kinds]:
                return " or ".join(SCALARS[kind] for kind in kinds)
            case "object" if "properties" in schema:
                return "mapping"
            case "object" if "properties" in schema.get("additionalProperties", {}):
                return "mapping of mappings"
            case "array" if "prefixItems" in schema.get("items", {}):
                return "mapping of texts"
            case "array" if "prefixItems" not in schema:
                return f"list of {self._type(schema['items'])}"
            case "object":
                return "mapping of texts"
            case "string":
                return _text_type(schema)
            case plain:
                return "true or false" if plain == "boolean" else str(plain)

    def _named(self, name: str) -> str:
        """A link to the section of a part, or the words of an enumeration in their own order."""
        part = self._parts[name]
        if "enum" in part:
            return "one of " + ", ".join(f"`{value.value}`" for value in ENUMERATIONS[name])
        shown = part["properties"].get("kind", {}).get("enum", ["mapping"])[0]
        return f"[{shown}](#{_anchor(self._section(name).partition(chr(10))[0])})"

    def _default(self, schema: dict[str, Any]) -> str:
        match schema.get("default"):
            case None:
                return "none"
            case []:
                return "empty"
            case dict():
                return "as listed there"
            case [dict() as one]:
                return f"`[{{id: {one['id']}, kind: {one['kind']}}}]`"
            case bool() as truth:
                return f"`{str(truth).lower()}`"
            case value:
                return f"`{value}`"

    def _bounds(self, owner: str, key: str, schema: dict[str, Any]) -> Iterator[str]:
        for each in map(_written, schema.get("anyOf", [schema])):
            if _text_type(each) == "duration":
                yield " to ".join(map(length, DURATION_BOUNDS[owner, key]))
            elif each.get("type") in {"integer", "number"} and "minimum" in each:
                yield f"{each['minimum']:,} to {each['maximum']:,}"
            elif "maxItems" in each and "prefixItems" not in each.get("items", {}):
                yield f"{each.get('minItems', 0):,} to {each['maxItems']:,} entries"
            elif "maxLength" in each and _text_type(each) == "text":
                yield f"at most {each['maxLength']:,} characters"
            elif "pattern" in each and _text_type(each) == "text":
                yield f"matches `{each['pattern'].removesuffix(FILLED)}`"


def _written(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without the texts that something fills in."""
    if schema.get("pattern") != REFERENCE:
        return schema
    return {key: value for key, value in schema.items() if key != "pattern"} | {"type": schema["type"][0]}


def _referred(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The parts that a schema names, with `[]` where they stand in a list."""
    if "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2], ""
    if "else" in schema:
        yield from _referred(schema["else"])
    for each in schema.get("anyOf", ()):
        yield from _referred(each)
    if isinstance(schema.get("items"), dict):
        yield from ((name, f"[]{dots}") for name, dots in _referred(schema["items"]))


def _text_type(schema: dict[str, Any]) -> str:
    match schema.get("pattern", "").removesuffix(FILLED):
        case pattern if pattern == text.NAME_PATTERN:
            return "id"
        case pattern if "ms|s|m|h|d|w" in pattern:
            return "duration"
        case pattern if pattern in WORDS:
            return WORDS[pattern]
        case _:
            return "text"


def _anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower().lstrip("# ")).replace(" ", "-")


PARTS: dict[str, Callable[[], str]] = {
    "attempts": lambda: semantics(ATTEMPTS, ATTEMPT_TRANSITIONS),
    "notices": lambda: semantics(NOTICES, {**STAGE_MOVES, **DELIVERY_TRANSITIONS}),
    "incidents": lambda: machine(INCIDENT_TRANSITIONS),
    "phases": lambda: machine(PHASE_TRANSITIONS),
    "rule-states": lambda: machine(RULE_TRANSITIONS),
    "statuses": statuses,
    "judged": judged,
    "limits": bounds,
    "policies": policies,
    "metrics": metrics,
    "configuration": lambda: Reference().render(),
    "importing": importing,
}


def filled(document: str) -> str:
    """A document with every generated part as the code says it now."""
    document = PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}\n{part[3]}", document)
    return PROGRAM.sub(lambda part: f"{part[1]}{program(part[2])}\n{part[3]}", document)


def program(path: str) -> str:
    """A file of the repository, as a block. Its own test runs it: `py`, so that it is not run as a block of the document, too."""
    file = DOCS.parent / path
    return f"```{LANGUAGES[file.suffix]}\n{file.read_text(encoding='utf-8')}```"


if __name__ == "__main__":
    for path in sorted(DOCS.rglob("*.md")):
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
