"""Problems of the runtime itself as incidents: what lasts is opened once, and ended once it has been gone for a while."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import NOON
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.own_problems import OwnProblem, OwnProblems
from watchkeeper.domain.limits import OWN_CHANNEL_PATIENCE_NS, OWN_PROBLEM_GONE_NS, OWN_PROBLEM_PATIENCE_NS
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.time.moment import NS_PER_S as S

MINUTE = 60 * S


def problem(part, lasted_ns, now=NOON, detail="it failed"):
    return OwnProblem(part, detail, now.shifted(-lasted_ns))


def changes(steps):
    return [(step.rule, step.change.value) for step in steps]


@pytest.mark.parametrize(
    ("part", "patience_ns", "severity"),
    [
        ("network", OWN_PROBLEM_PATIENCE_NS, Severity.CRITICAL),
        ("store", OWN_PROBLEM_PATIENCE_NS, Severity.CRITICAL),
        ("supervisor", OWN_PROBLEM_PATIENCE_NS, Severity.WARNING),
        ("channel ops", OWN_CHANNEL_PATIENCE_NS, Severity.WARNING),
    ],
)
def test_a_problem_is_told_once_it_has_lasted(part, patience_ns, severity):
    own = OwnProblems(1)
    assert own.review([problem(part, patience_ns - 1)], ("mail",), NOON) == ()
    (step,) = own.review([problem(part, patience_ns)], ("mail",), NOON)
    assert (step.target, step.rule, step.severity, step.notify) == ("watchkeeper", part, severity, ("mail",))
    assert step.opened_at_ns == NOON.wall_ns - patience_ns
    assert (step.cause, step.latest) == ("it failed", "it failed")
    assert own.review([problem(part, patience_ns + S)], ("mail",), NOON.shifted(S)) == ()


def test_targets_that_cannot_be_checked_are_told_by_their_rules():
    assert OwnProblems(1).review([problem("targets", 3600 * S)], ("mail",), NOON) == ()


def test_the_problems_of_many_pollers_are_one():
    found = [problem(f"poller/shop{n}", (60 + n) * S) for n in range(1_000)]
    (step,) = OwnProblems(1).review(found, ("mail",), NOON)
    assert (step.rule, step.cause) == ("pollers", "poller/shop999: it failed (and 999 more)")


def test_an_end_has_the_moment_at_which_the_problem_was_gone():
    own = OwnProblems(1)
    own.review([problem("store", MINUTE)], ("mail",), NOON)
    gone = NOON.shifted(MINUTE)
    assert own.review((), ("mail",), gone) == ()
    assert own.review((), ("mail",), gone.shifted(OWN_PROBLEM_GONE_NS - 1)) == ()
    (step,) = own.review((), ("mail",), gone.shifted(OWN_PROBLEM_GONE_NS))
    assert (step.change, step.resolved_at_ns) == (TransitionKind.RESOLVED, gone.wall_ns)


def test_the_newest_text_of_an_open_problem_is_kept():
    own = OwnProblems(1)
    (step,) = own.review([problem("store", MINUTE)], ("mail",), NOON)
    own.review([problem("store", 2 * MINUTE, detail="the disk is full")], ("mail",), NOON.shifted(MINUTE))
    assert [(each.incident_id, each.text) for each in own.latest()] == [(step.id, "the disk is full")]


@given(st.lists(st.lists(st.sampled_from(["network", "store", "channel ops", "poller/a"]), unique=True)))
def test_steps_are_legal_and_alternate_whatever_happens(minutes):
    own, began, seen = OwnProblems(1), {}, {}
    for minute, parts in enumerate(minutes):
        now = NOON.shifted(minute * MINUTE)
        began = {part: began.get(part, now) for part in parts}
        for step in own.review([OwnProblem(part, "x", began[part]) for part in parts], ("mail", "ops"), now):
            before = seen.get(step.rule)
            assert step.may_follow(before.incident if before is not None and before.is_open else None)
            seen[step.rule] = step
