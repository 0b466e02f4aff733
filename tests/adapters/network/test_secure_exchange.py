"""TLS past libcurl: the same words for each failure, and libcurl again for what only libcurl can do."""

import datetime as dt
import itertools
import re
import ssl

import pytest
import trustme
from hostile.answers import ANSWERS
from hostile.server import HostileServer
from hostile.visit import Visit
from watchkeeper.adapters.http.exchange import HttpShape
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.http.fast.request import PlainRequest
from watchkeeper.adapters.http.fast.tls_contexts import TlsContexts
from watchkeeper.adapters.net.names import literal_address
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http, Tls
from watchkeeper.domain.time.moment import Deadline

from tests.adapters.timing import ANSWER_WITHIN_MS, time_for

TIMEOUT_MS = 300
DAY = dt.timedelta(days=1)


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


class Turning(HostileServer):
    """Answers over TLS in the common form so many times, and ever after does with a connection as `then` does."""

    def __init__(self, context, then, fine=2) -> None:
        turns = itertools.count()

        def greet(visit):
            if next(turns) < fine:
                visit.secure(context)
                visit.read_request()
                visit.answer(body=b"fine")
            else:
                then(visit)

        super().__init__(greeting=greet)

    def url(self, path="/healthy"):
        return f"https://{self.host}:{self.port}{path}"


def context_of(authority, *names, expires=None, ca=None, key=trustme.KeyType.ECDSA):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = (ca or authority.ca).issue_cert(*names or ("127.0.0.1",), not_after=expires, key_type=key)
    certificate.configure_cert(context)
    return context


def context_of_nobody():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def securely(context, then):
    """Returns a behaviour that runs `then` once the connection is TLS and the request was read."""

    def serve(visit):
        visit.secure(context)
        visit.read_request()
        then(visit)

    return serve


def nothing_more(_visit): ...


def expired(authority):
    return securely(context_of(authority, expires=dt.datetime.now(dt.UTC) - DAY), nothing_more)


def wrong_host(authority):
    return securely(context_of(authority, "elsewhere.example"), nothing_more)


def unknown_authority(authority):
    return securely(context_of(authority, ca=trustme.CA()), nothing_more)


def only_old_versions(authority):
    context = context_of(authority)
    context.set_ciphers("PSK")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return securely(context, nothing_more)


