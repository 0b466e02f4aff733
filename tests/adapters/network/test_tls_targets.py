import datetime as dt
import ssl

import pytest
import trustme
from hostile.server import HostileServer
from hostile.visit import Visit
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.limits import INTEGER_MAX
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http, Tls
from watchkeeper.domain.time.moment import NS_PER_S

from tests.adapters.timing import ANSWER_WITHIN_MS

TIMEOUT_MS = 500
DAY = dt.timedelta(days=1)


@pytest.fixture
def prober(bench):
    return HttpProber(bench.transport)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def test_a_proven_answer_tells_when_its_certificate_ends(bench, prober, authority):
    expires = now() + 10 * DAY
    with authority.server(expires=expires) as server:
        seen = bench.run(prober, Http(url=server.url(), tls=Tls(ca_file=authority.file))).seen

    assert (seen.outcome, seen.status, seen.connected) == (Outcome.UP, 200, True)
    assert abs(seen.certificate_expires_in_ns - 10 * 86_400 * NS_PER_S) < 60 * NS_PER_S
    parts = seen.phases
    assert parts.tls_ns > 0
    assert parts.connect_ns + parts.tls_ns + parts.first_byte_ns + parts.transfer_ns == seen.response_time_ns


def test_a_certificate_that_never_ends_fits_into_a_message(bench, prober, authority):
    with authority.server(expires=dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)) as server:
        seen = bench.run(prober, Http(url=server.url(), tls=Tls(ca_file=authority.file))).seen

    assert (seen.outcome, seen.certificate_expires_in_ns) == (Outcome.UP, INTEGER_MAX)


def test_a_kept_connection_still_knows_its_certificate(bench, prober, authority):
    with authority.server(expires=now() + 10 * DAY) as server:
        spec = Http(url=server.url(), tls=Tls(ca_file=authority.file), connection="reuse")
        seen = [bench.run(prober, spec).seen for _ in range(2)]

    assert [one.reused_connection for one in seen] == [False, True]
    assert seen[1].certificate_expires_in_ns > 9 * 86_400 * NS_PER_S
    assert seen[1].phases.tls_ns is None


@pytest.mark.parametrize("connection", ["fresh", "reuse"])
def test_a_certificate_without_alternative_names_proves_nothing(bench, prober, authority, connection):
    with authority.nameless_server() as server:
        spec = Http(url=server.url(), tls=Tls(ca_file=authority.file), connection=connection)
        seen = [bench.run(prober, spec).seen for _ in range(3)]
        unproven = bench.run(prober, Http(url=server.url(), tls=Tls(verify=False))).seen
        asked = len(server.heard)

    assert {(one.outcome, one.reason, one.connected, one.status) for one in seen} == {
        (Outcome.DOWN, Reason.CERTIFICATE_INVALID, False, None)
    }
    assert "no subject alternative name" in seen[0].detail
    assert (unproven.outcome, asked) == (Outcome.UP, 1), "nothing is sent to a host that is not proven"


def expired(authority):
    return authority.server(expires=now() - DAY)


def wrong_host(authority):
    return authority.server("elsewhere.example")


def self_signed(authority):
    return authority.server(ca=trustme.CA())


def only_old_versions(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("PSK")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return authority.server(context=context)


def plain_on_the_tls_port(_authority):
    return SecureUrl(greeting=lambda visit: visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))


def ssh_on_the_tls_port(_authority):
    return SecureUrl(greeting=lambda visit: visit.send(b"SSH-2.0-OpenSSH_9.2p1\r\n"))


def handshake_stalls(_authority):
    return SecureUrl(greeting=Visit.wait_for_client_to_leave)


def reset_in_the_handshake(_authority):
    def read_and_reset(visit):
        visit.read_something()
        visit.reset()

    return SecureUrl(greeting=read_and_reset)


def closed_in_the_handshake(_authority):
    return SecureUrl(greeting=Visit.read_something)


