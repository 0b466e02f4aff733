"""Versions of HTTP: what is offered is what is listed, and an answer in another version is down."""

from functools import partial
from itertools import count

import pytest
from hostile.server import HostileServer
from hostile.versions import (
    HEADERS,
    SETTINGS,
    STATUS_200,
    agreeing,
    answer_in_http_2,
    frame,
    redirect_to,
)
from hostile.visit import Visit
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.http.fast.tls_contexts import TlsContexts
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.conditions.condition import evaluate
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http, Tls

TIMEOUT_MS = 300


class Counting(FastHttpEngine):
    """A fast path that counts its requests."""

    taken = 0

    def start(self, *given):
        self.taken += 1
        return super().start(*given)


@pytest.fixture
def plain(bench):
    plain = Counting(bench.loop, bench.clock, bench.call_at, bench.resolver, contexts=TlsContexts())
    yield plain
    plain.close()


@pytest.fixture(params=["libcurl", "fast"])
def prober(bench, plain, request):
    return HttpProber(bench.transport, plain if request.param == "fast" else None)


def context_of(authority, protocols):
    context = authority.context()
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


def asked(bench, prober, authority, protocols=("h2", "http/1.1"), in_http_1=None, times=2, **fields):
    """The last of several attempts, which the fast engine makes where it can, and what each offered."""
    offers = []
    with HostileServer(greeting=agreeing(context_of(authority, protocols), offers, in_http_1)) as server:
        probe = Http(url=f"https://127.0.0.1:{server.port}/", tls=Tls(ca_file=authority.file), **fields)
        seen = [bench.run(prober, probe).seen for _ in range(times)]
    return seen[-1], offers


def holds(text, seen):
    return evaluate(text, seen).passed


OFFERED = [
    ({}, ["h2", "http/1.1"], "2"),
    ({"versions": ["1.1", "2"]}, ["h2", "http/1.1"], "2"),
    ({"versions": ["2", "1.0", "1.1"]}, ["h2", "http/1.1"], "2"),
    ({"versions": ["2"]}, ["h2"], "2"),
    ({"versions": ["1.1"]}, ["http/1.1"], "1.1"),
    ({"versions": ["1.0", "1.1"]}, ["http/1.1"], "1.1"),
]


@pytest.mark.parametrize(("fields", "offered", "version"), OFFERED)
def test_listed_versions_are_offered_and_no_others(bench, prober, authority, fields, offered, version):
    seen, offers = asked(bench, prober, authority, **fields)

    assert (seen.outcome, seen.detail) == (Outcome.UP, "")
    assert offers == [offered, offered]
    assert holds(f"[HTTP_VERSION] == {version}", seen)
    assert seen.body == b"ok"


def test_a_kept_connection_is_not_used_for_another_version(bench, authority):
    offers = []
    context = context_of(authority, ["h2", "http/1.1"])
    with HostileServer(greeting=agreeing(context, offers)) as server:
        probes = [
            Http(
                url=f"https://127.0.0.1:{server.port}/",
                connection="reuse",
                versions=[version],
                tls=Tls(ca_file=authority.file),
            )
            for version in ("1.1", "2")
        ]
        prober = HttpProber(bench.transport)
        seen = [bench.run(prober, probe).seen for probe in (*probes, probes[0])]

    assert [(one.outcome, one.detail) for one in seen] == [(Outcome.UP, "")] * 3


def test_the_fast_engine_offers_http_1_alone_where_nothing_else_is_listed(bench, plain, authority):
    asked(bench, HttpProber(bench.transport, plain), authority, times=3, versions=["1.1"])

    assert plain.taken == 2


def test_http_1_0_is_asked_for_as_it_is_listed(bench, prober, authority):
    seen, offers = asked(bench, prober, authority, in_http_1=in_http_1_0, versions=["1.0"])

    assert (seen.outcome, offers) == (Outcome.UP, [[], []])
    assert holds("[HTTP_VERSION] == 1.0", seen)


def in_http_1_0(visit):
    visit.send(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")


OTHERS = [
    (["1.1"], None, in_http_1_0, "the answer is in HTTP 1.0, and may be in 1.1 only"),
    (["1.1", "2"], ["http/1.1"], in_http_1_0, "the answer is in HTTP 1.0, and may be in 1.1 or 2 only"),
    (["1.0"], None, None, "the answer is in HTTP 1.1, and may be in 1.0 only"),
    (["2"], None, None, "HTTP/2 alone is offered, and the server does not agree to it"),
    (["2"], ["http/1.1"], None, "HTTP/2 alone is offered, and the server does not agree to it"),
]


@pytest.mark.parametrize(("versions", "protocols", "in_http_1", "said"), OTHERS)
def test_an_answer_in_another_version_is_down(bench, prober, authority, versions, protocols, in_http_1, said):
    seen, _ = asked(bench, prober, authority, protocols, in_http_1, versions=versions)

    assert (seen.outcome, seen.reason, seen.detail) == (Outcome.DOWN, Reason.VERSION_REFUSED, said)


def test_a_certificate_is_judged_before_the_version(bench, authority):
    with HostileServer(tls=context_of(authority, None)) as server:
        probe = Http(url=server.url(), versions=["2"])
        seen = bench.run(HttpProber(bench.transport), probe).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)


