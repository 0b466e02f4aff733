"""The control sockets of nodes of one user on one machine: which of them a verb reaches, and what it says where none is left."""

import pytest
from click.testing import CliRunner
from clustered import JOBS, two_nodes
from looking import until
from watchkeeper import NotRunning, UsageError, connect
from watchkeeper.adapters.net.listening import ControlSocket, control_socket_path
from watchkeeper.launcher.main import cli

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture(scope="module")
def pair(database_server, tmp_path_factory):
    with two_nodes(database_server, tmp_path_factory.mktemp("state")) as made:
        yield made


def answers(store, name):
    """Whether the node of this name is the one that answers."""
    try:
        found = connect(store, timeout_s=0.3).status().nodes
    except (NotRunning, TimeoutError):
        return False
    return [each.name for each in found if each.this] == [name]


@pytest.mark.parametrize("ends", [ControlSocket.close, lambda other: other.socket.close()])
def test_a_node_whose_socket_was_taken_has_one_again_when_the_other_is_gone(pair, ends):
    """The other process has taken the name, and the path with it, while this one was frozen; it is stopped, or killed."""
    ours = control_socket_path(pair.store, "a").stat().st_ino
    other = ControlSocket(pair.store, "a")
    assert control_socket_path(pair.store, "a").stat().st_ino != ours
    assert not answers(pair.store, "a")
    ends(other)
    assert until(lambda: answers(pair.store, "a"))


def test_a_verb_reaches_a_living_node_where_another_has_left_its_socket_behind(pair):
    left = ControlSocket(pair.store, "0")
    left.socket.close()
    try:
        found = CliRunner().invoke(cli, ["pause", JOBS[0].id, "--store", pair.store])
        assert (found.exit_code, "paused until it is resumed" in found.output) == (0, True), found.output
        connect(pair.store).resume(JOBS[0].id)
    finally:
        left.remove()


def run(store, *words):
    found = CliRunner().invoke(cli, [*words, "--store", store])
    return found.exit_code, found.output


def test_a_verb_names_the_nodes_that_there_are_where_the_one_it_is_for_is_none(pair):
    status, says = run(pair.store, "reload", "--node", "c")
    assert status == 4
    assert "no node c of postgresql://" in says
    assert "answers this user on this machine: there are a (process" in says
    for name in ("a", "b"):
        # A program that made its runtime itself has no file to read again: the node that was named says so.
        status, says = run(pair.store, "reload", "--node", name)
        assert (status, "from_config" in says) == (1, True), says
        assert [each.name for each in connect(pair.store, node=name).status().nodes if each.this] == [name]
    with pytest.raises(UsageError, match="a URL names one process"):
        connect("http://127.0.0.1:1", node="a")


def test_verbs_of_another_user_or_machine_name_the_nodes_that_run(pair, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for words in (("reload",), ("check-now", JOBS[0].id)):
        status, says = run(pair.store, *words)
        assert status == 4
        assert "is run by 2 nodes, and none answers this user on this machine: a (" in says
