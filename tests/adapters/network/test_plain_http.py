"""The short way past libcurl: the same words for the same answers, and libcurl again for every answer of another form."""

import itertools
import socket

import pytest
from hostile.answers import ANSWERS
from hostile.server import HostileServer
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.http.exchange import HttpShape
from watchkeeper.adapters.http.failures import verdict_of
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.http.fast.parser import read_plain
from watchkeeper.adapters.http.fast.request import PlainRequest
from watchkeeper.adapters.net.names import literal_address
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.time.moment import Deadline, Moment

from tests.adapters.timing import ANSWER_WITHIN_MS, call_at_of, time_for

TIMEOUT_MS = 300
SAME_WHOEVER_ASKS = sorted(ANSWERS)
FINE = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\n"


@pytest.fixture
def plain(bench):
    plain = FastHttpEngine(bench.loop, bench.clock, bench.call_at, bench.resolver)
    yield plain
    plain.close()


def turning(then):
    """A server that answers once in the common form, and ever after as `then` does."""
    visits = itertools.count()

    def answer(visit):
        return visit.answer(body=b"fine") if next(visits) == 0 else then(visit)

    return HostileServer({"turn": answer})


def second_of(bench, prober, server, host="127.0.0.1", *, within_ms=ANSWER_WITHIN_MS, **fields):
    """Returns the observation of the second attempt."""
    probe = Http(url=server.url("/turn").replace("127.0.0.1", host), **fields)
    assert bench.run(prober, probe).seen.outcome is Outcome.UP
    return bench.run(prober, probe, within_ms).seen


@pytest.mark.parametrize("host", ["127.0.0.1", "one.example", "two.example"])
@pytest.mark.parametrize("name", SAME_WHOEVER_ASKS)
def test_each_hostile_answer_is_judged_as_libcurl_judges_it(bench, plain, names, name, host):
    """By address, by name, and by a name whose first address refuses."""
    names.names |= {"one.example": ("127.0.0.1",), "two.example": ("::1", "127.0.0.1")}
    within_ms = time_for(name, TIMEOUT_MS)
    with turning(ANSWERS[name]) as server:
        short = second_of(bench, HttpProber(bench.transport, plain), server, host, within_ms=within_ms)
    with turning(ANSWERS[name]) as server:
        curl = second_of(bench, HttpProber(bench.transport), server, host, within_ms=within_ms)

    assert (short.outcome, short.reason, short.status) == (curl.outcome, curl.reason, curl.status)
    assert short.connected == curl.connected
    assert short.ip == curl.ip
    if short.outcome is Outcome.UP:
        assert (short.body, short.body_cut) == (curl.body, curl.body_cut)


def test_an_answer_of_another_form_is_asked_for_once_more(bench, plain):
    with turning(ANSWERS["trailers"]) as server:
        seen = second_of(bench, HttpProber(bench.transport, plain), server)

        assert seen.outcome is Outcome.UP
        assert [request.header("accept-encoding") for request in server.heard] == ["identity"] * 3


def test_both_ways_send_the_same_request_but_for_its_order(bench, plain):
    headers = (("X-Empty", ""), ("User-Agent", "mine"), ("X-One", "1"))
    with turning(lambda visit: visit.answer(body=b"fine")) as server:
        second_of(bench, HttpProber(bench.transport, plain), server, headers=headers)
        curl, short = server.heard

    assert sorted(short.headers) == sorted(curl.headers)
    assert (short.method, short.path) == (curl.method, curl.path)


URLS = [
    "http://SHOP.Example:{port}/turn",
    "http://shop.example.:{port}/turn",
    "http://shop.localhost:{port}/turn",
    "http://localhost.:{port}/turn",
    "http://bücher.example:{port}/turn",
    "http://127.1:{port}/turn",
    "http://2130706433:{port}/turn",
    "http://0x7f.0.0.1:{port}/turn",
    "http://[::ffff:127.0.0.1]:{port}/turn",
    "http://127.0.0.1:{port}//turn",
    "http://127.0.0.1:{port}/turn?",
    "http://127.0.0.1:{port}?turn",
    "http://127.0.0.1:{port}/turn#part",
    "http://127.0.0.1:{port}/turn/%41%7e%2f?a=%20&b=+",
    "http://127.0.0.1:{port}/turn/{{}}|^`\"<>'",
    "http://127.0.0.1:{port}/turn;x=1/ü?ü=ü",
    "http://127.0.0.1:{port}/turn?a=../b/./c",
    "HTTP://127.0.0.1:{port}/turn",
]


