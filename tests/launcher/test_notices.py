"""`notices` shows the outbox, and `redrive` puts an abandoned notice back into it."""

import json
import os

import pytest
from click.testing import CliRunner
from records import NOON, notice_of, opened
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.notice import Delivery, DeliveryState, NoticeReason, make_notice
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.launcher.main import cli

CONFIG = 'runtime: {store: watch.db}\ntargets: [{id: shop, http: {url: "http://h/"}}]\n'


@pytest.fixture
def dead(tmp_path):
    """A configuration whose store has one dead letter, and the store object that wrote it."""
    config = tmp_path / "watch.yaml"
    config.write_text(CONFIG)
    transition = opened("inc_1")
    notice = notice_of(transition)
    given_up = Delivery(
        key=notice.key, state=DeliveryState.DEAD, attempts=3, at_ns=NOON.wall_ns, detail="HTTP 410"
    )
    store = SqliteStore(str(tmp_path / "watch.db"))
    store.open(NOON)
    store.commit(Batch(transitions=(transition,), notices=(notice,), deliveries=(given_up,)))
    store.close()
    return config, notice.key, store


def outbox_beside(config):
    """Returns the outbox that the next run restores. The store object of before `redrive` is fenced, as that had the store."""
    store = SqliteStore(str(config.parent / "watch.db"))
    restored = store.open(NOON)
    store.close()
    return restored.outbox


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_a_dead_letter_is_listed_with_its_key_and_cause(dead):
    config, key, _ = dead

    (row,) = json.loads(run("notices", "-c", config, "--state", "dead", "--json").stdout)["notices"]

    assert (row["key"], row["state"], row["detail"], row["attempts"]) == (key, "dead", "HTTP 410", 3)
    assert key.removeprefix("msg_")[:4] in run("notices", "-c", config).stdout
    assert run("notices", "-c", config, "--state", "delivered").stdout == "no notices\n"


def test_a_reminder_is_listed_with_its_number(dead):
    config, _, store = dead
    first = opened("inc_2", target="api")
    second = make_notice(first.incident, "ops", first.change, NOON.wall_ns, NoticeReason.REMINDER, reminder=2)
    store.open(NOON)
    store.commit(Batch(transitions=(first,), notices=(notice_of(first), second)))
    store.close()

    rows = json.loads(run("notices", "-c", config, "--json").stdout)["notices"]

    assert {"opened shop/down", "opened api/down", "reminder 2: api/down"} == {row["tells"] for row in rows}


def test_a_redriven_notice_is_pending_under_its_own_key(dead):
    config, key, _ = dead

    assert run("redrive", "-c", config, key).exit_code == 0

    (outgoing,) = outbox_beside(config)
    assert (outgoing.notice.key, outgoing.delivery.state) == (key, DeliveryState.PENDING)


def test_of_several_keys_all_are_redriven_or_none(dead):
    config, key, _ = dead

    result = run("redrive", "-c", config, key, "msg_nothing")

    assert "msg_nothing is no dead letter" in result.output
    assert "back in the outbox" not in result.output
    assert outbox_beside(config) == ()
    assert (
        run("redrive", "-c", config, key, key.removeprefix("msg_")[:4]).output.count("back in the outbox")
        == 1
    )


def test_a_key_of_no_dead_letter_is_refused_with_a_hint(dead):
    config, _, _ = dead

    result = run("redrive", "-c", config, "msg_nothing")

    assert result.exit_code == 1
    assert "--state dead" in result.stderr


def test_a_store_that_is_not_there_is_not_made(dead):
    config, key, _ = dead
    elsewhere = config.parent / "elsewhere"
    elsewhere.mkdir()
    moved = elsewhere / "watch.yaml"
    moved.write_text(config.read_text().replace(str(config.parent), "."))

    result = run("redrive", "-c", moved, key)

    assert result.exit_code == 3
    assert "there is no store at" in result.stderr
    assert list(elsewhere.iterdir()) == [moved]


def test_a_store_in_use_is_left_alone_and_its_holder_named(dead):
    config, key, store = dead
    store.open(NOON)

    result = run("redrive", "-c", config, key)
    store.close()

    assert result.exit_code == 4
    assert result.stderr.startswith(f"watchkeeper: process {os.getpid()} on ")
