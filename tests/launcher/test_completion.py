"""`completion`: the script for a shell, and the words that are offered while a verb is typed."""

import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from records import NOON, delivery_of, notice_of, opened
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch, Silence
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.verbs import SECTIONS

CONFIGURATION = """\
runtime: {store: watch.db}
targets:
  - {id: shop, name: The shop, heartbeat: {}}
  - {id: nightly backup, heartbeat: {}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A configuration, and a store with an open incident, a silence and a dead letter."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "watchkeeper.yaml").write_text(CONFIGURATION)
    step = opened("inc_7f2c11112222333344445555")
    notice = notice_of(step)
    store = SqliteStore("watch.db")
    store.open(NOON)
    dead = delivery_of(notice, DeliveryState.DEAD)
    silence = Silence(id="s-4k2", target="shop", until_ns=2**62, reason="deploy")
    store.commit(Batch(transitions=(step,), notices=(notice,), deliveries=(dead,), silences=(silence,)))
    store.close()
    return notice.key


def offered(*words, asked_by="zsh"):
    """The lines that the shell gets, for the last word."""
    asked = {
        "_WATCHKEEPER_COMPLETE": f"{asked_by}_complete",
        "COMP_WORDS": " ".join(["watchkeeper", *words]),
        "COMP_CWORD": words[-1] if asked_by == "fish" else str(len(words)),
    }
    done = CliRunner().invoke(cli, prog_name="watchkeeper", env=asked)
    assert (done.exit_code, done.stderr) == (0, "")
    # click ends a list of nothing with a line end, too.
    return done.stdout.strip().splitlines()


def of_zsh(*pairs):
    return [line for word, said in pairs for line in ("plain", word, said)]


def test_open_incidents_are_offered_by_their_short_ids(folder):
    assert offered("ack", "7") == of_zsh(("7f2c", "shop/down"))
    assert offered("show", "7") == of_zsh(("7f2c", "shop/down"))
    assert offered("show", "s") == of_zsh(("shop", "The shop"))
    assert offered("ack", "8") == []


def test_targets_are_offered_with_their_names(folder):
    assert offered("silence", "s") == of_zsh(("shop", "The shop"))
    assert offered("pause", "n") == of_zsh(("nightly backup", "_"))
    assert offered("incidents", "--target", "sh") == of_zsh(("shop", "The shop"))


def test_silences_and_dead_letters_are_offered(folder):
    assert offered("unsilence", "s") == of_zsh(("s-4k2", "deploy"))
    assert offered("redrive", "m") == of_zsh((folder, "ops: shop/down"))


def test_a_word_with_a_blank_is_escaped_for_bash_alone(folder):
    assert offered("pause", "n", asked_by="bash") == ["plain,nightly\\ backup"]
    assert offered("pause", "n", asked_by="fish") == ["plain,nightly backup"]


def test_verbs_are_offered_in_their_order(folder):
    in_order = [line.removeprefix("plain,") for line in offered("s", asked_by="bash")]
    assert in_order == [name for names in SECTIONS.values() for name in names if name.startswith("s")]


def test_the_configuration_may_be_named_on_the_line(folder, tmp_path):
    (tmp_path / "watchkeeper.yaml").rename(tmp_path / "mine.yaml")
    assert offered("pause", "s") == []
    assert offered("pause", "-c", "mine.yaml", "s") == of_zsh(("shop", "The shop"))


@pytest.mark.parametrize("text", [None, "targets: [", "runtime: {store: none.db}\n", "runtime: 5\n", "\0"])
def test_nothing_is_offered_and_nothing_said_where_nothing_can_be_read(text, folder, tmp_path):
    (tmp_path / "watchkeeper.yaml").unlink()
    if text is not None:
        (tmp_path / "watchkeeper.yaml").write_text(text)
    for verb in ("ack", "pause", "unsilence", "redrive"):
        assert offered(verb, "") == []


def test_a_configuration_that_takes_long_to_read_is_not_read(folder, tmp_path):
    with (tmp_path / "watchkeeper.yaml").open("a") as file:
        file.write("# a comment\n" * 30_000)
    assert offered("pause", "s") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_the_command_for_its_words(shell):
    done = CliRunner().invoke(cli, ["completion", shell])
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"_WATCHKEEPER_COMPLETE={shell}_complete" in done.stdout
    assert "_watchkeeper_completion" in done.stdout


def test_bash_completes_by_the_script(folder, tmp_path):
    command = tmp_path / "bin" / "watchkeeper"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m watchkeeper "$@"\n')
    command.chmod(0o755)
    typed = "COMP_WORDS=(watchkeeper ack 7); COMP_CWORD=2; _watchkeeper_completion watchkeeper; echo ${COMPREPLY[@]}"
    done = subprocess.run(
        [shutil.which("bash"), "--norc", "-c", f'eval "$(watchkeeper completion bash)"; {typed}'],
        env={"PATH": f"{command.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("7f2c\n", "")
