"""`status`, `incidents` and `notices` by a URL against the same by the store of a real `run`."""

import json

import pytest
from looking import until


def settled(verb, name, *arguments):
    """Returns the document of a verb once the run has nothing more to tell."""
    until(lambda: not json.loads(verb("notices", "--state", "pending", "--json")[1])["notices"])
    return json.loads(verb(name, *arguments, "--json")[1])


def without_moment(document):
    assert document.pop("at") is not None
    return document


@pytest.mark.parametrize(
    "arguments",
    [("incidents",), ("incidents", "--open", "--target", "backup"), ("notices", "--state", "delivered")],
)
def test_a_list_by_a_url_is_that_of_the_store(down, verb, there, arguments):
    verb("ack", down, "--note", "rolling back")
    here = without_moment(settled(verb, *arguments))
    assert without_moment(json.loads(there(*arguments, "--json")[1])) == here
    table = verb(*arguments)[1]
    assert [line.split()[0] for line in there(*arguments)[1].splitlines()] == [
        line.split()[0] for line in table.splitlines()
    ]


def test_the_status_by_a_url_has_the_keys_and_states_of_the_store(down, verb, there):
    verb("silence", "etl", "--for", "1h", "--reason", "deploy")
    here, seen = settled(verb, "status"), json.loads(there("status", "--json")[1])
    assert seen["run_by"].startswith("http://127.0.0.1:")
    assert (set(seen), seen["notices"]) == (set(here), here["notices"])
    for ours, theirs in zip(here["targets"], seen["targets"], strict=True):
        assert set(ours) == set(theirs)
        same = ("target", "kind", "status", "paused", "open_incidents", "acknowledged_by", "silenced_by")
        assert {key: ours[key] for key in same} == {key: theirs[key] for key in same}
    status, says = there("status", "--exit-code")
    assert (status, "\n3 targets: 1 down, " in says, "run by http://127.0.0.1:" in says) == (
        1,
        True,
        True,
    )
    assert "silenced by otto until" in says
    verb("unsilence", "s-")


def test_the_variable_of_the_url_leads_the_verbs_that_see_as_well(run, verb, folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WATCHKEEPER_URL", (folder / "url").read_text())
    monkeypatch.setenv("WATCHKEEPER_TOKEN_FILE", str(folder / "token"))
    assert "backup" in verb("status")[1]
    assert verb("incidents", "--target", "nope")[1] == "watchkeeper: no target is named 'nope'\n"
    assert verb("notices", "--state", "dead") == (0, "no notices\n")
    monkeypatch.setenv("WATCHKEEPER_URL", "http://127.0.0.1:1")
    status, says = verb("status", "--exit-code")
    assert (status, says.startswith("watchkeeper: nothing answers at http://127.0.0.1:1: ")) == (4, True)
