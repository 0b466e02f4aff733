"""A small run of the leg of workers: one kill of the active worker of each server."""

import pytest

from tests.system.workers import SERVERS, faults_of, strike, summary


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_workers_of_a_server_serve_through_a_kill_of_the_active_one(tmp_path, name):
    figures = strike(SERVERS[name], tmp_path, seed=1, kills=1, rate=20, is_timed=False)
    # The bound of the takeover time is for the whole leg on a quiet machine.
    assert faults_of(figures._replace(takeovers_s=[0.0])) == {}, figures.problems
    assert " 0 failed," in summary(name, figures)
    assert len(figures.takeovers_s) == 1
