"""Rules of k of n, of figures and of objectives that mean nothing: each is refused at its place, with what to write."""

import pytest
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.errors import ConfigurationError

HEAD = "targets:\n- id: a\n  http: {url: 'http://h/'}\n  "
PLACE = "4:"


def problems_of(rest, tmp_path, *, head=HEAD):
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(f"{head}{rest}\n", {}, name="w.yaml", folder=tmp_path)
    return [line.removeprefix("w.yaml:") for line in caught.value.problems]


def rule(fields):
    return f"rules: [{{id: r, {fields}}}]"


def threshold(fields):
    return rule(f"kind: threshold, value: 300, {fields}")


REFUSED = [
    (rule("kind: k_of_n, bad: 6, of: 5"), "bad: 6 of 5 samples can never be bad: write 5 or less"),
    (rule("kind: k_of_n, bad: 0, of: 5"), "bad: 0 is out of range: it may be 1 to 100"),
    (rule("kind: k_of_n, bad: 1, of: 101"), "of: 101 is out of range: it may be 1 to 100"),
    (
        threshold("recover: 400"),
        "recover: 400 would end an incident that opens at 300 at once: write a value below 300",
    ),
    (
        rule("kind: threshold, operator: '<', value: 300, recover: 200"),
        "recover: 200 would end an incident that opens at 300 at once: write a value above 300",
    ),
    (
        rule("kind: threshold, measure: status, operator: '==', value: 503, recover: 1"),
        "recover: has no meaning beside ==: remove it",
    ),
    (
        threshold("recover: -1"),
        "recover: response_time > -1 is always true, so no incident would end: choose another value",
    ),
    (
        rule("kind: threshold, measure: status, value: 399, recover: 5m"),
        "recover: 5m is a duration, and 'status' is not measured in time: write a number",
    ),
    (
        threshold("baseline: 1h"),
        "baseline: has no effect with mode threshold: only relative_change compares with it; remove it",
    ),
    (
        rule("kind: threshold, mode: relative_change, window: 5m, value: 10s"),
        "value: 10s is a duration, and a relative change is measured in percent: write a number",
    ),
    (
        threshold("window: 5, min_samples: 6"),
        "min_samples: window holds 5 samples at most, so the rule is never judged: write 5 or less",
    ),
    (
        threshold("window: 2m, min_samples: 5"),
        "min_samples: window holds 4 samples at most, so the rule is never judged: write 4 or less",
    ),
    (
        threshold("mode: relative_change, window: 10, baseline: 3, min_samples: 5"),
        "min_samples: baseline holds 3 samples at most, so the rule is never judged: write 3 or less",
    ),
    (
        rule("kind: threshold, measure: availability, operator: '<', value: 0"),
        "value: availability < 0 can never be true: availability is never below 0 %; choose another value or operator",
    ),
]


@pytest.mark.parametrize(("rest", "said"), REFUSED)
def test_a_rule_that_means_nothing_is_refused(rest, said, tmp_path):
    (problem,) = problems_of(rest, tmp_path)
    place, _, text = problem.partition(" ")
    assert place.startswith(PLACE)
    assert text == f"targets[0].rules[0].{said}"


