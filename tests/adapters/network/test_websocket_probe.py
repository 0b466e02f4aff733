"""The `websocket` probe against a server of the protocol, and against peers that refuse, break off, lie, or say nothing."""

import asyncio
import base64
import hashlib
import logging

import pytest
from hostile.server import HostileServer
from hostile.visit import Visit
from watchkeeper.adapters.probes.course import ProbeFailed
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.adapters.probes.web.websocket import WebSocketTalk
from watchkeeper.domain.limits import BODY_BYTES, FRAMES_MAX, FRAMES_READ_BYTES
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.web.websocket import WebSocket
from websocket_server import WebSocketServer
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.uri import parse_uri

TIMEOUT_MS = 300
TOKEN = "Bearer open-sesame"  # noqa: S105  # of the test's own server


@pytest.fixture(scope="module")
def server():
    with WebSocketServer(subprotocol="v1.live") as server:
        yield server


@pytest.fixture
def prober(bench):
    yield from proving(bench)


def proving(bench, *, deny=False):
    prober = NETWORK_PROBERS[WebSocket](bench.around(deny=deny))
    yield prober
    prober.close()
    bench.turn()


def test_a_handshake_is_up_and_ends_with_the_code_of_a_normal_end(bench, prober, server):
    server.gone.clear()
    seen = bench.run(prober, WebSocket(url=f"{server.url}/live?since=1%202")).seen

    assert (seen.outcome, seen.reason, seen.body) == (Outcome.UP, Reason.OK, None)
    assert (seen.connected, seen.ip) == (True, "127.0.0.1")
    assert seen.phases.connect_ns <= seen.phases.first_byte_ns <= seen.response_time_ns
    assert bench.when(server.gone)
    assert (server.requests[-1].path, server.closed_with[-1]) == ("/live?since=1%202", 1000)


def test_a_message_is_answered_and_the_answer_is_the_body(bench, prober, server):
    seen = bench.run(prober, WebSocket(url=server.url, send="ping grün")).seen

    assert (seen.outcome, seen.body) == (Outcome.UP, "you said ping grün".encode())
    assert server.heard[-1] == "ping grün"


def test_messages_that_do_not_match_are_passed_over(bench, prober, server):
    seen = bench.run(prober, WebSocket(url=f"{server.url}/greetings", expect="^load=[0-9]+$")).seen

    assert (seen.outcome, seen.body) == (Outcome.UP, b"load=7")


def test_the_headers_and_the_subprotocols_are_sent(bench, prober, server):
    headers = {"Authorization": TOKEN, "User-Agent": "probe"}
    seen = bench.run(prober, WebSocket(url=server.url, headers=headers, subprotocols=["v9", "v1.live"])).seen

    assert seen.outcome is Outcome.UP
    asked = server.requests[-1].headers
    assert (asked["Authorization"], asked.get_all("User-Agent")) == (TOKEN, ["probe"])


def test_a_server_that_takes_no_subprotocol_is_down(bench, prober):
    with WebSocketServer() as server:
        seen = bench.run(prober, WebSocket(url=server.url, subprotocols=["v9"])).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert seen.detail == "the server takes none of the subprotocols"


def test_an_expected_message_that_never_comes_ends_at_the_deadline(bench, prober, server):
    seen = bench.run(prober, WebSocket(url=server.url, send="a", expect="^b"), TIMEOUT_MS).seen

    assert (seen.outcome, seen.reason) == (Outcome.TIMED_OUT, Reason.TIMED_OUT)
    assert seen.detail == "the deadline passed before the expected message came"


def test_a_server_of_tls_proves_itself(bench, prober, authority):
    context = authority.context()
    with WebSocketServer(tls=context) as server:
        good = bench.run(prober, WebSocket(url=server.url, send="a", tls=Tls(ca_file=authority.file))).seen
        unknown = bench.run(prober, WebSocket(url=server.url)).seen

    assert (good.outcome, good.body) == (Outcome.UP, b"you said a")
    assert good.phases.tls_ns > 0
    assert (unknown.outcome, unknown.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)


def test_a_private_address_is_refused_before_anything_is_sent(bench, server):
    before = len(server.requests)
    for prober in proving(bench, deny=True):
        seen = bench.run(prober, WebSocket(url=server.url)).seen

    assert (seen.reason, len(server.requests)) == (Reason.ADDRESS_REFUSED, before)


def test_a_host_that_debugs_the_library_sees_no_login(bench, prober, server, caplog):
    caplog.set_level(logging.DEBUG)
    bench.run(prober, WebSocket(url=server.url, headers={"Authorization": TOKEN}))

    assert not [each for each in caplog.records if "> Authorization" in each.getMessage()]


