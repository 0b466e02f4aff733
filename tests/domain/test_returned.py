import math
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.limits import MEASUREMENTS_MAX
from watchkeeper.domain.observation.observation import Measurement, Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.returned import observation_of
from watchkeeper.domain.rules.aggregate import Status

UP = Observation()
REPORTED = Observation(outcome=Outcome.DEGRADED, reason=Reason.REPORTED, detail="slow")


def value(figure, name="value"):
    return Observation(measurements=(Measurement(name, figure),))


READ = [
    (None, UP),
    (True, UP),
    (False, Observation(outcome=Outcome.DOWN, reason=Reason.REPORTED, detail="it returned False")),
    (0, value(0.0)),
    (17, value(17.0)),
    (-2.5, value(-2.5)),
    (Decimal("1.25"), value(1.25)),
    (Fraction(1, 4), value(0.25)),
    ("all well", Observation(detail="all well")),
    ("", UP),
    ("two\nlines", Observation(detail="two")),
    (
        Observation(outcome="down", reason="reported"),
        Observation(outcome=Outcome.DOWN, reason=Reason.REPORTED),
    ),
    (Observation(body=bytearray(b"ok")), Observation(body=b"ok")),
    (Outcome.UP, UP),
    (Outcome.DOWN, Observation(outcome=Outcome.DOWN, reason=Reason.REPORTED)),
    (Outcome.DEGRADED, Observation(outcome=Outcome.DEGRADED, reason=Reason.REPORTED)),
    (Observation(outcome="down"), Observation(outcome=Outcome.DOWN, reason=Reason.REPORTED)),
    ({}, UP),
    ({"depth": 3}, value(3.0, "depth")),
    ({"x" * 128: 3}, value(3.0, "x" * 128)),
    ({"x": 3}, value(3.0, "x")),
    (OrderedDict(b=1, a=2.5), Observation(measurements=(Measurement("b", 1.0), Measurement("a", 2.5)))),
    (REPORTED, REPORTED),
    (value(3.0), value(3.0)),
]
REFUSED = [
    Status.DOWN,
    Reason.TIMED_OUT,
    math.nan,
    math.inf,
    -math.inf,
    10**400,
    Decimal("NaN"),
    Decimal("sNaN"),
    {"depth": math.nan},
    {"depth": None},
    {"depth": "3"},
    {"depth": True},
    {1: 2},
    {"": 2},
    {"x" * 129: 1},
    {f"m{i}": i for i in range(MEASUREMENTS_MAX + 1)},
    [],
    (1, 2),
    b"bytes",
    object(),
    1j,
    value(math.nan),
    value("3"),
    Observation(outcome="up and away"),
    Observation(status="200"),
    Observation(body="text"),
    Observation(measurements=(Measurement("m", 1.0),) * (MEASUREMENTS_MAX + 1)),
]


@pytest.mark.parametrize(("returned", "observation"), READ, ids=repr)
def test_each_return_value_of_a_callable_has_one_meaning(returned, observation):
    assert observation_of(returned) == observation


def name_of(returned):
    """Its repr, but for a bare object, whose address is another one in each run."""
    return "object()" if type(returned) is object else repr(returned)[:40]


@pytest.mark.parametrize("returned", REFUSED, ids=name_of)
def test_a_value_without_meaning_is_unknown_with_its_reason(returned):
    observation = observation_of(returned)

    assert (observation.outcome, observation.reason) == (Outcome.UNKNOWN, Reason.INVALID_MEASUREMENT)
    assert observation.measurements == ()
    assert observation.detail.isprintable()
    assert len(observation.detail) > 10


def test_as_many_measurements_as_are_kept_are_read():
    figures = {f"m{number}": float(number) for number in range(MEASUREMENTS_MAX)}
    measured = Observation(measurements=tuple(Measurement(name, figure) for name, figure in figures.items()))
    assert observation_of(figures) == observation_of(measured) == measured


def test_a_word_becomes_the_outcome_that_it_means():
    assert observation_of(Observation(outcome="down")).outcome is Outcome.DOWN


def test_a_forgotten_async_def_is_named_and_left_clean():
    async def check():
        return None

    assert "async def" in observation_of(check()).detail


def test_the_text_of_an_observation_is_made_fit():
    observation = observation_of(Observation(detail="\x1b[31mred\n" + "x" * 1000))

    assert observation.detail == r"\x1b[31mred"


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.binary(), st.lists))
def test_any_value_at_all_is_read_without_an_error(returned):
    assert all(math.isfinite(each.value) for each in observation_of(returned).measurements)
