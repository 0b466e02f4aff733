"""Rules that count: k of n, and the soft and hard states of Nagios, as tables and against naive recounts."""

from functools import partial
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines import LETTERS, course, samples, steps_of, watched
from records import NOON
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.record import Checkpoint
from watchkeeper.domain.rules.aggregate import TargetAggregate
from watchkeeper.domain.rules.evaluator import BAD_FROM
from watchkeeper.domain.rules.watch import RuleWatch, resume, saved_of
from watchkeeper.domain.specification.rule import Consecutive, KOfN, Nagios, NoData, Severity

SOME = KOfN(id="some", bad=3, of=5, recover=2)
COUNTED = [
    (SOME, "..x.x.x....", "------O+R--"),
    (SOME, "..x..x..x..", "-----------"),
    (SOME, "xxx..x..", "--O++++R"),
    (SOME, "xxx......", "--O++R---"),
    (SOME, "xx?x????....", "---O++++++R-"),
    (SOME, "xtx...", "--O++R"),
    (SOME, "xwx.x", "----O"),
    (KOfN(id="some", bad=3, of=5, recover=2, on="degraded"), "xwx...", "--O++R"),
    (KOfN(id="some", bad=1, of=1, recover=3), ".x....", "-O++R-"),
    (KOfN(id="some", bad=2, of=2, recover=1), "x.xx.x", "---OR-"),
    (KOfN(id="some", bad=3, of=5, recover=1), "xxx...", "--O++R"),
    (KOfN(id="some", bad=2, of=4, recover=2, for_="20s"), "xx..x....", "---O++R--"),
    (KOfN(id="some", bad=2, of=4, recover=2, keep_firing_for="20s"), "xx......", "-O++++R-"),
]


@pytest.mark.parametrize(("rule", "line", "wanted"), COUNTED)
def test_k_of_n_opens_and_ends_as_the_table_says(rule, line, wanted):
    assert course(watched(rule), samples(line)) == wanted


WARNING = Consecutive(id="warn", after=2, recover=2, on="warning", severity="warning")
WARNED = [
    (WARNING, "..ww..", "---O+R"),
    (WARNING, ".w.w.w", "------"),
    (WARNING, "ww.w..", "-O+++R"),
    (WARNING, "xxtxx..", "-------"),
    (WARNING, "wxxw..", "---O+R"),
    (WARNING, "wwxxx..", "-O++++R"),
    (WARNING, "ww.x.", "-O++R"),
    (WARNING, "ww?..", "-O++R"),
    (KOfN(id="warn", bad=2, of=3, recover=1, on="warning"), "wx.w.", "---OR"),
    (KOfN(id="warn", bad=2, of=3, recover=1, on="warning"), "wxxxxw..", "-----O+R"),
]


@pytest.mark.parametrize(("rule", "line", "wanted"), WARNED)
def test_a_rule_on_warnings_passes_over_an_outage(rule, line, wanted):
    assert course(watched(rule), samples(line)) == wanted


