"""Poolers between a process and its database: one that lends a connection for a transaction is refused, one for a session is not."""

import pytest
from databases import new_store
from pooler import Pooler
from watchkeeper import Runtime, StoreError
from watchkeeper.adapters.stores.opening import count_shards, make_reader

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture
def path(database_server):
    """The Unix socket of the server."""
    return f"{database_server.folder}/.s.PGSQL.{database_server.port}"


def url_through(pooler, url):
    """The same store, through a pooler."""
    place, _, query = url.partition("?")
    said = query.split("&")
    kept = "&".join(each for each in said if not each.startswith(("host=", "port=")))
    return f"{place}?host=127.0.0.1&port={pooler.port}&{kept}"


def test_a_pooler_that_lends_a_connection_for_a_transaction_is_refused_before_anything_is_written(
    path, server
):
    url = new_store(server, 4)
    with Pooler(path, is_shared=True) as pooler:
        says = "is a pooler that lends a connection for one transaction: name the server itself, or set the pooler to the mode session"
        with pytest.raises(StoreError, match=says):
            Runtime(store=url_through(pooler, url), node="a").start()
    with pytest.raises(StoreError, match="there is no store"):
        make_reader(url).verify()


def test_a_pooler_that_lends_a_connection_for_a_session_is_used(path, server):
    url = new_store(server)
    with Pooler(path, is_shared=False) as pooler:
        assert count_shards(url_through(pooler, url)) == 1
