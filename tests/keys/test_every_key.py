"""Every key of the schema changes something that a user can see; a key without a case here fails."""

import pytest
from cases import VIRTUAL, changed
from of_locations import LOCATED
from of_reuse import REUSED, SERVED
from of_routes import ROUTED
from of_rules import RULED
from real import REAL as OUTSIDE
from watchkeeper.adapters.configuration.schema import json_schema

CASES = VIRTUAL | ROUTED | RULED | LOCATED | REUSED
REAL = OUTSIDE | SERVED


@pytest.mark.parametrize("key", CASES)
def test_another_value_of_a_key_is_seen(key, tmp_path):
    case = CASES[key]
    seen = []
    for number, document in enumerate((case.document, changed(case.document, case.key, case.value))):
        folder = tmp_path / str(number)
        folder.mkdir()
        seen.append(case.see(folder, document))
    assert seen == [case.before, case.after]
    assert seen[0] != seen[1]


@pytest.mark.parametrize("key", REAL)
def test_another_value_of_a_key_is_seen_outside(key, tmp_path):
    see, values, expected = REAL[key]
    seen = []
    for number, value in enumerate(values):
        folder = tmp_path / str(number)
        folder.mkdir()
        seen.append(see(folder, value))
    assert tuple(seen) == expected
    assert seen[0] != seen[1]


def keys_of(document):
    return {f"{name}.{key}" for name, part in document["$defs"].items() for key in part.get("properties", ())}


def test_every_key_of_the_schema_has_a_case():
    assert keys_of(json_schema()) - {*CASES, *REAL} == set()


def test_no_case_is_left_of_a_key_that_is_gone():
    assert {*CASES, *REAL} - keys_of(json_schema()) == set()
