"""Dialogues and TLS of the `tcp` probe against real servers, and against peers that break off, lie, or say nothing."""

import ssl
import threading
from functools import partial
from itertools import cycle

import pytest
from hostile.keys import KeyServer
from hostile.server import HostileServer
from hostile.starttls import changing_over
from hostile.visit import Visit
from mail_server import MailServer
from watchkeeper.adapters.probes.network.tcp import TcpProber
from watchkeeper.domain import limits
from watchkeeper.domain.limits import BODY_BYTES
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import ANY_ANSWER, DialogueStep, Tcp, Tls

from tests.adapters.timing import ANSWER_WITHIN_MS

TIMEOUT_MS = 300
UP = (Outcome.UP, Reason.OK, "")


@pytest.fixture
def prober(bench):
    prober = TcpProber(bench.loop, bench.clock, bench.resolver)
    yield prober
    prober.close()


def steps(*written) -> list[DialogueStep]:
    return [DialogueStep(**step) for step in written]


def target(server, *written, **fields) -> Tcp:
    dialogue = {"dialogue": steps(*written)} if written else {}
    return Tcp(host="127.0.0.1", port=server.port, **dialogue, **fields)


def verdict(seen):
    return seen.outcome, seen.reason, seen.detail


def context_of(authority) -> ssl.SSLContext:
    return authority.context()


def said(*turns):
    """A server that says a text, then reads up to the end of a line and notes it, for each turn."""
    heard = []

    def serve(visit, context=None):
        if context is not None:
            visit.secure(context)
        for words in turns:
            if words:
                visit.send(words)
            line = b""
            while not line.endswith(b"\n"):
                piece = visit.read_something()
                if not piece:
                    return
                line += piece
            heard.append(line)
        visit.wait_for_client_to_leave()

    return serve, heard


# The examples of blackbox_exporter's documentation.


def test_a_mail_server_changes_over_to_tls_in_the_middle_of_a_dialogue(bench, prober, authority):
    with MailServer(starttls=context_of(authority), has_login=True) as server:
        probe = target(
            server,
            {"expect": "^220 ([^ ]+) (.+)$"},
            {"send": "EHLO prober\r\n", "expect": "^250-STARTTLS"},
            {"send": "STARTTLS\r\n", "expect": "^220", "starttls": True},
            {"send": "EHLO prober\r\n", "expect": "^250-AUTH"},
            {"send": "QUIT\r\n"},
            tls=Tls(ca_file=authority.file),
        )
        seen = bench.run(prober, probe).seen
        commands = [each.split()[0] for each in server.commands]

    assert verdict(seen) == UP
    assert commands[:3] == ["EHLO", "STARTTLS", "EHLO"]
    assert seen.body.count(b"250-") >= 2
    assert b"250-AUTH" in seen.body
    assert 0 < seen.phases.tls_ns < seen.response_time_ns
    assert seen.phases.first_byte_ns > 0
    assert seen.certificate_names == ("127.0.0.1",)
    assert seen.certificate_expires_in_ns > 0


def test_a_captured_part_is_sent_in_a_later_step(bench, prober):
    serve, heard = said(b":irc NOTICE * :looking up\r\n", b"PING :a1b2\r\n", b":irc 001 prober :Welcome\r\n")
    with HostileServer(greeting=serve) as server:
        probe = target(
            server,
            {"send": "NICK prober\r\nUSER prober prober prober :prober\r\n"},
            {"expect": "PING :(?P<token>[^ ]+)"},
            {"send": "PONG {{token}}\r\n", "expect": "^:[^ ]+ 001"},
        )
        seen = bench.run(prober, probe).seen
        assert server.gone.wait(20)

    assert verdict(seen) == UP
    assert b"".join(heard) == b"NICK prober\r\nUSER prober prober prober :prober\r\nPONG a1b2\r\n"


def test_the_banner_of_a_real_ssh_server_matches(bench, prober):
    with KeyServer() as server:
        probe = target(server, {"expect": "^SSH-2.0-"}, {"send": "SSH-2.0-watchkeeper\r\n"})
        seen = bench.run(prober, probe).seen

    assert verdict(seen) == UP
    assert seen.body.startswith(b"SSH-2.0-AsyncSSH")


def test_an_imap_server_changes_over(bench, prober, authority):
    with HostileServer(greeting=changing_over("imap", context_of(authority))) as server:
        probe = target(
            server,
            {"expect": "OK"},
            {"send": "a STARTTLS\r\n", "expect": "^a OK", "starttls": True},
            tls=Tls(ca_file=authority.file),
        )
        seen = bench.run(prober, probe).seen

    assert verdict(seen) == UP
    assert seen.phases.tls_ns > 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_banner_behind_tls_from_the_first_byte_matches(bench, prober, authority, version):
    serve, _ = said(b"+OK ready\r\n")
    context = context_of(authority)
    context.maximum_version = version
    with HostileServer(greeting=partial(serve, context=context)) as server:
        probe = target(server, {"expect": r"^\+OK"}, tls=Tls(ca_file=authority.file))
        seen = bench.run(prober, probe).seen

    assert verdict(seen) == UP
    assert seen.body == b"+OK ready\r\n"
    assert seen.phases.tls_ns > 0
    assert seen.phases.first_byte_ns >= 0
    assert seen.certificate_names == ("127.0.0.1",)


