"""Times that a block of the runtime's own loop may have made longer, as rules judge them."""

import pytest
from records import sample_at
from watchkeeper.domain.observation.observation import Measurement, Phases
from watchkeeper.domain.rules.figures import OWN_TIMES, counted
from watchkeeper.domain.specification.rule import Mode, Threshold


@pytest.mark.parametrize(
    ("latency_ms", "blocked_ms", "counts"),
    [(600, 0, True), (600, 299, True), (600, 300, False), (200, 400, True), (900, 400, True)],
)
@pytest.mark.parametrize("measure", sorted(OWN_TIMES))
def test_a_time_is_evidence_where_our_own_block_cannot_have_decided(measure, latency_ms, blocked_ms, counts):
    rule = Threshold(id="slow", measure=measure, operator=">", value=300.0)
    time_ns = latency_ms * 1_000_000
    phases = Phases(**{f"{name}_ns": time_ns for name in OWN_TIMES - {"response_time"}})
    sample = sample_at(1, latency_ns=time_ns, phases=phases, blocked_ns=blocked_ms * 1_000_000)
    expected = max(0, latency_ms - blocked_ms) if counts else None
    assert counted(sample, rule) == expected


def test_our_own_block_changes_no_figure_that_a_check_reports_and_no_other_measure():
    figures = (Measurement("response_time", 600.0),)
    sample = sample_at(1, measurements=figures, blocked_ns=10**9, certificate_expires_in_ns=400_000_000)
    for measure, value in (("response_time", 600.0), ("certificate_expiration", 400.0)):
        assert counted(sample, Threshold(id="it", measure=measure, value=500.0)) == value


def test_a_rate_of_change_takes_no_time_that_our_own_block_may_have_made_longer():
    rule = Threshold(id="rise", measure="connect", value=1.0, window=2, mode=Mode.RATE_OF_CHANGE)
    phases = Phases(connect_ns=9_000_000)
    assert counted(sample_at(1, phases=phases), rule) == 9.0
    assert counted(sample_at(1, phases=phases, blocked_ns=1_000_000), rule) is None
