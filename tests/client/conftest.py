"""The runtime that the tests of a client ask has time to answer."""

import pytest
from watchkeeper.domain import limits
from watchkeeper.domain.units import NS_PER_S


@pytest.fixture(autouse=True)
def written_in_time(monkeypatch):
    """A command is durable before its answer on a busy machine, too."""
    monkeypatch.setattr(limits, "SETTLED_NS", 20 * NS_PER_S)
