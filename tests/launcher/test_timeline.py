"""`show`: the time line of an incident, from the store and by the API."""

import json
import re

import pytest
from click.testing import CliRunner
from looking import until
from records import NOON, notice_of, opened, sample_at, then
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import Delivery, DeliveryState
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.observation.evidence import Evidence
from watchkeeper.domain.observation.observation import Phases
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S
from watchkeeper.launcher.main import cli


@pytest.fixture
def store(tmp_path):
    """A store with one incident that was acknowledged and has ended, and one of another target."""
    first = opened("inc_7f2c0001", cause="status 503", explanation="condition_failed: status 503")
    seen = then(
        first,
        TransitionKind.ACKNOWLEDGED,
        acknowledged_by="otto",
        acknowledged_at_ns=NOON.wall_ns + NS_PER_S,
        note="rolling back",
        explanation="acknowledged by otto (rolling back)",
    )
    ended = then(seen, TransitionKind.RESOLVED, explanation="ok")
    notice = notice_of(first)
    told = Delivery(
        key=notice.key, state=DeliveryState.DELIVERED, attempts=3, at_ns=NOON.wall_ns + NS_PER_S, detail="200"
    )
    bad = sample_at(
        0, outcome=Outcome.DOWN, reason=Reason.CONDITION_FAILED, failed=("[STATUS] (503) == 200",)
    )
    evidence = Evidence(
        target="shop",
        at_ns=bad.at.wall_ns,
        ip="10.0.3.7",
        phases=Phases(dns_ns=NS_PER_MS, connect_ns=3 * NS_PER_MS),
        failed=("[STATUS] (503) == 200",),
        body="no stock\n\\x1b",
    )
    path = tmp_path / "watch.db"
    made = SqliteStore(str(path))
    made.open(NOON)
    made.commit(
        Batch(
            transitions=(first, seen, ended, opened("inc_7f2d0001", target="search")),
            notices=(notice,),
            deliveries=(told,),
            samples=(sample_at(-60 * NS_PER_S), bad),
            evidence=(evidence,),
        )
    )
    made.close()
    return path


def show(store, *arguments):
    ended = CliRunner().invoke(cli, ["show", "--store", str(store), *arguments])
    return ended.exit_code, ended.stderr or ended.stdout


TIMELINE = """\
shop/down, critical: resolved 2026-01-01 12:00 UTC after 3s; since 2026-01-01 11:59 UTC
status 503
acknowledged by otto (rolling back)

2026-01-01, UTC
11:59:00  sample        up 200 in 5.0 ms
12:00:00  sample        down in 5.0 ms: condition_failed: [STATUS] (503) == 200
                        10.0.3.7, dns 1.0 ms, connect 3.0 ms
                        no  [STATUS] (503) == 200
                        body no stock\\n\\x1b
12:00:00  opened        condition_failed: status 503
12:00:01  acknowledged  acknowledged by otto (rolling back)
12:00:01  ops           opened: delivered
12:00:02  resolved      ok

id inc_7f2c0001
"""


@pytest.mark.parametrize("given", ["7f2c", "inc_7f2c", "shop", "shop/down"])
def test_a_time_line_has_samples_with_evidence_steps_and_notices_in_order(store, given):
    assert show(store, given) == (0, TIMELINE)


def test_the_document_of_a_time_line_has_its_rows(store):
    document = json.loads(show(store, "shop", "--json")[1])
    assert (document["target"], document["incident"]["note"]) == ("shop", "rolling back")
    counts = {name: len(rows) for name, rows in document.items() if isinstance(rows, list)}
    none = dict.fromkeys(("silences", "waits", "locations"), 0)
    assert counts == {"transitions": 3, "samples": 2, "evidence": 1, "notices": 1} | none


def test_a_name_that_nothing_has_is_refused_with_the_closest(store):
    status, says = show(store, "7f2")
    assert (status, sorted(re.findall(r"7f2\w0001", says))) == (1, ["7f2c0001", "7f2d0001"])
    assert says.startswith("watchkeeper: 2 incidents begin with 7f2 (")
    status, says = show(store, "serch")
    assert (status, says) == (
        1,
        "watchkeeper: no incident begins with serch, and no target has this name, did you mean search\n",
    )


def test_a_time_line_over_the_api_is_that_of_the_store(down, verb, there):
    until(lambda: verb("show", down)[1].count("opened: try 1 accepted") == 2)
    here = verb("show", down)
    assert here == there("show", down)
    assert re.match(r"backup/missed, critical: open; since .*\nreported: exit status 2: disk full\n", here[1])
    assert there("show", "port") == (0, "port: no incident is recorded\n")


def test_a_target_is_shown_although_the_ids_of_others_begin_with_its_name(tmp_path):
    path = tmp_path / "watch.db"
    made = SqliteStore(str(path))
    made.open(NOON)
    first, second, own = (
        opened("inc_db010001"),
        opened("inc_db020001", target="mail"),
        opened("inc_7f2c0001", target="db"),
    )
    made.commit(Batch(transitions=(first, second, own)))
    made.close()
    assert show(path, "db")[1].startswith("db/down, critical: open")
    assert show(path, "inc_db01")[1].startswith("shop/down, critical: open")
    ended = CliRunner().invoke(cli, ["ack", "--store", str(path), "db"])
    says = "3 open incidents fit db: db01 (shop), db02 (mail), 7f2c (db): write the id of one"
    assert (ended.exit_code, set(re.findall(r"\w+ \(\w+\)", ended.stderr))) == (
        1,
        set(re.findall(r"\w+ \(\w+\)", says)),
    )


@pytest.mark.parametrize("what", ["back*", "--all", "--match=severity=critical"])
def test_a_time_line_has_the_silences_that_mute_its_incident_in_any_way(down, verb, there, what):
    row = json.loads(verb("silence", what, "--for", "1h", "--reason", "deploy", "--json")[1])
    try:
        here, said = verb("show", down)[1], f": deploy (watchkeeper unsilence {row['id']})\n"
        assert said in here
        assert said in there("show", down)[1]
        assert said in there("show", "port")[1] or what == "back*"
    finally:
        verb("unsilence", row["id"])


def test_a_time_line_leaves_out_a_silence_of_other_incidents(down, verb, there):
    row = json.loads(verb("silence", "--match", "rule=slow", "--for", "1h", "--json")[1])
    try:
        assert "silenced" not in verb("show", down)[1]
        assert "silenced" not in there("show", down)[1]
    finally:
        verb("unsilence", row["id"])
