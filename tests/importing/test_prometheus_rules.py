"""Prometheus rules: those on metrics of probes become rules of a template, and all others are listed."""

import json

import pytest
from bringing import brought
from watchkeeper.adapters.configuration.loading import examine
from watchkeeper.adapters.importing.prometheus_rules import LEFT


def rules_of(*alerts, **group):
    """The reasons of a group, and the rules of a target that uses its template."""
    made, _ = brought(
        "prometheus-rules",
        json.dumps({"groups": [{"name": "probes", "rules": [*alerts], **group}]}, indent=1),
    )
    text = f"{made.text}\ntargets: [{{id: t, use: probes, http: {{url: 'http://a/'}}}}]\n"
    examined = examine(text, None, folder=None, looks_at_files=False)
    assert not examined.faults
    return {note.key: note.reason for note in made.notes}, examined.configuration.targets[0].rules


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('probe_success{job="web"} == 0', {"after": 1, "recover": 1}),
        ("probe_success < 1", {"after": 1}),
        ("absent(up{job='web'})", {"after": None}),
        ("up == 0", {"after": None}),
        ("probe_duration_seconds > 0.3", {"measure": "response_time", "operator": ">", "value": 300}),
        ("probe_http_status_code >= 400", {"measure": "status", "operator": ">=", "value": 400}),
        (
            "avg_over_time(probe_duration_seconds[5m]) > 1",
            {"aggregate": "mean", "window": "5m", "value": 1000},
        ),
        (
            "avg_over_time(probe_success[10m]) < 0.9",
            {"measure": "availability", "value": 90, "window": "10m"},
        ),
        (
            "probe_ssl_earliest_cert_expiry - time() < 86400 * 14",
            {"measure": "certificate_expiration", "operator": "<", "value": 1_209_600_000},
        ),
        ("(probe_ssl_earliest_cert_expiry - time()) / 86400 < 30", {"value": 2_592_000_000}),
    ],
)
def test_an_alert_on_a_probe_becomes_a_rule(expression, expected):
    alert = {
        "alert": "A",
        "expr": expression,
        "for": "2m",
        "keep_firing_for": "5m",
        "labels": {"severity": "page"},
    }
    listed, (rule,) = rules_of(alert)
    assert not listed
    assert (rule.id, rule.for_, rule.keep_firing_for, rule.severity) == ("A", "2m", "5m", "critical")
    assert {key: getattr(rule, key) for key in expected} == expected


@pytest.mark.parametrize(
    "expression",
    [
        "rate(http_requests_total[5m]) > 1",
        "probe_success == 0 and on() hour() > 6",
        "probe_duration_seconds > 1 or probe_success == 0",
        "up == 1",
        "node_load1 > 5",
    ],
)
def test_another_expression_is_listed(expression):
    listed, rules = rules_of({"alert": "A", "expr": "probe_success == 0"}, {"alert": "B", "expr": expression})
    assert [*listed] == ["groups[0].rules[1]"]
    assert [rule.id for rule in rules] == ["A"]


def test_an_alert_that_stands_twice_has_two_ids():
    _, rules = rules_of({"alert": "A", "expr": "probe_success == 0"}, {"alert": "A", "expr": "up == 0"})
    assert [rule.id for rule in rules] == ["A", "A-2"]


def test_every_key_that_is_not_read_is_listed_with_its_reason():
    alert = {
        "alert": "A",
        "expr": "probe_success == 0",
        "labels": {"team": "a"},
        "annotations": {"summary": "s"},
    }
    more = {"limit": 1, "labels": {"a": "b"}, "query_offset": "1m", "partial_response_strategy": "warn"}
    listed, _ = rules_of(alert, {"record": "a:b", "expr": "up"}, **more)
    known = {key.replace("groups[]", "groups[0]") for key in LEFT}
    reached = {key.replace("rules[0]", "rules[]").replace("rules[1]", "rules[].record") for key in listed}
    assert all(any(each.startswith(key) for each in reached) for key in known)
    assert not [reason for reason in listed.values() if "does not know" in reason]
