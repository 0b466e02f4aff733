"""Expressions of CEL on a body: each has conditions that say the same, or is listed."""

import json

import pytest
import yaml
from bringing import brought
from watchkeeper.adapters.importing.blackbox.cel import conditions_of


@pytest.mark.parametrize(
    ("expression", "is_wanted", "conditions"),
    [
        (
            "body.foo == 'bar' && body.baz.startsWith('q.')",
            True,
            ["[BODY].foo == bar", r"[BODY].baz == matches(^q\.)"],
        ),
        ("body.status == 'down' || body.errors > 0", False, ["[BODY].status != down", "[BODY].errors <= 0"]),
        ("!(body.ok) && !has(body.error)", True, ["[BODY].ok == false", "has([BODY].error) == false"]),
        (
            "size(body.items) >= 3 && 200 == body['code'][0]",
            True,
            ["len([BODY].items) >= 3", "[BODY].code[0] == 200"],
        ),
        ("body.name.contains('a && b')", True, ["[BODY].name == matches(a && b)"]),
        ("body.name.matches('^a|b$')", False, ["[BODY].name != matches(^a|b$)"]),
        ("body.a == 1 || body.b == 1", True, None),
        ("body.a == 1 && (body.b == 1 || body.c == 2)", True, None),
        ("body.items.exists(x, x > 1)", True, None),
        ("body.a == body.b", True, None),
        ("body.a == '[STATUS]'", True, None),
        ("body['a.b'] == 1", True, None),
    ],
)
def test_an_expression_of_cel_has_equal_conditions_or_is_listed(expression, is_wanted, conditions):
    assert conditions_of(expression, is_wanted=is_wanted) == conditions
    key = f"fail_if_body_json_{'not_' if is_wanted else ''}matches_cel"
    module = {"prober": "http", "http": {key: expression}}
    made, _ = brought("blackbox", json.dumps({"modules": {"m": module}}))
    written = yaml.safe_load(made.text)["templates"]["m"]["expect"]
    assert written[1:] == (conditions or [])
    assert [note.key for note in made.notes] == ([] if conditions else [f"modules.m.http.{key}"])
