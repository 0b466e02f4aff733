"""`import` writes the configuration of a peer as one of ours, and says what is not in it."""

import pytest
from click.testing import CliRunner
from watchkeeper.adapters.importing.peers import PEERS
from watchkeeper.launcher.configure.verbs import IMPORTED_PEERS
from watchkeeper.launcher.main import cli

WHOLE = "endpoints: [{name: a, group: g, url: 'icmp://a.example', conditions: ['[CONNECTED] == true']}]\n"
IN_PART = "ui: {title: Shop}\n" + WHOLE


@pytest.fixture
def gatus(tmp_path, monkeypatch):
    """Calls the verb on a file of Gatus with this text; returns its exit status and both outputs."""
    monkeypatch.chdir(tmp_path)

    def call(text, *arguments):
        (tmp_path / "gatus.yaml").write_text(text)
        ended = CliRunner().invoke(cli, ["import", "gatus", "gatus.yaml", "-o", "out.yaml", *arguments])
        return ended.exit_code, ended.stdout, ended.stderr

    return call


def test_the_verb_knows_every_importer():
    assert tuple(PEERS) == IMPORTED_PEERS


def test_a_configuration_that_is_brought_over_whole_passes_check(gatus):
    assert gatus(WHOLE) == (0, "wrote out.yaml (1 target); it passes check\n", "")
    assert CliRunner().invoke(cli, ["check", "out.yaml"]).exit_code == 0


def test_a_part_that_is_not_brought_over_is_listed_with_its_line(gatus, tmp_path):
    status, out, told = gatus(IN_PART)
    assert (status, out) == (5, "wrote out.yaml (1 target); it passes check\n")
    assert told.splitlines() == [
        "gatus.yaml:1: ui: the look of the page is not configured",
        "1 part of gatus.yaml not imported; each is a comment in out.yaml",
    ]
    assert "# not imported (line 1): ui" in (tmp_path / "out.yaml").read_text()


def test_a_file_that_lies_there_is_replaced_only_with_force(gatus):
    gatus(WHOLE)
    status, _, told = gatus(WHOLE)
    assert status == 2
    assert "out.yaml is there already" in told
    assert gatus(WHOLE, "--force")[0] == 0


def test_a_text_that_is_not_yaml_is_refused_with_its_place(gatus, tmp_path):
    status, _, told = gatus("endpoints: [\n")
    assert status == 2
    assert told.startswith("gatus.yaml:2:1: ")
    assert not (tmp_path / "out.yaml").exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "text", "endpoints: 5", "endpoints: [5, [], {}]", "{a: {b: [c]}}"]
)
def test_a_file_of_another_form_ends_with_a_message(gatus, text):
    status, _, told = gatus(text)
    assert status in {2, 5}
    assert "Traceback" not in told
    assert told
