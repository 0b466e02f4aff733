"""A small run of the kills between a post and its record."""

import pytest

from tests.system.told_once import faults_of, kill_at_posts


@pytest.mark.slow
def test_an_incident_is_shown_once_whatever_post_the_process_died_at(tmp_path):
    figures = kill_at_posts(tmp_path, seed=1, kills=4)
    assert faults_of(figures) == {}
    assert figures["kills"] == 4
    assert figures["incidents"] > 0