def test_a_server_that_disagrees_and_says_nothing_is_down_by_that(bench, authority):
    def serve(visit):
        visit.secure(context_of(authority, None))
        visit.wait_for_client_to_leave()

    with HostileServer(greeting=serve) as server:
        probe = Http(url=f"https://127.0.0.1:{server.port}/", versions=["2"], tls=Tls(ca_file=authority.file))
        seen = bench.run(HttpProber(bench.transport), probe, TIMEOUT_MS).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.VERSION_REFUSED)


def test_an_answer_in_clear_is_held_to_its_version_too(bench, prober):
    with HostileServer({"old": in_http_1_0}) as server:
        seen = [bench.run(prober, Http(url=server.url("/old"), versions=["1.1"])).seen for _ in range(3)]

    assert {(one.outcome, one.reason) for one in seen} == {(Outcome.DOWN, Reason.VERSION_REFUSED)}


def test_a_redirect_in_another_version_is_not_followed(bench, prober):
    def redirect(visit):
        visit.send(b"HTTP/1.0 302 Found\r\nLocation: /healthy\r\nContent-Length: 0\r\n\r\n")

    with HostileServer({"old": redirect}) as server:
        seen = bench.run(prober, Http(url=server.url("/old"), versions=["1.1"])).seen
        assert [each.path for each in server.heard] == ["/old"]

    assert (seen.reason, seen.status) == (Reason.VERSION_REFUSED, 302)


def test_a_redirect_in_clear_is_not_asked_in_http_2(bench, prober, authority):
    with HostileServer() as clear:
        redirect = partial(answer_in_http_2, fields=redirect_to(clear.url()))
        offers = []
        context = context_of(authority, ["h2"])
        with HostileServer(greeting=agreeing(context, offers, in_http_2=redirect)) as server:
            probe = Http(
                url=f"https://127.0.0.1:{server.port}/", tls=Tls(ca_file=authority.file), versions=["2"]
            )
            seen = bench.run(prober, probe).seen
        assert clear.heard == []

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.VERSION_REFUSED)
    assert seen.detail == "the redirect leads to http, where HTTP 2 is not offered"


NO_APPLICATION_PROTOCOL = bytes([0x15, 3, 3, 0, 2, 2, 120])
"""The record by which a server ends a handshake that offers nothing that it speaks (RFC 7301, 3.2)."""


@pytest.mark.parametrize("versions", [["2"], ["1.1"]])
def test_a_server_that_ends_the_handshake_for_the_versions_is_down_by_them(
    bench, prober, authority, versions
):
    turns = count()

    def serve(visit):
        if next(turns) == 0 and versions == ["1.1"]:
            visit.secure(context)
            visit.read_request()
            visit.answer()
        else:
            visit.read_something()
            visit.send(NO_APPLICATION_PROTOCOL)

    context = context_of(authority, None)
    with HostileServer(greeting=serve) as server:
        probe = Http(
            url=f"https://127.0.0.1:{server.port}/", tls=Tls(ca_file=authority.file), versions=versions
        )
        seen = [bench.run(prober, probe).seen for _ in range(2)][-1]

    said = f"the server refuses HTTP {versions[0]} in the TLS handshake"
    assert (seen.outcome, seen.reason, seen.detail) == (Outcome.DOWN, Reason.VERSION_REFUSED, said)


PING, GOAWAY, CONTINUATION = 6, 7, 9


HOSTILE = {
    "silence": (Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    "a drip of settings": (
        lambda visit: visit.drip([frame(SETTINGS, 0, 0)] * 90, 0.1), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    "bytes of no frame": (lambda visit: visit.pour(b"x" * 65_536, 40), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "an early end": (Visit.read_something, Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "pings without end": (
        lambda visit: visit.pour(frame(PING, 0, 0, bytes(8)) * 4_000, 1_000), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "a header without end": (
        lambda visit: (visit.send(frame(SETTINGS, 0, 0) + frame(HEADERS, 0, 1, STATUS_200)),
                       visit.pour(frame(CONTINUATION, 0, 1, bytes(16_000)), 1_000)),
        Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "a farewell": (
        lambda visit: visit.send(frame(SETTINGS, 0, 0) + frame(GOAWAY, 0, 0, bytes(8))),
        Outcome.DOWN, Reason.PROTOCOL_ERROR),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_server_of_http_2_ends_with_a_reason_of_its_own(bench, authority, kind):
    then, outcome, reason = HOSTILE[kind]
    context = context_of(authority, ["h2"])

    def serve(visit):
        visit.secure(context)
        visit.read_something()
        then(visit)

    with HostileServer(greeting=serve) as server:
        probe = Http(url=f"https://127.0.0.1:{server.port}/", tls=Tls(ca_file=authority.file), versions=["2"])
        ended = bench.run(
            HttpProber(bench.transport), probe, TIMEOUT_MS if outcome is Outcome.TIMED_OUT else 10_000
        )

    assert (ended.seen.outcome, ended.seen.reason) == (outcome, reason)
    assert ended.took_ms < 10_000
