"""Restart policy: OTP's sliding window, backoff within its jitter, and quarantine instead of giving up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.restart import RestartHistory, RestartPolicy, RestartType

S = 1_000_000_000
GAPS = st.lists(st.integers(0, 40), max_size=40)
DICE = st.floats(0.0, 1.0, exclude_max=True)


@given(GAPS, st.integers(0, 6), st.integers(1, 100), DICE)
def test_intensity_counts_in_a_sliding_window(gaps, intensity, period_s, dice):
    policy = RestartPolicy(name="any", intensity=intensity, period_ns=period_s * S)
    history, ends, now_s = RestartHistory(policy), [], 0
    for gap_s in gaps:
        now_s += gap_s
        recent = sum(at_s >= now_s - period_s for at_s in ends)
        restart = history.decide(now_s * S, dice, in_good_order=False)
        ends.append(now_s)
        assert restart.quarantined is history.quarantined is (recent >= intensity)
        if restart.quarantined:
            assert restart.after_ns == policy.quarantine_retry_ns
            continue
        grown = min(policy.backoff_ns_min * policy.factor**recent, policy.backoff_ns_max)
        assert int(grown * (1 - policy.jitter)) <= restart.after_ns <= grown
    assert history.restarts == len(gaps)


@pytest.mark.parametrize(
    ("kind", "in_good_order", "restarted"),
    [
        (RestartType.PERMANENT, True, True),
        (RestartType.PERMANENT, False, True),
        (RestartType.TRANSIENT, True, False),
        (RestartType.TRANSIENT, False, True),
        (RestartType.TEMPORARY, True, False),
        (RestartType.TEMPORARY, False, False),
    ],
)
def test_who_is_restarted_is_as_in_otp(kind, in_good_order, restarted):
    history = RestartHistory(RestartPolicy(name="any", type=kind))
    assert (history.decide(0, 0.0, in_good_order=in_good_order) is not None) is restarted


def test_waits_grow_and_then_the_child_is_parked():
    history = RestartHistory(RestartPolicy(name="any", intensity=4, jitter=0.0, backoff_ns_max=5 * S))
    said = [history.decide(0, 0.5, in_good_order=False) for _ in range(6)]
    assert [restart.after_ns // S for restart in said] == [1, 2, 4, 5, 600, 600]
    assert [restart.quarantined for restart in said] == [False] * 4 + [True] * 2


def test_a_quarantined_child_leaves_quarantine_by_itself_once_it_lasts():
    policy = RestartPolicy(name="any", intensity=1, period_ns=60 * S, jitter=0.0)
    history = RestartHistory(policy)
    history.decide(0, 0.0, in_good_order=False)
    assert history.decide(S, 0.0, in_good_order=False).quarantined
    assert not history.decide(1_000 * S, 0.0, in_good_order=False).quarantined
