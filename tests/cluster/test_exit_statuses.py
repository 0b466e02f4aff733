"""The exit status of every verb that reads or writes a store, while its database does not answer."""

from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from clustered import SHARDS, problems
from databases import HASTY, new_store
from looking import until
from ports import free_port
from postgres_server import PostgresServer
from watchkeeper import Runtime
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.output import ExitStatus

pytestmark = pytest.mark.needs("postgres")
FINE, FAILED, STORE = ExitStatus.FINE, ExitStatus.FAILED, ExitStatus.STORE
CONFIGURATION = """\
runtime: {{store: "{store}", grace: 1s}}
web: {{listen: "127.0.0.1:{port}", pages: [{{id: jobs, title: Jobs}}]}}
channels: [{{id: ops, log: {{}}}}]
routes: [{{id: all, to: [ops]}}]
targets:
  - {{id: backup, every: 1h, heartbeat: {{}}, public: Backup}}
  - {{id: shop, every: 1h, tcp: {{host: 127.0.0.1, port: {port}}}}}
"""
VERBS = {
    "status": (["status"], FINE),
    "status --exit-code": (["status", "--exit-code"], STORE),
    "incidents": (["incidents"], STORE),
    "notices": (["notices"], STORE),
    "show": (["show", "backup"], STORE),
    "ack": (["ack", "backup"], STORE),
    "unack": (["unack", "backup"], STORE),
    "silence": (["silence", "backup", "--for", "1h"], STORE),
    "unsilence": (["unsilence", "s-1"], FAILED),
    "announce": (["announce", "Works"], STORE),
    "unannounce": (["unannounce", "a-1"], FAILED),
    "pause": (["pause", "backup"], STORE),
    "resume": (["resume", "backup"], STORE),
    "check-now": (["check-now", "shop"], FINE),
    "heartbeat": (["heartbeat", "backup"], STORE),
    "job": (["job", "backup", "--", "true"], FINE),
    "notify": (["notify", "ops"], STORE),
    "drill": (["drill", "all"], STORE),
    "redrive": (["redrive", "key"], STORE),
    "reload": (["reload"], FINE),
    "token": (["token", "list"], FINE),
    "page": (["page", "out"], STORE),
    "backup": (["backup", "copy.db"], STORE),
    "verify": (["verify"], STORE),
    "copy": (["copy", "STORE", "copy.db"], STORE),
    "replay": (["replay"], STORE),
    "run": (["run"], STORE),
}
"""The words of each verb, and how it ends beside a process that runs the store. Without one every verb but `job` ends with 3.

`status` shows what that process knows. The end of what is not there is refused, and a check is recorded later. A job has the status of its
command. The configuration and tokens are no part of the database.
"""
SAYS_OTHERWISE = ("backup",)
"""A database is copied by another verb, whether it answers or not."""
WHY = ("the store failed while", "cannot write it to the store", "the record cannot be written now")


class Stopped(NamedTuple):
    """Two stores of a database that has stopped."""

    run: str
    """One that this process runs."""
    alone: str

    def ended(self, words, store):
        """Returns how a verb ends on one of them, and what it says."""
        Path("watchkeeper.yaml").write_text(CONFIGURATION.format(store=store, port=free_port()))
        done = CliRunner().invoke(cli, [store if each == "STORE" else each for each in words])
        assert "Traceback" not in done.output
        return done.exit_code, done.output


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    made = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch, PostgresServer(settings=HASTY) as server:
        patch.setenv("XDG_STATE_HOME", str(made / "state"))
        patch.chdir(made)
        stores = Stopped(new_store(server, SHARDS), new_store(server, SHARDS))
        (made / "run.yaml").write_text(CONFIGURATION.format(store=stores.run, port=free_port()))
        with Runtime.from_config("run.yaml", node="a") as runtime:
            server.stop()
            # A process that has not tried to write since waits for an answer first.
            until(lambda: "store" in problems(runtime))
            yield stores


def test_every_verb_that_names_a_store_is_in_the_table():
    of_stores = {
        name
        for name, verb in cli.commands.items()
        if {"where", "store"} & {each.name for each in verb.params}
        or "url" in {each.name for each in verb.params}
    }
    known = {name.partition(" ")[0] for name in VERBS}
    assert of_stores - known == {"top"}, "it needs a terminal"


@pytest.mark.parametrize("name", VERBS)
def test_a_failed_database_ends_a_verb_with_3_unless_its_answer_needs_none(stopped, name):
    words, status = VERBS[name]
    code, says = stopped.ended(words, stopped.run)
    assert code == status, says
    if status is STORE and name not in SAYS_OTHERWISE:
        assert any(each in says for each in WHY), says


@pytest.mark.parametrize("name", VERBS)
def test_without_a_process_that_runs_the_store_every_verb_ends_with_3(stopped, name):
    code, says = stopped.ended(VERBS[name][0], stopped.alone)
    assert code == (FINE if name == "job" else STORE), says
    if name not in SAYS_OTHERWISE:
        assert "the store failed while" in says
