"""Phases against Prometheus' state machine, written down once more as a naive function, and the bounds that it names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import NOON
from watchkeeper.domain.rules.evaluator import Verdict
from watchkeeper.domain.rules.phase import IDLE, PHASE_TRANSITIONS, Phase, PhaseState, next_state

S = 1_000_000_000
STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from([*Verdict, Verdict.VIOLATED, Verdict.OK])), max_size=50
)
LENGTHS = st.integers(0, 90)


def prometheus(steps, for_s, keep_s):
    """The phase after each evaluation, by the published rules for one series: (seconds, in the result or not)."""
    phases, active_at, keep_since, firing = [], None, None, False
    now_s = 0
    for gap_s, verdict in steps:
        now_s += gap_s
        match verdict:
            case Verdict.UNCHANGED:
                pass  # a failed evaluation returns before any series is touched
            case Verdict.VIOLATED:
                active_at = now_s if active_at is None else active_at
                keep_since = None
                if now_s - active_at >= for_s:
                    firing = True
            case Verdict.OK:
                if firing and keep_s > 0 and keep_since is None:
                    keep_since = now_s
                kept = firing and keep_s > 0 and now_s - keep_since < keep_s
                if not kept:
                    active_at, keep_since, firing = None, None, False
        phases.append(Phase.FIRING if firing else Phase.INACTIVE if active_at is None else Phase.PENDING)
    return phases


def ours(steps, for_s, keep_s):
    phase_state, at = IDLE, NOON
    for gap_s, verdict in steps:
        at = at.shifted(gap_s * S)
        phase_state = next_state(phase_state, verdict, at, for_ns=for_s * S, keep_firing_ns=keep_s * S)
        yield phase_state


@given(STEPS, LENGTHS, LENGTHS)
def test_phases_are_those_of_prometheus(steps, for_s, keep_s):
    assert [phase_state.phase for phase_state in ours(steps, for_s, keep_s)] == prometheus(
        steps, for_s, keep_s
    )


@given(STEPS, LENGTHS, LENGTHS)
def test_every_step_is_a_move_of_the_table(steps, for_s, keep_s):
    before = IDLE
    for phase_state in ours(steps, for_s, keep_s):
        assert phase_state.phase in PHASE_TRANSITIONS[before.phase]
        assert (phase_state.phase is Phase.INACTIVE) is (phase_state.active_at is None)
        assert phase_state.keep_since is None or phase_state.phase is Phase.FIRING
        before = phase_state


def test_the_table_lists_every_phase():
    assert set(PHASE_TRANSITIONS) == set(Phase)


BROKEN, WHOLE, UNCHANGED = Verdict.VIOLATED, Verdict.OK, Verdict.UNCHANGED
INACTIVE, PENDING, FIRING = Phase.INACTIVE, Phase.PENDING, Phase.FIRING


@pytest.mark.parametrize(
    ("for_s", "keep_s", "steps", "phases"),
    [
        pytest.param(0, 0, [(0, BROKEN)], [FIRING], id="no `for` fires in the same evaluation"),
        pytest.param(
            60, 0, [(0, BROKEN), (59, BROKEN), (1, BROKEN)], [PENDING, PENDING, FIRING], id="for >="
        ),
        pytest.param(
            60,
            0,
            [(0, BROKEN), (50, WHOLE), (10, BROKEN)],
            [PENDING, INACTIVE, PENDING],
            id="one good resets",
        ),
        pytest.param(
            60, 0, [(0, BROKEN), (30, UNCHANGED), (30, BROKEN)], [PENDING, PENDING, FIRING], id="error"
        ),
        pytest.param(
            0, 60, [(0, BROKEN), (60, WHOLE), (60, WHOLE)], [FIRING, FIRING, INACTIVE], id="keep is <"
        ),
        pytest.param(
            0,
            60,
            [(0, BROKEN), (60, WHOLE), (59, BROKEN), (1, WHOLE), (59, WHOLE), (1, WHOLE)],
            [FIRING, FIRING, FIRING, FIRING, FIRING, INACTIVE],
            id="bad again restarts keep",
        ),
        pytest.param(0, 0, [(0, BROKEN), (1, WHOLE)], [FIRING, INACTIVE], id="no keep ends at once"),
    ],
)
def test_the_bounds_are_those_that_prometheus_names(for_s, keep_s, steps, phases):
    assert [phase_state.phase for phase_state in ours(steps, for_s, keep_s)] == phases


def test_a_longer_for_makes_nobody_pending_who_fires():
    """Prometheus goes back to pending here; watchkeeper keeps the state that was notified."""
    firing = PhaseState(FIRING, NOON)
    assert next_state(firing, BROKEN, NOON.shifted(S), for_ns=3_600 * S, keep_firing_ns=0).phase is FIRING