def test_send_and_expect_go_by_tls_as_in_clear(bench, prober, authority):
    serve, heard = said(b"", b"PONG\r\n")
    with HostileServer(greeting=partial(serve, context=context_of(authority))) as server:
        probe = target(server, send="PING\r\n", expect="PONG", tls=Tls(ca_file=authority.file))
        seen = bench.run(prober, probe).seen

    assert (verdict(seen), heard) == (UP, [b"PING\r\n"])


def test_any_answer_by_tls_ends_with_a_pause(bench, prober, authority):
    serve, _ = said(b"", b"hello")
    with HostileServer(greeting=partial(serve, context=context_of(authority))) as server:
        probe = target(server, send="PING\r\n", expect=ANY_ANSWER, tls=Tls(ca_file=authority.file))
        seen = bench.run(prober, probe).seen

    assert (verdict(seen), seen.body) == (UP, b"hello")


def test_a_long_answer_by_tls_comes_whole(bench, prober, authority):
    """Many records come in one packet: no readiness tells of those that are not decrypted yet."""
    lines = [b"%03d" % number * 20 + b"\r\n" for number in range(300)]
    context = context_of(authority)

    def serve(visit):
        visit.secure(context)
        for line in lines:
            visit.send(line)
        visit.wait_for_client_to_leave()

    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server, {"expect": "299"}, tls=Tls(ca_file=authority.file))).seen

    assert (verdict(seen), seen.body) == (UP, b"".join(lines))


def test_a_handshake_alone_is_enough(bench, prober, authority):
    with authority.server() as server:
        seen = bench.run(prober, target(server, tls=Tls(ca_file=authority.file))).seen

    assert verdict(seen) == UP
    assert seen.phases.tls_ns > 0
    assert seen.certificate_expires_in_ns > 0


def test_a_question_without_a_line_end_is_taken_after_a_pause(bench, prober, monkeypatch):
    monkeypatch.setattr(limits, "ANSWER_PAUSE_NS", 20_000_000)
    serve, heard = said(b"Debian\r\nlogin: ", b"Password: ")
    with HostileServer(greeting=serve) as server:
        probe = target(
            server,
            {"expect": "^login: $"},
            {"send": "otto\r\n", "expect": "^Password: (?P<rest>.*)$"},
            {"send": "x{{rest}}y\r\n"},
        )
        seen = bench.run(prober, probe).seen
        assert server.gone.wait(20)

    assert verdict(seen) == UP
    assert heard == [b"otto\r\n", b"xy\r\n"]


def test_a_line_in_pieces_is_matched_as_a_whole(bench, prober):
    """Half of it would be captured otherwise."""

    def serve(visit):
        visit.drip([b"PING :ab", b"cd", b"ef\r", b"\n"], 0.01)
        heard.append(visit.read_something())

    heard = []
    with HostileServer(greeting=serve) as server:
        probe = target(server, {"expect": "PING :(?P<token>[a-z]+)"}, {"send": "PONG {{ token }}"})
        seen = bench.run(prober, probe).seen
        assert server.gone.wait(20)

    assert (verdict(seen), heard) == (UP, [b"PONG abcdef"])


# Peers that do otherwise.

