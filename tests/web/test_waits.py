"""The reason why a channel waits to be told of an incident: in the status, the API, the page and its text."""

import re

import pytest
from asking import Asking, settled, signed_in
from host_servers import until
from markup import page_of
from watchkeeper import Channel, Heartbeat, Log, Runtime, Target


@pytest.fixture
def held(runtime):
    """The incident of a target that was silenced before it failed."""
    runtime.silence("shop", "1h", reason="a move", id="move")
    runtime.heartbeat("shop", ok=False, detail="no stock")
    settled(runtime)
    return runtime.incidents(open_only=True)[0]


def test_the_status_says_which_channel_waits_for_what(runtime, held):
    (waiting,) = runtime.status().waits_of(held.id)
    assert (waiting.channel, waiting.hold.reason) == ("ops", "silence move")
    assert waiting.hold.until == runtime.status().silences[0].until
    runtime.unsilence("move")
    settled(runtime)
    assert runtime.status().waits == ()


def test_the_api_says_it_with_what_each_channel_was_told(viewer, held):
    (row,) = viewer.get(f"/incidents/{held.id}/told").json["items"]
    assert (row["channel"], row["told"], row["state"]) == ("ops", None, None)
    assert (row["waits"]["kind"], row["waits"]["name"]) == ("silence", "move")
    assert row["waits"]["until"].endswith("Z")


def test_the_page_and_the_text_say_it_in_words(runtime, url, held):
    anna = Asking(url, cookie=signed_in(url, runtime.login_link(role="viewer", name="anna")))
    page = anna.ask("GET", f"/i/{held.id}").body.decode()
    assert "waits: silence move" in page
    text = anna.ask("GET", f"/i/{held.id}.txt").body.decode()
    assert "ops knows: nothing yet, waits: silence move until" in text


def test_the_list_of_waits_has_each_channel_that_waits(viewer, held):
    (row,) = viewer.get("/waits").json["items"]
    assert (row["incident"], row["channel"], row["kind"]) == (held.id, "ops", "silence")
    assert viewer.get(f"/waits?after={held.id}/ops").json == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("prompt", "said"),
    [(["ops"], r"told ops ✓, boss waits: its delay until \S"), ([], r"· +boss waits: its delay until \S")],
    ids=["one is told", "nobody is told"],
)
def test_the_overview_names_those_who_were_told_before_those_who_wait(tmp_path, prompt, said):
    channels = [Channel(id="boss", log=Log(), after="15m"), Channel(id="ops", log=Log())]
    job = Target(id="job", heartbeat=Heartbeat(), every="1h", notify=["boss", *prompt])
    with Runtime(targets=[job], channels=channels, store=tmp_path / "watch.db") as runtime:
        runtime.heartbeat("job", ok=False)
        settled(runtime)
        viewer = Asking(runtime.serve("127.0.0.1:0"))
        until(lambda: len(viewer.get("/notices?state=delivered").json["items"]) == len(prompt))
        page = page_of(viewer, "/")
        assert re.search(said, re.sub(r"<[^>]+>", "", page))
