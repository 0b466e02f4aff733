"""The quorum: the results of several locations as one judgement, its laws, and its words."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import NOON
from watchkeeper.domain.conditions.condition import compile_condition
from watchkeeper.domain.conditions.judgement import Expectation
from watchkeeper.domain.limits import LOCATION_EXPLANATION_MAX
from watchkeeper.domain.observation.attempt import AttemptId
from watchkeeper.domain.observation.location import LocationResult, results_from, silent
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.rules.quorum import judged, seen_by_all

UP, SLOW, DOWN, LATE, NONE = "up", "degraded", "down", "timed_out", "unknown"
PLACES = ("fra", "iad", "syd")
WORST_FIRST = (Outcome.DOWN, Outcome.DEGRADED, Outcome.UP)
REASONS = {
    UP: Reason.OK,
    SLOW: Reason.CONDITION_FAILED,
    DOWN: Reason.CONNECTION_REFUSED,
    LATE: Reason.TIMED_OUT,
    NONE: Reason.LOCATION_SILENT,
}


def from_places(*said, **fields):
    """One result for each word, of `fra`, `iad`, `syd` and further places."""
    names = (*PLACES, *(f"p{number}" for number in range(20)))
    return tuple(
        LocationResult(location=name, outcome=Outcome(word), reason=REASONS[word], **fields)
        for name, word in zip(names, said, strict=False)
    )


TEXTS = [
    (from_places(DOWN, DOWN, UP), 2, "down", "connection_refused", "down from fra and iad, up from syd"),
    (from_places(DOWN, LATE, UP), 2, "down", "connection_refused", "down from fra and iad (timed_out), up from syd"),
    (from_places(LATE, LATE, UP), 2, "down", "timed_out", "down from fra and iad, up from syd"),
    (from_places(DOWN, DOWN, DOWN), 2, "down", "connection_refused", "down from fra, iad and syd"),
    (from_places(DOWN, DOWN, NONE), 2, "down", "connection_refused", "down from fra and iad, no answer from syd"),
    (from_places(DOWN, UP, UP), 2, "up", "locations_differ", "down from fra (connection_refused), up from iad and syd"),
    (from_places(DOWN, UP, UP), 1, "down", "connection_refused", "down from fra, up from iad and syd"),
    (from_places(UP, UP, UP), 2, "up", "ok", ""),
    (from_places(UP, UP, NONE), 2, "up", "ok", "up from fra and iad, no answer from syd"),
    (from_places(SLOW, UP, UP), 2, "up", "locations_differ", "degraded from fra (condition_failed), up from iad and syd"),
    (from_places(SLOW, UP, SLOW), 2, "degraded", "condition_failed", "degraded from fra and syd, up from iad"),
    (from_places(SLOW, UP, DOWN), 2, "degraded", "condition_failed", "down from syd (connection_refused), degraded from fra, up from iad"),
    (from_places(UP, NONE, NONE), 2, "unknown", "location_silent", "no answer from iad and syd, up from fra"),
    (from_places(DOWN, NONE, NONE), 2, "unknown", "location_silent", "no answer from iad and syd, down from fra (connection_refused)"),
    (from_places(DOWN, NONE, UP), 2, "unknown", "location_silent", "no answer from iad, down from fra (connection_refused), up from syd"),
    (from_places(NONE, NONE, NONE), 1, "unknown", "location_silent", "no answer from fra, iad and syd"),
    (from_places(UP), 1, "up", "ok", ""),
    (from_places(DOWN), 1, "down", "connection_refused", "down from fra"),
    (from_places(UP, DOWN), 2, "up", "locations_differ", "down from iad (connection_refused), up from fra"),
]  # fmt: skip


@pytest.mark.parametrize(("results", "quorum", "outcome", "reason", "text"), TEXTS)
def test_the_judgement_of_several_locations_and_its_words(results, quorum, outcome, reason, text):
    found = judged(results, quorum)
    assert (found.outcome, found.reason, found.explanation) == (outcome, reason, text)


def test_a_location_that_answers_without_evidence_is_not_called_silent():
    busy = LocationResult(location="syd", outcome=Outcome.UNKNOWN, reason=Reason.OVERLOADED)
    found = judged((*from_places(DOWN, UP), busy), 2)
    assert (found.outcome, found.reason) == (Outcome.UNKNOWN, Reason.LOCATION_SILENT)
    assert (
        found.explanation == "unknown from syd (overloaded), down from fra (connection_refused), up from iad"
    )


@pytest.mark.parametrize("quorum", [0, 4, -1])
def test_a_quorum_that_means_nothing_is_refused(quorum):
    with pytest.raises(ValueError, match="quorum"):
        judged(from_places(UP, UP, UP), quorum)


words = st.sampled_from([UP, SLOW, DOWN, LATE, NONE])
elections = st.lists(words, min_size=1, max_size=7).flatmap(
    lambda said: st.tuples(st.just(tuple(said)), st.integers(1, len(said)))
)


@given(elections, st.randoms(use_true_random=False))
def test_the_order_of_the_locations_decides_nothing(election, dice):
    said, quorum = election
    results = list(from_places(*said, latency_ns=7))
    first = judged(results, quorum)
    dice.shuffle(results)
    found = judged(results, quorum)
    assert (found.outcome, found.reason, found.latency_ns) == (first.outcome, first.reason, first.latency_ns)


@given(elections)
def test_a_worse_word_never_makes_it_better(election):
    said, quorum = election
    before = judged(from_places(*said), quorum).outcome
    for at, word in enumerate(said):
        for worse in {UP: (SLOW, DOWN, LATE), SLOW: (DOWN, LATE)}.get(word, ()):
            after = judged(from_places(*said[:at], worse, *said[at + 1 :]), quorum).outcome
            if after is Outcome.UNKNOWN:
                assert NONE in said, "only a silent location leaves it open"
            elif before is not Outcome.UNKNOWN:
                assert WORST_FIRST.index(after) <= WORST_FIRST.index(before)
            else:
                assert after is Outcome.DOWN


@given(elections)
def test_an_answer_that_comes_in_place_of_silence_never_turns_a_judgement_round(election):
    said, quorum = election
    before = judged(from_places(*said), quorum).outcome
    for at, word in enumerate(said):
        for answer in (UP, SLOW, DOWN, LATE) if word == NONE else ():
            after = judged(from_places(*said[:at], answer, *said[at + 1 :]), quorum).outcome
            assert before is Outcome.UNKNOWN or before.is_bad is after.is_bad
            assert before is Outcome.UNKNOWN or after is not Outcome.UNKNOWN


@given(elections)
def test_it_is_down_exactly_where_as_many_say_so_and_well_only_where_the_rest_cannot(election):
    said, quorum = election
    bad, silence = sum(word in {DOWN, LATE} for word in said), said.count(NONE)
    outcome = judged(from_places(*said), quorum).outcome
    assert outcome.is_bad is (bad >= quorum)
    assert (outcome is Outcome.UNKNOWN) is (bad < quorum <= bad + silence)


def test_one_liar_of_three_never_decides():
    for lie, truth in itertools.product((UP, DOWN, LATE, NONE), (UP, DOWN)):
        outcome = judged(from_places(lie, truth, truth), 2).outcome
        assert outcome is (Outcome.DOWN if truth == DOWN else Outcome.UP)


@pytest.mark.parametrize("count", range(1, 8))
def test_the_silence_of_all_is_no_evidence_whatever_the_quorum(count):
    for quorum in range(1, count + 1):
        found = judged(from_places(*[NONE] * count), quorum)
        assert (found.outcome, found.reason) == (Outcome.UNKNOWN, Reason.LOCATION_SILENT)


def test_the_latency_is_the_median_of_those_that_agree_and_were_answered():
    def timed(*pairs):
        return tuple(
            LocationResult(location=str(at), outcome=Outcome(word), reason=REASONS[word], latency_ns=latency)
            for at, (word, latency) in enumerate(pairs)
        )

    assert judged(timed((UP, 9), (UP, 3), (UP, 5)), 2).latency_ns == 5
    assert judged(timed((UP, 9), (UP, 3), (DOWN, 1)), 2).latency_ns == 3
    assert judged(timed((SLOW, 9), (UP, 3), (SLOW, 5)), 2).latency_ns == 5
    assert judged(timed((DOWN, 1), (DOWN, 2), (UP, 5)), 2).latency_ns is None, "a refusal is no answer"
    assert judged(timed((NONE, 1), (NONE, 2), (UP, 5)), 2).latency_ns is None


def test_the_results_are_those_of_the_places_that_were_asked_in_their_order():
    fra, iad = from_places(UP, DOWN)
    found = results_from(PLACES, {"iad": iad, "syd": fra, "elsewhere": iad})
    assert found == (silent("fra"), iad, silent("syd")), "an answer under another's name is none"


def test_the_words_of_a_location_are_one_bounded_line():
    said = LocationResult(location="fra", outcome=Outcome.DOWN, explanation="a\nb" + "x" * 1_000)
    (found,) = results_from(["fra"], {"fra": said})
    assert len(found.explanation) == LOCATION_EXPLANATION_MAX
    assert "\n" not in found.explanation


def test_a_sample_of_several_locations_is_their_judgement_and_no_condition_is_asked_again():
    results = from_places(DOWN, UP, UP, latency_ns=4_000_000)
    expectation = Expectation([compile_condition("[STATUS] == 200")], [compile_condition("[BODY] == x")])
    sample = expectation.judge(AttemptId("shop", 1, 1), NOON, seen_by_all(results, 2))
    assert (sample.outcome, sample.locations) == (Outcome.UP, results)
    assert sample.explanation() == "locations_differ: down from fra (connection_refused), up from iad and syd"
    assert sample.latency_ms == 4
    warned = expectation.judge(AttemptId("shop", 1, 1), NOON, seen_by_all(from_places(SLOW, SLOW, UP), 2))
    assert (warned.outcome, warned.slow_by_ns) == (Outcome.DEGRADED, warned.blocked_ns)


def test_a_target_that_must_fail_is_turned_at_each_location_and_not_again():
    sample = Expectation(()).judge(AttemptId("shop", 1, 1), NOON, seen_by_all(from_places(DOWN, DOWN, UP), 2))
    assert sample.turned() == sample


def test_the_words_of_each_location_are_told_discreetly():
    results = from_places(DOWN, DOWN, UP, explanation="no login with hunter22")
    sample = Expectation(()).judge(AttemptId("shop", 1, 1), NOON, seen_by_all(results, 2))
    told = sample.told(lambda text: text.replace("hunter22", "***"))
    assert {each.explanation for each in told.locations} == {"no login with ***"}
    assert "hunter22" not in told.to_json()
