"""The names of nodes: which there may be, and that only the nodes of a store that is shared have one."""

import pytest
from click.testing import CliRunner
from databases import new_store
from watchkeeper import Runtime, UsageError, connect
from watchkeeper.launcher.main import cli

ASKS_A_RUNNING_ONE = "name one that runs, as `status` shows them, or leave it out for any on this machine"
BAD = ("", " ", "a/b", "..", "a\nb", "a\x1b[31m", "a\u202eb", "n" * 129)


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_name_that_no_other_thing_may_have_is_refused(name):
    with pytest.raises(
        UsageError, match=r"no node may be called '.*: a name has 1 to 128 characters"
    ) as refused:
        Runtime(node=name)
    assert str(refused.value).isprintable()
    assert str(refused.value).endswith("leave it out for that of its host and process") is (name == "")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_client_of_a_node_that_cannot_be_is_refused(name):
    with pytest.raises(UsageError, match="no node may be called") as refused:
        connect("watch.db", node=name)
    assert ASKS_A_RUNNING_ONE in str(refused.value) or name
    assert "of its host and process" not in str(refused.value)


@pytest.mark.parametrize(
    ("verb", "instead"),
    [("run", "or leave it out for that of its host and process"), ("reload", ASKS_A_RUNNING_ONE)],
)
def test_a_variable_that_is_empty_names_no_node_and_the_advice_is_that_of_its_verb(tmp_path, verb, instead):
    config = ["-c"] * (verb == "reload") + [str(tmp_path / "gone.yaml")]
    ended = CliRunner().invoke(cli, [verb, *config, "--node", ""])
    assert ended.exit_code == 2
    assert "no node may be called ''" in ended.stderr
    assert ended.stderr.rstrip().endswith(instead)


def test_a_run_under_a_bad_name_ends_before_it_opens_its_store(tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    path.write_text("runtime: {store: watch.db}\n")
    ended = CliRunner().invoke(cli, ["run", str(path), "--node", "a\x1bb"])
    assert ended.exit_code == 2
    assert r"Invalid value for --node: no node may be called 'a\x1bb': a name has 1 to" in ended.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["watchkeeper.yaml"]


@pytest.mark.parametrize(
    ("store", "says"),
    [("watch.db", "one process at a time runs {}, and"), (None, "the store is in memory, and")],
)
def test_a_node_of_a_store_that_is_not_shared_is_refused(tmp_path, store, says):
    place = store and str(tmp_path / store)
    runtime = Runtime(store=place, node="a")
    with pytest.raises(UsageError, match=f"{says.format(place)} a node shares .* leave the name 'a' out"):
        runtime.start()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("postgres")
def test_a_node_of_a_database_with_one_shard_is_refused(database_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    runtime = Runtime(store=new_store(database_server), node="a")
    with pytest.raises(UsageError, match="made without shards=1"):
        runtime.start()