HELLO = {"send": "hello\r\n", "expect": "^220"}
FAULTS = {
    "silent": (Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT, "step 1: the deadline passed before an answer came"),
    "closes": (Visit.read_something, Outcome.DOWN, Reason.TRUNCATED, "step 1: the peer closed the connection before an answer came"),
    "resets": (lambda visit: (visit.read_something(), visit.reset()), Outcome.DOWN, Reason.CONNECTION_RESET, "step 1: Connection reset by peer"),
    "says no and closes": (
        lambda visit: (visit.read_something(), visit.send(b"554 no\r\n")), Outcome.DOWN, Reason.UNEXPECTED_ANSWER,
        "step 1: the answer does not match: 554 no (expected: ^220)"),
    "says half a line and closes": (
        lambda visit: (visit.read_something(), visit.send(b"55\x00")), Outcome.DOWN, Reason.UNEXPECTED_ANSWER,
        "step 1: the answer does not match: 55\\x00 (expected: ^220)"),
    "says no and stays": (
        lambda visit: (visit.send(b"554 no\r\n"), visit.wait_for_client_to_leave()), Outcome.TIMED_OUT, Reason.TIMED_OUT,
        "step 1: the deadline passed, and the answer does not match: 554 no (expected: ^220)"),
    "lines without end": (
        lambda visit: visit.pour(b"no\r\n" * 16_384, 1_000), Outcome.DOWN, Reason.BODY_TOO_LARGE,
        "step 1: 65536 bytes came without a line that matches"),
    "a line without end": (
        lambda visit: visit.pour(b"y" * 65_536, 1_000), Outcome.DOWN, Reason.BODY_TOO_LARGE,
        "step 1: 65536 bytes came without a line that matches"),
    "drips": (
        lambda visit: visit.drip([b"x"] * 1_000, 0.02), Outcome.TIMED_OUT, Reason.TIMED_OUT, "step 1: the deadline passed, and the answer does not match: x"),
    "leaves after the first step": (
        lambda visit: (visit.read_something(), visit.send(b"220 hi\r\n")), Outcome.DOWN, Reason.TRUNCATED,
        "step 2: the peer closed the connection before an answer came"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_failed_step_has_its_own_reason(bench, prober, name):
    serve, outcome, reason, detail = FAULTS[name]
    with HostileServer(greeting=serve) as server:
        within_ms = TIMEOUT_MS if outcome is Outcome.TIMED_OUT else ANSWER_WITHIN_MS
        seen = bench.run(prober, target(server, HELLO, {"expect": "^250"}), within_ms).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason, seen.connected) == (outcome, reason, True)
    assert seen.detail.startswith(detail)
    assert seen.detail.isprintable()
    assert len(seen.body) <= BODY_BYTES


def go_ahead(visit):
    visit.send(b"220 go\r\n")


SECURING = {
    "no TLS": (
        lambda visit: (go_ahead(visit), visit.read_something(), visit.send(b"what?\r\n" * 9)), Outcome.DOWN, Reason.TLS_FAILED,
        "step 1: the TLS handshake failed: wrong version number"),
    "silent": (
        lambda visit: (go_ahead(visit), visit.wait_for_client_to_leave()), Outcome.TIMED_OUT, Reason.TIMED_OUT,
        "step 1: the deadline passed in the TLS handshake"),
    "closes": (
        lambda visit: (go_ahead(visit), visit.read_something()), Outcome.DOWN, Reason.TLS_FAILED,
        "step 1: the peer closed the connection"),
    "text before TLS": (
        lambda visit: (visit.send(b"220 go\r\n250 injected\r\n"), visit.wait_for_client_to_leave()), Outcome.DOWN, Reason.PROTOCOL_ERROR,
        "step 1: bytes came in clear where TLS must begin"),
}  # fmt: skip


@pytest.mark.parametrize("name", SECURING)
def test_each_failed_change_over_has_its_own_reason(bench, prober, name):
    serve, outcome, reason, detail = SECURING[name]
    with HostileServer(greeting=serve) as server:
        within_ms = TIMEOUT_MS if outcome is Outcome.TIMED_OUT else ANSWER_WITHIN_MS
        probe = target(server, {"expect": "^220", "starttls": True}, {"expect": "x"})
        seen = bench.run(prober, probe, within_ms).seen
        assert server.gone.wait(20)

    assert verdict(seen) == (outcome, reason, detail)


def test_a_certificate_that_proves_nothing_ends_the_dialogue_before_a_word_is_said(bench, prober, authority):
    serve, heard = said(b"")
    with HostileServer(greeting=partial(serve, context=context_of(authority))) as server:
        seen = bench.run(prober, target(server, {"send": "secret\r\n"}, tls=Tls())).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)
    assert seen.detail == "the certificate proves nothing: unable to get local issuer certificate"
    assert heard == []


def test_an_authority_that_cannot_be_read_says_nothing_of_the_target(bench, prober, tmp_path):
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        seen = bench.run(prober, target(server, tls=Tls(ca_file=str(tmp_path / "none.pem")))).seen
        assert not server.arrived.is_set()

    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert "cannot be read" in seen.detail


def test_tls_that_breaks_off_behind_its_handshake_says_in_which_step(bench, prober, authority):
    def serve(visit):
        visit.secure(context_of(authority))
        visit.read_something()
        visit.send_in_clear(b"this is no record of TLS")
        visit.wait_for_client_to_leave()

    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server, HELLO, tls=Tls(ca_file=authority.file))).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.PROTOCOL_ERROR)
    assert seen.detail.startswith("step 1: TLS broke: ")


def test_cancelling_closes_the_socket_at_once_in_a_step_and_in_a_handshake(bench, prober):
    heard = []
    for probe in (
        lambda server: target(server, {"expect": "never"}),
        lambda server: target(server, tls=Tls()),
    ):
        with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
            attempt = prober.start(bench.request(probe(server), 60_000), heard.append)
            assert bench.when(server.arrived)
            assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
            assert server.gone.wait(20)

    assert heard == []
    assert repr(prober) == "TcpProber(under_way=0)"


def test_two_hundred_failures_leave_no_descriptor_and_no_thread(bench, prober, descriptors):
    broken = (lambda visit: None, lambda visit: visit.send(b"554 no\r\n"), go_ahead)
    turns = cycle(broken)

    def serve(visit):
        next(turns)(visit)

    with HostileServer(greeting=serve) as server:
        bench.run(prober, target(server, HELLO))
        before, threads = descriptors(), set(threading.enumerate())
        probes = [target(server, {"expect": "^220", "starttls": True}, HELLO), target(server, tls=Tls())]
        for number in range(200):
            assert bench.run(prober, probes[number % 2]).seen.outcome is Outcome.DOWN
        bench.until(lambda: descriptors() <= before)

    assert {each.name for each in set(threading.enumerate()) - threads} <= {"hostile server"}
