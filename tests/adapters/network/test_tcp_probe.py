import socket
import threading
import tracemalloc

import pytest
from hostile.server import HostileServer
from hostile.visit import Visit
from msgspec.structs import replace
from watchkeeper.adapters.probes.network.tcp import TcpProber
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain import limits
from watchkeeper.domain.limits import BODY_BYTES
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import ANY_ANSWER, Http, Tcp
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S

from tests.adapters.timing import ANSWER_WITHIN_MS, GRACE_MS, outlasting
from tests.support.left_behind import threads_since

TIMEOUT_MS = 300


@pytest.fixture
def prober(bench):
    prober = TcpProber(bench.loop, bench.clock, bench.resolver)
    yield prober
    prober.close()


def target(server, **fields) -> Tcp:
    return Tcp(host=server.host, port=server.port, **fields)


def greeting(data: bytes):
    return lambda visit: (visit.send(data), visit.wait_for_client_to_leave())


def test_a_connection_that_stands_is_enough(bench, prober):
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        seen = bench.run(prober, target(server)).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason, seen.connected, seen.ip) == (Outcome.UP, Reason.OK, True, "127.0.0.1")
    assert (seen.body, seen.phases.dns_ns) == (None, None)
    assert 0 < seen.phases.connect_ns <= seen.response_time_ns


def test_an_expected_text_is_found_across_pieces(bench, prober):
    pieces = [b"220 ma", b"il.exam", b"ple ESM", b"TP ready\r\n"]
    with HostileServer(greeting=lambda visit: visit.drip(pieces, 0.01)) as server:
        seen = bench.run(prober, target(server, expect="example ESMTP")).seen

    assert (seen.outcome, seen.body[:12]) == (Outcome.UP, b"220 mail.exa")
    assert seen.phases.first_byte_ns > 0
    assert seen.phases.transfer_ns > 0


def test_a_message_that_is_sent_arrives_and_is_answered(bench, prober):
    heard = []

    def answer(visit):
        heard.append(visit.read_something())
        visit.send(b"+PONG\r\n")

    with HostileServer(greeting=answer) as server:
        seen = bench.run(prober, target(server, send="PING ü\r\n", expect="+PONG")).seen

    assert (seen.outcome, heard) == (Outcome.UP, ["PING ü\r\n".encode()])


ANSWERED = [
    (lambda visit: visit.send(b"+PONG\r\n"), Outcome.UP, Reason.OK, b"+PONG\r\n"),
    (lambda visit: visit.drip([b"imok"], 5), Outcome.UP, Reason.OK, b"imok"),
    (lambda visit: visit.drip([b"a", b"b", b"c"], 0.02), Outcome.UP, Reason.OK, b"abc"),
    (lambda visit: visit.drip([b"x"] * 1_000, 0.02), Outcome.UP, Reason.OK, b"xx"),
    (Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT, b""),
    (lambda visit: None, Outcome.DOWN, Reason.TRUNCATED, b""),
    (lambda visit: visit.pour(b"y" * 65_536, 1_000), Outcome.DOWN, Reason.BODY_TOO_LARGE, b"yy"),
]


@pytest.mark.parametrize(("serve", "outcome", "reason", "begins"), ANSWERED)
def test_any_answer_is_taken_until_it_ends_or_pauses(
    bench, prober, serve, outcome, reason, begins, monkeypatch
):
    monkeypatch.setattr(limits, "ANSWER_PAUSE_NS", NS_PER_S)  # a busy machine makes pauses, too
    is_ended_by_the_deadline = outcome is Outcome.TIMED_OUT or begins == b"xx"

    def answer(visit):
        visit.read_something()
        serve(visit)

    with HostileServer(greeting=answer) as server:
        seen = outlasting(
            lambda within_ms: (
                bench.run(prober, target(server, send="hello", expect=ANY_ANSWER), within_ms).seen
            ),
            lambda seen: seen.body is not None and seen.body.startswith(begins),
            TIMEOUT_MS if is_ended_by_the_deadline else ANSWER_WITHIN_MS,
        )
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert seen.body.startswith(begins)
    assert seen.detail.isprintable()