def refusing(status, *headers, body=b"no"):
    def serve(visit):
        visit.read_request()
        visit.answer(status, headers, body)
        visit.wait_for_client_to_leave()

    return serve


REFUSED = [
    ("403 Forbidden", Reason.UNEXPECTED_ANSWER, "the handshake is answered by 403 Forbidden"),
    ("200 OK", Reason.UNEXPECTED_ANSWER, "the handshake is answered by 200 OK"),
    ("302 Found", Reason.REDIRECT_REFUSED, "the handshake is answered by 302 Found, and no redirect is followed"),
    ("503 \x1b[31mred", Reason.UNEXPECTED_ANSWER, "the handshake is answered by 503 \\x1b[31mred"),
    ("101 Switching Protocols", Reason.PROTOCOL_ERROR, "the handshake is answered wrongly: missing Connection header"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "reason", "said"), REFUSED)
def test_a_server_that_does_not_change_over_is_down_and_its_body_is_not_awaited(
    bench, prober, status, reason, said
):
    with HostileServer(greeting=refusing(status, "Location: ws://127.0.0.1/", body=b"")) as server:
        seen = bench.run(prober, WebSocket(url=f"ws://127.0.0.1:{server.port}/")).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, reason)
    assert seen.detail.startswith(said)


def accepted(visit, key=None):
    """Takes the handshake, with another key where one is given."""
    visit.read_request()
    asked = next(text for name, text in visit.headers if name == "Sec-WebSocket-Key")
    digest = hashlib.sha1(f"{key or asked}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()  # noqa: S324
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}", "", ""]
    visit.send("\r\n".join(lines).encode())


def saying(*pieces, stays=True):
    """Takes the handshake and sends these bytes; then it waits, or leaves."""

    def serve(visit):
        accepted(visit)
        visit.read_something()
        for piece in pieces:
            visit.send(piece)
        if stays:
            visit.wait_for_client_to_leave()

    return serve


def flooding(piece, times):
    def serve(visit):
        accepted(visit)
        visit.pour(piece, times)

    return serve


def frame(opcode, data=b"", *, first=0x80, length=None):
    size = len(data) if length is None else length
    coded = (
        bytes([size])
        if size < 126
        else b"\x7e" + size.to_bytes(2)
        if size < 65_536
        else b"\x7f" + size.to_bytes(8)
    )
    return bytes([first | opcode]) + coded + data


