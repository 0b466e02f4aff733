"""The acting verbs against a real `run` in another process, by its socket and by a token over TCP, and without one."""

import json
import os
import re
import socket
import threading
from pathlib import Path

import pytest
from asking import Asking
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore

AT = r"\d\d:\d\d UTC"


def test_ack_says_which_channels_hear_only_of_the_end(verb, down):
    ended = verb("ack", down, "--note", "rolling back")
    assert ended == (
        0,
        "backup: acknowledged by otto; ops and oncall will hear of it, and then of the end only\n",
    )
    again, says = verb("ack", "backup")
    assert (again, bool(re.fullmatch(f"backup: otto acknowledged it before, at {AT}\n", says))) == (0, True)
    row = json.loads(verb("ack", down, "--json")[1])
    assert (row["acknowledged_by"], row["note"], row["target"]) == ("otto", "rolling back", "backup")


def test_ack_may_end_by_itself_and_unack_withdraws_it(verb, there, down):
    says = verb("ack", down, "--for", "2h")[1]
    assert re.fullmatch(
        f"backup: acknowledged by otto until .*{AT}; ops and oncall will hear of it, and then of the end only\n",
        says,
    )
    assert there("unack", down) == (
        0,
        "backup: no longer acknowledged; ops and oncall will hear of it again\n",
    )
    assert there("unack", down)[0] == 1
    row = json.loads(there("ack", down, "--until", "2099-01-31T12:30:00Z", "--json")[1])
    assert row["acknowledged_until"].startswith("2099-01-31T12:30")
    assert verb("ack", down, "--for", "1h", "--until", "2099-01-31T12:30:00Z")[0] == 2


def test_ack_may_hold_until_the_severity_rises(verb, there, down):
    says = verb("ack", down, "--until-worse")[1]
    until = "backup: acknowledged by otto until its severity rises; ops and oncall will hear of it"
    assert says.startswith(until)
    assert verb("ack", down, "--until-end")[1].startswith("backup: acknowledged by otto; ")


def test_ack_by_a_token_has_the_name_of_the_token(there, down):
    assert there("ack", down)[1].startswith("backup: acknowledged by anna; ")


def test_an_id_that_no_open_incident_has_is_answered_with_those_that_are_open(verb, there, down):
    says = f"watchkeeper: no open incident begins with zzzz; open are {down} (backup)\n"
    assert verb("ack", "zzzz") == (1, says)
    assert there("ack", "zzzz") == (1, says)
    assert verb("ack", "")[0] == 1


def test_an_id_that_is_short_for_two_incidents_is_refused_with_both(verb, down):
    verb("heartbeat", "etl", "--fail")
    opened = json.loads(verb("incidents", "--open", "--json")[1])["incidents"]
    status, says = verb("ack", "inc_")
    assert status == 1
    assert says.startswith("watchkeeper: 2 open incidents fit inc_: ")
    assert says.endswith(": write the id of one\n")
    assert all(f"({row['target']})" in says for row in opened)
    verb("heartbeat", "etl")


def test_silence_says_what_it_mutes_until_when_and_how_to_undo_it(verb, down):
    status, says = verb("silence", "backup", "--for", "2h", "--reason", "deploy")
    made = re.fullmatch(
        rf"silence (s-\w{{5}}): mutes 1 target and 1 open incident until (.*{AT}); ends by itself\. "
        r"Undo: watchkeeper unsilence \1\n",
        says,
    )
    assert (status, bool(made)) == (0, True)
    assert verb("unsilence", made[1]) == (
        0,
        f"silence {made[1]}: ended; backup is heard of again, also of what it held back\n",
    )
    assert verb("unsilence", made[1]) == (
        1,
        f"watchkeeper: no silence in force begins with {made[1]}: none is in force\n",
    )


def test_silence_says_which_one_it_takes_the_place_of(verb, run):
    first = verb("silence", "etl", "--until", "2099-01-31 12:30:00+00:00")[1]
    name = first.split(":")[0]
    assert re.fullmatch(r"silence s-\w{5}", name)
    again = verb("silence", "etl", "--for", "5m")[1]
    assert again.startswith(f"{name}, in place of the one until 2099-01-31 12:30 UTC: mutes 1 target and ")
    assert verb("unsilence", "etl") == (
        1,
        f"watchkeeper: no silence in force begins with etl; in force are {name.split()[1]} (etl)\n",
    )
    assert verb("unsilence", "s-")[0] == 0


def test_unsilence_says_which_silence_still_holds_notices_back(verb, there, run):
    own = json.loads(verb("silence", "etl", "--for", "1h", "--json")[1])["id"]
    glob = json.loads(verb("silence", "e*", "--for", "1h", "--json")[1])["id"]
    verb("silence", "backup", "--for", "1h", "--id", "other")
    assert there("unsilence", own)[1] == f"silence {own}: ended; {glob} still holds back notices of etl\n"
    assert (
        verb("unsilence", glob)[1]
        == f"silence {glob}: ended; e* is heard of again, also of what it held back\n"
    )
    assert verb("unsilence", "other")[1].startswith("silence other: ended; backup is heard of again")


