"""A small run of the stand-by leg: kills and freezes of the active one of two processes."""

import pytest

from tests.system import unfenced
from tests.system.standby import Times, faults_of, strike, summary


@pytest.mark.slow
def test_takeovers_from_killed_and_frozen_processes_lose_and_repeat_nothing(tmp_path):
    figures, times = strike(tmp_path, seed=1, kills=2, freezes=2)
    # The bounds of the takeover times are for the whole leg on a quiet machine.
    assert faults_of(figures, Times([], [])) == {}
    # A process that is frozen in the middle of a write has the database locked: nobody takes over from it.
    assert (len(times.kills), len(times.freezes) + figures["frozen_in_a_write"]) == (2, 2)
    assert "0 lost, 0 told twice" in summary(figures, times)


@pytest.mark.slow
def test_a_thawed_process_without_the_fence_tells_beside_its_successor(tmp_path):
    copy = unfenced.unfenced(tmp_path / "copy")
    assert unfenced.strike(tmp_path, copy.environment(), seed=1, freezes=1)["late"] == 1