@given(st.text(alphabet="..xtw?", max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_a_rule_on_warnings_is_a_rule_on_the_samples_without_the_outages(line, after, recover):
    rule = Consecutive(id="warn", after=after, recover=recover, on="warning")
    plain = Consecutive(id="warn", after=after, recover=recover, on="degraded")
    kept = [letter for letter in line if letter not in "xt"]
    told = course(watched(rule), samples(line)).replace("+", "-")
    without = course(watched(plain), samples("".join(kept))).replace("+", "-")
    assert [step for step, letter in zip(told, line, strict=True) if letter not in "xt"] == list(without)


LINES = st.text(alphabet="..xxtw?", max_size=60)


def counts(line):
    return [LETTERS[letter] for letter in line if letter != "?"]


@settings(deadline=None)
@given(LINES, st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.sampled_from(["down", "degraded"]))
def test_k_of_n_agrees_with_a_recount_of_the_whole_past(line, bad, more, recover, mildest):
    """Broken while k of the last n are bad; whole once fewer are and the last samples were good."""
    rule = KOfN(id="some", bad=bad, of=bad + more, recover=recover, on=mildest)
    aggregate, is_open = watched(rule), False
    for number, sample in enumerate(samples(line), 1):
        aggregate.apply(sample, sample.at)
        flags = [outcome in BAD_FROM[mildest] for outcome in counts(line[:number])]
        if sample.outcome.is_evidence:
            broken = sum(flags[-rule.of :]) >= bad
            good = len(flags) >= recover and not any(flags[-recover:])
            is_open = broken or (is_open and not good)
        assert bool(aggregate.incidents()) is is_open


def test_k_of_n_says_how_many_are_bad_and_since_when():
    (opened,) = steps_of(watched(SOME), "x.xx")
    assert opened.explanation == "3 of 5 bad: timed_out: no answer"
    assert opened.evidence == (1, 3, 4)
    assert opened.opened_at_ns == samples("x")[0].at.wall_ns


def test_k_of_n_that_opens_upon_a_good_sample_says_its_count_alone():
    (opened,) = steps_of(watched(KOfN(id="some", bad=2, of=4, for_="20s")), "xx..")
    assert (opened.reason, opened.explanation) == ("threshold", "2 of 4 bad")


def test_a_bad_sample_that_has_left_the_window_is_no_beginning():
    (opened,) = steps_of(watched(KOfN(id="some", bad=2, of=3)), "x...xx")
    assert opened.opened_at_ns == samples("x....")[-1].at.wall_ns


def test_k_of_n_follows_what_the_newest_bad_sample_finds():
    aggregate = watched(SOME)
    steps_of(aggregate, "xxxx")
    assert aggregate.incidents()[0].latest == "4 of 5 bad: timed_out: no answer"


THREE = Nagios(id="hard", max_check_attempts=3)
STATES = [
    # OK hard, then soft, then hard; a soft recovery; a hard one.
    (THREE, ".xx.xxx.", "------OR"),
    (THREE, "xxxx.", "--O+R"),
    (THREE, "wxw.", "--OR"),
    (THREE, "wwx", "--O"),
    (THREE, "wwwx", "--OC"),
    (THREE, "xxxwwxx.", "--OC+C+R"),
    (THREE, "x?x??x?.", "-----O+R"),
    (Nagios(id="hard", max_check_attempts=1), ".x.w.", "-OROR"),
    (Nagios(id="hard", max_check_attempts=3, keep_firing_for="20s"), "www...", "--O++R"),
]


@pytest.mark.parametrize(("rule", "line", "wanted"), STATES)
def test_nagios_states_go_as_the_table_says(rule, line, wanted):
    assert course(watched(rule), samples(line)) == wanted


def test_a_hard_warning_and_a_hard_critical_have_severities_of_their_own():
    steps = steps_of(watched(THREE), "wwwxw.")
    assert [(step.change, step.severity) for step in steps] == [
        (TransitionKind.OPENED, Severity.WARNING),
        (TransitionKind.CHANGED, Severity.CRITICAL),
        (TransitionKind.CHANGED, Severity.WARNING),
        (TransitionKind.RESOLVED, Severity.WARNING),
    ]
    assert [step.explanation.partition(":")[0] for step in steps] == [
        "WARNING (hard, attempt 3 of 3)",
        "CRITICAL (hard, attempt 3 of 3)",
        "WARNING (hard, attempt 3 of 3)",
        "ok",
    ]


def test_a_warning_is_never_worse_than_its_rule():
    (opened,) = steps_of(watched(Nagios(id="hard", max_check_attempts=1, severity="info")), "w")
    assert opened.severity is Severity.INFO


def test_a_rise_of_a_hard_state_ends_an_acknowledgement_until_worse():
    aggregate = watched(THREE)
    (opened,) = steps_of(aggregate, "www")
    now = samples("www")[-1].at
    aggregate.acknowledge(opened.incident_id, "anna", now, until_worse=True)
    worse = samples("wwwx")[-1]
    (changed,) = aggregate.apply(worse, worse.at)
    assert (changed.severity, changed.acknowledged_by) == (Severity.CRITICAL, None)
    assert changed.explanation.endswith("the acknowledgement of anna has ended by it")


@settings(deadline=None)
@given(LINES, st.integers(1, 5))
def test_nagios_agrees_with_its_own_table_of_states(line, most):
    """`base/checks.c`, row by row: state, attempt and whether a problem or a recovery is told."""
    aggregate = watched(Nagios(id="hard", max_check_attempts=most))
    state, hard, attempt, told = "OK", True, 1, []
    for sample in samples(line):
        steps = aggregate.apply(sample, sample.at)
        kind = {"up": "OK", "degraded": "WARNING"}.get(sample.outcome.value, "CRITICAL")
        if not sample.outcome.is_evidence:
            assert steps == ()
            continue
        told = []
        if kind == "OK":
            told = ["recovery"] if hard and state != "OK" else []
            hard, attempt = True, 1
        elif state == "OK":
            hard, attempt = most == 1, 1
            told = ["problem"] if hard else []
        elif not hard:
            attempt += 1
            hard = attempt >= most
            told = ["problem"] if hard else []
        elif kind != state:
            told = ["problem"]
        state = kind
        said = ["recovery" if step.change is TransitionKind.RESOLVED else "problem" for step in steps]
        assert said == told
        for incident in aggregate.incidents():
            assert incident.severity.value == {"WARNING": "warning", "CRITICAL": "critical"}[state]


RESUMED = [
    SOME,
    KOfN(id="some", bad=2, of=6, recover=4, for_="20s", keep_firing_for="30s"),
    KOfN(id="some", bad=1, of=2, recover=5),
    THREE,
    Nagios(id="hard", max_check_attempts=2, for_="20s", keep_firing_for="20s"),
]


def outline(step):
    return step.change, step.severity, step.opened_at_ns, step.at_ns, step.explanation, step.reason


@pytest.mark.parametrize("rule", RESUMED)
@settings(max_examples=80, deadline=None)
@given(line=LINES, cut=st.integers(0, 60))
def test_a_restart_amid_a_count_changes_nothing(rule, line, cut):
    unbroken, taken, cut = watched(rule), samples(line), min(cut, len(line))
    for sample in taken[:cut]:
        unbroken.apply(sample, sample.at)
    at = taken[cut - 1].at if cut else samples(".")[0].at
    again = TargetAggregate(unbroken.target, 2)
    again.restore(Checkpoint("shop", unbroken.checkpoint(), at.wall_ns), unbroken.incidents(), at)
    for sample in taken[cut:]:
        expected = [outline(step) for step in unbroken.apply(sample, sample.at)]
        assert [outline(step) for step in again.apply(sample, sample.at)] == expected
        assert again.checkpoint() == unbroken.checkpoint()


@pytest.mark.parametrize("rule", RESUMED)
def test_a_quiet_rule_has_nothing_to_save(rule):
    """A checkpoint is written wherever it changes: a healthy target writes none."""
    aggregate = watched(rule)
    states = set()
    for sample in samples("." * 20):
        aggregate.apply(sample, sample.at)
        states.add(aggregate.checkpoint())
    assert len(states) == 1


def test_a_stricter_count_goes_on_with_the_samples_that_are_counted():
    aggregate = watched(SOME)
    steps_of(aggregate, "xx")
    target = watched(KOfN(id="some", bad=2, of=4)).target
    aggregate.reconfigure(target, samples("xx")[-1].at)
    assert course(aggregate, samples("xxx")[2:]) == "O"


def test_a_shorter_count_survives_a_restart_before_its_next_sample():
    aggregate = watched(SOME)
    steps_of(aggregate, "x..x")
    at, target = samples("x..x")[-1].at, watched(KOfN(id="some", bad=2, of=3)).target
    aggregate.reconfigure(target, at)
    again = TargetAggregate(target, 2)
    again.restore(Checkpoint("shop", aggregate.checkpoint(), at.wall_ns), (), at)
    assert course(again, samples("x..xx")[4:]) == "O"


KINDS = (NoData, Consecutive, partial(KOfN, bad=2, of=3), Nagios)


@pytest.mark.parametrize("kinds", list(permutations(KINDS, 2)))
def test_counts_of_another_kind_are_not_taken_over_by_a_restart(kinds):
    before, after, fresh = (RuleWatch(kind(id="down")) for kind in (*kinds, kinds[1]))
    for sample in samples("xx"):
        before.evaluator.take(sample, firing=False)
    resume(after, saved_of(before, NOON), NOON)
    assert after.evaluator.counters() == fresh.evaluator.counters()
