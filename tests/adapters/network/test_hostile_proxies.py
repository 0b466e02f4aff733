"""Proxies that are silent, break off, or go on and on: each ends with a reason that is not the target's."""

import pytest
from hostile.server import HostileServer
from hostile.visit import Visit
from ports import free_port
from proxy_server import ProxyServer
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.http.access import Proxy
from watchkeeper.domain.specification.probe import Http

TIMEOUT_MS = 300
DOWN, LATE = Outcome.DOWN, Outcome.TIMED_OUT


@pytest.fixture
def prober(bench):
    return HttpProber(bench.transport)


def said(*parts):
    def serve(visit):
        visit.read_something()
        for part in parts:
            visit.send(part)

    return serve


def flood(first, more):
    def serve(visit):
        visit.read_something()
        visit.send(first)
        visit.pour(more, 1_000_000)

    return serve


def drip(first, more):
    def serve(visit):
        visit.read_something()
        visit.drip([first, *[more] * 200], 0.05)

    return serve


def babble(visit):
    """Opens a tunnel to a server that speaks no TLS."""
    visit.read_something()
    visit.send(OPENED + b"\r\n")
    visit.read_something()
    visit.send(b"SSH-2.0-OpenSSH_9\r\n")


SILENT = Visit.wait_for_client_to_leave
OPENED = b"HTTP/1.1 200 Connection established\r\n"
HOSTILE = {
    "silent": (SILENT, LATE, Reason.CONNECT_TIMED_OUT),
    "garbage": (said(b"SSH-2.0-OpenSSH_9\r\n"), DOWN, Reason.PROXY_FAILED),
    "early": (said(), DOWN, Reason.PROXY_FAILED),
    "reset": (lambda visit: (visit.read_something(), visit.reset()), DOWN, Reason.PROXY_FAILED),
    "odd status": (said(b"HTTP/1.1 2000 Odd\r\n\r\n"), DOWN, Reason.PROXY_FAILED),
    "endless header": (flood(OPENED, b"X-A: " + b"y" * 1_000 + b"\r\n"), DOWN, Reason.PROXY_FAILED),
    "endless line": (flood(OPENED + b"X: ", b"y" * 65_536), DOWN, Reason.PROXY_FAILED),
    "endless refusal": (flood(b"HTTP/1.1 403 No\r\n\r\n", b"y" * 65_536), DOWN, Reason.PROXY_REFUSED),
    "half a header": (said(OPENED), DOWN, Reason.PROXY_FAILED),
    "tunnel to garbage": (babble, DOWN, Reason.TLS_FAILED),
    "silent tunnel": (drip(OPENED + b"\r\n", b""), LATE, Reason.TIMED_OUT),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_proxy_ends_with_a_reason_of_its_own(bench, prober, name):
    serve, outcome, reason = HOSTILE[name]
    with HostileServer(greeting=serve) as server:
        spec = Http(url="https://shop.test/", proxy=Proxy(url=f"http://127.0.0.1:{server.port}"))
        seen = bench.run(prober, spec, TIMEOUT_MS if outcome is LATE else 20_000).seen

    assert (seen.outcome, seen.reason, seen.status, seen.body) == (outcome, reason, None, b"")
    assert (seen.connected, seen.certificate_names) == (False, None)
    assert seen.detail


SOCKS = {
    "silent": (SILENT, LATE, Reason.CONNECT_TIMED_OUT),
    "garbage": (said(b"HTTP/1.1 400 Bad Request\r\n\r\n"), DOWN, Reason.PROXY_FAILED),
    "early": (said(), DOWN, Reason.PROXY_FAILED),
    "half": (said(b"\x05\x00\x05"), DOWN, Reason.PROXY_FAILED),
    "no method": (said(b"\x05\xff"), DOWN, Reason.PROXY_REFUSED),
    "drip": (drip(b"\x05", b""), LATE, Reason.CONNECT_TIMED_OUT),
}


@pytest.mark.parametrize("name", SOCKS)
def test_a_hostile_proxy_of_socks_ends_with_a_reason_of_its_own(bench, prober, name):
    serve, outcome, reason = SOCKS[name]
    with HostileServer(greeting=serve) as server:
        spec = Http(url="http://shop.test/", proxy=Proxy(url=f"socks5h://127.0.0.1:{server.port}"))
        seen = bench.run(prober, spec, TIMEOUT_MS if outcome is LATE else 20_000).seen

    assert (seen.outcome, seen.reason, seen.connected) == (outcome, reason, False)
    assert seen.detail


def test_cancelling_leaves_the_proxy_at_once(bench, prober):
    with HostileServer(greeting=SILENT) as server:
        spec = Http(url="https://shop.test/", proxy=Proxy(url=f"http://127.0.0.1:{server.port}"))
        attempt = prober.start(bench.request(spec), print)
        assert bench.when(server.arrived)
        assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
        assert server.gone.wait(20)


def test_no_descriptor_is_left_after_many_failures(bench, prober, descriptors):
    with ProxyServer(refusal="403 Forbidden") as proxy:
        fail_often(bench, prober, proxy, descriptors)


def fail_often(bench, prober, proxy, descriptors):
    specs = [
        Http(url="https://shop.test/", proxy=Proxy(url=proxy.url())),
        Http(url="https://shop.test/", proxy=Proxy(url=f"socks5h://127.0.0.1:{free_port()}")),
    ]
    for spec in specs:
        bench.run(prober, spec)
    before = descriptors()
    for _ in range(100):
        for spec in specs:
            assert bench.run(prober, spec).seen.outcome is DOWN

    assert descriptors() <= before + 1
