"""What the tests of the adapters share."""

import pytest
from watchkeeper.testing.clock import ManualClock


@pytest.fixture
def clock():
    """A clock that is moved by hand."""
    return ManualClock()
