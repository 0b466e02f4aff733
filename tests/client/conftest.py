"""What every test of a client needs of the runtime that it asks."""

import pytest
from watchkeeper.host.access import operations


@pytest.fixture(autouse=True)
def written_in_time(monkeypatch):
    """A command is durable before its answer on a busy machine, too."""
    monkeypatch.setattr(operations, "SETTLED_WITHIN_S", 20.0)
