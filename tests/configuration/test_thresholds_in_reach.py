"""A threshold that no figure of its target can reach is refused; one within reach is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.conditions.comparison import OPERATORS
from watchkeeper.domain.specification.probe import Call, Http
from watchkeeper.domain.specification.rule import Aggregate, Threshold
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.validation.partial import judged_target
from watchkeeper.domain.validation.rules import _fate


@given(
    operator=st.sampled_from(sorted(OPERATORS)),
    value=st.integers(-5, 15),
    high=st.integers(1, 10),
    seen=st.lists(st.integers(0, 10), min_size=1),
)
def test_a_comparison_called_constant_is_constant(operator, value, high, seen):
    fate = _fate(operator, value, 0, high)
    verdicts = {OPERATORS[operator](min(number, high), value) for number in [*seen, 0, high]}
    assert verdicts == {"can never be true": {False}, "is always true": {True}}.get(fate, verdicts)


@pytest.mark.parametrize("aggregate", Aggregate)
def test_a_threshold_within_reach_is_accepted(aggregate):
    rule = Threshold(id="r", aggregate=aggregate, window="5m", value=4_999)
    watched = Target(id="t", http=Http(url="http://h/"), rules=(rule,))
    assert judged_target(watched, channels=())[1] == ()


@pytest.mark.parametrize("measure", ["status", "connect", "response_time"])
def test_a_figure_that_a_check_may_report_has_no_bounds(measure):
    rules = (Threshold(id="r", measure=measure, operator="==", value=1_000_000.5),)
    reporting = Target(id="t", every="5s", timeout="5s", call=Call(name="depth"), rules=rules)
    assert judged_target(reporting, channels=())[1] == ()
