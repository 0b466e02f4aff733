"""The kinds of store, each as a function that makes one."""

import pytest
from databases import new_store
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.adapters.stores.opening import make_store

IN_POSTGRES = pytest.param("postgres", marks=pytest.mark.needs("postgres"))
KINDS = ["sqlite", IN_POSTGRES]
"""The kinds of store that outlive their process."""


@pytest.fixture(scope="session")
def server(database_server):
    return database_server


@pytest.fixture(params=["memory", *KINDS])
def store(request, tmp_path):
    """A store that is not yet open; closing and opening it again is a restart."""
    if request.param == "memory":
        made = MemoryStore()
    else:
        made = make_store(place_of(request, request.param, tmp_path))
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def place(request, tmp_path):
    """The place of a new store that outlives its process."""
    return place_of(request, request.param, tmp_path)


def place_of(request, kind, tmp_path):
    """The place of a new store of a kind."""
    if kind == "sqlite":
        return str(tmp_path / "watch.db")
    return new_store(request.getfixturevalue("server"))