def test_the_pause_after_an_answer_is_not_its_time(bench, prober, monkeypatch):
    monkeypatch.setattr(limits, "ANSWER_PAUSE_NS", NS_PER_S)

    def answer(visit):
        visit.read_something()
        visit.drip([b"ready"], 5)

    with HostileServer(greeting=answer) as server:
        ended = bench.run(prober, target(server, send="hello", expect=ANY_ANSWER))

    assert ended.took_ms >= NS_PER_S / NS_PER_MS
    assert ended.seen.response_time_ns < NS_PER_S
    assert ended.seen.phases.transfer_ns < NS_PER_S


def test_a_long_line_is_sent_completely(bench, prober):
    heard = bytearray()
    line = "x" * 20_000_000

    def swallow(visit):
        while len(heard) < len(line):
            heard.extend(visit.read_something())
        visit.send(b"done")

    with HostileServer(greeting=swallow) as server:
        # More than a configuration may ask for, so that the socket's buffer cannot hold it.
        seen = bench.run(prober, replace(target(server, expect="done"), send=line), 5_000).seen

    assert (seen.outcome, len(heard)) == (Outcome.UP, len(line))


def endless(visit):
    visit.pour(b"y" * 65_536, 1_000_000)


def read_and_reset(visit):
    visit.read_something()
    visit.reset()


def read_and_differ(visit):
    visit.read_something()
    visit.send(b"something else")


TABLE = [
    (Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (lambda visit: visit.drip([b"x"] * 1_000, 0.02), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (endless, Outcome.DOWN, Reason.BODY_TOO_LARGE),
    (lambda visit: visit.drip([b"z" * 40_000] * 100, 0.01), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    (read_and_differ, Outcome.DOWN, Reason.TRUNCATED),
    (Visit.read_something, Outcome.DOWN, Reason.TRUNCATED),
    (read_and_reset, Outcome.DOWN, Reason.CONNECTION_RESET),
]
NAMES = ["nothing", "drip", "endless", "gulps", "other text", "close", "reset"]


@pytest.mark.parametrize(("serve", "outcome", "reason"), TABLE, ids=NAMES)
def test_each_failed_talk_has_its_own_reason(bench, prober, serve, outcome, reason):
    with HostileServer(greeting=serve) as server:
        probe = target(server, send="hello", expect="ready")
        within_ms = TIMEOUT_MS if outcome is Outcome.TIMED_OUT else ANSWER_WITHIN_MS
        seen = bench.run(prober, probe, within_ms).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason, seen.connected) == (outcome, reason, True)
    assert len(seen.body) <= BODY_BYTES
    assert seen.detail.isprintable()


def test_a_refused_connection_says_so(bench, prober):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        seen = bench.run(prober, Tcp(host="127.0.0.1", port=taken.getsockname()[1])).seen

    assert (seen.outcome, seen.reason, seen.connected) == (Outcome.DOWN, Reason.CONNECTION_REFUSED, False)


def test_a_full_backlog_times_out_while_connecting(bench, prober, full_backlog):
    with full_backlog("127.0.0.1") as port:
        ended = bench.run(prober, Tcp(host="127.0.0.1", port=port), TIMEOUT_MS)

    assert (ended.seen.outcome, ended.seen.reason) == (Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT)
    assert ended.took_ms >= TIMEOUT_MS - 1


def naming(bench, names, *hosts) -> TcpProber:
    """A prober to which every name has these addresses."""
    names.names["two.example"] = hosts
    return TcpProber(bench.loop, bench.clock, bench.resolver)


def test_a_name_tries_the_next_address_when_one_fails(bench, names):
    prober = naming(bench, names, "::1", "127.0.0.1")
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        seen = bench.run(prober, Tcp(host="two.example", port=server.port)).seen
    prober.close()

    assert (seen.outcome, seen.ip) == (Outcome.UP, "127.0.0.1")


def test_a_silent_address_does_not_use_up_the_deadline(bench, names, full_backlog):
    prober = naming(bench, names, "127.0.0.2", "127.0.0.1")
    with full_backlog("127.0.0.2") as port, socket.create_server(("127.0.0.1", port)):
        ended = bench.run(prober, Tcp(host="two.example", port=port))
    prober.close()

    assert (ended.seen.outcome, ended.seen.ip) == (Outcome.UP, "127.0.0.1")
    assert 240 < ended.took_ms < 250 + GRACE_MS


def test_a_name_is_looked_up_and_its_time_is_measured(bench, prober):
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        spec = Tcp(host="localhost", port=server.port, address_family="ipv4")
        first, *later = (bench.run(prober, spec).seen for _ in range(20))

    assert (first.outcome, first.ip) == (Outcome.UP, "127.0.0.1")
    # A busy machine may interrupt any of them.
    assert first.phases.dns_ns > min(each.phases.dns_ns for each in later)
    assert len(prober.resolver.kept) == 1


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 300, "ü" * 70, "with space"])
def test_a_name_without_address_is_a_dns_failure(bench, prober, host):
    seen = bench.run(prober, Tcp(host=host, port=80)).seen

    assert (seen.outcome, seen.reason, seen.connected) == (Outcome.DOWN, Reason.DNS_FAILED, False)
    assert len(prober.resolver.kept) == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0:0::ffff:7f00:1"]
)
def test_an_address_is_reported_in_the_spelling_of_http(bench, prober, host):
    with HostileServer() as server:
        bracketed = f"[{host}]" if ":" in host else host
        page = Http(url=f"http://{bracketed}:{server.port}/")
        kept = Http(url=page.url, connection="reuse")
        seen = [bench.run(prober, Tcp(host=host, port=server.port)).seen.ip]
        seen += [bench.run(HttpProber(bench.transport), probe).seen.ip for probe in (page, kept)]

    assert seen == ["::ffff:127.0.0.1" if ":" in host else "127.0.0.1"] * 3


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::ffff:127.0.0.1", "127.1", "①②⑦.⓪.⓪.①"])
def test_a_private_address_is_refused_when_denied(bench, host):
    prober = TcpProber(bench.loop, bench.clock, bench.resolver, deny_private_addresses=True)
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        seen = bench.run(prober, Tcp(host=host, port=server.port)).seen
        assert not server.arrived.is_set()
    prober.close()

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.ADDRESS_REFUSED)
    assert "not a public address" in seen.detail


