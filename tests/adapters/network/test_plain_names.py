"""Names over HTTP: the same look-up, the same addresses and the same verdicts, whoever carries the request."""

import pytest
from hostile.names import SERVER_FAILED
from hostile.server import HostileServer
from watchkeeper.adapters.http.curl.transport import CurlTransport
from watchkeeper.adapters.http.exchange import HttpShape
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.http.fast.request import PlainRequest
from watchkeeper.adapters.net.names import LookedUp, literal_address, not_found
from watchkeeper.adapters.net.system_errors import verdict_of_error
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.time.moment import NS_PER_MS, Deadline

from tests.adapters.network.held_names import HeldNames
from tests.adapters.timing import ANSWER_WITHIN_MS, GRACE_MS

HERE, SECOND = literal_address("127.0.0.1"), literal_address("127.0.0.9")
FAST, LIBCURL = "fast", "libcurl"


class Counting(FastHttpEngine):
    """A fast path that counts its requests."""

    taken = 0

    def start(self, *given):
        self.taken += 1
        return super().start(*given)


class Way:
    """A prober whose requests by name take one of the two paths, once the first of a target is answered."""

    def __init__(self, bench, path) -> None:
        self._bench = bench
        self.names = HeldNames()
        self.resolver = bench.naming(self.names)
        self.transport = CurlTransport(bench.loop, bench.clock, bench.call_at, self.resolver)
        self.plain = Counting(bench.loop, bench.clock, bench.call_at, self.resolver)
        self._path = path

    def prober(self, **fields) -> HttpProber:
        return HttpProber(self.transport, self.plain if self._path is FAST else None, **fields)

    def learned(self, probe, **fields) -> HttpProber:
        """A prober that has had one answer, and the names of which have grown old."""
        prober = self.prober(**fields)
        self._bench.run(prober, probe)
        self.resolver.kept.clear()
        return prober

    def close(self) -> None:
        self.plain.close()
        self.transport.close()
        self.resolver.close()


@pytest.fixture(params=[FAST, LIBCURL])
def way(bench, request):
    way = Way(bench, request.param)
    yield way
    way.close()


@pytest.fixture
def server():
    with HostileServer() as server:
        yield server


def named(server, **fields):
    return Http(url=server.url().replace("127.0.0.1", "shop.example"), **fields)


def test_a_name_is_looked_up_once_for_many_requests(bench, way, server):
    prober = way.prober()
    seen = [bench.run(prober, named(server)).seen for _ in range(4)]

    assert {(one.outcome, one.status, one.ip) for one in seen} == {(Outcome.UP, 200, "127.0.0.1")}
    assert way.names.asked == [("shop.example", "any")]
    for one in seen:
        parts = one.phases
        spent = parts.dns_ns + parts.connect_ns + parts.first_byte_ns + parts.transfer_ns
        assert min(parts.dns_ns, parts.connect_ns) > 0
        assert spent == one.response_time_ns


def test_the_fast_path_takes_names_once_libcurl_was_answered(bench, server):
    way = Way(bench, FAST)
    prober = way.prober()
    for _ in range(4):
        bench.run(prober, named(server))
    way.close()

    assert way.plain.taken == 3


def test_the_time_of_a_look_up_is_that_of_its_phase(bench, way, server):
    prober = way.learned(named(server))
    way.names.hold()
    answer = bench.loop.create_future()
    prober.start(bench.request(named(server)), answer.set_result)
    bench.loop.call_later(0.5, way.names.release)
    seen = bench.wait(answer)

    assert seen.phases.dns_ns > 400_000_000
    assert seen.phases.connect_ns < 400_000_000
    assert seen.response_time_ns > 400_000_000


FAILURES = [
    not_found("shop.example", "there is no such name"),
    LookedUp(verdict=verdict_of_error(24, "Too many open files")),
    LookedUp(verdict=(Outcome.UNKNOWN, Reason.BLIND, "no name server answers")),
]


@pytest.mark.parametrize("answer", FAILURES, ids=lambda answer: answer.verdict[1])
def test_a_name_without_address_is_reported_in_the_words_of_the_resolver(bench, way, server, answer):
    prober = way.learned(named(server))
    found, way.names.answer = way.names.answer, answer
    seen = bench.run(prober, named(server)).seen
    way.names.answer = found

    assert (seen.outcome, seen.reason, seen.detail) == answer.verdict
    assert (seen.ip, seen.phases.dns_ns, seen.connected) == (None, None, False)
    assert bench.run(prober, named(server)).seen.outcome is Outcome.UP


@pytest.mark.parametrize(
    ("lives", "outcome", "reason"),
    [(True, Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT), (False, Outcome.UNKNOWN, Reason.BLIND)],
)
def test_a_look_up_ends_with_the_deadline_and_says_so(bench, way, server, lives, outcome, reason):
    prober = way.learned(named(server))
    way.names.hold()
    way.names.lives = lives
    ended = bench.run(prober, named(server), 100)
    way.names.release()

    assert (ended.seen.outcome, ended.seen.reason) == (outcome, reason)
    assert "while the name was looked up" in ended.seen.detail
    assert ended.took_ms >= 99
    assert bench.run(prober, named(server)).seen.outcome is Outcome.UP


