"""The generated parts of the documents agree with the code."""

import json
import re
import runpy
from pathlib import Path

import pytest
from bounds import SOURCES
from semantics import ATTEMPTS, NOTICES, SHOWN
from watchkeeper.adapters.configuration import json_schema, load
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.outbox import OutboxStage
from watchkeeper.domain.observation.attempt import AttemptState
from watchkeeper.domain.rules.aggregate import Status

DOCS = Path(__file__).parents[2] / "docs"
GENERATE = runpy.run_path(str(DOCS / "generate.py"))
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}


@pytest.mark.parametrize("page", PAGES)
def test_a_document_holds_what_the_code_says(page):
    assert PAGES[page] == GENERATE["filled"](PAGES[page])


def test_every_part_stands_in_one_document():
    standing = [name for text in PAGES.values() for _, name, _ in GENERATE["PART"].findall(text)]
    assert sorted(standing) == sorted(GENERATE["PARTS"])


def test_every_state_of_an_action_has_its_row():
    assert list(ATTEMPTS) == list(AttemptState)
    assert list(NOTICES) == [*OutboxStage, *DeliveryState]
    assert list(SHOWN) == list(Status)


def test_every_bound_and_every_setting_of_a_policy_has_its_reason():
    bounds = GENERATE["bounds"]()
    rows = [row for row in (bounds + GENERATE["policies"]()).splitlines() if row.startswith(("| `", "- `"))]
    assert [row for row in rows if row.endswith(("|  |", ": "))] == []
    constants = sum(len(re.findall("^[A-Z_]+ = ", source, re.MULTILINE)) for source in SOURCES)
    assert len(rows) > constants > 140
    assert bounds.count("\n| `") == constants


def durations():
    parts = json_schema()["$defs"]
    return {
        (owner, key)
        for owner, part in parts.items()
        for key, schema in part.get("properties", {}).items()
        for each in schema.get("anyOf", [schema])
        if GENERATE["_text_type"](each) == "duration"
    }


def test_every_duration_of_the_configuration_has_bounds():
    assert durations() == set(GENERATE["DURATION_BOUNDS"])


PLACES = {
    "RuntimeOptions": ("runtime",),
    "Retention": ("runtime", "retention"),
    "Connectivity": ("runtime", "connectivity"),
    "PingOptions": ("runtime", "ping"),
    "Defaults": ("defaults",),
    "Channel": ("channels", 0),
    "Webhook": ("channels", 0, "webhook"),
    "CallChannel": ("channels", 1, "call"),
    "Route": ("routes", 0),
    "Escalation": ("routes", 0, "escalate", 0),
    "Window": ("windows", 0),
    "Maintenance": ("maintenance", 0),
    "Flapping": ("targets", 0, "flapping"),
    "Email": ("channels", 2, "email"),
    "ExecChannel": ("channels", 3, "exec"),
    "Apprise": ("channels", 4, "apprise"),
    "Slack": ("channels", 5, "slack"),
    "Discord": ("channels", 6, "discord"),
    "Telegram": ("channels", 7, "telegram"),
    "Ntfy": ("channels", 8, "ntfy"),
    "PagerDuty": ("channels", 9, "pagerduty"),
    "Alertmanager": ("channels", 10, "alertmanager"),
    "Target": ("targets", 0),
    "Heartbeat": ("targets", 1, "heartbeat"),
    "Consecutive": ("targets", 0, "rules", 0),
    "Threshold": ("targets", 0, "rules", 1),
    "NoData": ("targets", 0, "rules", 2),
    "KOfN": ("targets", 0, "rules", 3),
    "Nagios": ("targets", 0, "rules", 4),
    "Slo": ("targets", 0, "slo"),
}


def plain():
    rules = [
        {"id": "a", "kind": "consecutive"},
        {"id": "b", "kind": "threshold", "value": 1},
        {"id": "c", "kind": "no_data"},
        {"id": "d", "kind": "k_of_n", "bad": 1, "of": 1},
        {"id": "e", "kind": "nagios"},
    ]
    return {
        "runtime": {"retention": {}, "connectivity": {"targets": ["a"]}, "ping": {"url": "http://h/"}},
        "defaults": {},
        "channels": [
            {"id": "a", "webhook": {"url": "http://h/"}},
            {"id": "b", "call": {"name": "f"}},
            {"id": "c", "email": {"to": ["a@h"], "from": "b@h", "smtp": "smtp://h"}},
            {"id": "d", "exec": {"argv": ["/bin/true"]}},
            {"id": "e", "apprise": {"urls": ["json://h"]}},
            {"id": "f", "slack": {"token": "xoxb-1", "channel": "#ops"}},
            {"id": "g", "discord": {"url": "https://discord.com/api/webhooks/1/x"}},
            {"id": "h", "telegram": {"token": "1:x", "chat": "1"}},
            {"id": "i", "ntfy": {"topic": "ops"}},
            {"id": "j", "pagerduty": {"routing_key": "0" * 32}},
            {"id": "k", "alertmanager": {"url": "http://h"}},
        ],
        "routes": [{"to": ["a"], "escalate": [{"after": "1m", "to": ["b"]}]}],
        "windows": [{"id": "a", "cron": "0 0 1 1 *", "length": "1h"}],
        "maintenance": [{"id": "a", "match": ["target=a"], "cron": "0 0 1 1 *", "length": "1h"}],
        "targets": [
            {
                "id": "a",
                "http": {"url": "http://h/"},
                "rules": rules,
                "flapping": {},
                "slo": {"objective": "99.9%"},
            },
            {"id": "b", "heartbeat": {}},
        ],
    }


def refused(owner, key, length_ns, path):
    """Whether a configuration with this duration is refused for its range."""
    document = part = plain()
    for step in PLACES[owner]:
        part = part[step]
    part[key] = f"{length_ns}ns"
    path.write_text(json.dumps(document))
    try:
        load(path, {})
    except ConfigurationError as error:
        return any(f"{key}: {length_ns}ns is out of range" in problem for problem in error.problems)
    return False


@pytest.mark.parametrize(("owner", "key"), sorted(GENERATE["DURATION_BOUNDS"]))
def test_the_bounds_of_a_duration_are_those_that_a_file_is_held_to(owner, key, tmp_path):
    low_ns, high_ns = GENERATE["DURATION_BOUNDS"][owner, key]
    path = tmp_path / "watchkeeper.yaml"
    assert not refused(owner, key, low_ns, path)
    assert not refused(owner, key, high_ns, path)
    assert refused(owner, key, high_ns + 1, path)
    assert low_ns == 0 or refused(owner, key, low_ns - 1, path)
