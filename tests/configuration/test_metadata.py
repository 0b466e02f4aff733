"""The texts of a target for people: those that may be written, and the exact line for each other."""

import json

import msgspec
import pytest
from watchkeeper import ConfigurationError, Heartbeat, Runtime, Target
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.specification.metadata import NO_METADATA, TargetMetadata
from watchkeeper.testing import World

WHOLE = {
    "group": "shop/api",
    "name": "API of the shop",
    "labels": {"team": "payments", "az": "fra"},
    "description": "Takes the orders.\nAsk payments.",
    "link": "https://wiki.example/api?a=b#c",
    "runbook": "http://wiki.example/api/down",
    "public": "Checkout",
}
REFUSED = [
    ("group", "/shop", "'/shop' is no group: write names with a slash between two of them, like shop/api;"),
    ("group", "shop//api", "'shop//api' is no group: "),
    ("group", "shop/ api", "'shop/ api' is no group: "),
    ("group", "", "'' is no group: "),
    ("group", "g" * 257, "a text of 257 characters: 256 are the most"),
    ("name", " shop", "' shop' is no name for people: write one line without a blank at either end"),
    ("name", "a\nb", "'a\\nb' is no name for people: "),
    ("name", 5, "expected a text, got the number 5: put it in quotes"),
    ("public", "\x1b[31m", "is no name for people: "),
    ("description", "", "'' is no description: write a text that is not empty"),
    ("description", "a\x00", "is no description: "),
    ("description", "d" * 1_025, "a text of 1,025 characters: 1,024 are the most"),
    ("labels", {"two words": "a"}, "is no name of a label: write letters,"),
    ("labels", {"a=b": "a"}, "is no name of a label: "),
    ("labels", {"team": ""}, "labels.team: '' is no text of a label: write one line that is not empty"),
    ("labels", {"team": 5}, "labels.team: expected a text, got the number 5: put it in quotes"),
    ("labels", {"team": "t" * 257}, "labels.team: a text of 257 characters: 256 are the most"),
    ("labels", {f"l{number}": "a" for number in range(33)}, "labels: has 33 entries: 32 is the most"),
    ("labels", {"severity": "high"}, "labels.severity: is no label: a rule says it"),
    ("labels", {"group": "a"}, "labels.group: is no label: write it as the target's own `group`"),
    ("link", "javascript:alert(1)", "link: is no absolute URL: write it like https://example.org/health"),
    ("link", "ftp://host/", "link: has the scheme 'ftp': only http and https are possible"),
    ("runbook", "https://anna:secret@host/", "runbook: holds a user name or a password"),
    ("runbook", "https://host/a b", "runbook: holds a blank, a line end or another control character"),
    ("runbook", "https://host/" + "a" * 2_048, "runbook: a text of 2,061 characters: 2,048 are the most"),
]


def described(**fields):
    return Target(id="shop", heartbeat=Heartbeat(), **fields)


def written(**fields):
    return json.dumps({"targets": [{"id": "shop", "heartbeat": {}, **fields}]})


def test_a_target_says_what_its_file_says(tmp_path):
    configuration = parse_configuration(written(**WHOLE), {}, name="w.yaml", folder=tmp_path)

    assert configuration.targets == (described(**WHOLE),)
    assert configuration.targets[0].metadata.to_dict() == WHOLE


def test_a_target_that_says_nothing_has_nothing():
    assert described().metadata == NO_METADATA
    assert not described(labels={}).metadata
    assert described().metadata.to_dict() == {}


def test_labels_are_kept_in_the_order_of_their_names():
    one, other = described(labels={"b": "2", "a": "1"}), described(labels=[("a", "1"), ("b", "2")])
    assert one == other
    assert hash(one) == hash(other)
    assert one.metadata == TargetMetadata(labels=(("a", "1"), ("b", "2")))


def test_a_target_that_says_nothing_has_the_bytes_it_always_had():
    assert not WHOLE.keys() & msgspec.json.decode(msgspec.json.encode(described())).keys()


@pytest.mark.parametrize(("key", "value", "problem"), REFUSED)
def test_a_text_that_cannot_be_shown_is_refused_in_a_file(key, value, problem, tmp_path):
    with pytest.raises(ConfigurationError) as refused:
        parse_configuration(written(**{key: value}), {}, name="w.yaml", folder=tmp_path)
    (line,) = refused.value.problems
    assert f"targets[0].{key}" in line
    assert problem in line
    assert "secret" not in line


@pytest.mark.parametrize(("key", "value", "problem"), REFUSED)
def test_a_text_that_cannot_be_shown_is_refused_in_python(key, value, problem):
    with pytest.raises(ConfigurationError, match="shop") as refused:
        Runtime().track(described(**{key: value}))
    (line,) = refused.value.problems
    assert problem in line


def test_a_check_takes_the_fields_of_a_target():
    runtime = Runtime()
    with pytest.raises(ConfigurationError, match="is no group"):
        runtime.check("queue", group="/jobs")
    assert runtime.check("queue", group="jobs", labels={"team": "etl"})(len) is len


@pytest.mark.parametrize("through_bytes", [False, True])
def test_new_texts_are_shown_at_once_and_an_open_incident_keeps_its_own(through_bytes):
    world = World([described(every="1m", labels={"team": "a"}, notify=("ops",))], through_bytes=through_bytes)
    world.run("10m")
    world.track(described(every="1m", labels={"team": "b"}, notify=("ops",)))
    world.heartbeat("shop")
    world.run("10s")
    world.restart()
    (row,) = world.status().targets
    assert row.metadata.to_dict() == {"labels": {"team": "b"}}
    assert [notice.change.value for notice in world.notices("ops")] == ["opened", "resolved"]
    assert {notice.incident.metadata.labels for notice in world.notices("ops")} == {(("team", "a"),)}
