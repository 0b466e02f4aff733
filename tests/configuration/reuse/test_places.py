"""Each problem of any two files carries the name of its file, a line and a column that are in it."""

import json
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from watchkeeper.adapters.configuration import load, load_leniently
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.specification.configuration import Configuration

PLACE = re.compile(r"(w|a)\.yaml:(\d+):(\d+): .")
PLAIN = """targets templates include defaults x-a use for_each id http url call name channels &a *a &b *b << ${each} "${each.k}"
"${X}" a.yaml w.yaml every 1m 5 ops '' ~ : - , [ ] { }"""
WORDS = st.sampled_from([*PLAIN.split(), ": ", "- ", ", ", "\n", "\n  ", "\n- ", " "])
TEXTS = st.lists(WORDS, max_size=40).map("".join)
LEAVES = st.sampled_from(
    [None, 5, True, "", "a", "t", "x", "5s", "${each}", "${each.k}", "${X}", "http://h/", "a.yaml", [], {}]
)
FIELD = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["k", "url", "use"]), inner, max_size=2)
    ),
)
PART = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["a", "b-${each}"]) | FIELD,
        "call": st.just({"name": "f"}) | FIELD,
        "http": st.just({"url": "http://${each}/"}) | FIELD,
        "use": st.sampled_from(["t", "u", ["t", "u"]]) | FIELD,
        "for_each": st.sampled_from([["a", "b"], [{"k": "a"}]]) | FIELD,
        "labels": FIELD,
        "expect": FIELD,
        "rules": FIELD,
    },
)
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "include": st.just(["a.yaml"]) | FIELD,
        "templates": st.dictionaries(st.sampled_from(["t", "u"]), PART | FIELD, max_size=2) | FIELD,
        "defaults": PART | FIELD,
        "targets": st.lists(PART | FIELD, max_size=3) | FIELD,
        "channels": FIELD,
        "x-any": FIELD,
    },
).map(lambda data: json.dumps(data, indent=1))


def problems_in(folder, root, other):
    (folder / "w.yaml").write_text(root)
    (folder / "a.yaml").write_text(other)
    try:
        load_leniently(folder / "w.yaml", {}, needs_store=False)
        found = load(folder / "w.yaml", {}, name="w.yaml")
    except ConfigurationError as error:
        return error.problems
    assert type(found) is Configuration
    return ()


def judge(folder, root, other):
    lines = {"w": root.split("\n"), "a": other.split("\n")}
    for problem in problems_in(folder, root, other):
        place = PLACE.match(problem)
        assert place, problem
        name, line, column = place[1], int(place[2]), int(place[3])
        # The end of a text that breaks off is the beginning of the line after it.
        assert 1 <= line <= len(lines[name]) + 1, problem
        assert 1 <= column <= len([*lines[name], ""][line - 1]) + 1, problem


@settings(max_examples=100)
@given(TEXTS, TEXTS)
@example("include: a.yaml\ntargets: *a", "x-a: &a []")
@example("<<: &a {targets: []}\nx-b: *a", "")
@example("x-a: &a {<<: {a: 1}, b: *a}", "")
def test_any_two_texts_are_a_configuration_or_have_problems_with_places(tmp_path_factory, root, other):
    judge(tmp_path_factory.getbasetemp(), root, f"{other}\n")


@settings(max_examples=100)
@given(SHAPED, SHAPED)
def test_anything_shaped_like_a_configuration_has_problems_with_places(tmp_path_factory, root, other):
    judge(tmp_path_factory.getbasetemp(), root, other)
