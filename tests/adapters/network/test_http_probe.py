import socket
import threading
from contextlib import contextmanager

import pytest
from hostile.server import HostileServer
from watchkeeper.adapters.http.curl.transport import CurlTransport
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.observation import Phases
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import BasicAuth, Http
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_MS
from watchkeeper.domain.validation.partial import judged_target

BASIC = BasicAuth(user="u", password="p")  # noqa: S106 - nobody's


@pytest.fixture
def prober(bench):
    return HttpProber(bench.transport)


@pytest.fixture
def server():
    with HostileServer() as server:
        yield server


@contextmanager
def closed_port():
    """A bound port without a listener, so that the system gives it to no other socket."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_healthy_answer_is_observed_completely(bench, prober, server):
    seen = bench.run(prober, Http(url=server.url())).seen

    assert (seen.connected, seen.status, seen.body, seen.ip) == (True, 200, b"ok", "127.0.0.1")
    assert (seen.outcome, seen.reason, seen.detail) == (Outcome.UP, Reason.OK, "")
    assert seen.certificate_expires_in_ns is None
    assert not seen.reused_connection


def test_phases_stand_by_themselves_and_add_up(bench, prober, server):
    phases = bench.run(prober, Http(url=server.url())).seen
    parts = phases.phases

    assert (parts.dns_ns, parts.tls_ns) == (None, None)
    assert parts.connect_ns + parts.first_byte_ns + parts.transfer_ns == phases.response_time_ns


def test_a_name_is_looked_up_and_its_time_is_measured(bench, prober, server):
    seen = bench.run(prober, Http(url=f"http://localhost:{server.port}/", address_family="ipv4")).seen

    assert seen.ip == "127.0.0.1"
    parts = seen.phases
    assert parts.dns_ns > 0
    assert parts.dns_ns + parts.connect_ns + parts.first_byte_ns + parts.transfer_ns == seen.response_time_ns


def test_a_name_that_does_not_exist_is_a_dns_failure(bench, prober):
    seen = bench.run(prober, Http(url="http://nowhere.invalid/")).seen

    assert (seen.outcome, seen.reason, seen.connected) == (Outcome.DOWN, Reason.DNS_FAILED, False)


def test_an_ipv6_target_answers_over_ipv6(bench, prober):
    with HostileServer(host="::1") as server:
        assert bench.run(prober, Http(url=server.url(), address_family="ipv6")).seen.ip == "::1"


def test_a_name_is_looked_up_in_the_asked_family_only(bench, prober):
    with HostileServer(host="::1") as server:
        spec = Http(url=f"http://localhost:{server.port}/", address_family="ipv4")
        seen = bench.run(prober, spec).seen

    assert seen.reason is Reason.CONNECTION_REFUSED


def test_a_refused_connection_says_so(bench, prober):
    with closed_port() as port:
        seen = bench.run(prober, Http(url=f"http://127.0.0.1:{port}/")).seen

    assert (seen.outcome, seen.reason, seen.connected) == (Outcome.DOWN, Reason.CONNECTION_REFUSED, False)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_there_is_no_first_byte_where_no_byte_came(bench, prober, method):
    def leave(visit):
        visit.kept = False

    with closed_port() as port:
        refused = bench.run(prober, Http(url=f"http://127.0.0.1:{port}/", method=method)).seen
    with HostileServer({"bye": leave}) as silent:
        dropped = bench.run(prober, Http(url=silent.url("/bye"), method=method)).seen

    assert refused.phases == Phases()
    assert (dropped.phases.first_byte_ns, dropped.phases.transfer_ns) == (None, None)
    assert dropped.phases.connect_ns > 0


def test_a_full_backlog_times_out_while_connecting(bench, prober, full_backlog):
    with full_backlog("127.0.0.1") as port:
        seen = bench.run(prober, Http(url=f"http://127.0.0.1:{port}/"), 200).seen

    assert (seen.outcome, seen.reason) == (Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT)
    assert seen.connected is False


def test_a_deadline_already_passed_starts_nothing(bench, prober, server):
    seen = bench.run(prober, Http(url=server.url()), timeout_ms=0).seen

    assert seen.outcome is Outcome.TIMED_OUT
    assert server.heard == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_each_method_arrives_as_written(bench, prober, server, method):
    assert bench.run(prober, Http(url=server.url(), method=method)).seen.status == 200
    assert server.heard[0].method == method


def test_a_body_and_headers_arrive_as_written(bench, prober, server):
    spec = Http(
        url=server.url("/a%20b?c=d"),
        method="POST",
        body="ü",
        headers={"X-Empty": "", "Content-Type": "text/plain"},
    )
    bench.run(prober, spec)
    heard = server.heard[0]

    assert (heard.path, heard.body) == ("/a%20b?c=d", "ü".encode())
    assert [heard.header(name) for name in ("x-empty", "content-type", "expect")] == ["", "text/plain", None]


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        ({"basic_auth": BASIC}, "Basic dTpw"),
        ({"bearer": "t0ken"}, "Bearer t0ken"),
    ],
    ids=["basic", "bearer"],
)
def test_credentials_are_sent_to_the_target(bench, prober, server, fields, header):
    bench.run(prober, Http(url=server.url(), **fields))

    assert server.heard[0].header("authorization") == header


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": {"X-A": "b\r\nEvil: 1"}},
        {"headers": {"X-A\n": "b"}},
        {"headers": {"X-A": "b\x00"}},
        {"bearer": "a\nb"},
        {"method": "GET X"},
        {"url": "http://127.0.0.1\\@canary/"},
        {"url": "http://127.0.0.1/\r\nX: y"},
        {"url": "http://user:canary@127.0.0.1/"},
        {"url": "file:///etc/passwd"},
        {"url": "http:///path"},
        {"url": "http://127.0.0.1:99999/"},
    ],
    ids=str,
)
def test_a_request_that_would_break_the_wire_is_refused_before_it_is_prepared(fields):
    try:
        probe = Http(**{"url": "http://127.0.0.1/", **fields})
        _, problems = judged_target(Target(id="a", http=probe), channels=())
    except ConfigurationError as refused:
        problems = (refused,)

    (problem,) = problems
    assert "canary" not in str(problem)
    assert "Evil" not in str(problem)


@pytest.mark.parametrize("url", ["http://127.0.0.1/\r\nX: y", "http://u:word@127.0.0.1/", "http://a\\@b/"])
def test_a_url_that_cannot_be_requested_as_it_is_written_is_never_asked(bench, prober, url):
    with pytest.raises(ConfigurationError):
        prober.start(bench.request(Http(url=url)), print)


def test_proxies_and_netrc_of_the_environment_are_unused(bench, prober, server, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\n")
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert bench.run(prober, Http(url=server.url())).seen.status == 200
    assert server.heard[0].header("authorization") is None


def test_no_cookie_is_kept_between_attempts(bench, prober):
    with HostileServer({"set": lambda visit: visit.answer(headers=["Set-Cookie: a=b"])}) as server:
        for _ in range(2):
            bench.run(prober, Http(url=server.url("/set")))

        assert [heard.header("cookie") for heard in server.heard] == [None, None]


def test_cancelling_closes_the_socket_at_once(bench, prober, server):
    heard = []
    attempt = prober.start(bench.request(Http(url=server.url("/nothing")), 60_000), heard.append)
    assert bench.when(server.arrived)

    assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
    assert server.gone.wait(20)
    bench.turn()
    assert heard == []
    assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
    assert repr(bench.transport).startswith("CurlTransport(in_flight=0,")


def test_cancelling_after_the_answer_comes_too_late(bench, prober, server):
    answer = bench.loop.create_future()
    attempt = prober.start(bench.request(Http(url=server.url())), answer.set_result)
    bench.wait(answer)

    assert attempt.cancel() is CancelOutcome.COMPLETED_ANYWAY


def test_an_answer_may_cancel_others_and_start_new_ones(bench, prober, server):
    ended = bench.loop.create_future()
    attempts = {}
    heard = []

    def first_answered(number):
        heard.append(number)
        for other, attempt in attempts.items():
            if other not in heard:
                attempt.cancel()
        if not ended.done():
            prober.start(bench.request(Http(url=server.url())), ended.set_result)

    for number in range(20):
        attempts[number] = prober.start(
            bench.request(Http(url=server.url())), lambda _, number=number: first_answered(number)
        )
    assert bench.wait(ended).status == 200
    assert len(heard) == 1


def test_a_callback_that_raises_costs_nobody_else(bench, prober, server):
    complaints = []
    bench.loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))
    ended = bench.loop.create_future()
    prober.start(bench.request(Http(url=server.url())), lambda _: 1 / 0)
    bench.when(server.gone)
    prober.start(bench.request(Http(url=server.url())), ended.set_result)
    bench.wait(ended)

    assert [type(complaint) for complaint in complaints] == [ZeroDivisionError]


def test_two_hundred_requests_run_at_once(bench, prober, server):
    ended = bench.loop.create_future()
    seen = []

    def take(observation):
        seen.append(observation)
        if len(seen) == 200:
            ended.set_result(None)

    for number in range(200):
        prober.start(bench.request(Http(url=server.url(f"/healthy/{number}"))), take)
    assert repr(bench.transport).startswith("CurlTransport(in_flight=200,")
    bench.wait(ended)

    assert {observation.outcome for observation in seen} == {Outcome.UP}
    assert {heard.path for heard in server.heard} == {f"/healthy/{number}" for number in range(200)}


def test_closing_leaves_no_descriptor(bench, server, descriptors):
    before = descriptors()
    transport = CurlTransport(bench.loop, bench.clock, bench.call_at, bench.resolver)
    prober = HttpProber(transport)
    ended = bench.loop.create_future()
    prober.start(bench.request(Http(url=server.url(), connection="reuse")), ended.set_result)
    bench.wait(ended)
    heard = []
    prober.start(bench.request(Http(url=server.url("/nothing"))), heard.append)
    bench.turn()
    transport.close()
    transport.close()
    server.close()

    assert descriptors() <= before - 1  # the server's listener
    assert heard == []


def test_a_closed_transport_answers_late_starters(bench, prober, server):
    bench.transport.close()
    late = bench.run(prober, Http(url=server.url())).seen

    assert late.outcome is Outcome.TIMED_OUT
    assert server.heard == []


def test_a_lack_of_descriptors_is_not_the_targets_fault(bench, prober, server, no_descriptors):
    assert bench.run(prober, Http(url=server.url())).seen.status == 200
    # The server shares the process: its end of the connection would be a descriptor that comes free.
    assert bench.when(server.gone)
    with no_descriptors():
        literal = bench.run(prober, Http(url=server.url())).seen
        named = bench.run(prober, Http(url=f"http://localhost:{server.port}/")).seen

    assert (literal.outcome, literal.reason) == (Outcome.UNKNOWN, Reason.NO_DESCRIPTORS)
    assert (named.outcome, named.reason) == (Outcome.UNKNOWN, Reason.NO_DESCRIPTORS)


def test_a_kept_connection_is_used_ten_times_and_says_so(bench, prober, server):
    spec = Http(url=server.url(), connection="reuse")
    reused = [bench.run(prober, spec).seen.reused_connection for _ in range(21)]

    assert reused == [False, *[True] * 9] * 2 + [False]


def test_a_reused_connection_has_no_connect_phase(bench, prober, server):
    spec = Http(url=server.url(), connection="reuse")
    phases = [bench.run(prober, spec).seen.phases for _ in range(2)]

    assert [part.connect_ns is None for part in phases] == [False, True]
    assert phases[1].first_byte_ns > 0


def test_a_kept_connection_that_the_peer_closed_is_no_failure(bench, prober):
    def answer_and_leave(visit):
        visit.answer()
        visit.kept = False

    with HostileServer({"bye": answer_and_leave}) as server:
        spec = Http(url=server.url("/bye"), connection="reuse")
        seen = []
        for _ in range(3):
            server.gone.clear()
            seen.append(bench.run(prober, spec).seen)
            assert bench.when(server.gone)

    assert [(one.outcome, one.reused_connection) for one in seen] == [(Outcome.UP, False)] * 3


@pytest.mark.parametrize("host", ["127.0.0.1", "shop.example"])
def test_kept_connections_that_all_died_unnoticed_are_no_failure(bench, names, prober, host):
    """Libcurl tries five of them, and gives up."""
    names.names["shop.example"] = ("127.0.0.1",)
    known, together, ended = set(), threading.Barrier(8), []

    def answer_once(visit):
        if visit in known:
            return
        known.add(visit)
        if len(known) <= together.parties:
            together.wait(20)
        visit.answer()

    with HostileServer({"once": answer_once}) as server:
        spec = Http(url=f"http://{host}:{server.port}/once", connection="reuse")
        for _ in range(together.parties):
            ended.append(bench.loop.create_future())
            prober.start(bench.request(spec), ended[-1].set_result)
        assert {bench.wait(answer).outcome for answer in ended} == {Outcome.UP}
        seen = bench.run(prober, spec).seen

    assert (seen.outcome, seen.reused_connection, len(known)) == (Outcome.UP, False, 9)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1", "①②⑦.⓪.⓪.①"]
)
def test_a_private_address_is_refused_when_denied(bench, server, host):
    prober = HttpProber(bench.transport, deny_private_addresses=True)
    seen = bench.run(prober, Http(url=f"http://{host}:{server.port}/")).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.ADDRESS_REFUSED)
    assert "not a public address" in seen.detail
    assert server.heard == []


def test_response_time_does_not_count_what_came_before(bench, prober, server):
    bench.run(prober, Http(url=server.url("/nothing")), 1_000)
    seen = bench.run(prober, Http(url=server.url())).seen

    assert seen.response_time_ns < 1_000 * NS_PER_MS
