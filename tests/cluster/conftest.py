"""A store of four shards, and the nodes of a test or of a module on it."""

import pytest
from clustered import SHARDS, Nodes
from databases import new_store


@pytest.fixture
def store(database_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return new_store(database_server, SHARDS)


@pytest.fixture
def nodes(store):
    made = Nodes(store)
    yield made
    made.close()