def test_cancelling_closes_the_socket_at_once(bench, prober):
    heard = []
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        attempt = prober.start(bench.request(target(server, expect="never"), 60_000), heard.append)
        assert bench.when(server.arrived)
        assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
        assert server.gone.wait(20)

    assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
    assert heard == []


def test_cancelling_after_the_answer_comes_too_late(bench, prober):
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        answer = bench.loop.create_future()
        attempt = prober.start(bench.request(target(server)), answer.set_result)
        bench.wait(answer)

    assert attempt.cancel() is CancelOutcome.COMPLETED_ANYWAY


def test_an_immediate_failure_is_reported_after_start_returned(bench, prober):
    heard = []
    attempt = prober.start(bench.request(Tcp(host="127.0.0.1", port=1), timeout_ms=0), heard.append)
    assert heard == []
    assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
    bench.turn()

    assert heard == []


def test_closing_leaves_no_descriptor_and_no_thread(bench, descriptors):
    before, threads = descriptors(), set(threading.enumerate())
    prober = TcpProber(bench.loop, bench.clock, bench.resolver)
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        bench.run(prober, Tcp(host="localhost", port=server.port))
        prober.start(bench.request(target(server, expect="never")), print)
        prober.close()
        prober.close()

    assert descriptors() <= before
    assert threads_since(threads) == set()


def test_a_lack_of_descriptors_is_not_the_targets_fault(bench, prober, no_descriptors):
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server, no_descriptors():
        seen = bench.run(prober, target(server)).seen

    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.NO_DESCRIPTORS)


def test_two_hundred_attempts_run_at_once(bench, prober):
    ended = bench.loop.create_future()
    seen = []

    def take(observation):
        seen.append(observation)
        if len(seen) == 200:
            ended.set_result(None)

    with HostileServer(greeting=greeting(b"ready")) as server:
        for _ in range(200):
            prober.start(bench.request(target(server, expect="ready")), take)
        bench.wait(ended)

    assert {observation.outcome for observation in seen} == {Outcome.UP}
    assert repr(prober) == "TcpProber(under_way=0)"


def test_an_endless_peer_takes_no_memory(bench, prober):
    with HostileServer(greeting=endless) as server:
        tracemalloc.start()
        bench.run(prober, target(server, expect="never"))
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak_bytes < 2 * 1024 * 1024
