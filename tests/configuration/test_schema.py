"""The JSON Schema agrees with what loads."""

import json
import re
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest
import yaml
from watchkeeper.adapters.configuration import json_schema

jsonschema = pytest.importorskip("jsonschema", reason="the test extra brings it")
ROOT = Path(__file__).parents[2]
HTTP = {"url": "http://h/"}


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_is_plain_json(validator):
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert validator.is_valid({})


OBJECTS = {name: part for name, part in json_schema()["$defs"].items() if part.get("type") == "object"}
OF_A_TYPE = {
    "An id: 1 to 128 characters, no slash, no control character, no blank at either end, and neither . nor .. alone.",
    "A duration such as 500ms, 30s, 1m30s, 48h or 7d.",
}
"""The description of a key that has no sentence of its own."""


@pytest.mark.parametrize("part", OBJECTS.values(), ids=OBJECTS)
def test_every_property_has_a_description_of_its_own(part):
    told = {name: field["description"] for name, field in part["properties"].items()}
    assert len(set(told.values())) == len(told)
    assert not set(told.values()) & OF_A_TYPE
    assert part["description"]


def test_a_description_is_what_stands_under_the_field():
    told = OBJECTS["Target"]["properties"]["retry_every"]["description"]
    assert told.startswith("The cadence while the last sample was bad; default: the same.")
    assert OBJECTS["Consecutive"]["properties"]["for"]["description"].startswith("How long it must be broken")
    assert OBJECTS["Target"]["description"].startswith("One thing watched.")
    assert "timeout:" not in OBJECTS["Target"]["description"]


def examples():
    yield Path(__file__).with_name("issue.yaml").read_text()
    files = (
        path
        for path in sorted(ROOT.glob("examples/*.yaml"))
        if not path.name.endswith((".rules.yaml", "compose.yaml"))
    )
    yield from (path.read_text() for path in files)
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    # A rule test has its targets within.
    yield from (block for block in blocks if re.search("^targets:", block, re.MULTILINE))


@pytest.mark.parametrize("text", list(examples()))
def test_every_documented_example_is_valid(text, validator):
    validator.validate(yaml.safe_load(text))


FILLED = {
    "channels": [
        {"id": "chat", "slack": {"token": "${SLACK_TOKEN}", "channel": "#ops"}},
        {"id": "hook", "slack": {"url": "${SLACK_HOOK}"}},
        {"id": "oncall", "pagerduty": {"routing_key": "${PAGERDUTY_KEY}"}},
        {"id": "phone", "ntfy": {"topic": "${file:/run/secrets/topic}"}},
    ],
    "targets": [],
}


def test_a_file_with_places_for_variables_is_valid(validator):
    validator.validate(FILLED)


INVALID = [
    {"channels": [{"id": "ops", "pagerduty": {"routing_key": "short"}}]},
    {"channels": [{"id": "ops", "slack": {"token": "x", "url": "https://h/"}}]},
    {"channels": [{"id": "ops", "slack": {"channel": "#ops"}}]},
    {"target": []},
    {"targets": [{"id": "a"}]},
    {"targets": [{"id": "a", "http": HTTP, "call": {"name": "f"}}]},
    {"targets": [{"id": "a", "http": HTTP, "every": 30}]},
    {"targets": [{"id": "a/b", "http": HTTP}]},
    {"targets": [{"id": "a", "http": HTTP, "rules": [{"id": "r", "kind": "consecutiv"}]}]},
    {"channels": [{"id": "ops"}]},
    {"channels": [{"id": "ops", "log": {"level": "warn"}}]},
    {"runtime": {"allow_exec": "no"}},
]


@pytest.mark.parametrize("data", INVALID)
def test_a_file_that_does_not_load_is_not_valid(data, validator):
    assert not validator.is_valid(data)


@pytest.mark.parametrize("name", [".", "..", "a/..", "./a", "a/./b"])
def test_no_part_of_a_name_is_one_that_browsers_take_out_of_addresses(validator, name):
    """An address with any other name reaches its page, however many dots it has."""
    target = {"id": "a", "http": HTTP, "group": name}
    assert not validator.is_valid({"targets": [target]})
    for kept in ("...", ".a", "a.", "..a", "a/.b/...", "..../a"):
        assert validator.is_valid({"targets": [target | {"group": kept}]})
        assert urljoin("http://h/", f"/g/{quote(kept)}") == f"http://h/g/{kept}"
    assert urljoin("http://h/", f"/g/{quote(name)}") != f"http://h/g/{name}"
