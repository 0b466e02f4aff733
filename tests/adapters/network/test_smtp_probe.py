"""The `smtp` probe against a real mail server, and against peers that break off, lie, or say nothing."""

import json

import pytest
from hostile.server import HostileServer
from hostile.visit import Visit
from mail_server import LOGIN, MailServer
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.smtp import Smtp

TIMEOUT_MS = 300
USER, PASSWORD = LOGIN


@pytest.fixture
def prober(prober_of):
    return prober_of(Smtp)


@pytest.fixture
def context(authority):
    return authority.context()


def target(server, **fields) -> Smtp:
    return Smtp(**{"host": "127.0.0.1", "port": server.port, "encryption": "none", **fields})


def test_a_server_in_clear_is_up_and_told(bench, prober):
    with MailServer() as server:
        seen = bench.run(prober, target(server)).seen

    told = json.loads(seen.body)
    assert (seen.outcome, seen.reason, seen.connected, seen.ip) == (Outcome.UP, Reason.OK, True, "127.0.0.1")
    assert told["greeting"].startswith("mail.test")
    assert "HELP" in told["capabilities"]
    assert not server.mails


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_a_login_goes_over_tls(bench, prober, authority, context, encryption):
    with MailServer(**{encryption: context}, has_login=True) as server:
        fields = {"encryption": encryption, "tls": Tls(ca_file=authority.file), "user": USER}
        good = bench.run(prober, target(server, password=PASSWORD, **fields)).seen
        bad = bench.run(prober, target(server, password="barley-barley", **fields)).seen  # noqa: S106

    assert (good.outcome, good.detail) == (Outcome.UP, "")
    assert good.phases.tls_ns > 0
    assert (bad.outcome, bad.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert bad.detail.startswith("the server refuses the login: 535")


def test_a_server_that_offers_no_login_is_down(bench, prober, authority, context):
    with MailServer(tls=context) as server:
        fields = {"encryption": "tls", "tls": Tls(ca_file=authority.file)}
        seen = bench.run(prober, target(server, user=USER, password=PASSWORD, **fields)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert "offers no login" in seen.detail


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_a_certificate_that_proves_nothing_is_down(bench, prober, context, encryption):
    with MailServer(**{encryption: context}) as server:
        seen = bench.run(prober, target(server, encryption=encryption)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)


def test_a_server_without_tls_is_down_where_tls_is_asked_for(bench, prober):
    with MailServer() as server:
        seen = bench.run(prober, target(server, encryption="starttls")).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.TLS_FAILED)


def test_a_login_by_two_words_is_made_where_one_is_not_offered(bench, prober, authority, context):
    heard = []

    def serve(visit):
        visit.secure(context)
        visit.send(b"220 old\r\n")
        for answer in (
            b"250-old\r\n250 AUTH LOGIN\r\n",
            b"334 VXNlcm5hbWU6\r\n",
            b"334 UGFzc3dvcmQ6\r\n",
            b"235 in\r\n",
        ):
            heard.append(visit.read_something())
            visit.send(answer)
        visit.wait_for_client_to_leave()

    with HostileServer(greeting=serve) as server:
        fields = {"encryption": "tls", "tls": Tls(ca_file=authority.file)}
        seen = bench.run(prober, target(server, user="u", password="p", **fields)).seen  # noqa: S106

    assert (seen.outcome, seen.detail) == (Outcome.UP, "")
    assert heard[1:] == [b"AUTH LOGIN\r\n", b"dQ==\r\n", b"cA==\r\n"]


def after_starttls(said):
    def serve(visit):
        visit.send(b"220 x\r\n")
        visit.read_something()
        visit.send(b"250 x\r\n")
        visit.read_something()
        visit.send(said)
        visit.wait_for_client_to_leave()

    return serve


def greeting(said):
    def serve(visit):
        visit.send(said)
        visit.wait_for_client_to_leave()

    return serve


HOSTILE = [
    ("none", Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    ("none", lambda visit: visit.drip([b"2"] * 90, 0.1), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    ("none", greeting(b"220 x\r\n"), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    ("none", lambda visit: None, Outcome.DOWN, Reason.TRUNCATED),
    ("none", greeting(b"554 go away\r\n"), Outcome.DOWN, Reason.UNEXPECTED_ANSWER),
    ("none", greeting(b"SSH-2.0-x\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    ("none", lambda visit: visit.pour(b"220-x\r\n" * 9_000, 100), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    ("none", lambda visit: visit.pour(b"x" * 65_536, 100), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    ("starttls", after_starttls(b"502 no\r\n"), Outcome.DOWN, Reason.TLS_FAILED),
    ("starttls", after_starttls(b"220 go\r\n250 injected\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    ("starttls", after_starttls(b"220 go\r\n"), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    ("tls", greeting(b"220 x\r\n"), Outcome.DOWN, Reason.TLS_FAILED),
]


@pytest.mark.parametrize(("encryption", "serve", "outcome", "reason"), HOSTILE)
def test_each_hostile_peer_ends_with_its_own_reason(bench, prober, encryption, serve, outcome, reason):
    within_ms = {"timeout_ms": TIMEOUT_MS} if outcome is Outcome.TIMED_OUT else {}
    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server, encryption=encryption), **within_ms).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert seen.detail
    assert seen.detail.isprintable()


def test_a_cancelled_attempt_leaves_no_descriptor(bench, prober, descriptors):
    before = descriptors()
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        started = prober.start(bench.request(target(server)), lambda seen: pytest.fail(str(seen)))
        bench.turn()
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert server.gone.wait(20)
    assert descriptors() <= before


def test_a_password_is_not_shown():
    assert PASSWORD not in repr(Smtp(host="h", user=USER, password=PASSWORD))
