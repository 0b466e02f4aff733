"""The event stream: what a client hears, what it misses, and how it comes back."""

import time

import pytest
from asking import TOKENS, Asking
from streams import Listening
from watchkeeper import Heartbeat, Runtime, Target
from watchkeeper.web import limits


def told(stream):
    """The next statuses: each without the moment at which it began, which is a recent one."""
    entries = stream.first("status")[1]["k"]
    assert all(abs(since_ms / 1e3 - time.time()) < 60 for _, since_ms, _ in entries.values())
    return {name: (status, why) for name, (status, _, why) in entries.items()}


def test_a_new_client_is_told_to_ask_for_the_status(url):
    with Listening(url) as stream:
        assert stream.head[0] == "HTTP/1.1 200 OK"
        assert "content-type: text/event-stream; charset=utf-8" in stream.head
        assert stream.first("reset")[1] == {}


def test_a_change_of_status_is_told_with_its_reason(runtime, url):
    with Listening(url) as stream:
        stream.first("reset")
        runtime.heartbeat("shop", ok=False, detail="no stock")
        assert told(stream) == {"shop": ("down", "reported")}


def test_an_incident_and_its_notices_are_told(runtime, url):
    with Listening(url) as stream:
        stream.first("reset")
        runtime.heartbeat("shop", ok=False)
        assert stream.first("incident")[1]["target"] == "shop"
        notice = stream.first("notice")[1]
        assert (notice["channel"], notice["state"]) == ("ops", "delivered")


def test_a_pause_and_a_removal_are_told_though_no_event_says_so(runtime, url):
    with Listening(url) as stream:
        stream.first("reset")
        runtime.pause("shop")
        assert told(stream) == {"shop": ("paused", "")}
        runtime.untrack("shop")
        assert told(stream) == {"shop": ("gone", "")}


def test_an_announcement_that_begins_changes_and_ends_is_told(runtime, url):
    with Listening(url) as stream:
        stream.first("reset")
        runtime.announce("Slow", id="a")
        assert stream.first("announcement")[1] == {"standing": ["a"]}
        runtime.announce("Slow", "We look into it.", id="a")
        assert stream.first("announcement")[1] == {"standing": ["a"]}
        runtime.end_announcement("a")
        assert stream.first("announcement")[1] == {"standing": []}


def test_a_removal_is_told_once(runtime, url):
    with Listening(url) as stream:
        stream.first("reset")
        runtime.untrack("shop")
        assert told(stream) == {"shop": ("gone", "")}
        runtime.pause("backup")
        assert told(stream) == {"backup": ("paused", "")}


def test_a_silence_that_begins_changes_and_ends_is_told(runtime, url):
    with Listening(url) as stream:
        stream.first("reset")
        runtime.silence("shop", "1h", id="s")
        assert stream.first("silence")[1] == {"in_force": ["s"]}
        runtime.silence("shop", "2h", id="s")
        assert stream.first("silence")[1] == {"in_force": ["s"]}
        runtime.unsilence("s")
        assert stream.first("silence")[1] == {"in_force": []}


def test_the_first_target_of_a_runtime_is_told():
    with Runtime() as runtime, Listening(runtime.serve("127.0.0.1:0"), token=None) as stream:
        stream.first("reset")
        runtime.track(Target(id="first", heartbeat=Heartbeat()))
        assert told(stream) == {"first": ("unknown", "")}


def test_a_client_that_comes_back_hears_what_it_missed(runtime, url):
    with Listening(url) as other, Listening(url) as stream:
        other.first("reset")
        stream.first("reset")
        runtime.heartbeat("shop", ok=False)
        last, _ = stream.first("incident")
        stream.close()
        runtime.heartbeat("shop")
        while other.first("incident")[1]["change"] != "resolved":
            pass
        with Listening(url, last=last) as again:
            assert again.first("incident")[1]["change"] == "resolved"


def test_a_client_that_comes_back_after_a_restart_begins_anew(runtime, url):
    with Listening(url) as stream:
        stream.first("reset")
        runtime.heartbeat("shop", ok=False)
        last, _ = stream.first("incident")
    runtime.stop()
    runtime.start()
    url = runtime.serve("127.0.0.1:0")
    with Listening(url) as other:
        other.first("reset")
        for ok in (True, False, True, False):
            runtime.heartbeat("backup", ok=ok)
            other.first("incident") if not ok else None
        with Listening(url, last=last) as again:
            assert next(again.events())[1] == "reset"


@pytest.mark.parametrize("last", ["999", "-1", "x", "9" * 30])
def test_a_client_whose_place_is_unknown_begins_anew(url, last):
    with Listening(url, last=last) as stream:
        assert stream.first("reset")[1] == {}


def test_a_client_hears_only_of_the_kinds_and_the_target_it_asks_for(runtime, url):
    with Listening(url, "?types=incident") as stream:
        stream.first("reset")
        runtime.heartbeat("shop", ok=False)
        runtime.heartbeat("shop")
        kinds = [kind for _, kind, _ in (next(stream.events()) for _ in range(2))]
        assert kinds == ["incident", "incident"]
    with Listening(url, "?target=backup&types=status") as stream:
        stream.first("reset")
        runtime.pause("shop")
        runtime.pause("backup")
        assert stream.first("status")[1]["k"].keys() == {"backup"}


def test_incidents_and_notices_of_other_targets_are_left_out_too(runtime, url):
    with Listening(url, "?target=shop&types=incident,notice") as stream:
        stream.first("reset")
        for target in ("backup", "shop"):
            runtime.heartbeat(target, ok=False)
        first, second = (next(stream.events()) for _ in range(2))
        assert [first[1], second[1]] == ["incident", "notice"]
        assert [first[2]["target"], second[2]["target"]] == ["shop", "shop"]


def test_a_revoked_token_ends_its_event_stream_and_no_other(runtime, url, admin, monkeypatch):
    # An idle stream ends with its next beat at the latest: the next one comes after the test.
    monkeypatch.setattr(limits, "BEAT_EVERY_S", 600.0)
    secret = admin.put("/tokens/otto", {"role": "operator"}).json["token"]
    with Listening(url, token=secret) as revoked, Listening(url) as other:
        revoked.first("reset")
        other.first("reset")
        admin.delete("/tokens/otto")
        assert [kind for _, kind, _ in revoked.events()] == []
        runtime.heartbeat("shop", ok=False)
        assert other.first("incident")[1]["target"] == "shop"


def test_an_unknown_kind_or_target_is_refused(url):
    asking = Asking(url, TOKENS["viewer"])
    assert asking.get("/events?types=gossip").json["detail"] == (
        "there are the types status, incident, notice, silence, announcement, self, not 'gossip'"
    )
    assert asking.get("/events?target=shpo").status == 404


def test_an_idle_stream_shows_that_it_is_alive(monkeypatch, url):
    monkeypatch.setattr(limits, "BEAT_EVERY_S", 0.05)
    with Listening(url, "?types=incident") as stream:
        numbers = [number for number, kind, _ in (next(stream.events()) for _ in range(3))]
        assert len(set(numbers)) == 1


def test_a_stop_ends_the_streams(runtime, url):
    with Listening(url) as stream:
        stream.first("reset")
        runtime.stop()
        assert list(stream.events()) == []


def test_a_client_that_never_reads_delays_no_other(runtime, url):
    with Listening(url) as silent, Listening(url) as stream:
        assert silent.head
        stream.first("reset")
        for number in range(60):
            runtime.heartbeat("shop", ok=bool(number % 2))
        seen = 0
        while seen < 50:
            stream.first("incident")
            seen += 1
