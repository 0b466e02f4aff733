"""Databases by their encoding: UTF-8 is written and read whatever the client is set to, and every other one is refused by name."""

import pytest
from click.testing import CliRunner
from databases import new_store
from msgspec.structs import replace
from records import NOON, opened
from watchkeeper.adapters.stores.copying.copying import copy_store
from watchkeeper.adapters.stores.opening import count_shards, look_at_nodes, make_reader, make_store
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.launcher.main import cli

pytestmark = pytest.mark.needs("postgres")
SAYS = r"is encoded as {}, and names and texts may have every character: make one with CREATE DATABASE watch ENCODING 'UTF8' TEMPLATE template0"


@pytest.fixture(scope="module", params=["SQL_ASCII", "LATIN1"])
def encoding(request, database_server):
    """The encoding of a database `other` that the server has besides its usual one."""
    database_server.sql(f"CREATE DATABASE other ENCODING {request.param} TEMPLATE template0")
    yield request.param
    database_server.sql("DROP DATABASE other WITH (FORCE)")


@pytest.fixture
def url(encoding, database_server):
    return new_store(database_server, 4).replace(f"/{database_server.database}?", "/other?")


def copied(url, folder):
    old = str(folder / "old.db")
    store = make_store(old)
    store.open(NOON)
    store.close()
    copy_store(old, url.replace("shards=4", "shards=1"), NOON)


DOORS = {
    "a store": lambda url, _: make_store(url).open(NOON),
    "a reader": lambda url, _: make_reader(url).incidents(),
    "the number of shards": lambda url, _: count_shards(url),
    "the nodes": lambda url, _: look_at_nodes(url),
    "a copy": copied,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_database_of_another_encoding_is_refused_with_how_to_make_one(encoding, url, tmp_path, door):
    with pytest.raises(StoreError, match=SAYS.format(encoding)):
        DOORS[door](url, tmp_path)


@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("verb", ["run", "status", "incidents"])
def test_each_verb_says_so_and_ends(url, encoding, tmp_path, monkeypatch, verb, shards):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "watchkeeper.yaml"
    path.write_text(f"runtime: {{store: '{url.replace('shards=4', f'shards={shards}')}'}}\n")
    asked = [verb, str(path)] if verb == "run" else [verb, "-c", str(path)]
    found = CliRunner().invoke(cli, asked)
    assert found.exit_code == 3, found.output
    assert f"is encoded as {encoding}" in found.stderr


@pytest.mark.parametrize("said", ["&client_encoding=LATIN1", ""])
def test_every_character_is_read_back_whatever_the_client_is_set_to(database_server, monkeypatch, said):
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    url = new_store(database_server) + said
    step = replace(opened(), target="zürich €😀")
    store = make_store(url)
    store.open(NOON)
    store.commit(Batch(transitions=(step,)))
    store.close()
    assert [each.target for each in make_reader(url).incidents()] == ["zürich €😀"]
