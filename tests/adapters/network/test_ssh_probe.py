"""The `ssh` probe against a real server, and against peers that break off, lie, or say nothing."""

import json

import pytest
from hostile.keys import KeyServer
from hostile.server import HostileServer
from hostile.visit import Visit
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probes.ssh import Ssh

TIMEOUT_MS = 300


@pytest.fixture
def prober(bench):
    prober = NETWORK_PROBERS[Ssh](bench.around())
    yield prober
    prober.close()
    for _ in range(5):
        bench.turn()


def target(server, **fields) -> Ssh:
    return Ssh(host=server.host, port=server.port, **fields)


@pytest.mark.parametrize("key_type", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_a_server_that_proves_its_key_is_up_and_told(bench, prober, key_type):
    with KeyServer(key_type) as server:
        seen = bench.run(prober, target(server, fingerprints=[server.fingerprint])).seen

    told = json.loads(seen.body)
    assert (seen.outcome, seen.reason, seen.connected, seen.ip) == (Outcome.UP, Reason.OK, True, "127.0.0.1")
    assert (told["key_type"], told["fingerprint"]) == (key_type, server.fingerprint)
    assert told["banner"].startswith("SSH-2.0-AsyncSSH")


def test_another_host_key_is_down_and_told(bench, prober):
    with KeyServer() as server:
        seen = bench.run(prober, target(server, fingerprints=["SHA256:" + "a" * 43])).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert server.fingerprint in seen.detail


def test_a_port_on_which_nobody_listens_is_refused(bench, prober):
    with KeyServer() as server:
        pass
    seen = bench.run(prober, target(server)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CONNECTION_REFUSED)


BANNER = b"SSH-2.0-x\r\n"


def after(*said):
    """A peer that says this, hears something, and leaves in order."""

    def serve(visit):
        visit.send(b"".join(said))
        visit.wait_for_client_to_leave()

    return serve


HOSTILE = [
    (Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (after(BANNER), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (lambda visit: visit.drip([b"S"] * 90, 0.1), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (lambda visit: None, Outcome.DOWN, Reason.TRUNCATED),
    (lambda visit: visit.send(b"hello"), Outcome.DOWN, Reason.TRUNCATED),
    (lambda visit: visit.send(b"one line\nSSX-2.0-x\n"), Outcome.DOWN, Reason.TRUNCATED),
    (after(b"SSH-1.5-old\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (after(b"SSH-2.0-\xff\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (after(b"SSH-2.0-" + b"x" * 300 + b"\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (after(BANNER, b"\xff" * 64), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (after(BANNER, b"\0\0\0\x0c\x0a\x14" + b"\0" * 32), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (after(b"x" * 40_000), Outcome.DOWN, Reason.BODY_TOO_LARGE),
]


@pytest.mark.parametrize(("serve", "outcome", "reason"), HOSTILE)
def test_each_hostile_peer_ends_with_its_own_reason(bench, prober, serve, outcome, reason):
    within_ms = {"timeout_ms": TIMEOUT_MS} if outcome is Outcome.TIMED_OUT else {}
    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server), **within_ms).seen
        assert bench.when(server.gone)

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert seen.detail
    assert seen.detail.isprintable()


def test_a_peer_that_leaves_in_the_key_exchange_is_down(bench, prober):
    def serve(visit):
        visit.send(BANNER)
        visit.read_something()

    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server)).seen

    # The system resets a connection where something is left unread, and ends it in order where nothing is.
    assert seen.outcome is Outcome.DOWN
    assert seen.reason in {Reason.TRUNCATED, Reason.CONNECTION_RESET}


@pytest.mark.parametrize("said", [b"", BANNER])
def test_a_cancelled_attempt_leaves_no_descriptor(bench, prober, descriptors, said):
    def serve(visit):
        visit.send(said)
        visit.wait_for_client_to_leave()

    with HostileServer(greeting=serve) as server:
        bench.run(prober, target(server), timeout_ms=TIMEOUT_MS)
        assert bench.when(server.gone)
    before = descriptors()
    with HostileServer(greeting=serve) as server:
        started = prober.start(bench.request(target(server)), lambda seen: pytest.fail(str(seen)))
        assert bench.when(server.arrived)
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        assert bench.when(server.gone)
    assert descriptors() <= before
