"""`token` against a real `run` in another process: new, list and revoke over its socket, and over TCP by a token."""

import json
import re

import pytest
from click.testing import CliRunner
from ports import free_port
from running import running
from watchkeeper.launcher.main import cli

CONFIGURATION = """\
runtime: {{store: watch.db}}
web: {{listen: "127.0.0.1:{port}"}}
targets: [{{id: backup, every: 1h, heartbeat: {{}}}}]
"""


@pytest.fixture
def url(tmp_path, monkeypatch):
    """A folder with a configuration as the present one, and the URL that it listens on."""
    port = free_port()
    (tmp_path / "watchkeeper.yaml").write_text(CONFIGURATION.format(port=port))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "root-of-this-machine")
    return f"http://127.0.0.1:{port}"


def verb(*arguments):
    ended = CliRunner().invoke(cli, ["token", *arguments])
    return ended.exit_code, ended.stdout, ended.stderr


def test_a_token_is_made_listed_used_and_revoked_while_the_runtime_runs(tmp_path, url):
    with running(tmp_path):
        status, secret, said = verb("new", "anna", "--role", "admin")
        assert (status, said) == (0, "anna may act as admin; the token is shown this once:\n")
        assert re.fullmatch(r"wk_[a-z2-7]{58}\n", secret)
        file = tmp_path / "token"
        file.write_text(secret)
        file.chmod(0o600)
        over_tcp = ("--url", url, "--token-file", str(file))
        assert verb("new", "otto", *over_tcp)[2] == "otto may act as viewer; the token is shown this once:\n"
        again = verb("new", "otto", "--role", "operator")
        assert again == (0, "", "otto existed: its role is now operator, and its token is as before\n")
        assert verb("list")[1].splitlines() == [
            "NAME  ROLE      ORIGIN  CREATED BY",
            "anna  admin     api     root-of-this-machine",
            "otto  operator  api     anna",
        ]
        listed = json.loads(verb("list", "--json")[1])["tokens"]
        assert [row["name"] for row in listed] == ["anna", "otto"]
        assert verb("revoke", "anna") == (
            0,
            "anna: revoked; its sessions and event streams have ended\n",
            "",
        )
        assert verb("list", *over_tcp) == (1, "", "watchkeeper: this token is unknown\n")
        assert verb("revoke", "anna")[0] == 1
        assert json.loads(verb("new", "eve", "--json")[1])["token"]["token"].startswith("wk_")
        assert json.loads(verb("revoke", "eve", "--json")[1])["token"]["name"] == "eve"


def test_tokens_at_run_time_need_a_runtime_that_runs(url):
    for words in (("new", "anna"), ("list",), ("revoke", "anna")):
        assert verb(*words)[0] in {3, 4}


@pytest.mark.parametrize("words", [(), ("new",), ("revoke",), ("new", "a", "b"), ("make", "anna")])
def test_other_words_are_refused_with_those_that_there_are(words):
    status, _, said = verb(*words)
    assert status == 2
    assert "new NAME" in said


def test_a_token_for_the_configuration_is_one_document_with_its_entry():
    status, said, errors = verb("deploy", "--role", "operator", "--json")
    made = json.loads(said)
    assert (status, errors, made["entry"]["name"], made["entry"]["role"]) == (0, "", "deploy", "operator")
    assert re.fullmatch(r"wk_[a-z2-7]{58}", made["token"])


def test_a_verb_without_a_token_at_a_url_that_wants_one_says_how_to_give_it(tmp_path, url):
    text = (tmp_path / "watchkeeper.yaml").read_text().replace("web: {", "web: {anonymous: none, ")
    (tmp_path / "watchkeeper.yaml").write_text(text)
    with running(tmp_path):
        ended = CliRunner().invoke(cli, ["pause", "--url", url, "backup"])
    says = f"watchkeeper: {url} wants a token: give its file to a verb with --token-file, in Python "
    assert (ended.exit_code, ended.stderr.startswith(says)) == (1, True), ended.stderr
