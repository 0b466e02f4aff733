"""The retry policy: waits within their bounds, and nothing past the budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.supervision.retry import RetryPolicy

S = 1_000_000_000
PLAIN = RetryPolicy(name="plain", jitter=0.0)
POLICIES = st.builds(
    RetryPolicy,
    name=st.just("any"),
    first_ns=st.integers(1, 10 * S),
    factor=st.floats(1.0, 10.0),
    backoff_ns_max=st.integers(10 * S, 3_600 * S),
    jitter=st.floats(0.0, 1.0),
    retry_after_ns_max=st.integers(0, 7_200 * S),
    give_up_after_ns=st.integers(1, 100_000 * S),
)
DICE = st.floats(0.0, 1.0, exclude_max=True)
ASKED = st.none() | st.integers(-10 * S, 10**15)


@pytest.mark.parametrize(
    ("attempts", "wait_s"), [(1, 1), (2, 2), (3, 4), (4, 8), (9, 256), (10, 300), (11, 300), (10**6, 300)]
)
def test_waits_double_up_to_the_maximum(attempts, wait_s):
    assert PLAIN.wait_ns(attempts, 0.0, None) == wait_s * S


@given(POLICIES, st.integers(1, 10**4), DICE, ASKED)
def test_a_wait_stays_within_the_jitter_and_what_was_asked(policy, attempts, dice, asked_ns):
    grown = min(policy.first_ns * policy.factor ** min(attempts - 1, 60), policy.backoff_ns_max)
    asked = min(max(asked_ns or 0, 0), policy.retry_after_ns_max)
    waited = policy.wait_ns(attempts, dice, asked_ns)
    assert max(int(grown * (1 - policy.jitter)) - 1, asked) <= waited <= max(int(grown), asked)


@given(POLICIES, st.integers(1, 100), DICE)
def test_a_bolder_throw_never_waits_longer(policy, attempts, dice):
    assert policy.wait_ns(attempts, dice, None) <= policy.wait_ns(attempts, 0.0, None)


@given(POLICIES, st.integers(1, 100), st.integers(0, 10**14), st.integers(0, 10**14), DICE, ASKED)
def test_nothing_is_tried_past_the_budget(policy, attempts, first_ns, elapsed_ns, dice, asked_ns):
    now_ns = first_ns + elapsed_ns
    at_ns = policy.next_at_ns(
        attempts=attempts, first_at_ns=first_ns, now_ns=now_ns, dice=dice, retry_after_ns=asked_ns
    )
    ends_ns = first_ns + policy.give_up_after_ns
    if now_ns + policy.wait_ns(attempts, dice, None) < ends_ns:
        assert at_ns == min(now_ns + policy.wait_ns(attempts, dice, asked_ns), ends_ns - 1)
    else:
        assert at_ns is None


def test_a_long_retry_after_does_not_end_the_retries():
    impatient = RetryPolicy(name="impatient", jitter=0.0, give_up_after_ns=600 * S)
    told = {"first_at_ns": 0, "dice": 0.0, "retry_after_ns": 3_600 * S}
    assert impatient.next_at_ns(attempts=1, now_ns=0, **told) == 600 * S - 1
    assert impatient.next_at_ns(attempts=2, now_ns=600 * S - 1, **told) is None


@given(POLICIES, st.lists(DICE, min_size=200, max_size=200))
def test_retrying_comes_to_an_end(policy, dice):
    """The last try begins inside the budget, and growing waits make the number of tries small."""
    now_ns, tries = 0, 0
    for attempts, thrown in enumerate(dice, 1):
        at_ns = policy.next_at_ns(attempts=attempts, first_at_ns=0, now_ns=now_ns, dice=thrown)
        if at_ns is None:
            return
        assert now_ns <= at_ns < policy.give_up_after_ns
        now_ns, tries = at_ns, tries + 1
    assert tries == 200


@pytest.mark.parametrize(
    ("asked_s", "wait_s"), [(None, 1), (0, 1), (-5, 1), (30, 30), (3_600, 3_600), (86_400, 3_600)]
)
def test_a_receiver_may_set_retry_after_up_to_the_cap(asked_s, wait_s):
    asked_ns = None if asked_s is None else asked_s * S
    assert PLAIN.wait_ns(1, 0.0, asked_ns) == wait_s * S


def test_a_policy_shows_every_figure_and_is_frozen():
    for name in RetryPolicy.__struct_fields__:
        assert f"{name}=" in repr(PLAIN)
        with pytest.raises(AttributeError):
            setattr(PLAIN, name, 1)
