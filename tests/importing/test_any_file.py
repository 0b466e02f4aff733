"""Every file of a peer ends as a configuration that passes check, or with problems that say what is wrong with it."""

import json
import time
from contextlib import suppress

import pytest
from any_document import AnyDocument
from bringing import brought
from hypothesis import given, settings
from hypothesis import strategies as st
from watchkeeper.adapters.importing.imported import Imported
from watchkeeper.adapters.importing.peers import PEERS
from watchkeeper.adapters.importing.source import PeerFile
from watchkeeper.adapters.importing.writer import write
from watchkeeper.domain.errors import ConfigurationError


@pytest.mark.parametrize("peer", PEERS)
@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_a_file_with_the_keys_of_a_reference_is_brought_over_or_refused(peer, seed):
    keys = [*PEERS[peer].mapped, *PEERS[peer].left]
    with suppress(ConfigurationError):
        brought(peer, json.dumps(AnyDocument(seed).of_keys(keys)))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("# a comment", "the file is empty"),
        ("null", "the file is empty"),
        ("a word", "a mapping"),
    ],
)
def test_a_file_without_keys_is_refused(peer, text, said):
    with pytest.raises(ConfigurationError, match=f":1:1: {said}.*: nothing can be imported"):
        brought(peer, text)


def test_many_parts_that_check_refuses_are_all_listed():
    endpoints = [
        {"name": f"e{number}", "url": "https://a.example", "conditions": ["[NOPE] == 1"]}
        for number in range(300)
    ]

    made, whole = brought("gatus", json.dumps({"endpoints": endpoints}))

    assert (len(whole.targets), len(made.notes)) == (300, 300)


def test_a_number_without_an_end_is_refused_as_any_other_text():
    endpoint = {
        "name": "a",
        "url": "https://a.example",
        "alerts": [{"type": "slack", "failure-threshold": "inf"}],
    }

    made, whole = brought("gatus", json.dumps({"endpoints": [endpoint]}))

    assert [note.reason for note in made.notes] == ["a number is expected here"]
    assert [target.id for target in whole.targets] == ["a"]


def test_a_figure_that_no_configuration_holds_takes_its_template_out():
    modules = {"bad": {"prober": "http", "http": {"body_size_limit": "9" * 400}}, "good": {"prober": "http"}}

    made, _ = brought("blackbox", json.dumps({"modules": modules}))

    assert made.templates == 1
    assert [note.key for note in made.notes] == ["modules.bad"]


def test_a_value_in_place_of_a_list_is_listed_as_it_stands():
    made, _ = brought(
        "blackbox", json.dumps({"modules": {"m": {"prober": "http", "http": {"valid_http_versions": 5}}}})
    )

    assert [(note.key, note.shown) for note in made.notes] == [("modules.m.http.valid_http_versions", "5")]


def test_a_channel_that_check_refuses_is_a_log_and_its_targets_keep_it():
    endpoint = {"name": "a", "url": "https://a.example", "alerts": [{"type": "slack"}]}
    alerting = {"slack": {"webhook-url": "no url"}}

    made, whole = brought("gatus", json.dumps({"alerting": alerting, "endpoints": [endpoint]}))

    assert whole.channels[0].log is not None
    assert whole.targets[0].notify == ("slack",)
    assert [note.key for note in made.notes] == ["alerting.slack"]


def test_the_time_to_write_a_file_grows_with_its_length_and_not_with_its_square():
    endpoints = "".join(f"  # above {number}\n  - name: e{number}\n    nope: 1\n" for number in range(12_000))
    file = PeerFile(f"endpoints:\n{endpoints}", "config.yaml", {})
    imported = Imported()
    for part in file.root.parts("endpoints"):
        imported.add("targets", {"id": part.text("name")}, part)
    file.note_what_is_left()

    begun = time.process_time()
    text = write(imported, file, "")

    # It took a minute and more while each note was compared with each entry.
    assert time.process_time() - begun < 20
    assert text.count("# not imported") == text.count("# above") == 12_000


def test_a_key_that_has_a_use_elsewhere_is_not_called_unknown():
    endpoint = {
        "name": "a",
        "url": "tcp://a.example:1",
        "graphql": True,
        "client": {"proxy-url": "http://p"},
        "nope": 1,
    }

    made, _ = brought("gatus", json.dumps({"endpoints": [endpoint]}))

    unused, unknown = "it has no effect here: other kinds use it", "the importer does not know this key"
    assert {note.key: note.reason for note in made.notes} == {
        "endpoints[0].graphql": unused,
        "endpoints[0].client.proxy-url": unused,
        "endpoints[0].nope": unknown,
    }


def test_no_comment_shows_a_password_in_a_value():
    body = json.dumps({"user": "watch", "text": "x" * 300, "password": "canary"})
    alerting = {"custom": {"url": "https://a.example", "body": body, "note": "token=canary"}}

    made, _ = brought("gatus", json.dumps({"endpoints": [], "alerting": alerting}))

    assert {note.key.rpartition(".")[2] for note in made.notes} >= {"body", "note"}
    assert "token=***" in made.text
    assert "canary" not in made.text
