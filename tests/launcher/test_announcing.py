"""`announce` and `unannounce`: by the socket of a run, by a token over TCP, and on a store that no process runs."""

import json
import re

import pytest

AT = r"\d\d:\d\d UTC"


def test_announce_says_where_it_stands_and_how_it_ends(run, verb):
    status, says = verb("announce", "Loads are late", "--kind", "outage", "--page", "jobs")
    made = re.fullmatch(
        r"announcement (a-\w{5}): announced on page jobs\. End: watchkeeper unannounce \1\n", says
    )
    assert (status, bool(made)) == (0, True)
    changed = verb("announce", "Loads are late", "--text", "The cause is found.", "--page", "jobs", "--json")
    row = json.loads(changed[1])
    assert (row["id"], row["text"], row["by"]) == (made[1], "The cause is found.", "otto")
    assert verb("announce", "Loads are late", "--page", "jobs", "--kind", "outage")[1].startswith(
        f"announcement {made[1]}: changed on page jobs"
    )
    ended = f"announcement {made[1]}: ended; page jobs shows it among the past ones\n"
    assert verb("unannounce", made[1][:4]) == (0, ended)
    assert verb("unannounce", made[1]) == (
        1,
        f"watchkeeper: no announcement begins with {made[1]}: none stands\n",
    )


def test_a_maintenance_is_announced_by_a_token_with_its_span(run, there):
    named = ("--id", "move", "--kind", "maintenance")
    status, says = there("announce", "A move", *named, "--from", "2099-01-01T00:00:00Z", "--for", "2h")
    assert status == 0
    span = "from 2099-01-01 00:00 UTC until 2099-01-01 02:00 UTC"
    assert says.startswith(f"announcement move: announced on every public page {span}. End: watchkeeper unan")
    assert json.loads(there("unannounce", "move", "--json")[1])["by"] == "anna"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--kind", "maintenance"), 1, "a maintenance has an end"),
        (("--from", "2099-01-01T00:00:00Z"), 1, "a maintenance alone has a start"),
        (("--kind", "maintenance", "--for", "1h", "--from", "soon"), 1, "'soon' is no moment"),
        (("--for", "1h", "--until", "2099-01-01T00:00:00Z"), 2, "one of the two"),
        (("--until", "2020-01-01T00:00:00Z"), 2, "has passed"),
        (("--kind", "party"), 2, "'party' is not one of"),
        (("--page", "mail"), 1, "no public page is named 'mail'"),
        (("--id", "a/b"), 2, "an id has no slash"),
    ],
)
def test_an_announcement_of_nonsense_is_refused(run, verb, arguments, status, says):
    ended = verb("announce", "A move", *arguments)
    assert ended[0] == status
    assert says in ended[1]


def test_an_announcement_is_written_to_a_store_that_no_process_runs(quiet):
    status, says = quiet("announce", "Slow", "--id", "slow", "--for", "2h")
    assert (status, bool(re.search(rf"until (.*){AT}\. End: .*\nno process runs .*watch.db: ", says))) == (
        0,
        True,
    )
    assert quiet("unannounce", "s")[0] == 0