def test_ack_takes_a_target_with_its_rule_and_every_spelling_of_a_moment(verb, there, down):
    row = json.loads(verb("ack", "backup/missed", "--until", "2099-01-31 12:30:00Z", "--json")[1])
    assert row["acknowledged_until"].startswith("2099-01-31T12:30")
    assert there("unack", "backup/missed")[0] == 0
    assert (
        json.loads(there("ack", "backup/missed", "--until", "20990131T123000Z", "--json")[1])["id"]
        == row["id"]
    )


def test_silence_of_every_target_takes_an_id_and_an_end(there, run):
    says = there("silence", "--all", "--until", "2099-01-31T12:30:00Z", "--id", "move")[1]
    assert re.fullmatch(
        r"silence move: mutes 3 targets and 0 open incidents until 2099-01-31 12:30 UTC; ends by itself\. "
        r"Undo: watchkeeper unsilence move\n",
        says,
    )
    assert there("unsilence", "other")[1] == (
        "watchkeeper: no silence in force begins with other; in force are move (every target)\n"
    )
    row = json.loads(there("unsilence", "mo", "--json")[1])
    assert (row["id"], row["target"], row["by"]) == ("move", None, "anna")


def test_silence_of_a_glob_and_of_matchers_says_how_many_targets_it_mutes(verb, down):
    assert verb("silence", "b*", "--for", "2h", "--dry-run")[1] == (
        "would mute 1 target and 1 open incident; nothing was done\n"
    )
    assert verb("silence", "none*", "--for", "2h", "--dry-run")[1] == (
        "would mute no target that is watched now, only those that come later; nothing was done\n"
    )
    row = json.loads(
        verb("silence", "--match", "severity=info", "--match", "rule!=x", "--for", "1h", "--json")[1]
    )
    assert (row["target"], row["match"]) == ("*", ["severity=info", "rule!=x"])
    assert verb("unsilence", row["id"])[1] == (
        f"silence {row['id']}: ended; every target, severity=info, rule!=x is heard of again, also of what it held back\n"
    )


def test_a_dry_run_of_a_silence_makes_none(verb, run):
    assert verb("silence", "etl", "--for", "1h", "--dry-run") == (
        0,
        "would mute 1 target and 0 open incidents; nothing was done\n",
    )
    found = verb("silence", "etl", "--for", "1h", "--dry-run", "--json")[1]
    assert json.loads(found) == {"dry_run": True, "targets": 1, "open_incidents": 0}
    assert verb("unsilence", "s-") == (
        1,
        "watchkeeper: no silence in force begins with s-: none is in force\n",
    )