def demands_a_client_certificate(authority):
    context = context_of(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    return securely(context, nothing_more)


def speaks_plain_http(_authority):
    return lambda visit: visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def speaks_ssh(_authority):
    return lambda visit: visit.send(b"SSH-2.0-OpenSSH_9.2p1\r\n")


def stalls(_authority):
    return Visit.wait_for_client_to_leave


def resets(_authority):
    def read_and_reset(visit):
        visit.read_something()
        visit.reset()

    return read_and_reset


def closes(_authority):
    return Visit.read_something


FAILURES = {
    make.__name__: make
    for make in (
        *(expired, wrong_host, unknown_authority, only_old_versions, demands_a_client_certificate),
        *(speaks_plain_http, speaks_ssh, stalls, resets, closes),
    )
}


def proven(server, authority, host="127.0.0.1", **fields):
    return Http(url=server.url().replace("127.0.0.1", host), tls=Tls(ca_file=authority.file), **fields)


def after_two(bench, prober, server, authority, *, within_ms=ANSWER_WITHIN_MS, **fields):
    """Returns the observation of the third attempt: by then the fast path is proven."""
    probe = proven(server, authority, **fields)
    for _ in range(2):
        assert bench.run(prober, probe).seen.outcome is Outcome.UP
    return bench.run(prober, probe, within_ms).seen


def cause(detail):
    """Returns the cause in a detail, without libcurl's error number and version."""
    said = detail.rpartition("::")[2].removesuffix(", errno 0")
    return re.sub(r"^(ssl/tls|sslv3) ", "", said)


@pytest.mark.parametrize("name", FAILURES)
def test_each_failed_handshake_is_reported_in_the_words_of_libcurl(bench, plain, authority, name):
    seen, within_ms = [], TIMEOUT_MS if name == "stalls" else ANSWER_WITHIN_MS
    for prober in (HttpProber(bench.transport, plain), HttpProber(bench.transport)):
        with Turning(context_of(authority), FAILURES[name](authority)) as server:
            seen.append(after_two(bench, prober, server, authority, within_ms=within_ms))
    short, curl = seen
    assert plain.taken == 2
    assert (short.outcome, short.reason, short.status) == (curl.outcome, curl.reason, curl.status)
    assert (short.connected, short.ip) == (curl.connected, curl.ip) == (False, "127.0.0.1")
    assert cause(short.detail) == cause(curl.detail)


@pytest.mark.parametrize("host", ["127.0.0.1", "two.example"])
@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_each_hostile_answer_over_tls_is_judged_as_by_libcurl(bench, plain, names, authority, name, host):
    seen, context, within_ms = [], context_of(authority, host), time_for(name, TIMEOUT_MS)
    names.names["two.example"] = ("::1", "127.0.0.1")
    for prober in (HttpProber(bench.transport, plain), HttpProber(bench.transport)):
        with Turning(context, securely(context, ANSWERS[name])) as server:
            seen.append(after_two(bench, prober, server, authority, within_ms=within_ms, host=host))
    short, curl = seen
    assert (short.outcome, short.reason, short.status) == (curl.outcome, curl.reason, curl.status)
    assert (short.connected, short.ip) == (curl.connected, curl.ip)
    assert abs(short.certificate_expires_in_ns - curl.certificate_expires_in_ns) < 10**10
    if short.outcome is Outcome.UP:
        assert short.body == curl.body


def test_a_plain_answer_over_tls_has_every_phase_and_fact(bench, plain, authority):
    context = context_of(authority, expires=dt.datetime.now(dt.UTC) + 10 * DAY)
    with Turning(context, nothing_more, fine=3) as server:
        seen = after_two(bench, HttpProber(bench.transport, plain), server, authority)

    assert (plain.taken, seen.status, seen.body, seen.connected) == (2, 200, b"fine", True)
    assert 9 * DAY < dt.timedelta(microseconds=seen.certificate_expires_in_ns / 1_000) <= 10 * DAY
    parts = seen.phases
    assert parts.connect_ns + parts.tls_ns + parts.first_byte_ns + parts.transfer_ns == seen.response_time_ns
    assert min(parts.tls_ns, parts.connect_ns, parts.first_byte_ns) > 0


def test_a_first_failure_of_the_short_way_is_for_libcurl_to_judge(bench, plain, authority):
    """The libraries may differ, and what only one of them can do is not the target's fault."""
    old = context_of(authority, key=trustme.KeyType.RSA)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("AES256-SHA")
    with Turning(old, nothing_more, fine=9) as server:
        seen = after_two(bench, HttpProber(bench.transport, plain), server, authority)

    assert (seen.outcome, seen.body, plain.taken) == (Outcome.UP, b"fine", 1)


def test_a_failed_handshake_is_never_tried_again_to_succeed(bench, plain, authority):
    turns = []

    def reset_once(visit):
        turns.append(visit)
        visit.reset() if len(turns) == 1 else securely(context, lambda visit: visit.answer(body=b"x"))(visit)

    context = context_of(authority)
    with Turning(context, reset_once) as server:
        seen = after_two(bench, HttpProber(bench.transport, plain), server, authority)

    assert (seen.outcome, seen.reason, len(turns)) == (Outcome.DOWN, Reason.CONNECTION_RESET, 1)


def test_after_a_failed_handshake_libcurl_is_the_next_to_try(bench, plain, authority):
    context = context_of(authority)
    with Turning(context, resets(authority)) as server:
        prober, probe = HttpProber(bench.transport, plain), proven(server, authority)
        for _ in range(3):
            bench.run(prober, probe)
        assert plain.taken == 2
        seen = bench.run(prober, probe).seen

    assert (seen.reason, plain.taken) == (Reason.CONNECTION_RESET, 2)


def test_a_server_that_turns_to_http_2_is_libcurls_to_talk_to(bench, plain, authority):
    offered = []
    modern = context_of(authority)
    modern.set_alpn_protocols(["h2"])

    def talk(visit):
        offered.append(visit)
        visit.secure(modern)
        visit.wait_for_client_to_leave()

    with Turning(context_of(authority), talk) as server:
        seen = after_two(bench, HttpProber(bench.transport, plain), server, authority, within_ms=TIMEOUT_MS)

    assert (seen.outcome, plain.taken, len(offered)) == (Outcome.TIMED_OUT, 2, 2)


def test_a_certificate_that_is_not_to_be_proven_is_left_to_libcurl(bench, plain):
    with HostileServer(tls=context_of_nobody()) as server:
        prober, probe = HttpProber(bench.transport, plain), Http(url=server.url(), tls=Tls(verify=False))
        seen = [bench.run(prober, probe).seen.outcome for _ in range(3)]

    assert (seen, plain.taken) == ([Outcome.UP] * 3, 0)


def test_without_a_library_of_its_own_every_handshake_is_libcurls(bench, authority):
    plain = Counting(bench.loop, bench.clock, bench.call_at, bench.resolver)
    with Turning(context_of(authority), nothing_more, fine=3) as server:
        seen = after_two(bench, HttpProber(bench.transport, plain), server, authority)
    plain.close()

    assert (seen.outcome, plain.taken) == (Outcome.UP, 0)
    assert seen.certificate_expires_in_ns > 0
    assert seen.phases.tls_ns > 0


def sent(bench, plain, server, authority, *, name="127.0.0.1", wire=b"GET / HTTP/1.1\r\n\r\n"):
    """Returns the result of a request by our own engine; None where it is left to libcurl."""
    answer = bench.loop.create_future()
    shape = HttpShape(tls=Tls(ca_file=authority.file), body_bytes_max=100)
    request = PlainRequest(wire, shape, "127.0.0.1", server.port, name, literal_address("127.0.0.1"))
    deadline = Deadline.after(bench.clock.read(), 10_000_000_000)
    begun = plain.start(request, deadline, answer.set_result)
    return None if begun is None else bench.wait(answer, 10_000)


def test_a_secure_request_is_never_sent_in_the_clear(bench, authority):
    plain = FastHttpEngine(bench.loop, bench.clock, bench.call_at, bench.resolver)
    with HostileServer(tls=context_of(authority)) as server:
        assert sent(bench, plain, server, authority) is None
    plain.close()


def test_a_name_that_rustls_does_not_take_is_left_to_libcurl(bench, plain, authority):
    with HostileServer(tls=context_of(authority)) as server:
        assert sent(bench, plain, server, authority) is not None
        assert sent(bench, plain, server, authority, name=f"{'x' * 64}.example") is None


def test_a_server_name_is_asked_for_and_proven_on_the_short_way(bench, plain, authority):
    asked = []
    context = context_of(authority, "shop.example")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    with HostileServer(tls=context) as server:
        tls = Tls(ca_file=authority.file, server_name="shop.example")
        prober = HttpProber(bench.transport, plain)
        seen = [bench.run(prober, Http(url=server.url(), tls=tls)).seen for _ in range(2)]

    assert [(one.outcome, one.ip) for one in seen] == [(Outcome.UP, "127.0.0.1")] * 2
    assert (asked, plain.taken) == (["shop.example"] * 2, 1)
    assert [heard.header("host") for heard in server.heard] == [f"127.0.0.1:{server.port}"] * 2


def test_a_request_larger_than_the_socket_takes_leaves_in_pieces(bench, plain, authority):
    context = context_of(authority)
    wire = b"GET / HTTP/1.1\r\nX-Long: " + b"y" * 6_000_000 + b"\r\n\r\n"

    def read_all(visit):
        visit.secure(context)
        left = len(wire)
        while left > 0:
            left -= len(visit.read_something()) or left + 1
        visit.answer(body=b"all of it" if left == 0 else b"less")

    with HostileServer(greeting=read_all) as server:
        seen = sent(bench, plain, server, authority, wire=wire)

    assert (seen.code, seen.status, seen.body) == (0, 200, b"all of it")


def test_a_certificate_of_ours_is_left_to_libcurl_to_show(bench, plain, authority):
    context = context_of(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.ca.configure_trust(context)
    with HostileServer(tls=context) as server:
        tls = Tls(ca_file=authority.file, **authority.client_files())
        prober = HttpProber(bench.transport, plain)
        seen = [bench.run(prober, Http(url=server.url(), tls=tls)).seen.outcome for _ in range(2)]

    assert (seen, plain.taken) == ([Outcome.UP] * 2, 0)


def test_an_answer_of_many_pieces_is_put_together(bench, plain, authority):
    body = bytes(range(256)) * 2_000
    context = context_of(authority)
    with Turning(context, securely(context, lambda visit: visit.answer(body=body))) as server:
        seen = after_two(
            bench, HttpProber(bench.transport, plain), server, authority, body_bytes_max=len(body)
        )

    assert (seen.outcome, seen.body == body, plain.taken) == (Outcome.UP, True, 2)


def test_an_answer_cut_short_politely_is_cut_short_all_the_same(bench, plain, authority):
    def cut(visit):
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        visit.say_farewell()

    seen = []
    context = context_of(authority)
    for prober in (HttpProber(bench.transport, plain), HttpProber(bench.transport)):
        with Turning(context, securely(context, cut)) as server:
            seen.append(after_two(bench, prober, server, authority))
    short, curl = seen
    assert (short.outcome, short.status, plain.taken) == (Outcome.DOWN, 200, 2)
    assert (curl.outcome, curl.reason) == (Outcome.DOWN, Reason.TRUNCATED)
    # The package of rustls does not report a close message: it takes every end for a truncation.
    assert short.reason is Reason.PROTOCOL_ERROR


def test_every_handshake_is_a_full_one(bench, plain, authority):
    context = context_of(authority)
    with HostileServer(tls=context) as server:
        prober, probe = HttpProber(bench.transport, plain), proven(server, authority)
        for _ in range(4):
            bench.run(prober, probe)
    stats = context.session_stats()
    assert (stats["accept_good"], stats["hits"], plain.taken) == (4, 0, 3)


def test_cancelling_a_handshake_on_the_short_way_closes_its_socket(bench, plain, authority):
    answers = []
    with Turning(context_of(authority), Visit.wait_for_client_to_leave) as server:
        prober, probe = HttpProber(bench.transport, plain), proven(server, authority)
        for _ in range(2):
            bench.run(prober, probe)
        server.gone.clear()
        attempt = prober.start(bench.request(probe, 60_000), answers.append)
        bench.turn()

        assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
        assert server.gone.wait(20)
    assert (answers, repr(plain)) == ([], "PlainHttp(under_way=0)")
