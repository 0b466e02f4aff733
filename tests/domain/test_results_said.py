"""The explanation of several locations says of each what it found: that is read back, or not at all."""

import random

import pytest
from watchkeeper.domain.observation.location import LocationResult, silent
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.rules.quorum import judged, results_said

FINDINGS = (
    (Outcome.UP, Reason.OK),
    (Outcome.DEGRADED, Reason.CONDITION_FAILED),
    (Outcome.DOWN, Reason.CONDITION_FAILED),
    (Outcome.DOWN, Reason.CONNECTION_REFUSED),
    (Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (Outcome.UNKNOWN, Reason.OVERLOADED),
)
PLAIN = ("fra", "iad", "syd", "eu-west-1", "fra2")
ODD = ("a, b", "fra and iad", "up from x", "x (ok)", "fra", "iad")


def drawn(chance, names):
    """Draws the results of some locations, with a quorum."""
    asked = chance.sample(names, chance.randint(1, len(names)))
    results = tuple(
        silent(name)
        if chance.random() < 0.2
        else LocationResult(location=name, outcome=outcome, reason=reason)
        for name, (outcome, reason) in zip(asked, chance.choices(FINDINGS, k=len(asked)), strict=True)
    )
    return asked, results, chance.randint(1, len(asked))


def read(asked, results, quorum):
    found = judged(results, quorum)
    return results_said(found.outcome, found.reason, found.explanation, asked, quorum)


def test_the_results_of_locations_are_read_back_from_their_explanation():
    chance = random.Random(1)
    for _ in range(1_000):
        asked, results, quorum = drawn(chance, PLAIN)
        is_said = judged(results, quorum).explanation != ""
        assert read(asked, results, quorum) == (results if is_said else ())


def test_names_that_look_like_words_of_an_explanation_give_no_wrong_result():
    chance = random.Random(2)
    found = [(read(*each), each[1]) for each in (drawn(chance, ODD) for _ in range(1_000))]
    assert all(got in {(), results} for got, results in found)
    assert sum(got != () for got, _ in found) > 500


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("down from fra and iad, up from syd", ["fra", "iad"]),
        ("down from fra and iad", ["fra", "iad", "syd"]),
        ("down from fra and ia...", ["fra", "iad"]),
        ("no word of any location", ["fra", "iad"]),
        ("", ["fra", "iad"]),
    ],
)
def test_an_explanation_of_other_locations_or_that_was_cut_says_nothing(said, asked):
    assert results_said(Outcome.DOWN, Reason.CONNECTION_REFUSED, said, asked, 2) == ()