@pytest.mark.parametrize("url", URLS)
def test_both_ways_ask_for_a_url_in_the_same_words(bench, plain, names, url):
    names.names |= dict.fromkeys(("shop.example", "xn--bcher-kva.example"), ("127.0.0.1",))
    with turning(ANSWERS["healthy"]) as server:
        server_url = url.format(port=server.port)
        seen = [
            bench.run(HttpProber(bench.transport, way), Http(url=server_url)).seen
            for way in (None, plain, plain)
        ]
        prober = HttpProber(bench.transport, plain)
        seen += [bench.run(prober, Http(url=server_url)).seen for _ in range(3)]

    assert {(one.outcome, one.status, one.ip) for one in seen} == {(Outcome.UP, seen[0].status, seen[0].ip)}
    assert len({(heard.path, tuple(sorted(heard.headers))) for heard in server.heard}) == 1


@pytest.mark.parametrize(
    ("fields", "short"),
    [({}, True), ({"method": "HEAD"}, False), ({"body": "x"}, False), ({"connection": "reuse"}, False)],
)
def test_only_the_plain_case_takes_the_short_way(bench, plain, fields, short):
    taken = []
    start = plain.start
    plain.start = lambda *given: taken.append(given) or start(*given)
    with turning(lambda visit: visit.answer(body=b"fine")) as server:
        second_of(bench, HttpProber(bench.transport, plain), server, **fields)

    assert bool(taken) is short


def test_a_server_that_is_gone_is_unreachable_in_the_same_words(bench, plain):
    details = []
    for prober in (HttpProber(bench.transport, plain), HttpProber(bench.transport)):
        with turning(ANSWERS["healthy"]) as server:
            url = server.url("/turn")
            assert bench.run(prober, Http(url=url)).seen.outcome is Outcome.UP
        seen = bench.run(prober, Http(url=url)).seen
        assert (seen.outcome, seen.reason, seen.connected) == (Outcome.DOWN, Reason.CONNECTION_REFUSED, False)
        details.append(seen.detail.replace(str(server.port), "PORT"))

    assert details[0].split(" after ")[0] == details[1].split(" after ")[0]


def test_the_body_cap_and_the_deadline_hold_on_the_short_way(bench, plain):
    with turning(lambda visit: visit.answer(body=b"x" * 101)) as server:
        seen = second_of(bench, HttpProber(bench.transport, plain), server, body_bytes_max=100)

    assert (seen.outcome, seen.body, seen.body_cut) == (Outcome.UP, b"x" * 100, True)


class Lagging(SystemClock):
    """A clock that can be set back."""

    behind_ns = 0

    def read(self):
        now = super().read()
        return Moment(now.monotonic_ns - self.behind_ns, now.wall_ns - self.behind_ns)

    def monotonic_ns(self):
        return super().monotonic_ns() - self.behind_ns


def test_a_ring_before_the_deadline_is_followed_by_another(bench):
    clock = Lagging()
    plain = FastHttpEngine(bench.loop, clock, call_at_of(bench.loop, clock), bench.resolver)
    with turning(ANSWERS["nothing"]) as server:
        prober, probe = HttpProber(bench.transport, plain), Http(url=server.url("/turn"))
        bench.run(prober, probe)
        answer = bench.loop.create_future()
        prober.start(bench.request(probe, 100), answer.set_result)
        clock.behind_ns = 30_000_000
        seen = bench.wait(answer, 100)
    plain.close()

    assert seen.outcome is Outcome.TIMED_OUT


