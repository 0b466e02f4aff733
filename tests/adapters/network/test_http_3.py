"""HTTP/3 over QUIC, by libcurl: a real server, and peers that say nothing or nothing of the kind."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from hostile.server import HostileServer
from hostile.versions import agreeing
from quic_server import QuicServer
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.conditions.condition import evaluate
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http, Tls

TIMEOUT_MS = 400


@pytest.fixture
def prober(bench):
    return HttpProber(bench.transport)


def probe_of(port, authority, **fields):
    return Http(
        url=f"https://127.0.0.1:{port}/", tls=Tls(ca_file=authority.file), **{"versions": ["3"], **fields}
    )


@pytest.fixture
def server(authority, tmp_path):
    issued = authority.ca.issue_cert("127.0.0.1")
    certificate, key = str(tmp_path / "server.pem"), str(tmp_path / "server.key")
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    with QuicServer(certificate, key) as server:
        yield server


def test_an_answer_in_http_3_is_observed_completely(bench, prober, authority, server):
    for versions in (["3"], ["1.1", "2", "3"]):
        seen = bench.run(prober, probe_of(server.port, authority, versions=versions)).seen

        assert (seen.outcome, seen.detail, seen.status, seen.body) == (Outcome.UP, "", 200, b"ok")
        assert evaluate("[HTTP_VERSION] == 3", seen).passed
        assert evaluate("[HEADERS].x-key == 7", seen).passed
        assert seen.certificate_names == ("127.0.0.1",)


def test_a_certificate_that_proves_nothing_is_refused_over_quic_too(bench, prober, authority, server):
    probe = Http(url=f"https://127.0.0.1:{server.port}/", versions=["3"])
    seen = bench.run(prober, probe).seen
    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)


def test_a_private_address_is_refused_over_quic_too(bench, authority, server):
    prober = HttpProber(bench.transport, deny_private_addresses=True)
    seen = bench.run(prober, probe_of(server.port, authority)).seen
    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.ADDRESS_REFUSED)


def test_a_port_without_a_listener_is_down(bench, prober, authority, descriptors):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    probe = probe_of(port, authority)
    seen = bench.run(prober, probe).seen
    before = descriptors()
    for _ in range(200):
        bench.run(prober, probe)

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNREACHABLE)
    assert seen.detail.startswith(f"Failed to connect to 127.0.0.1:{port}")
    assert descriptors() <= before + 2


@pytest.mark.parametrize(("protocols", "version"), [(["http/1.1"], "1.1"), (["h2", "http/1.1"], "2")])
def test_a_server_without_quic_is_asked_by_tcp_where_an_older_version_is_good(
    bench, prober, authority, protocols, version
):
    context = authority.context()
    context.set_alpn_protocols(protocols)
    with HostileServer(greeting=agreeing(context, [])) as server:
        seen = bench.run(prober, probe_of(server.port, authority, versions=["1.1", "2", "3"])).seen

    assert (seen.outcome, seen.detail) == (Outcome.UP, "")
    assert evaluate(f"[HTTP_VERSION] == {version}", seen).passed


def test_nothing_at_all_is_down_whichever_version_is_good(bench, prober, authority):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        seen = bench.run(prober, probe_of(taken.getsockname()[1], authority, versions=["1.1", "2", "3"])).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CONNECTION_REFUSED)


def test_a_redirect_in_clear_is_asked_by_tcp_where_that_is_good(bench, prober):
    with HostileServer() as server:
        seen = bench.run(prober, Http(url=server.url(), versions=["1.1", "2", "3"])).seen

    assert (seen.outcome, seen.detail) == (Outcome.UP, "")


def test_cancelling_closes_the_socket_of_quic(bench, prober, authority, descriptors):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        probe = probe_of(silent.getsockname()[1], authority)
        bench.run(prober, probe, 50)
        before = descriptors()
        attempt = prober.start(bench.request(probe), lambda _: pytest.fail("it was cancelled"))
        bench.until(lambda: descriptors() > before)
        assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert descriptors() <= before


@pytest.mark.parametrize("answer", [None, b"x" * 1_200, bytes([0xC0]) + bytes(1_199)])
def test_a_peer_that_does_not_speak_quic_ends_at_the_deadline(bench, prober, authority, answer):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer, ThreadPoolExecutor(1) as pool:
        peer.bind(("127.0.0.1", 0))

        def serve():
            while True:
                said, client = peer.recvfrom(2_000)
                if said == b"end":
                    return
                if answer:
                    peer.sendto(answer, client)

        serving = pool.submit(serve)
        seen = bench.run(prober, probe_of(peer.getsockname()[1], authority), TIMEOUT_MS).seen
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", peer.getsockname())
        serving.result(20)
    assert (seen.outcome, seen.reason) == (Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT)
