"""A real `run` in another process, and verbs that reach it by its socket and by a token over TCP; and a store without one."""

import json

import pytest
from click.testing import CliRunner
from ports import free_port
from running import running
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.launcher.main import cli

from tests.launcher.answering import serving

CONFIGURATION = """\
runtime: {{store: watch.db}}
web:
  listen: "127.0.0.1:{port}"
  tokens: [{token}]
  pages: [{{id: jobs, title: Jobs}}]
channels: [{{id: ops, log: {{}}}}, {{id: oncall, log: {{}}}}]
targets:
  - {{id: backup, every: 1h, heartbeat: {{}}, notify: [ops, oncall]}}
  - {{id: etl, every: 1h, heartbeat: {{}}, notify: [ops], public: Nightly load}}
  - {{id: port, every: 1h, tcp: {{host: 127.0.0.1, port: 9}}, paused: true}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a configuration, and a token that opens it as an operator."""
    made = tmp_path_factory.mktemp("acting")
    token = CliRunner().invoke(cli, ["token", "anna", "--role", "operator"])
    port = free_port()
    entry = token.stderr.splitlines()[1].removeprefix("  - ")
    (made / "watchkeeper.yaml").write_text(CONFIGURATION.format(port=port, token=entry))
    (made / "token").write_text(token.stdout)
    (made / "token").chmod(0o600)
    (made / "url").write_text(f"http://127.0.0.1:{port}")
    return made


@pytest.fixture(scope="module")
def run(folder):
    with running(folder):
        yield


@pytest.fixture
def verb(folder, monkeypatch):
    """Calls a verb in the folder; returns its exit status and output, the error output in its place where there is one."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LOGNAME", "otto")

    def call(*arguments):
        ended = CliRunner().invoke(cli, list(arguments))
        return ended.exit_code, ended.stderr or ended.stdout

    return call


@pytest.fixture
def there(verb, folder):
    """The same by the token over TCP."""
    where = ["--url", (folder / "url").read_text(), "--token-file", "token"]
    return lambda name, *arguments: verb(name, *where, *arguments)


@pytest.fixture
def down(run, verb):
    """The short id of the open incident of a job that failed."""
    assert verb("heartbeat", "backup", "--exit", "2", "--detail", "disk full") == (
        0,
        "backup: reported as failed; it is down\n",
    )
    rows = json.loads(verb("incidents", "--open", "--json")[1])["incidents"]
    yield rows[0]["id"].removeprefix("inc_")[:4]
    assert verb("heartbeat", "backup") == (0, "backup: heard; it is up\n")


@pytest.fixture
def quiet(tmp_path, monkeypatch):
    """A store that a run has left, and the verbs on it."""
    text = CONFIGURATION.partition("web:")[0] + "channels:" + CONFIGURATION.partition("channels:")[2]
    (tmp_path / "watchkeeper.yaml").write_text(text.format())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "otto")
    store = SqliteStore("watch.db")
    store.open(SystemClock().read())
    store.close()

    def call(*arguments):
        ended = CliRunner().invoke(cli, list(arguments))
        return ended.exit_code, ended.stderr or ended.stdout

    return call


@pytest.fixture(scope="module")
def port():
    with serving() as found:
        yield found


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """Calls the verb, in a folder with a configuration where one is given; returns its exit status and its output."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments, targets="", color=False):
        if targets:
            whole = f"runtime: {{store: watch.db, allow_exec: true}}\ntargets:\n{targets}"
            (tmp_path / "watchkeeper.yaml").write_text(whole)
        ended = CliRunner().invoke(cli, ["probe", *arguments], color=color)
        assert not (tmp_path / "watch.db").exists()
        return ended.exit_code, ended.stderr or ended.stdout

    return call