def test_a_request_begun_when_a_deadline_is_overdue_does_not_put_it_off(bench, plain):
    with turning(ANSWERS["nothing"]) as server:
        prober, probe = HttpProber(bench.transport, plain), Http(url=server.url("/turn"))
        bench.run(prober, probe)
        first, ended = bench.loop.create_future(), []
        prober.start(bench.request(probe, 50), first.set_result)
        overdue = bench.clock.monotonic_ns() + 60_000_000
        while bench.clock.monotonic_ns() < overdue:
            pass
        prober.start(bench.request(probe, 60_000), ended.append)
        assert bench.wait(first, 50).outcome is Outcome.TIMED_OUT
    assert ended == []


def test_a_cancelled_exchange_never_answers(bench, plain):
    answers = []
    with turning(ANSWERS["nothing"]) as server:
        prober, probe = HttpProber(bench.transport, plain), Http(url=server.url("/turn"))
        bench.run(prober, probe)
        attempt = prober.start(bench.request(probe, 100), answers.append)
        bench.turn()

        assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
        assert repr(plain) == "PlainHttp(under_way=0)"
        bench.run(HttpProber(bench.transport), Http(url=server.url("/healthy")), 300)
    assert answers == []


def request(port, wire=b"GET / HTTP/1.1\r\n\r\n", **shape):
    """A request to this machine."""
    return PlainRequest(wire, HttpShape(**shape), "127.0.0.1", port, address=literal_address("127.0.0.1"))


def test_a_fault_of_ours_costs_no_other_exchange_its_events(bench, plain):
    heard = []
    bench.loop.set_exception_handler(lambda _loop, context: heard.append(context["message"]))
    with HostileServer() as server:
        deadline = Deadline.after(bench.clock.read(), 10_000_000_000)
        answers = [bench.loop.create_future() for _ in range(2)]
        for body_bytes_max, answer in zip((None, 100), answers, strict=True):
            plain.start(request(server.port, body_bytes_max=body_bytes_max), deadline, answer.set_result)
        broken, whole = [bench.wait(answer) for answer in answers]

    assert verdict_of(broken, secure=False)[:2] == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert (whole.body, heard) == (b"ok", ["a plain exchange failed"])


def test_a_request_too_large_for_one_send_is_sent_in_pieces(bench, plain):
    wire = b"GET / HTTP/1.1\r\nX: " + b"x" * 32_000_000 + b"\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bench.loop.run_in_executor(None, swallow_and_answer, listener, len(wire))
        answer = bench.loop.create_future()
        deadline = Deadline.after(bench.clock.read(), 20_000_000_000)
        plain.start(request(listener.getsockname()[1], wire), deadline, answer.set_result)
        assert bench.wait(answer, 20_000).body == b"whole"


def swallow_and_answer(listener, count):
    connection, _ = listener.accept()
    with connection:
        while count > 0 and (piece := connection.recv(1 << 20)):
            count -= len(piece)
        connection.sendall(FINE + b"whole")


@pytest.mark.parametrize(
    "header",
    [
        FINE.replace(b"5", b"5, 5"),
        FINE.replace(b"5", b"+5"),
        FINE.replace(b"Server: x", b"Content-Length: 5"),
        FINE.replace(b"Server: x", b"Transfer-Encoding: chunked"),
        FINE.replace(b"Server: x", b" folded: x"),
        FINE.replace(b"Server: x", b"no colon"),
        FINE.replace(b"Server: x", b"Server: \x00"),
        FINE.replace(b"Server: x\r\n", b"Server: x\n"),
        FINE.replace(b"Content-Length: 5\r\n", b""),
        FINE.replace(b"200", b"302"),
        FINE.replace(b"200", b"204"),
        FINE.replace(b"200", b"0200"),
        FINE.replace(b"1.1", b"2.0"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + FINE,
        b" " + FINE,
    ],
)
def test_a_header_that_can_be_read_two_ways_is_not_plain(header):
    assert read_plain(FINE) is not None
    assert read_plain(header) is None


def test_every_beginning_of_a_plain_header_is_not_yet_one():
    assert all(read_plain(FINE[:length]) is None for length in range(len(FINE)))
    assert read_plain(FINE + b"hello") == (200, len(FINE), 5)
