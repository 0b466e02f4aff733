"""The requests of every notice to every receiver, as the golden files have them."""

import json

import pytest

from tests.adapters.channels.attempts import ADDRESS, CHANNELS, NOTICES, attempted
from tests.adapters.channels.golden.make import FOLDER, requests_of


@pytest.mark.parametrize("name", CHANNELS)
def test_requests_are_those_of_the_golden_file(name):
    assert requests_of(name) == json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CHANNELS)
def test_an_attempt_is_accepted_and_each_request_can_be_repeated_to_the_byte(name):
    for case in NOTICES:
        first, second = attempted(name, case), attempted(name, case)
        assert first.answer.accepted
        assert first.requests == second.requests


@pytest.mark.parametrize("name", CHANNELS)
def test_a_hostile_text_brings_no_control_character_and_no_half_of_a_pair_into_a_request(name):
    for request in attempted(name, "hostile").requests:
        body = (request.body or b"").decode()
        assert body.isprintable() or body.replace("\n", "").isprintable()
        assert "\u202e" not in body
        assert all(value.isascii() and value.isprintable() for _, value in request.headers)


@pytest.mark.parametrize("name", sorted({*CHANNELS} - {"webhook"}))
def test_a_notice_links_to_its_page(name):
    said = json.dumps([str(request) for request in attempted(name, "opened").requests])
    assert f"{ADDRESS}/i/inc_1" in said
