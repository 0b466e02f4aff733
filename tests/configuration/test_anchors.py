"""Anchors, aliases and merge keys: what they repeat, the places of problems in it, and what is refused."""

import pytest
from watchkeeper.adapters.configuration.document import parse
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain import limits
from watchkeeper.domain.errors import ConfigurationError

SHARED = """\
x-api: &api
  every: 1m
  http: &http {url: "http://a/", headers: {A: b}}
targets:
  - {<<: *api, id: a}
  - <<: [{every: 2m}, *api]
    id: b
    timeout: 1s
  - {id: c, http: *http}
"""


def targets_of(text, folder):
    return parse_configuration(text, {}, name="w", folder=folder).targets


def problems_in(text, folder):
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(text, {}, name="w", folder=folder)
    return list(caught.value.problems)


def test_merge_keys_give_what_a_mapping_does_not_state(tmp_path):
    a, b, c = targets_of(SHARED, tmp_path)
    assert (a.every, b.every, c.every) == ("1m", "2m", "30s")
    assert (a.timeout, b.timeout) == ("5s", "1s")
    assert a.http == b.http == c.http


def test_a_merge_key_is_shallow_as_in_yaml(tmp_path):
    text = SHARED + '  - {<<: *api, id: d, http: {url: "http://d/"}}\n'
    assert targets_of(text, tmp_path)[3].http.headers == ()


def test_a_quoted_merge_key_is_a_key_like_any_other():
    assert parse("a: {'<<': {b: 1}}").data == {"a": {"<<": {"b": 1}}}


def test_repeated_parts_are_filled_in_each_place_alone(tmp_path):
    text = (
        'x-url: &url "http://${HOST}/"\n'
        "targets: [{id: a, http: &h {url: *url}}, {id: b, http: *h}, {id: c, http: {<<: *h, method: POST}}]"
    )
    configuration = parse_configuration(text, {"HOST": "shop"}, name="w", folder=tmp_path)
    assert [target.http.url for target in configuration.targets] == ["http://shop/"] * 3


def test_a_problem_stands_where_the_value_is_written_and_names_its_use(tmp_path):
    assert problems_in(SHARED.replace("http://a/", "htp://a/"), tmp_path) == [
        "w:3:21: targets[0].http.url: has the scheme 'htp': only http and https are possible, did you mean http (used in line 5)",
        "w:3:21: targets[1].http.url: has the scheme 'htp': only http and https are possible, did you mean http (used in line 6)",
        "w:3:21: targets[2].http.url: has the scheme 'htp': only http and https are possible, did you mean http (used in line 9)",
    ]


def test_an_anchor_is_known_below_its_end_alone(tmp_path):
    for text in ("a: *b\nb: &b 1", "a: &a [*a]", "a: &a {b: *a}", "a: &a {<<: *a}"):
        (fault,) = parse(text).faults
        assert fault.problem.text.startswith("an alias, and no anchor of its name ends above")


def test_the_last_of_two_anchors_of_one_name_is_meant():
    assert parse("a: &x 1\nb: &x 2\nc: *x").data == {"a": 1, "b": 2, "c": 2}


@pytest.mark.parametrize(
    ("cap", "value", "text", "said"),
    [
        ("CONFIGURATION_NODES_MAX", 20, "a: &a [1,2,3,4,5,6]\nb: [*a,*a]", "too many values: 20"),
        ("CONFIGURATION_DEPTH_MAX", 4, "a: &a [[1]]\nb: [[[*a]]]", "nested too deeply: 4 levels"),
        ("CONFIGURATION_BYTES_MAX", 1 << 20, f"a: &a {'x' * 600_000}\nb: [*a,*a]", "repeat more than 1 MiB"),
    ],
)
def test_repeated_parts_count_as_if_they_were_written(cap, value, text, said, monkeypatch):
    assert not parse(text).faults
    monkeypatch.setattr(limits, cap, value)
    (fault,) = parse(text).faults
    assert said in fault.problem.text


def test_a_key_that_leads_round_in_a_circle_has_a_place(tmp_path):
    (problem,) = [
        each for each in problems_in("runtime: {b: &x {b: 1}}\nruntime: *x\n", tmp_path) if "twice" in each
    ]
    assert problem.startswith("w:2:1: runtime: this key stands twice here")


def test_keys_for_anchors_alone_are_left_out(tmp_path):
    assert targets_of("x-any: {evry: 1}\nx-: 5\ntargets: []", tmp_path) == ()
    (problem,) = problems_in("targets: []\nx: 5", tmp_path)
    assert "x: unknown key" in problem