HOSTILE = [
    ("silent", Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT, "before the handshake was answered"),
    ("drip", lambda visit: visit.drip([b"H"] * 90, 0.1), Outcome.TIMED_OUT, Reason.TIMED_OUT, "before the handshake"),
    ("leaves", Visit.read_something, Outcome.DOWN, Reason.TRUNCATED, "closed the connection before the handshake"),
    ("other protocol", lambda visit: visit.send(b"220 mail.example ESMTP\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR, "no HTTP: 220"),
    ("endless line", lambda visit: visit.pour(b"x" * 65_536, 9), Outcome.DOWN, Reason.HEADERS_TOO_LARGE, "65536 bytes"),
    ("endless header", lambda visit: visit.pour(b"HTTP/1.1 101 a\r\n" * 99, 9), Outcome.DOWN, Reason.HEADERS_TOO_LARGE, "128 headers"),
    ("wrong key", lambda visit: accepted(visit, "other"), Outcome.DOWN, Reason.PROTOCOL_ERROR, "Sec-WebSocket-Accept"),
    ("mute behind the handshake", saying(), Outcome.TIMED_OUT, Reason.TIMED_OUT, "before the expected message came"),
    ("leaves behind the handshake", saying(stays=False), Outcome.DOWN, Reason.TRUNCATED, "before the expected message"),
    ("masked", saying(b"\x81\x81aaaa!"), Outcome.DOWN, Reason.PROTOCOL_ERROR, "masking"),
    ("reserved bit", saying(frame(1, b"a", first=0xC0)), Outcome.DOWN, Reason.PROTOCOL_ERROR, "reserved bits"),
    ("unknown opcode", saying(frame(3)), Outcome.DOWN, Reason.PROTOCOL_ERROR, "opcode"),
    ("no UTF-8", saying(frame(1, b"\xff")), Outcome.DOWN, Reason.PROTOCOL_ERROR, "no UTF-8"),
    ("huge", saying(frame(1, length=2**62)), Outcome.DOWN, Reason.BODY_TOO_LARGE, "65536 bytes"),
    ("over the cap", saying(frame(2, length=BODY_BYTES + 1)), Outcome.DOWN, Reason.BODY_TOO_LARGE, "65536 bytes"),
    ("endless fragments", flooding(frame(0, b"x" * 999, first=0), 999), Outcome.DOWN, Reason.PROTOCOL_ERROR, "continuation"),
    ("many fragments", flooding(frame(1, b"x", first=0) + frame(0, b"x" * 999, first=0) * 99, 1), Outcome.DOWN, Reason.BODY_TOO_LARGE, "65536 bytes"),
    ("empty fragments", flooding(frame(1, first=0) + frame(0, first=0) * 2_000, 1), Outcome.DOWN, Reason.BODY_TOO_LARGE, "1000 frames"),
    ("endless pings", flooding(frame(9) * 1_000, 9_999), Outcome.DOWN, Reason.BODY_TOO_LARGE, "1000 frames"),
    ("other messages", flooding(frame(1, b"x" * 9_000), 9_999), Outcome.DOWN, Reason.BODY_TOO_LARGE, "1048576 bytes"),
    ("closes", saying(frame(8, b"\x03\xf3sorry\x00")), Outcome.DOWN, Reason.UNEXPECTED_ANSWER, "with code 1011, sorry\\x00"),
    ("closes without a code", saying(frame(8)), Outcome.DOWN, Reason.UNEXPECTED_ANSWER, "with code 1005"),
    ("closes with half a code", saying(frame(8, b"\x03")), Outcome.DOWN, Reason.PROTOCOL_ERROR, "close"),
    ("resets", Visit.reset, Outcome.DOWN, Reason.CONNECTION_RESET, "reset"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("serve", "outcome", "reason", "said"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE]
)
def test_each_hostile_peer_ends_with_its_own_reason(bench, prober, serve, outcome, reason, said):
    within_ms = {"timeout_ms": TIMEOUT_MS} if outcome is Outcome.TIMED_OUT else {}
    with HostileServer(greeting=serve) as server:
        probe = WebSocket(url=f"ws://127.0.0.1:{server.port}/", send="a", expect="^good$")
        seen = bench.run(prober, probe, **within_ms).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason) == (outcome, reason), seen.detail
    assert said in seen.detail
    assert seen.detail.isprintable()


def test_a_good_message_in_the_last_bytes_of_a_server_counts(bench, prober):
    with HostileServer(greeting=saying(frame(1, b"good") + frame(8, b"\x03\xe8"), stays=False)) as server:
        seen = bench.run(prober, WebSocket(url=f"ws://127.0.0.1:{server.port}/", send="a")).seen

    assert (seen.outcome, seen.body) == (Outcome.UP, b"good")


class Flood:
    """A wire on which the next message always lies ready."""

    async def read(self, bytes_max):
        assert bytes_max == FRAMES_READ_BYTES
        return frame(1, b"x" * 1_000)

    async def write(self, data):
        assert not data


def test_a_flood_leaves_the_loop_free(bench):
    turns = 0

    def turn():
        nonlocal turns
        turns += 1
        bench.loop.call_soon(turn)

    async def read():
        bench.loop.call_soon(turn)
        talk = WebSocketTalk(Flood(), ClientProtocol(parse_uri("ws://h/"), state=State.OPEN))
        with pytest.raises(ProbeFailed, match="1000 frames came without the expected message"):
            await talk.answer(WebSocket(url="ws://h/", expect="^good$"))

    bench.loop.run_until_complete(read())

    assert turns >= FRAMES_MAX


def test_a_cancelled_attempt_leaves_no_descriptor(bench, prober, descriptors):
    before = descriptors()
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        probe = WebSocket(url=f"ws://127.0.0.1:{server.port}/")
        started = prober.start(bench.request(probe), lambda seen: pytest.fail(str(seen)))
        bench.until(server.arrived.is_set)
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert server.gone.wait(20)
    assert descriptors() <= before


def test_failures_in_number_leave_no_descriptor(bench, prober, descriptors):
    with HostileServer(greeting=refusing("403 Forbidden")) as server:
        probe = WebSocket(url=f"ws://127.0.0.1:{server.port}/")
        bench.run(prober, probe)
        before = descriptors()

        async def fail(times):
            answers = [bench.loop.create_future() for _ in range(times)]
            for answer in answers:
                prober.start(bench.request(probe), answer.set_result)
            return [seen.reason for seen in await asyncio.gather(*answers)]

        reasons = [reason for _ in range(10) for reason in bench.loop.run_until_complete(fail(20))]
        bench.until(lambda: descriptors() <= before + 1)
    assert set(reasons) == {Reason.UNEXPECTED_ANSWER}


def test_neither_the_values_of_headers_nor_the_query_nor_the_message_are_shown():
    shown = repr(WebSocket(url="ws://h/?key=hunter2", headers={"X-Token": "hunter3"}, send="AUTH hunter4"))

    assert "hunter" not in shown
