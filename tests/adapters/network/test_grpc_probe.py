"""The `grpc` probe against a server of grpcio, and against peers that refuse, break off, lie, or say nothing."""

import asyncio
import threading

import pytest
import trustme
from health_server import LOCKED, ODD, OLD, SERVING, health_server
from hostile.server import HostileServer
from hostile.visit import Visit
from watchkeeper.adapters.probes.web.health_message import GrpcMessageError, health_request, health_status
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.web.grpc import Grpc

TIMEOUT_MS = 300


@pytest.fixture(scope="module")
def ports():
    with health_server() as ports:
        yield ports


@pytest.fixture
def prober(prober_of):
    return prober_of(Grpc)


def asked(bench, prober, port, **fields):
    return bench.run(prober, Grpc(host="127.0.0.1", port=port, **fields)).seen


@pytest.mark.parametrize("service", ["", SERVING])
def test_a_service_that_serves_is_up(bench, prober, ports, service):
    seen = asked(bench, prober, ports[0], service=service)

    assert (seen.outcome, seen.reason, seen.body) == (Outcome.UP, Reason.OK, b"SERVING")
    assert (seen.connected, seen.ip) == (True, "127.0.0.1")
    assert seen.phases.connect_ns <= seen.phases.first_byte_ns <= seen.response_time_ns


OTHER = [
    (OLD, Reason.REPORTED, b"NOT_SERVING", f"the service '{OLD}' says that it is NOT_SERVING"),
    (ODD, Reason.UNEXPECTED_ANSWER, b"UNKNOWN", f"the status of the service '{ODD}' is UNKNOWN"),
    ("shop.Gone", Reason.UNEXPECTED_ANSWER, None, "the health service knows nothing of the service 'shop.Gone'"),
    (LOCKED, Reason.UNEXPECTED_ANSWER, None, "the server refuses the call: PERMISSION_DENIED, give the token"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "reason", "body", "detail"), OTHER)
def test_each_other_status_is_down_with_its_own_reason(bench, prober, ports, service, reason, body, detail):
    seen = asked(bench, prober, ports[0], service=service)

    assert (seen.outcome, seen.reason, seen.body, seen.detail) == (Outcome.DOWN, reason, body, detail)


def test_a_server_without_a_health_service_is_down(bench, prober, ports):
    seen = asked(bench, prober, ports[1])

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.PROTOCOL_ERROR)
    assert seen.detail == "the server has no health service: UNIMPLEMENTED"


def test_metadata_is_sent(bench, prober, ports):
    seen = asked(bench, prober, ports[0], service=LOCKED, metadata={"x-token": "sesame"})

    assert (seen.outcome, seen.detail) == (Outcome.UP, "")


def test_a_server_of_tls_proves_itself(bench, prober, tmp_path):
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    files = {name: str(tmp_path / name) for name in ("ca.pem", "own.pem", "own.key")}
    authority.cert_pem.write_to_path(files["ca.pem"])
    own.cert_chain_pems[0].write_to_path(files["own.pem"])
    own.private_key_pem.write_to_path(files["own.key"])
    with health_server(files["own.pem"], files["own.key"]) as (port, _):
        good = asked(bench, prober, port, tls=Tls(ca_file=files["ca.pem"]))
        unknown = asked(bench, prober, port, tls=Tls())
        clear = asked(bench, prober, port)

    assert (good.outcome, good.detail) == (Outcome.UP, "")
    assert good.phases.tls_ns > 0
    assert (unknown.outcome, unknown.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)
    assert (clear.outcome, clear.reason) == (Outcome.DOWN, Reason.TRUNCATED)


def test_no_thread_is_left_but_those_of_the_loop(bench, prober, ports):
    asked(bench, prober, ports[0])
    before = threading.active_count()
    for _ in range(10):
        asked(bench, prober, ports[0])

    assert threading.active_count() <= before + 1


SETTINGS = b"\0\0\0\4\0\0\0\0\0"


def frame(kind, flags=0, data=b"", stream=1):
    return len(data).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + data


def header(status="200", **fields):
    """A header without any compression."""
    pairs = {
        ":status": status,
        "content-type": "application/grpc",
        **{k.replace("_", "-"): v for k, v in fields.items()},
    }
    return b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(text)]) + text.encode()
        for name, text in pairs.items()
    )