WRONG = [
    (("silence", "--for", "1h"), "name a target, every one with --all, or some with --match"),
    (("silence", "etl", "--all", "--for", "1h"), "name a target, or every one with --all"),
    (("silence", "--match", "=x", "--for", "1h"), "Invalid value for --match: '=x' is no matcher"),
    (("silence", "etl"), "say how long with --for, or until when with --until: one of the two"),
    (("silence", "etl", "--until", "noon"), "for --until: 'noon' is no moment: write it like 2026-01-31T"),
    (("silence", "etl", "--until", "2020-01-31T12:30:00Z"), "2020-01-31T12:30:00Z has passed"),
    (("silence", "etl", "--for", "0s"), "0s is too short: a second or more"),
    (("silence", "etl", "--for", "1h", "--id", "a/b"), "an id has no slash"),
    (("ack", "7f2c", "--until", "2020-01-31T12:30:00Z"), "2020-01-31T12:30:00Z has passed"),
    (("ack", "7f2c", "--token-file", "token"), "--token-file belongs to --url or WATCHKEEPER_URL"),
    (("ack", "7f2c", "--url", "127.0.0.1:1"), "'127.0.0.1:1' is no URL: write http://127.0.0.1:1 or https"),
    (("ack", "7f2c", "--url", "ftp://h"), "ftp://h: a URL begins with http:// or https://"),
    (("silence", "etl", "--for", "soon"), "soon"),
    (("heartbeat", "etl", "--fail", "--start"), "--fail, --start and --exit say different things"),
    (("heartbeat", "etl", "--exit", "256"), "256 is not in the range 0<=x<=255"),
    (("pause",), "Missing argument 'TARGET...'"),
    (("ack", "7f2c", "--url", "http://127.0.0.1:1", "--store", "watch.db"), "give one of them"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG)
def test_a_command_line_that_means_nothing_ends_with_2(verb, run, arguments, says):
    status, said = verb(*arguments)
    assert (status, says in said) == (2, True), said


def test_pause_and_resume_take_names_and_globs(verb, there, run):
    undo = "paused until it is resumed; its incidents stay as they are. Undo: watchkeeper resume"
    assert verb("pause", "back*", "etl") == (0, f"backup: {undo} backup\netl: {undo} etl\n")
    assert verb("heartbeat", "etl")[1] == (
        "etl: paused, so that this report counts for nothing; it does again after: watchkeeper resume etl\n"
    )
    assert there("resume", "[be]*") == (0, "backup: watched again\netl: watched again\n")
    assert verb("pause", "bakcup") == (1, "watchkeeper: no target is named 'bakcup', did you mean backup\n")
    assert verb("pause", "x*")[0] == 1
    assert verb("pause", "x[") == (
        1,
        "watchkeeper: 'x[': the class [ has no end: close it with ], or write \\[ for the bracket itself\n",
    )
    done = json.loads(verb("resume", "etl", "--json")[1])
    assert (done["targets"], done["rows"][0]["paused"]) == (["etl"], False)


def test_heartbeat_joins_the_start_of_a_run_with_its_end_and_tells_its_exit_status(verb, run):
    verb("heartbeat", "etl", "--start", "--run", "one")
    verb("heartbeat", "etl", "--start", "--run", "two")
    assert verb("heartbeat", "etl", "--run", "one", "--exit", "3")[0] == 0
    newest = Asking("watch.db").get("/targets/etl/pings?limit=1").json["items"][0]
    assert (newest["kind"], newest["run"], newest["exit_status"]) == ("fail", "one", 3)
    assert newest["duration_ms"] > 0
    verb("heartbeat", "etl", "--run", "two")


def test_heartbeat_notes_a_start_and_refuses_another_kind(verb, run):
    assert verb("heartbeat", "etl") == (0, "etl: heard; it is up\n")
    assert verb("heartbeat", "etl", "--start") == (0, "etl: its start is noted; it is up\n")
    assert verb("heartbeat", "port") == (
        1,
        "watchkeeper: the target 'port' takes no heartbeats: it is of kind tcp\n",
    )
    assert json.loads(verb("heartbeat", "etl", "--json")[1])["status"] == "up"


def test_heartbeat_reports_the_exit_status_and_the_id_of_a_run(verb, run):
    verb("heartbeat", "etl", "--start", "--run", "one")
    assert verb("heartbeat", "etl", "--exit", "3", "--run", "one", "--detail", "disk full")[0] == 0
    newest, started = Asking("watch.db").get("/targets/etl/pings?limit=2").json["items"]
    assert (newest["kind"], newest["exit_status"], newest["run"], started["run"]) == ("fail", 3, "one", "one")
    assert newest["duration_ms"] > 0
    assert newest["body"] == "exit status 3: disk full"
    assert "write --run" in verb("heartbeat", "etl", "--run-id", "one")[1]


def test_check_now_says_what_it_found_and_ends_with_1_where_that_is_bad(verb, there, run, folder):
    with socket.create_server(("127.0.0.1", 0)) as server:
        config = folder / "watchkeeper.yaml"
        good = config.read_text()
        port = server.getsockname()[1]
        more = "  - {id: %s, every: 1h, tcp: {host: 127.0.0.1, port: %d}}\n"
        config.write_text(good + more % ("mail", port) + more % ("gone", 1))
        assert verb("reload")[0] == 0
        status, says = verb("check-now", "mail")
        assert (status, re.sub(r"\d+", "N", says)) == (0, "mail: up in N ms\n")
        status, says = there("check-now", "gone", "mail")
        assert status == 1
        assert re.sub(r"in \d+", "in N", says) == (
            "gone: down: connection_refused: 127.0.0.1 port 1: Connection refused\nmail: up in N ms\n"
        )
        status, says = verb("check-now", "ma*", "--json")
        assert [(row["attempt"]["outcome"], row["target"]["id"]) for row in json.loads(says)["checked"]] == [
            ("up", "mail")
        ]
        config.write_text(good)
        assert verb("reload")[0] == 0
    assert verb("check-now", "etl") == (
        1,
        "watchkeeper: target 'etl' is a heartbeat: its job reports, and there is nothing to start\n",
    )
    assert (
        verb("check-now", "port")[1]
        == "watchkeeper: target 'port' is paused: resume it before it is checked\n"
    )
    assert verb("check-now", "none")[0] == 1


def test_reload_says_each_problem_and_needs_an_admin(verb, there, run, folder):
    assert verb("reload") == (0, "the configuration is in force as it is now: 3 targets\n")
    config = folder / "watchkeeper.yaml"
    good = config.read_text()
    config.write_text(good.replace("every: 1h", "every: 1x", 1))
    status, says = verb("reload")
    config.write_text(good)
    assert (status, "watchkeeper.yaml:8:25: targets[0].every: " in says) == (2, True), says
    assert there("reload") == (1, "watchkeeper: this needs the role admin: anna has operator\n")


def test_a_token_that_others_may_read_is_not_sent(verb, run, folder, tmp_path):
    open_ = tmp_path / "token"
    open_.write_text("wk_x\n")
    open_.chmod(0o644)
    url = ("--url", (folder / "url").read_text())
    assert verb("ack", "x", *url, "--token-file", str(open_)) == (
        2,
        f"{open_}: others may read this token: chmod 600 {open_}\n",
    )
    open_.chmod(0o600)
    open_.write_text("wk_x wk_y\n")
    assert verb("ack", "x", *url, "--token-file", str(open_))[0] == 2
    assert verb("ack", "x", *url, "--token-file", str(tmp_path / "none"))[0] == 2
    status, says = verb("ack", "x", *url)
    # Other tests share the runtime, and may have left one open.
    assert (status, says[:43]) == (1, "watchkeeper: no open incident begins with x")


def test_the_environment_names_another_machine_where_the_command_line_names_none(
    verb, run, folder, monkeypatch
):
    monkeypatch.setenv("WATCHKEEPER_URL", (folder / "url").read_text())
    monkeypatch.setenv("WATCHKEEPER_TOKEN_FILE", str(folder / "token"))
    assert verb("reload")[1] == "watchkeeper: this needs the role admin: anna has operator\n"
    assert verb("reload", "-c", "watchkeeper.yaml")[0] == 0
    assert verb("reload", "--store", "watch.db")[0] == 0


# Where no process runs the store.


def test_verbs_without_a_run_write_to_the_store_and_say_so(quiet):
    later = f"no process runs {Path.cwd()}/watch.db: this counts from the next run on\n"
    assert quiet("heartbeat", "backup", "--fail") == (0, f"backup: reported as failed\n{later}")
    assert quiet("ack", "backup") == (
        0,
        f"backup: acknowledged by otto; ops and oncall will hear of it, and then of the end only\n{later}",
    )
    assert quiet("silence", "backup", "--for", "1h", "--id", "mine", "--dry-run")[1] == (
        "would mute 1 target and 1 open incident; nothing was done\n"
    )
    assert quiet("silence", "backup", "--for", "1h", "--id", "mine")[1].endswith(f"unsilence mine\n{later}")
    assert quiet("unsilence", "mine")[0] == 0
    assert quiet("pause", "etl")[1].endswith(later)
    assert quiet("heartbeat", "etl") == (
        1,
        "watchkeeper: target 'etl' is paused: a report counts for nothing until it is resumed\n",
    )
    assert quiet("resume", "etl", "--json")[0] == 0
    row = json.loads(quiet("status", "--json")[1])["targets"][0]
    assert (row["status"], row["acknowledged_by"]) == ("down", ["otto"])


def test_verbs_that_only_a_running_process_can_do_end_with_4(quiet):
    says = f"watchkeeper: no process runs {Path.cwd()}/watch.db\n"
    assert quiet("reload") == (4, says)
    assert quiet("check-now", "etl") == (4, says)
    assert quiet("heartbeat", "etl", "--start") == (
        4,
        f"{says.strip()}: a start is kept only while one does\n",
    )


def test_a_process_that_has_no_control_socket_is_named_with_the_remedy(quiet):
    store = SqliteStore("watch.db")
    store.open(SystemClock().read())
    try:
        status, says = quiet("pause", "etl")
    finally:
        store.close()
    assert (status, says.startswith(f"watchkeeper: process {os.getpid()} on ")) == (4, True)
    assert says.endswith(
        "its process lacks the extra `web`: pip install 'watchkeeper[web]' there, and start it again\n"
    )


def test_a_verb_waits_for_another_command_that_holds_the_store(quiet):
    store = SqliteStore("watch.db")
    store.open(SystemClock().read())
    said = []
    other = threading.Thread(target=lambda: said.append(quiet("heartbeat", "etl")))
    other.start()
    other.join(0.5)  # it has found the store held by now, and looks again
    store.close()
    other.join(20)
    assert [(status, text.splitlines()[0]) for status, text in said] == [(0, "etl: heard")]


def test_a_store_that_is_not_there_ends_with_3(quiet):
    assert quiet("ack", "x", "--store", "none.db")[0] == 3
    assert not Path("none.db").exists()


def test_redrive_by_a_run_refuses_a_key_that_is_no_dead_letter(there, run):
    assert there("redrive", "msg_none") == (
        1,
        "watchkeeper: msg_none is no dead letter: `watchkeeper notices --state dead` lists the keys\n",
    )
