"""Names on the short way: looked up by ourselves, and libcurl's again where another address may help."""

import socket
import threading

import pytest
from hostile.server import HostileServer
from watchkeeper.adapters.http.exchange import HttpShape
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.http.fast.request import PlainRequest
from watchkeeper.adapters.net.resolver import LookedUp, ResolvedAddress, Resolver
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.time.moment import Deadline

HERE = ResolvedAddress(socket.AF_INET, "127.0.0.1")
ELSEWHERE = ResolvedAddress(socket.AF_INET, "127.0.0.9")


class NameService:
    """Gives the prepared answer, once the test releases it."""

    def __init__(self) -> None:
        self.answer = LookedUp((HERE,))
        self.asked = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, host, family):
        self.asked.append((host, family))
        self.may_answer.wait(5)
        return self.answer


class Counting(FastHttpEngine):
    """A fast path that counts its requests."""

    taken = 0

    def start(self, *given):
        self.taken += 1
        return super().start(*given)


@pytest.fixture
def names():
    return NameService()


@pytest.fixture
def plain(bench, names):
    plain = Counting(
        bench.loop, bench.clock, bench.call_at, resolver=Resolver(bench.loop, bench.clock, ask=names)
    )
    yield plain
    names.may_answer.set()
    plain.close()


@pytest.fixture
def server():
    with HostileServer() as server:
        yield server


def named(server, **fields):
    return Http(url=server.url().replace("127.0.0.1", "localhost"), address_family="ipv4", **fields)


def test_a_name_goes_the_short_way_and_is_looked_up_once(bench, plain, names, server):
    prober = HttpProber(bench.transport, plain)
    seen = [bench.run(prober, named(server)).seen for _ in range(4)]

    assert {(one.outcome, one.status, one.ip) for one in seen} == {(Outcome.UP, 200, "127.0.0.1")}
    assert (plain.taken, names.asked) == (3, [("localhost", "ipv4")])
    for one in seen:
        parts = one.phases
        spent = parts.dns_ns + parts.connect_ns + parts.first_byte_ns + parts.transfer_ns
        assert min(parts.dns_ns, parts.connect_ns) > 0
        assert spent == one.response_time_ns


def test_the_time_of_a_look_up_is_that_of_its_phase(bench, plain, names, server):
    prober = HttpProber(bench.transport, plain)
    bench.run(prober, named(server))
    names.may_answer.clear()
    answer = bench.loop.create_future()
    prober.start(bench.request(named(server)), answer.set_result)
    bench.loop.call_later(0.05, names.may_answer.set)
    parts = bench.wait(answer).phases

    assert parts.dns_ns > 40_000_000
    assert parts.connect_ns < 40_000_000


def test_a_name_that_does_not_resolve_is_reported_in_the_words_of_libcurl(bench, plain, names):
    with HostileServer() as server:
        prober = HttpProber(bench.transport, plain)
        probe = named(server)
        bench.run(prober, probe)
        names.answer = LookedUp(message="Name or service not known")
        seen = bench.run(prober, probe).seen
        again = bench.run(prober, probe).seen

    assert (seen.outcome, seen.reason, seen.ip) == (Outcome.DOWN, Reason.DNS_FAILED, None)
    assert seen.detail == "Could not resolve host: localhost"
    assert seen.phases.dns_ns is None
    assert (again.outcome, plain.taken) == (Outcome.UP, 1)


def test_a_look_up_without_a_free_thread_is_an_internal_fault(bench, plain, names, server):
    prober = HttpProber(bench.transport, plain)
    bench.run(prober, named(server))
    names.answer = LookedUp(error_number=24, message="Too many open files")
    seen = bench.run(prober, named(server)).seen

    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.NO_DESCRIPTORS)


def test_a_look_up_ends_with_the_deadline(bench, plain, names, server):
    prober = HttpProber(bench.transport, plain)
    bench.run(prober, named(server))
    names.may_answer.clear()
    ended = bench.run(prober, named(server), 100)
    names.may_answer.set()

    assert (ended.seen.outcome, ended.seen.reason) == (Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT)
    assert ended.seen.detail == "the deadline passed before a connection stood"
    assert ended.took_ms < 250
    assert bench.run(prober, named(server)).seen.outcome is Outcome.UP
    assert plain.taken == 1


def test_an_attempt_cancelled_in_its_look_up_connects_nowhere(bench, plain, names, server):
    prober, answers = HttpProber(bench.transport, plain), []
    bench.run(prober, named(server))
    names.may_answer.clear()
    attempt = prober.start(bench.request(named(server)), answers.append)
    assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
    names.may_answer.set()
    bench.run(prober, named(server))

    assert (answers, len(server.heard)) == ([], 2)


def test_the_address_that_libcurl_got_through_to_is_preferred(bench, plain, names, server):
    names.answer = LookedUp((ELSEWHERE, HERE))
    prober = HttpProber(bench.transport, plain)
    seen = [bench.run(prober, named(server)).seen for _ in range(3)]

    assert [one.ip for one in seen] == ["127.0.0.1"] * 3
    assert plain.taken == 2


def test_an_address_that_cannot_be_reached_is_tried_again_by_libcurl(bench, plain, names, server):
    names.answer = LookedUp((ELSEWHERE,))
    prober = HttpProber(bench.transport, plain)
    seen = [bench.run(prober, named(server)).seen for _ in range(3)]

    assert [(one.outcome, one.ip) for one in seen] == [(Outcome.UP, "127.0.0.1")] * 3
    assert plain.taken == 1


def test_a_name_that_turns_to_a_private_address_is_not_connected_to(bench, plain, server):
    """DNS rebinding: libcurl, which refuses it in its own words, is asked instead."""
    answer = bench.loop.create_future()
    shape = HttpShape(deny_private_addresses=True)
    wire = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    request = PlainRequest(wire, shape, "shop.example", server.port, preferred="8.8.8.8")
    plain.start(request, Deadline.after(bench.clock.read(), 2_000_000_000), answer.set_result)

    assert bench.wait(answer) is None
    assert not server.arrived.is_set()


def test_a_closed_engine_leaves_no_look_up_behind(bench, names, server):
    plain = FastHttpEngine(
        bench.loop, bench.clock, bench.call_at, resolver=Resolver(bench.loop, bench.clock, ask=names)
    )
    prober, answers = HttpProber(bench.transport, plain), []
    bench.run(prober, named(server))
    names.may_answer.clear()
    prober.start(bench.request(named(server)), answers.append)
    names.may_answer.set()
    plain.close()
    bench.turn()

    assert answers == []
    assert [thread for thread in threading.enumerate() if thread.name == "watchkeeper resolver"] == []