def demands_a_client_certificate(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # TLS 1.3 reports it only after the handshake: its alert races with the reset of the closed socket.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    authority.ca.configure_trust(context)
    return authority.server(context=context)


class SecureUrl(HostileServer):
    """A server that is asked for https and speaks something else."""

    def url(self, path: str = "/healthy") -> str:
        return f"https://{self.host}:{self.port}{path}"


TABLE = [
    (expired, Outcome.DOWN, Reason.CERTIFICATE_INVALID),
    (wrong_host, Outcome.DOWN, Reason.CERTIFICATE_INVALID),
    (self_signed, Outcome.DOWN, Reason.CERTIFICATE_INVALID),
    (only_old_versions, Outcome.DOWN, Reason.TLS_FAILED),
    (plain_on_the_tls_port, Outcome.DOWN, Reason.TLS_FAILED),
    (ssh_on_the_tls_port, Outcome.DOWN, Reason.TLS_FAILED),
    (handshake_stalls, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (reset_in_the_handshake, Outcome.DOWN, Reason.CONNECTION_RESET),
    (closed_in_the_handshake, Outcome.DOWN, Reason.TLS_FAILED),
    (demands_a_client_certificate, Outcome.DOWN, Reason.TLS_FAILED),
]


@pytest.mark.parametrize(("make", "outcome", "reason"), TABLE, ids=[row[0].__name__ for row in TABLE])
def test_each_tls_failure_ends_with_its_own_reason(bench, prober, authority, make, outcome, reason):
    with make(authority) as server:
        probe = Http(url=server.url(), tls=Tls(ca_file=authority.file))
        within_ms = TIMEOUT_MS if outcome is Outcome.TIMED_OUT else ANSWER_WITHIN_MS
        seen = bench.run(prober, probe, within_ms).seen

    assert (seen.outcome, seen.reason) == (outcome, reason), seen.detail
    assert seen.detail.isprintable()


def test_the_reasons_of_a_refused_certificate_differ(bench, prober, authority):
    details = set()
    for make in (expired, wrong_host, self_signed):
        with make(authority) as server:
            details.add(
                bench.run(prober, Http(url=server.url(), tls=Tls(ca_file=authority.file))).seen.detail
            )

    assert len(details) == 3


def test_tls_on_the_plain_port_is_no_http(bench, prober, authority):
    with authority.server() as server:
        seen = bench.run(prober, Http(url=server.url().replace("https", "http"))).seen

    assert seen.outcome is Outcome.DOWN
    assert seen.reason in {Reason.TRUNCATED, Reason.PROTOCOL_ERROR, Reason.CONNECTION_RESET}


def test_an_unproven_certificate_passes_only_where_configured(bench, prober, authority):
    with self_signed(authority) as server:
        strict = bench.run(prober, Http(url=server.url())).seen
        lax = bench.run(prober, Http(url=server.url(), tls=Tls(verify=False))).seen

    assert (strict.reason, lax.outcome) == (Reason.CERTIFICATE_INVALID, Outcome.UP)
    assert lax.certificate_expires_in_ns is not None


def test_a_client_certificate_is_shown_when_given(bench, prober, authority):
    with demands_a_client_certificate(authority) as server:
        tls = Tls(ca_file=authority.file, **authority.client_files())
        seen = bench.run(prober, Http(url=server.url(), tls=tls)).seen

    assert (seen.outcome, seen.status) == (Outcome.UP, 200)


def test_a_certificate_of_ours_that_is_missing_is_our_fault(bench, prober, authority):
    with authority.server() as server:
        tls = Tls(ca_file=authority.file, certificate_file="/nowhere.pem", key_file="/nowhere.key")
        ours = bench.run(prober, Http(url=server.url(), tls=tls)).seen
        file = bench.run(prober, Http(url=server.url(), tls=Tls(ca_file="/nowhere.pem"))).seen

    assert (ours.outcome, file.outcome) == (Outcome.UNKNOWN, Outcome.UNKNOWN)


def test_a_server_name_is_asked_for_and_proven(bench, prober, authority):
    asked = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    with authority.server("shop.example", context=context) as server:
        tls = Tls(ca_file=authority.file, server_name="shop.example")
        seen = bench.run(prober, Http(url=server.url("/redirect/302?/healthy"), tls=tls)).seen

    assert (seen.outcome, seen.status, seen.ip) == (Outcome.UP, 200, "127.0.0.1")
    assert asked == ["shop.example"] * 2
    assert [heard.header("host") for heard in server.heard] == [f"127.0.0.1:{server.port}"] * 2


def test_https_may_lead_to_http_where_addresses_do_not_matter(bench, prober, authority):
    with HostileServer() as plain, authority.server() as server:
        url = server.url(f"/redirect/302?{plain.url()}")
        seen = bench.run(prober, Http(url=url, tls=Tls(ca_file=authority.file))).seen

    assert (seen.status, seen.certificate_expires_in_ns) == (200, None)


def test_cancelling_a_handshake_closes_the_socket(bench, prober, authority):
    with handshake_stalls(authority) as server:
        attempt = prober.start(bench.request(Http(url=server.url()), 60_000), print)
        assert bench.when(server.arrived)
        attempt.cancel()

        assert server.gone.wait(20)
