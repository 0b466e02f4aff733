"""Every document ends as a configuration, or with problems that say what is wrong with it."""

import json
from pathlib import Path

import pytest
from any_document import AnyDocument
from hypothesis import given, settings
from hypothesis import strategies as st
from watchkeeper.adapters.configuration.loading import examine

FOLDER = Path("/")


def problems_of(document):
    """The problems of a document; empty where it is a configuration."""
    examined = examine(json.dumps(document), {}, folder=FOLDER, looks_at_files=False)
    assert (examined.configuration is None) is bool(examined.faults)
    return [fault.said for fault in examined.faults]


@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_a_document_in_the_form_of_a_configuration_ends_as_one_or_with_problems(seed):
    problems_of(AnyDocument(seed).of_specification())


ALONE = [
    ({"targets": [{"id": "a", "dns": {"name": ""}}]}, "an empty text"),
    (
        {"targets": [{"id": "a", "dns": {"name": "a.example", "rcodes": ["NOPE"]}}]},
        "'NOPE' is not one of FORMERR, NOERROR, NOTIMP, NXDOMAIN, REFUSED, SERVFAIL",
    ),
    (
        {
            "targets": [],
            "web": {"listen": "[::1]:1", "tokens": [{"name": "a", "role": "N", "sha256": "0" * 64}]},
        },
        "'N' is not one of",
    ),
]


@pytest.mark.parametrize(("document", "said"), ALONE)
def test_a_value_that_is_none_of_a_few_is_told_alone(document, said):
    (problem,) = problems_of(document)
    assert problem.startswith(said)