def test_an_attempt_cancelled_in_its_look_up_connects_nowhere(bench, way, server):
    answers = []
    prober = way.learned(named(server))
    way.names.hold()
    attempt = prober.start(bench.request(named(server)), answers.append)
    assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
    way.names.release()
    bench.run(prober, named(server))

    assert (answers, len(server.heard)) == ([], 2)


def test_all_addresses_of_a_name_are_tried(bench, way, server):
    prober = way.learned(named(server))
    way.names.answer = LookedUp((SECOND, literal_address("::1"), HERE))
    seen = bench.run(prober, named(server)).seen

    assert (seen.outcome, seen.ip) == (Outcome.UP, "127.0.0.1")


def test_a_silent_first_address_does_not_use_up_the_deadline(bench, way, full_backlog):
    with full_backlog("127.0.0.9") as port, HostileServer(port=port) as server:
        prober = way.learned(named(server))
        way.names.answer = LookedUp((SECOND, HERE))
        ended = bench.run(prober, named(server))

    assert (ended.seen.outcome, ended.seen.ip) == (Outcome.UP, "127.0.0.1")
    assert 150 < ended.took_ms < 250 + GRACE_MS
    assert ended.seen.response_time_ns > 150_000_000


def test_a_name_that_moved_is_found_at_its_new_address(bench, way, full_backlog):
    with full_backlog("127.0.0.9") as port, HostileServer(port=port) as server:
        prober = way.learned(named(server))
        way.names.answer = LookedUp((SECOND,))
        seen = bench.run(prober, named(server), 300).seen

    assert (seen.outcome, seen.reason) == (Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT)


def test_a_name_whose_addresses_all_refuse_is_refused(bench, way, server):
    prober = way.learned(named(server))
    way.names.answer = LookedUp((SECOND, literal_address("127.0.0.8")))
    seen = bench.run(prober, named(server)).seen

    assert (seen.outcome, seen.reason, seen.connected) == (Outcome.DOWN, Reason.CONNECTION_REFUSED, False)


def test_a_name_that_turns_to_a_private_address_is_not_connected_to(bench, way, server):
    """DNS rebinding."""
    prober = way.prober(deny_private_addresses=True)
    seen = bench.run(prober, named(server)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.ADDRESS_REFUSED)
    assert seen.detail == "127.0.0.1 is not a public address: refused"
    assert not server.arrived.is_set()


def test_the_fast_path_connects_to_no_private_address_either(bench, way, server):
    answer = bench.loop.create_future()
    shape = HttpShape(deny_private_addresses=True)
    request = PlainRequest(b"GET / HTTP/1.1\r\n\r\n", shape, "shop.example", server.port)
    way.plain.start(
        request, Deadline.after(bench.clock.read(), ANSWER_WITHIN_MS * NS_PER_MS), answer.set_result
    )

    assert bench.wait(answer).unconnected[1] is Reason.ADDRESS_REFUSED
    assert not server.arrived.is_set()


def test_a_closed_engine_leaves_no_look_up_behind(bench, way, server):
    answers = []
    prober = way.learned(named(server))
    way.names.hold()
    prober.start(bench.request(named(server)), answers.append)
    way.close()
    way.names.release()
    bench.turn()

    assert answers == []
    assert len(server.heard) == 1


def test_the_family_that_a_target_asks_for_is_the_one_that_is_looked_up(bench, way, server):
    bench.run(way.prober(), named(server, address_family="ipv6"))
    bench.run(way.prober(), named(server, address_family="ipv4"))

    assert way.names.asked == [("shop.example", "ipv6"), ("shop.example", "ipv4")]


def test_a_failed_look_up_is_not_kept_but_asked_again(bench, names, server):
    prober = HttpProber(bench.transport)
    names.names["shop.example"] = SERVER_FAILED
    shop = Http(url=f"http://shop.example:{server.port}/")
    first = bench.run(prober, shop).seen
    names.names["shop.example"] = ("127.0.0.1",)

    assert first.reason is Reason.DNS_FAILED
    assert bench.run(prober, shop).seen.outcome is Outcome.UP


def test_a_kept_connection_needs_no_look_up(bench, names, server):
    prober = HttpProber(bench.transport)
    names.names["shop.example"] = ("127.0.0.1",)
    shop = Http(url=f"http://shop.example:{server.port}/", connection="reuse")
    first = bench.run(prober, shop).seen
    bench.resolver.kept.clear()
    second = bench.run(prober, shop).seen

    assert (first.reused_connection, second.reused_connection) == (False, True)
    assert (first.phases.dns_ns > 0, second.phases.dns_ns) == (True, None)
    assert names.asked["shop.example"] == 2, "one question for each family"


def test_libcurl_looks_nothing_up(bench, names, server):
    """A look-up of its own would ask the servers of the machine, which know no such names."""
    prober = HttpProber(bench.transport)
    names.names["shop.example"] = names.names["other.example"] = ("127.0.0.1",)
    seen = [
        bench.run(prober, Http(url=f"http://{host}:{server.port}{path}", connection=connection)).seen
        for host in (
            "shop.example",
            "SHOP.example.",
            "shop.localhost",
            "shop.localhost.",
            "localhost.",
            "127.1",
        )
        for path in ("/healthy", f"/redirect/302?http://other.example:{server.port}/healthy")
        for connection in ("fresh", "reuse")
    ]

    assert {(one.outcome, one.status, one.ip) for one in seen} == {(Outcome.UP, 200, "127.0.0.1")}
