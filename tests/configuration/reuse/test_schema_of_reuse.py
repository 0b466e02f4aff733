"""The JSON Schema knows the keys of reuse as the reader does."""

from pathlib import Path

import pytest
import yaml
from watchkeeper.adapters.configuration import json_schema

jsonschema = pytest.importorskip("jsonschema", reason="the test extra brings it")
HTTP = {"url": "http://h/"}
API = {"every": "1m", "http": {"method": "POST"}, "use": "other", "for_each": ["a"]}


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_forty_endpoints_are_valid(validator):
    validator.validate(yaml.safe_load(Path(__file__).with_name("forty.yaml").read_text()))


VALID = [
    {"include": "a.yaml"},
    {"include": ["a.yaml", "targets.d"], "x-any": [5]},
    {"templates": {"api": API, "none": {}}},
    {"templates": {"api": {"tcp": {"port": 1}}}, "targets": [{"use": "api", "id": "a"}]},
    {"targets": [{"use": ["a", "b"], "http": {"method": "GET"}}]},
    {"targets": [{"id": "a${each}", "http": HTTP, "for_each": [1, "b", True]}]},
    {"targets": [{"id": "a${each.k}", "http": HTTP, "for_each": [{"k": "b", "n": 5}]}]},
    {"defaults": {"expect": ["[STATUS] == 200"], "http": {"headers": {"A": "b"}}}},
]
INVALID = [
    {"include": 5},
    {"y-any": 5},
    {"templates": [API]},
    {"templates": {"api": {"evry": "1m"}}},
    {"templates": {"api": {"http": {"methd": "GET"}}}},
    {"templates": {"api": {"every": 5}}},
    {"targets": [{"use": 5, "id": "a", "http": HTTP}]},
    {"targets": [{"use": "a", "evry": "1m"}]},
    {"targets": [{"id": "a", "http": HTTP, "for_each": []}]},
    {"targets": [{"id": "a", "http": HTTP, "for_each": [[]]}]},
    {"targets": [{"for_each": ["a"], "id": "a"}]},
    {"defaults": {"http": HTTP}},
    {"defaults": {"http": {"methd": "GET"}}},
]


@pytest.mark.parametrize("data", VALID)
def test_a_file_that_loads_is_valid(data, validator):
    validator.validate(data)


@pytest.mark.parametrize("data", INVALID)
def test_a_file_that_is_refused_is_not_valid(data, validator):
    assert not validator.is_valid(data)
