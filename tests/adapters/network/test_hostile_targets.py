import pytest
from hostile.server import HostileServer
from watchkeeper.adapters.http.curl.wire import TCP_INFO
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.limits import BODY_BYTES
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http

from tests.adapters.timing import ANSWER_WITHIN_MS, outlasting

TIMEOUT_MS = 400

DOWN, UP, LATE = Outcome.DOWN, Outcome.UP, Outcome.TIMED_OUT

# Behaviour of the server, outcome, reason, observed status.
TABLE = [
    ("healthy", UP, Reason.OK, 200),
    ("status/503", UP, Reason.OK, 503),
    ("nothing", LATE, Reason.TIMED_OUT, None),
    ("drip_head", LATE, Reason.TIMED_OUT, 200),
    ("drip_body", LATE, Reason.TIMED_OUT, 200),
    ("endless", UP, Reason.OK, 200),
    ("bomb", UP, Reason.OK, 200),
    ("many_headers", DOWN, Reason.HEADERS_TOO_LARGE, 200),
    ("long_header", DOWN, Reason.HEADERS_TOO_LARGE, 200),
    ("wide_header", DOWN, Reason.HEADERS_TOO_LARGE, 200),
    pytest.param(
        "chunk_extension",
        DOWN,
        Reason.PROTOCOL_ERROR,
        200,
        marks=pytest.mark.skipif(TCP_INFO is None, reason="this system does not count the bytes of a socket"),
    ),
    ("tiny_chunks", UP, Reason.OK, 200),
    ("interim_flood", DOWN, Reason.HEADERS_TOO_LARGE, 100),
    ("loop", DOWN, Reason.TOO_MANY_REDIRECTS, 302),
    ("redirect/302?file:///etc/passwd", DOWN, Reason.REDIRECT_REFUSED, 302),
    ("redirect/302?gopher://127.0.0.1/", DOWN, Reason.REDIRECT_REFUSED, 302),
    ("redirect/302?//", DOWN, Reason.REDIRECT_REFUSED, 302),
    ("reset", DOWN, Reason.CONNECTION_RESET, None),
    ("reset_in_body", DOWN, Reason.CONNECTION_RESET, 200),
    ("early_close", DOWN, Reason.TRUNCATED, None),
    ("close_in_header", DOWN, Reason.TRUNCATED, 200),
    ("short_body", DOWN, Reason.TRUNCATED, 200),
    ("short_chunks", DOWN, Reason.TRUNCATED, 200),
    ("extra_bytes", UP, Reason.OK, 200),
    ("trailers", UP, Reason.OK, 200),
    ("early_hints", UP, Reason.OK, 200),
    ("length_and_chunks", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("chunks_and_length", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("two_lengths", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("equal_lengths", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("negative_length", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("bad_chunk", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("status_000", DOWN, Reason.PROTOCOL_ERROR, None),
    ("status_99999", DOWN, Reason.PROTOCOL_ERROR, 999),
    ("status_777", UP, Reason.OK, 777),
    ("status_999", UP, Reason.OK, 999),
    ("status_2000", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("status_200ok", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("status_tabs", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("small_http", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("http_2_in_text", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("odd_interim", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("no_reason", UP, Reason.OK, 200),
    ("huge_length", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("length_of_64_bits", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("length_list", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("blank_before_colon", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("two_codings", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("trailers_behind_two_framings", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("http_0_9", DOWN, Reason.PROTOCOL_ERROR, None),
    ("ssh", DOWN, Reason.PROTOCOL_ERROR, None),
    ("bare_line_feeds", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("nul_in_header", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("unsolicited_coding", DOWN, Reason.PROTOCOL_ERROR, 200),
    ("bad_utf8", UP, Reason.OK, 200),
]


@pytest.fixture(scope="module")
def server():
    with HostileServer() as server:
        yield server


@pytest.mark.parametrize(("path", "outcome", "reason", "status"), TABLE, ids=str)
def test_each_hostile_answer_ends_with_its_own_reason(bench, server, path, outcome, reason, status):
    probe = Http(url=server.url(f"/{path}"))

    def attempt(within_ms):
        return bench.run(HttpProber(bench.transport), probe, within_ms).seen

    if outcome is LATE:
        seen = outlasting(attempt, lambda seen: seen.status == status, TIMEOUT_MS)
    else:
        seen = attempt(ANSWER_WITHIN_MS)

    assert (seen.outcome, seen.reason, seen.status) == (outcome, reason, status)
    assert seen.detail.isprintable()
    assert bool(seen.detail) is (outcome is not UP)
    assert len(seen.body) <= BODY_BYTES


@pytest.mark.parametrize("path", ["nothing", "drip_head", "drip_body"])
def test_a_deadline_that_passed_is_not_cut_short(bench, server, path):
    ended = bench.run(HttpProber(bench.transport), Http(url=server.url(f"/{path}")), TIMEOUT_MS)

    assert ended.took_ms >= TIMEOUT_MS - 1


def test_a_body_at_the_cap_is_whole_and_one_byte_more_is_cut(bench):
    answers = {
        "exact": lambda visit: visit.answer(body=b"x" * 100),
        "over": lambda visit: visit.answer(body=b"x" * 101),
    }
    with HostileServer(answers) as server:
        prober = HttpProber(bench.transport)
        exact = bench.run(prober, Http(url=server.url("/exact"), body_bytes_max=100)).seen
        over = bench.run(prober, Http(url=server.url("/over"), body_bytes_max=100)).seen

    assert (exact.outcome, exact.body, exact.body_cut) == (UP, b"x" * 100, False)
    assert (over.outcome, over.body, over.body_cut) == (UP, b"x" * 100, True)


def test_a_compressed_body_stays_as_it_came(bench):
    packed = b"\x1f\x8bnot really"
    answer = {"gz": lambda visit: visit.answer(headers=["Content-Encoding: gzip"], body=packed)}
    with HostileServer(answer) as server:
        seen = bench.run(HttpProber(bench.transport), Http(url=server.url("/gz"))).seen

        assert server.heard[0].header("accept-encoding") == "identity"
    assert (seen.outcome, seen.body) == (UP, packed)
