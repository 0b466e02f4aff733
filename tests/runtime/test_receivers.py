"""Channels of a real runtime against receivers that behave by a script: a test of each, an incident to its end, and one that hangs."""

import json
import threading

import pytest
from click.testing import CliRunner
from peers import PEERS
from running import running
from watchkeeper import Consecutive, DeliveryState, Heartbeat, Route, Runtime, Target, TryResult
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.domain.specification.channel import Channel
from watchkeeper.launcher.main import cli

WITHIN_S = 60
RULES = [Consecutive(id="missed", after=1, recover=1)]
ENDS = {
    "slack": "[resolved] job: missed",
    "discord": "\\[resolved\\] job: missed",
    "telegram": "[resolved] job: missed",
    "ntfy": "[resolved] job: missed",
}
"""The one message of receivers that rewrite it."""


@pytest.fixture
def peers():
    made = {kind: peer() for kind, peer in PEERS.items()}
    for peer in made.values():
        peer.__enter__()
    yield made
    for peer in made.values():
        peer.__exit__()


def runtime_with(peers, **how):
    channels = [Channel(id=kind, **peer.spec) for kind, peer in peers.items()]
    job = Target(
        id="job", heartbeat=Heartbeat(), every="1h", rules=RULES, default_rules=False, notify=list(peers)
    )
    return Runtime(targets=[job], channels=channels, **how)


def until(done):
    """Waits for a state of the receivers, which their servers' threads bring about."""
    pause = threading.Event()
    for _ in range(WITHIN_S * 100):
        if done():
            return True
        pause.wait(0.01)
    return False


def test_notify_reaches_each_receiver(peers, tmp_path, monkeypatch):
    document = {
        "runtime": {"store": "watch.db"},
        "channels": [{"id": kind, **peer.spec} for kind, peer in peers.items()],
        "targets": [],
    }
    (tmp_path / "watchkeeper.yaml").write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    with running(tmp_path):
        said = {kind: CliRunner().invoke(cli, ["notify", kind]) for kind in peers}
    assert {kind: done.exit_code for kind, done in said.items()} == dict.fromkeys(peers, 0), said
    assert {kind: len(peer.shown) for kind, peer in peers.items()} == dict.fromkeys(peers, 1)
    assert peers["pagerduty"].open == []


def test_a_test_that_a_receiver_refuses_says_why(peers):
    for peer in peers.values():
        peer.script("500")
    with runtime_with(peers) as runtime:
        for kind in peers:
            tried = runtime.test_channel(kind)
            assert (tried.result, tried.detail) == (TryResult.FAILED, "HTTP 500")


def test_an_incident_is_told_to_its_end_and_rewritten_where_a_receiver_can(peers):
    with runtime_with(peers) as runtime:
        runtime.heartbeat("job", ok=False, detail="disk full")
        assert until(lambda: all(peer.shown for peer in peers.values()))
        (incident,) = runtime.incidents()
        runtime.acknowledge(incident.id, by="ann")
        runtime.heartbeat("job")
        assert until(lambda: [peers[kind].shown for kind in ENDS] == [[end] for end in ENDS.values()])
        assert until(lambda: not peers["pagerduty"].open and len(peers["webhook"].applied) >= 2)
        assert until(lambda: [alert["endsAt"] for alert in peers["alertmanager"].alerts.values()])
    assert peers["pagerduty"].shown == [incident.id]


REWRITING = ("slack", "discord", "telegram", "ntfy", "pagerduty")
"""Receivers that show one thing for a thread."""


def test_a_message_is_rewritten_by_the_process_after_the_one_that_sent_it(peers, tmp_path):
    known = {kind: peers[kind] for kind in REWRITING}
    store = str(tmp_path / "watch.db")
    with runtime_with(known, store=store) as runtime:
        runtime.heartbeat("job", ok=False)
        assert until(lambda: all(peer.shown for peer in known.values()))
        assert until(lambda: not StoreReader(store).outbox(DeliveryState.PENDING))
    with runtime_with(known, store=store) as runtime:
        runtime.heartbeat("job")
        assert until(lambda: [peers[kind].shown for kind in ENDS] == [[end] for end in ENDS.values()])
        assert until(lambda: not peers["pagerduty"].open)


def test_a_group_is_one_message_to_its_end(peers):
    known = {kind: peers[kind] for kind in REWRITING}
    channels = [Channel(id=kind, **peer.spec) for kind, peer in known.items()]
    route = Route(id="all", to=list(known), group_by=["group"], group_wait="100ms", group_interval="1s")
    jobs = [
        Target(id=name, group="etl", heartbeat=Heartbeat(), every="1h", rules=RULES, default_rules=False)
        for name in ("one", "two")
    ]
    with Runtime(targets=jobs, channels=channels, routes=[route]) as runtime:
        for job in jobs:
            runtime.heartbeat(job.id, ok=False)
        assert until(lambda: all(peer.shown for peer in known.values()))
        for job in jobs:
            runtime.heartbeat(job.id)
        assert until(
            lambda: not known["pagerduty"].open and all("resolved" in known[kind].shown[0] for kind in ENDS)
        )
    assert {kind: len(peer.shown) for kind, peer in known.items()} == dict.fromkeys(known, 1)


@pytest.mark.parametrize("word", ["hang", "drip"])
@pytest.mark.parametrize("kind", ["slack", "webhook"])
def test_a_receiver_that_does_not_answer_holds_up_no_other(peers, kind, word):
    peers[kind].script(*[word] * 99)
    others = {name: peer for name, peer in peers.items() if name != kind}
    with runtime_with(peers) as runtime:
        runtime.heartbeat("job", ok=False)
        assert until(lambda: all(peer.shown for peer in others.values()))
        runtime.heartbeat("job")
        assert until(
            lambda: (
                [peers[name].shown for name in ENDS if name != kind]
                == [[end] for name, end in ENDS.items() if name != kind]
            )
        )


def test_a_receiver_that_is_busy_is_asked_again_as_it_says(peers):
    for peer in peers.values():
        peer.script("429 1")
    with runtime_with(peers) as runtime:
        runtime.heartbeat("job", ok=False)
        assert until(lambda: all(peer.shown for peer in peers.values()))
    assert {kind: len(peer.shown) for kind, peer in peers.items()} == dict.fromkeys(peers, 1)
