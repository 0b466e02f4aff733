"""Dissent: the locations that say otherwise than their quorum, in a few words."""

import pytest
from records import sample_at
from watchkeeper.domain.observation.location import LocationResult, silent
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.read_model.dissent import dissent_of

BUSY = LocationResult(location="iad", outcome=Outcome.UNKNOWN, reason=Reason.OVERLOADED)


def found(**outcomes):
    return tuple(
        LocationResult(location=name, outcome=Outcome(outcome)) for name, outcome in outcomes.items()
    )


@pytest.mark.parametrize(
    ("outcome", "results", "said"),
    [
        ("up", found(fra="up", iad="up"), ""),
        ("up", found(fra="down", iad="up", syd="timed_out"), "down from fra and syd"),
        ("up", (*found(fra="degraded"), BUSY, silent("syd")),
         "degraded from fra, unknown from iad, no answer from syd"),
        ("degraded", found(fra="degraded", iad="down"), "down from iad, degraded from fra"),
        ("down", found(fra="down", iad="up"), ""),
        ("unknown", (silent("fra"),), ""),
    ],
)  # fmt: skip
def test_the_locations_that_say_otherwise_are_named(outcome, results, said):
    assert dissent_of(sample_at(1, outcome=Outcome(outcome), locations=results)) == said


def test_a_sample_of_this_machine_alone_has_none():
    assert dissent_of(sample_at(1)) == dissent_of(None) == ""