OBJECTIVES = [
    ("{objective: 99.9%, window: 7d}", "window: 7d is out of range: write 672h to 8784h"),
    ("{objective: 80%}", "objective: 80% leaves more than a tenth to fail, and no page could tell of an outage: write 90% or more"),
    (
        "{objective: 98%, window: 366d}",
        "objective: no outage spends 98% over 366d fast enough for a page: write a higher objective",
    ),
    ("{objective: 100%}", "objective: '100%' is no share in percent below 100: write it like 99.9%"),
    ("{objective: 0.999}", "objective: expected a text, got the number 0.999: put it in quotes"),
    (
        "{objective: 99.9%, min_samples: 61}",
        "min_samples: is more than 30m holds at every 30s, so no page is judged: write 60 or less, or check more often",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("slo", "said"), OBJECTIVES)
def test_an_objective_that_means_nothing_is_refused(slo, said, tmp_path):
    (problem,) = problems_of(f"slo: {slo}", tmp_path)
    assert problem.startswith(PLACE)
    assert problem.partition(" ")[2] == f"targets[0].slo.{said}"


def test_a_target_that_is_checked_too_seldom_has_no_objective(tmp_path):
    (problem,) = problems_of("every: 1h\n  slo: {objective: 99.9%}", tmp_path)
    assert problem.endswith(
        "min_samples: is more than 30m holds at every 1h, so no page is judged: check more often"
    )


MADE = "targets:\n- {id: eu, tcp: {host: h, port: 1}}\n- {id: us, tcp: {host: h, port: 1}}\n- id: whole\n  "
COMPOSITES = [
    ("composite: {worst_of: [eu, uss]}", "worst_of[1]: there is no target 'uss', did you mean us"),
    ("composite: {worst_of: [eu, whole]}", "worst_of[1]: a target cannot be a member of itself: remove it"),
    ("composite: {worst_of: [eu, eu]}", "worst_of[1]: the target 'eu' stands twice: keep one"),
    ("composite: {worst_of: []}", "worst_of: has 0 entries: it needs at least 1"),
    ("composite: {}", " has no members: write worst_of, or targets and at_least"),
    (
        "composite: {worst_of: [eu], targets: [us]}",
        " has worst_of and targets: name the members under one of them",
    ),
    (
        "composite: {worst_of: [eu, us], at_least: 1}",
        "at_least: has no effect with worst_of, which needs all of its members: write targets in its place",
    ),
    (
        "composite: {targets: [eu, us], at_least: 3}",
        "at_least: 3 of 2 can never be well: write 2 or less",
    ),
]


@pytest.mark.parametrize(("rest", "said"), COMPOSITES)
def test_a_composite_target_that_means_nothing_is_refused(rest, said, tmp_path):
    (problem,) = problems_of(rest, tmp_path, head=MADE)
    assert problem.startswith("5:")
    assert f"targets[2].composite{'.' if said[0] != ' ' else ':'}{said}" in problem


def test_composite_targets_in_a_circle_are_refused_once(tmp_path):
    rest = "composite: {worst_of: [eu, other]}\n- {id: other, composite: {targets: [whole]}}"
    (problem,) = problems_of(rest, tmp_path, head=MADE)
    assert problem.endswith(
        "targets[2].composite: is made from itself in a circle, whole -> other -> whole: remove one of these members"
    )


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (
            "composite: {worst_of: [eu]}\n  expect: ['[STATUS] == 200']",
            "expect: has no effect on a composite target, which has no answer: leave it out",
        ),
        (
            "heartbeat: {}\n  upside_down: true",
            "upside_down: a heartbeat reports by itself, and its silence is no good news: remove it",
        ),
    ],
)
def test_keys_without_effect_on_a_kind_of_target_are_refused(rest, said, tmp_path):
    (problem,) = problems_of(rest, tmp_path, head=MADE)
    assert problem.endswith(f"targets[2].{said}")


def test_a_composite_target_does_not_speak_for_the_network(tmp_path):
    head = "runtime: {connectivity: {targets: [whole]}}\n" + MADE
    (problem,) = problems_of("composite: {worst_of: [eu]}", tmp_path, head=head)
    assert problem.endswith("'whole' is a composite, which is not checked: name a target that is")


ACCEPTED = [
    rule("kind: k_of_n, bad: 5, of: 5"),
    rule("kind: nagios, max_check_attempts: 1"),
    threshold("recover: 300"),
    threshold("recover: 0"),
    threshold("recover: 200ms"),
    threshold("mode: relative_change, window: 5m, baseline: 6h, min_samples: 10, recover: 20"),
    threshold("mode: relative_change, window: 5m"),
    threshold("mode: rate_of_change, window: 5, recover: 10"),
    rule("kind: threshold, measure: availability, operator: '<', value: 99, recover: 99.5, window: 1h, aggregate: mean"),
    "slo: {objective: 99.9%}",
    "slo: {objective: 99.99%, window: 90d, min_samples: 60}",
    "slo: {objective: 90%}",
    "upside_down: true",
    "upside_down: false\n- {id: b, composite: {targets: [a], at_least: 1}}",
]  # fmt: skip


@pytest.mark.parametrize("rest", ACCEPTED)
def test_a_rule_that_means_something_is_accepted(rest, tmp_path):
    parse_configuration(f"{HEAD}{rest}\n", {}, name="w.yaml", folder=tmp_path)
