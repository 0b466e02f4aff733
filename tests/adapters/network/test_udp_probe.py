"""The `udp` probe against a real server of datagrams."""

import socket
import threading
from contextlib import contextmanager

import pytest
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.domain.limits import DATAGRAMS_READ_MAX
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probes.udp import Udp

TIMEOUT_MS = 300
SEVERAL_TIMEOUTS_MS = 5 * TIMEOUT_MS


@pytest.fixture
def prober(prober_of):
    return prober_of(Udp)


@contextmanager
def serving(*answers: bytes):
    """A server that answers each datagram with all of these; yields its port and what it heard."""
    heard = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve():
            while True:
                said, peer = server.recvfrom(65_535)
                if not said:
                    return
                heard.append(said)
                for answer in answers:
                    server.sendto(answer, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        try:
            yield port, heard
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", port))
            thread.join(20)


def asked(port, **fields) -> Udp:
    return Udp(**{"host": "127.0.0.1", "port": port, "send": "ping ü", **fields})


def test_an_answer_of_any_kind_is_good(bench, prober):
    with serving(b"pong") as (port, heard):
        seen = bench.run(prober, asked(port)).seen

    assert (seen.outcome, seen.body, seen.ip, seen.connected) == (Outcome.UP, b"pong", "127.0.0.1", True)
    assert heard == ["ping ü".encode()]


def test_an_expected_text_may_come_in_a_later_datagram(bench, prober):
    with serving(b"busy", b"still", b"pong 7") as (port, _):
        seen = bench.run(prober, asked(port, expect="pong")).seen

    assert (seen.outcome, seen.body) == (Outcome.UP, b"pong 7")


HOSTILE = [
    ((), Outcome.TIMED_OUT, Reason.TIMED_OUT, "answered"),
    ((b"",), Outcome.TIMED_OUT, Reason.TIMED_OUT, "expected text"),
    ((b"busy",), Outcome.TIMED_OUT, Reason.TIMED_OUT, "expected text"),
    ((b"x" * 40_000,) * 3, Outcome.DOWN, Reason.BODY_TOO_LARGE, "2 datagrams of 80000 bytes"),
    ((b"",) * DATAGRAMS_READ_MAX, Outcome.DOWN, Reason.BODY_TOO_LARGE, f"{DATAGRAMS_READ_MAX} datagrams"),
]


@pytest.mark.parametrize(("answers", "outcome", "reason", "said"), HOSTILE)
def test_each_hostile_peer_ends_with_its_own_reason(bench, prober, answers, outcome, reason, said):
    # The answers of a busy machine come late, and must have come when the deadline passes.
    short_ms = SEVERAL_TIMEOUTS_MS if answers else TIMEOUT_MS
    within_ms = {"timeout_ms": short_ms} if outcome is Outcome.TIMED_OUT else {}
    with serving(*answers) as (port, _):
        seen = bench.run(prober, asked(port, expect="pong"), **within_ms).seen

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert said in seen.detail


def test_a_port_on_which_nobody_listens_is_refused(bench, prober):
    with serving() as (port, _):
        pass
    seen = bench.run(prober, asked(port)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CONNECTION_REFUSED)
    assert str(port) in seen.detail


def test_a_cancelled_attempt_leaves_no_descriptor(bench, prober, descriptors):
    with serving() as (port, _):
        before = descriptors()
        started = prober.start(bench.request(asked(port)), lambda seen: pytest.fail(str(seen)))
        bench.turn()
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert descriptors() <= before


def test_a_private_address_is_sent_nothing_where_they_are_denied(bench):
    denying = NETWORK_PROBERS[Udp](bench.around(deny=True))
    with serving(b"pong") as (port, heard):
        seen = bench.run(denying, asked(port)).seen
    denying.close()

    assert (seen.outcome, seen.reason, heard) == (Outcome.DOWN, Reason.ADDRESS_REFUSED, [])


def test_the_text_that_is_sent_is_not_shown():
    assert "hunter2" not in repr(Udp(host="h", port=1, send="AUTH hunter2"))
