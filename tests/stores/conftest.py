"""The two stores, each as a function that makes one."""

import pytest
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """A store that is not yet open; closing and opening it again is a restart."""
    made = MemoryStore() if request.param == "memory" else SqliteStore(str(tmp_path / "watch.db"))
    yield made
    made.close()
