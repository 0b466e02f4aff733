"""Restart policy: OTP's sliding window, backoff within its jitter, and quarantine instead of giving up."""

from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.supervision.restart import RestartHistory, RestartPolicy

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
        restart = history.decide(now_s * S, dice)
        ends.append(now_s)
        assert restart.quarantined is (recent >= intensity)
        if restart.quarantined:
            assert restart.after_ns == policy.quarantine_retry_ns
            continue
        grown = policy.backoff_ns_min * policy.factor**recent
        assert int(grown * (1 - policy.jitter)) <= restart.after_ns <= grown


def test_waits_grow_and_then_the_child_is_parked():
    history = RestartHistory(RestartPolicy(name="any", intensity=4, jitter=0.0))
    said = [history.decide(0, 0.5) for _ in range(6)]
    assert [restart.after_ns // S for restart in said] == [1, 2, 4, 8, 600, 600]
    assert [restart.quarantined for restart in said] == [False] * 4 + [True] * 2


def test_a_quarantined_child_leaves_quarantine_by_itself_once_it_lasts():
    policy = RestartPolicy(name="any", intensity=1, period_ns=60 * S, jitter=0.0)
    history = RestartHistory(policy)
    history.decide(0, 0.0)
    assert history.decide(S, 0.0).quarantined
    assert not history.decide(1_000 * S, 0.0).quarantined
