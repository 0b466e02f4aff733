"""The JSON Schema agrees with what loads."""

import json
import re
from pathlib import Path

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


def test_the_schema_is_plain_json_with_a_sentence_for_each_part(validator):
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert all(
        "description" in part for name, part in schema["$defs"].items() if part.get("type") == "object"
    )
    assert "over a window" not in schema["$defs"]["Target"]["properties"]["retry_every"]["description"]
    assert schema["$defs"]["Target"]["properties"]["retry_every"]["description"].startswith(
        "The cadence while"
    )
    assert validator.is_valid({})


def examples():
    yield Path(__file__).with_name("issue.yaml").read_text()
    yield from (path.read_text() for path in sorted(ROOT.glob("examples/*.yaml")))
    readme = (ROOT / "README.md").read_text()
    yield from (block for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if "targets:" in block)


@pytest.mark.parametrize("text", list(examples()))
def test_every_documented_example_is_valid(text, validator):
    validator.validate(yaml.safe_load(text))


INVALID = [
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
def test_what_does_not_load_is_not_valid(data, validator):
    assert not validator.is_valid(data)