HEADERS, DATA, RESET, GOAWAY, PING, PUSH, CONTINUATION = 1, 0, 3, 7, 6, 5, 9
WHOLE, LAST = 4, 5
SERVES = b"\0\0\0\0\2\x08\1"


def saying(words):
    """Says something that is no HTTP/2, once it was spoken to."""

    def serve(visit):
        visit.read_something()
        visit.send(words)
        visit.wait_for_client_to_leave()

    return serve


def answering(*frames, stays=True):
    def serve(visit):
        visit.read_something()
        visit.send(SETTINGS + b"".join(frames))
        if stays:
            visit.wait_for_client_to_leave()

    return serve


def ending(message=SERVES, **trailers):
    said = b"".join(
        b"\0" + bytes([len(k)]) + k.encode() + bytes([len(v)]) + v.encode() for k, v in trailers.items()
    )
    return answering(frame(HEADERS, WHOLE, header()), frame(DATA, 0, message), frame(HEADERS, LAST, said))


def flooding(piece, times=9_999):
    def serve(visit):
        visit.read_something()
        visit.send(SETTINGS)
        visit.pour(piece, times)

    return serve


GOOD = {"grpc-status": "0"}
HOSTILE = [
    ("silent", Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT, "before the call was answered"),
    ("drip", lambda visit: visit.drip([b"\0"] * 90, 0.1), Outcome.TIMED_OUT, Reason.TIMED_OUT, "before the call"),
    ("settings alone", answering(), Outcome.TIMED_OUT, Reason.TIMED_OUT, "before the call was answered"),
    ("half an answer", answering(frame(HEADERS, WHOLE, header())), Outcome.TIMED_OUT, Reason.TIMED_OUT, "before the call"),
    ("leaves", Visit.read_something, Outcome.DOWN, Reason.TRUNCATED, "closed the connection before the call"),
    ("HTTP/1", saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR, "speaks HTTP/1"),
    ("other protocol", saying(b"220 mail.example ESMTP\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR, "no HTTP/2"),
    ("web page", answering(frame(HEADERS, LAST, header(content_type="text/html"))), Outcome.DOWN, Reason.PROTOCOL_ERROR, "text/html"),
    ("proxy", answering(frame(HEADERS, LAST, header("502"))), Outcome.DOWN, Reason.UNEXPECTED_ANSWER, "the status 502"),
    ("no status", answering(frame(HEADERS, LAST, header())), Outcome.DOWN, Reason.PROTOCOL_ERROR, "without a grpc-status"),
    ("odd code", answering(frame(HEADERS, LAST, header(grpc_status="99"))), Outcome.DOWN, Reason.UNEXPECTED_ANSWER, "code 99"),
    ("unavailable", answering(frame(HEADERS, LAST, header(grpc_status="14", grpc_message="a%0Ab"))), Outcome.DOWN, Reason.UNEXPECTED_ANSWER, "UNAVAILABLE, a\\nb"),
    ("no message", ending(b"", **GOOD), Outcome.DOWN, Reason.PROTOCOL_ERROR, "there is no message"),
    ("compressed", ending(b"\1" + SERVES[1:], **GOOD), Outcome.DOWN, Reason.PROTOCOL_ERROR, "compressed"),
    ("wrong length", ending(SERVES[:-1], **GOOD), Outcome.DOWN, Reason.PROTOCOL_ERROR, "not one whole message"),
    ("no protobuf", ending(b"\0\0\0\0\2\xff\xff", **GOOD), Outcome.DOWN, Reason.PROTOCOL_ERROR, "cut off"),
    ("odd status", ending(b"\0\0\0\0\2\x08\x09", **GOOD), Outcome.DOWN, Reason.UNEXPECTED_ANSWER, "is number 9"),
    ("unknown service", ending(b"\0\0\0\0\2\x08\3", **GOOD), Outcome.DOWN, Reason.UNEXPECTED_ANSWER, "knows nothing of the server"),
    ("reset", answering(frame(RESET, 0, b"\0\0\0\7")), Outcome.DOWN, Reason.PROTOCOL_ERROR, "broke the call off: REFUSED_STREAM"),
    ("goaway", answering(frame(GOAWAY, 0, b"\0" * 7 + b"\x0b", 0)), Outcome.DOWN, Reason.PROTOCOL_ERROR, "ENHANCE_YOUR_CALM"),
    ("push", answering(frame(PUSH, WHOLE, b"\0\0\0\2" + header())), Outcome.DOWN, Reason.PROTOCOL_ERROR, "no HTTP/2"),
    ("huge frame", flooding(b"\xff\xff\xff\0\0\0\0\0\1" + b"x" * 65_536), Outcome.DOWN, Reason.BODY_TOO_LARGE, "65536 bytes"),
    ("endless header", flooding(frame(HEADERS, 0, b"") + frame(CONTINUATION, 0, b"") * 999), Outcome.DOWN, Reason.PROTOCOL_ERROR, "no HTTP/2"),
    ("endless data", answering(frame(HEADERS, WHOLE, header()), frame(DATA, 0, b"x" * 16_000) * 9), Outcome.DOWN, Reason.BODY_TOO_LARGE, "65536 bytes"),
    ("endless pings", flooding(frame(PING, 0, b"12345678", 0) * 999), Outcome.DOWN, Reason.BODY_TOO_LARGE, "1000 frames"),
    ("empty data", answering(frame(HEADERS, WHOLE, header()), frame(DATA) * 9_999), Outcome.DOWN, Reason.BODY_TOO_LARGE, "1000 frames"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("serve", "outcome", "reason", "said"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE]
)
def test_each_hostile_peer_ends_with_its_own_reason(bench, prober, serve, outcome, reason, said):
    within_ms = {"timeout_ms": TIMEOUT_MS} if outcome is Outcome.TIMED_OUT else {}
    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, Grpc(host="127.0.0.1", port=server.port), **within_ms).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason) == (outcome, reason), seen.detail
    assert said in seen.detail
    assert seen.detail.isprintable()


def test_a_good_answer_of_a_server_that_closes_at_once_is_up(bench, prober):
    ends = (frame(HEADERS, LAST, b"\0\x0bgrpc-status\x010"), frame(RESET, 0, b"\0\0\0\0"))
    serve = answering(frame(HEADERS, WHOLE, header()), frame(DATA, 0, SERVES), *ends, stays=False)
    with HostileServer(greeting=serve) as server:
        seen = asked(bench, prober, server.port)

    assert (seen.outcome, seen.detail) == (Outcome.UP, "")


MESSAGES = [
    (b"\0\0\0\0\0", "UNKNOWN"),
    (b"\0\0\0\0\2\x08\1", "SERVING"),
    (b"\0\0\0\0\x13\x12\1a\x19" + b"\0" * 8 + b"\x25" + b"\0" * 4 + b"\x08\2", "NOT_SERVING"),
    (b"\0\0\0\0\4\x08\2\x08\1", "SERVING"),
]


@pytest.mark.parametrize(("message", "status"), MESSAGES)
def test_fields_that_are_not_known_are_passed_over(message, status):
    assert health_status(message) == status


def test_a_message_that_is_cut_off_is_none():
    whole = b"\x12\1a\x19" + b"\0" * 8 + b"\x08\2"
    for length in (1, 2, 4, 6, len(whole) - 1):
        with pytest.raises(GrpcMessageError):
            health_status(b"\0" + length.to_bytes(4) + whole[:length])


def test_a_long_name_of_a_service_has_its_length_in_two_bytes():
    assert health_request("a" * 200) == b"\0\0\0\0\xcb\x0a\xc8\x01" + b"a" * 200
    assert health_request("") == b"\0\0\0\0\0"


def test_a_cancelled_attempt_leaves_no_descriptor(bench, prober, descriptors):
    before = descriptors()
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        probe = Grpc(host="127.0.0.1", port=server.port)
        started = prober.start(bench.request(probe), lambda seen: pytest.fail(str(seen)))
        bench.until(server.arrived.is_set)
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert server.gone.wait(20)
    assert descriptors() <= before


def test_failures_in_number_leave_no_descriptor(bench, prober, ports, descriptors):
    probe = Grpc(host="127.0.0.1", port=ports[0], service=OLD)
    bench.run(prober, probe)
    before = descriptors()

    async def fail(times):
        answers = [bench.loop.create_future() for _ in range(times)]
        for answer in answers:
            prober.start(bench.request(probe), answer.set_result)
        return [seen.reason for seen in await asyncio.gather(*answers)]

    reasons = [reason for _ in range(10) for reason in bench.loop.run_until_complete(fail(20))]
    assert set(reasons) == {Reason.REPORTED}
    assert descriptors() <= before + 1


def test_the_values_of_metadata_are_not_shown():
    assert "hunter" not in repr(Grpc(host="h", port=1, metadata={"x-token": "hunter2"}))
