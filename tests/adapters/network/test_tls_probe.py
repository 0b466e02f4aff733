"""The `tls` probe against real TLS servers, and against peers that break off, lie, or say nothing."""

import json
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from hostile.server import HostileServer
from hostile.starttls import changing_over
from hostile.visit import Visit
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.tls_handshake import TlsHandshake

TIMEOUT_MS = 300
DAY_NS = 86_400 * 10**9


@pytest.fixture
def prober(prober_of):
    return prober_of(TlsHandshake)


def target(server, authority=None, **fields) -> TlsHandshake:
    tls = Tls(**fields.pop("tls", {}), **({"ca_file": authority.file} if authority else {}))
    return TlsHandshake(host=server.host, port=server.port, tls=tls, **fields)


def test_a_valid_certificate_is_up_and_told(bench, prober, authority):
    expires = datetime.now(UTC) + timedelta(days=20)
    with authority.server("127.0.0.1", "shop.example", expires=expires) as server:
        seen = bench.run(prober, target(server, authority)).seen

    agreed = json.loads(seen.body)
    assert (seen.outcome, seen.reason, seen.connected, seen.ip) == (Outcome.UP, Reason.OK, True, "127.0.0.1")
    assert 19 * DAY_NS < seen.certificate_expires_in_ns <= 20 * DAY_NS
    assert agreed["version"] == "1.3"
    assert sorted(seen.certificate_names) == ["127.0.0.1", "shop.example"]
    assert "trustme" in seen.certificate_issuer
    assert "trustme" in agreed["subject"]
    assert seen.certificate_chain_expires_in_ns == seen.certificate_expires_in_ns
    assert 0 < seen.phases.tls_ns <= seen.response_time_ns


def test_a_certificate_that_proves_nothing_is_read_where_it_is_not_judged(bench, prober, authority):
    expired = datetime.now(UTC) - timedelta(days=2)
    with authority.server("other.example", expires=expired) as server:
        seen = bench.run(prober, target(server, tls={"verify": False})).seen

    assert seen.outcome is Outcome.UP
    assert -3 * DAY_NS < seen.certificate_expires_in_ns < -1 * DAY_NS
    assert seen.certificate_names == ("other.example",)


def _expired(authority):
    return authority.server(expires=datetime.now(UTC) - timedelta(days=2))


REFUSED = [
    (_expired, "expired"),
    (lambda authority: authority.server("other.example"), "doesn't match|mismatch"),
    (lambda authority: authority.server(ca=trustme.CA()), "unable to get local issuer"),
]


@pytest.mark.parametrize(("made", "said"), REFUSED)
def test_a_certificate_that_proves_nothing_is_down(bench, prober, authority, made, said):
    with made(authority) as server:
        seen = bench.run(prober, target(server, authority)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)
    assert any(word in seen.detail for word in said.split("|"))


def test_another_name_than_the_host_may_be_asked_for(bench, prober, authority):
    with authority.server("shop.example") as server:
        seen = bench.run(prober, target(server, authority, tls={"server_name": "shop.example"})).seen

    assert seen.outcome is Outcome.UP


def test_a_server_of_older_versions_only_is_down(bench, prober, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with authority.server(context=context) as server:
        good = bench.run(prober, target(server, authority)).seen
        bad = bench.run(prober, target(server, authority, minimum_version="1.3")).seen

    assert (good.outcome, json.loads(good.body)["version"]) == (Outcome.UP, "1.2")
    assert (bad.outcome, bad.reason) == (Outcome.DOWN, Reason.TLS_FAILED)
    assert "version" in bad.detail


@pytest.mark.parametrize("protocol", ["smtp", "imap", "pop3", "ftp", "postgres"])
def test_tls_is_asked_for_in_the_words_of_a_protocol(bench, prober, authority, protocol):
    context = authority.context()
    with HostileServer(greeting=changing_over(protocol, context)) as server:
        seen = bench.run(prober, target(server, authority, starttls=protocol)).seen

    assert (seen.outcome, seen.detail) == (Outcome.UP, "")
    assert seen.certificate_expires_in_ns > 0


SAID = b"HTTP/1.1 400 Bad Request\r\n\r\n"
HOSTILE = [
    (None, Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (None, lambda visit: visit.read_something(), Outcome.DOWN, Reason.TLS_FAILED),
    (None, lambda visit: (visit.read_something(), visit.send(SAID)), Outcome.DOWN, Reason.TLS_FAILED),
    (None, lambda visit: (visit.read_something(), visit.drip([b"\x16"] * 90, 0.1)), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    ("smtp", lambda visit: visit.send(b"554 go away\r\n"), Outcome.DOWN, Reason.TLS_FAILED),
    ("smtp", lambda visit: visit.send(b"SSH-2.0-x\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    ("smtp", lambda visit: visit.pour(b"220-x\r\n" * 9_000, 100), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    ("imap", lambda visit: visit.pour(b"x" * 65_536, 100), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    ("pop3", lambda visit: visit.send(b"-ERR busy\r\n"), Outcome.DOWN, Reason.TLS_FAILED),
    ("ftp", lambda visit: None, Outcome.DOWN, Reason.TRUNCATED),
    ("postgres", lambda visit: (visit.read_something(), visit.send(b"N")), Outcome.DOWN, Reason.TLS_FAILED),
    ("postgres", lambda visit: (visit.read_something(), visit.send(b"E!")), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    ("postgres", lambda visit: (visit.read_something(), visit.send(b"Sx")), Outcome.DOWN, Reason.PROTOCOL_ERROR),
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "serve", "outcome", "reason"), HOSTILE)
def test_each_hostile_peer_ends_with_its_own_reason(
    bench, prober, authority, protocol, serve, outcome, reason
):
    within_ms = {"timeout_ms": TIMEOUT_MS} if outcome is Outcome.TIMED_OUT else {}
    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server, authority, starttls=protocol), **within_ms).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert seen.detail
    assert seen.detail.isprintable()


def test_bytes_in_clear_before_tls_are_refused(bench, prober, authority):
    def inject(visit):
        visit.send(b"+OK\r\n")
        visit.read_something()
        visit.send(b"+OK\r\n+OK injected\r\n")
        visit.wait_for_client_to_leave()

    with HostileServer(greeting=inject) as server:
        seen = bench.run(prober, target(server, authority, starttls="pop3")).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.PROTOCOL_ERROR)


def test_a_file_that_cannot_be_read_says_nothing_of_the_target(bench, prober, authority):
    with authority.server() as server:
        seen = bench.run(prober, target(server, tls={"ca_file": "/nonexistent.pem"})).seen

    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert "/nonexistent.pem" in seen.detail


def test_a_cancelled_attempt_leaves_no_descriptor(bench, prober, authority, descriptors):
    before = descriptors()
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        started = prober.start(bench.request(target(server, authority)), lambda seen: pytest.fail(str(seen)))
        bench.turn()
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert server.gone.wait(20)
    assert descriptors() <= before


def test_a_private_address_is_refused_where_they_are_denied(bench):
    denying = NETWORK_PROBERS[TlsHandshake](bench.around(deny=True))
    seen = bench.run(denying, TlsHandshake(host="127.0.0.1", port=9)).seen
    denying.close()

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.ADDRESS_REFUSED)
