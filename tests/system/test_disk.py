"""A small run of the disk leg: a disk that is full and freed, and a write or a sync that fails at run time."""

import pytest

from tests.system.disk import RECOVERED_WITHIN_S, fail_at, fill_and_free
from tests.system.kill import faults_of


@pytest.mark.slow
@pytest.mark.needs("mount")
def test_a_disk_that_was_full_costs_no_record_and_no_notice(tmp_path):
    figures = fill_and_free(tmp_path)
    assert faults_of(figures) == {}
    assert figures["full_sent_too_early"] == 0
    assert figures["full_polls_meanwhile"] >= 10
    assert figures["full_recovered_after_ms"] < 1000 * RECOVERED_WITHIN_S
    assert (figures["full_sent_afterwards"], figures["incidents"]) == (1, 2)


@pytest.mark.slow
@pytest.mark.needs("strace")
@pytest.mark.parametrize("fault", ["pwrite64:ENOSPC", "fdatasync:EIO"])
def test_a_store_that_fails_stops_and_comes_back_intact(tmp_path, fault):
    figures = fail_at(tmp_path, fault, 9)
    assert faults_of(figures) == {}
    assert (figures["stores_failed_and_recovered"], figures["calls_failed"]) == (1, 2)
