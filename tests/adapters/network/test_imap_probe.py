"""The `imap` probe against Dovecot itself, and against peers that break off, lie, or say nothing."""

import json
from base64 import b64encode

import pytest
from daemons import PASSWORD, USER, Dovecot
from hostile.brokers import Mailboxes
from hostile.server import HostileServer
from hostile.visit import Visit
from trustme import CA
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.servers.imap import Imap

TIMEOUT_MS = 300
LOGIN = {"user": USER, "password": PASSWORD}


@pytest.fixture
def prober(prober_of):
    return prober_of(Imap)


@pytest.fixture(scope="module")
def proven(tmp_path_factory):
    """A Dovecot, and the file of its authority."""
    ca, file = CA(), tmp_path_factory.mktemp("authority") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    with Dovecot(ca) as server:
        yield server, Tls(ca_file=str(file))


@pytest.fixture
def real(proven):
    return proven[0]


@pytest.fixture
def trusted(proven):
    return proven[1]


@pytest.fixture
def context(authority):
    return authority.context()


def target(server, **fields) -> Imap:
    return Imap(**{"host": "127.0.0.1", "port": server.port, "encryption": "none", **fields})


@pytest.mark.needs("dovecot")
def test_a_server_in_clear_is_up_and_told(bench, prober, real):
    seen = bench.run(prober, target(real)).seen

    told = json.loads(seen.body)
    assert (seen.outcome, seen.reason, seen.connected, seen.ip) == (Outcome.UP, Reason.OK, True, "127.0.0.1")
    assert "Dovecot" in told["greeting"]
    assert {"IMAP4rev1", "STARTTLS"} <= {*told["capabilities"]}


@pytest.mark.needs("dovecot")
@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_a_login_goes_over_tls(bench, prober, real, trusted, encryption):
    port = real.tls_port if encryption == "tls" else real.port
    fields = {"encryption": encryption, "port": port, "tls": trusted}
    good = bench.run(prober, target(real, **fields, **LOGIN)).seen

    assert (good.outcome, good.detail) == (Outcome.UP, "")
    assert good.phases.tls_ns > 0
    assert "STARTTLS" not in json.loads(good.body)["capabilities"]


@pytest.mark.needs("dovecot")
def test_a_login_that_is_refused_is_down(bench, prober, real, trusted):
    fields = {"encryption": "tls", "port": real.tls_port, "tls": trusted, **LOGIN, "user": "eve"}
    seen = bench.run(prober, target(real, **fields)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert seen.detail.startswith("the server refuses the login: NO [AUTHENTICATIONFAILED]")


@pytest.mark.needs("dovecot")
@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_a_certificate_that_proves_nothing_is_down(bench, prober, real, encryption):
    port = real.tls_port if encryption == "tls" else real.port
    seen = bench.run(prober, target(real, encryption=encryption, port=port)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)


PLAIN = b64encode(f"\0{USER}\0{PASSWORD}".encode())
LITERAL = f"{USER} {PASSWORD}".encode()


@pytest.mark.parametrize(
    ("capabilities", "plain"), [(["AUTH=PLAIN"], PLAIN), (["AUTH=XOAUTH2"], LITERAL), (["auth=plain"], PLAIN)]
)
def test_a_login_is_made_in_the_way_that_is_offered(bench, prober, authority, context, capabilities, plain):
    boxes = Mailboxes(*capabilities, plain=plain, context=context, at_once=True)
    with HostileServer(greeting=boxes) as server:
        fields = {"encryption": "tls", "tls": Tls(ca_file=authority.file), **LOGIN}
        good = bench.run(prober, target(server, **fields)).seen
        bad = bench.run(prober, target(server, **{**fields, "password": "barley"})).seen

    assert (good.outcome, good.detail) == (Outcome.UP, "")
    assert (bad.outcome, bad.detail) == (Outcome.DOWN, "the server refuses the login: NO wrong")


def test_a_server_that_offers_no_login_is_down(bench, prober, authority, context):
    boxes = Mailboxes("LOGINDISABLED", context=context, at_once=True)
    with HostileServer(greeting=boxes) as server:
        fields = {"encryption": "tls", "tls": Tls(ca_file=authority.file), **LOGIN}
        seen = bench.run(prober, target(server, **fields)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert "LOGIN is disabled" in seen.detail


def test_a_server_without_tls_is_down_and_hears_no_login(bench, prober):
    boxes = Mailboxes("AUTH=PLAIN")
    with HostileServer(greeting=boxes) as server:
        seen = bench.run(prober, target(server, encryption="starttls", **LOGIN)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.TLS_FAILED)
    assert boxes.heard == [b"a1 STARTTLS\r\n"]


def saying(*answers):
    """A peer that gives the first answer at once, and one to each thing that it hears."""

    def serve(visit):
        first, *others = answers
        visit.send(first)
        for answer in others:
            visit.read_something()
            visit.send(answer)
        visit.wait_for_client_to_leave()

    return serve


OK, KNOWN = b"* OK ready\r\n", b"* CAPABILITY IMAP4rev1\r\na1 OK done\r\n"
ERROR, STRANGE = (Outcome.DOWN, Reason.UNEXPECTED_ANSWER), (Outcome.DOWN, Reason.PROTOCOL_ERROR)
LATE, LARGE = (Outcome.TIMED_OUT, Reason.TIMED_OUT), (Outcome.DOWN, Reason.BODY_TOO_LARGE)
HOSTILE = {
    "silent": ("none", Visit.wait_for_client_to_leave, *LATE),
    "drip": ("none", lambda visit: visit.drip([b"* OK "] + [b"x"] * 40, 0.1), *LATE),
    "gone": ("none", lambda visit: None, Outcome.DOWN, Reason.TRUNCATED),
    "reset": ("none", lambda visit: (visit.send(OK), visit.read_something(), visit.reset()), Outcome.DOWN, Reason.CONNECTION_RESET),
    "refused": ("none", saying(b"* BYE too many connections\r\n"), *ERROR),
    "pop": ("none", saying(b"+OK ready\r\n"), *STRANGE),
    "smtp": ("none", saying(b"220 mail\r\n"), *STRANGE),
    "endless line": ("none", lambda visit: visit.pour(b"x" * 65_536, 100), *LARGE),
    "endless lines": ("none", lambda visit: (visit.send(OK), visit.pour(b"* 1 EXISTS\r\n" * 5_000, 100)), *LARGE),
    "no capabilities": ("none", saying(OK, b"a1 OK done\r\n"), *STRANGE),
    "no command": ("none", saying(OK, b"a1 BAD what\r\n"), *ERROR),
    "other tag": ("none", saying(OK, b"a2 OK done\r\n"), *STRANGE),
    "a question": ("none", saying(OK, b"+ go on\r\n"), *STRANGE),
    "farewell": ("none", saying(OK, b"* BYE idle\r\n"), *ERROR),
    "no tls": ("starttls", saying(OK, b"a1 NO later\r\n"), Outcome.DOWN, Reason.TLS_FAILED),
    "injected": ("starttls", saying(OK, b"a1 OK begin\r\na2 OK injected\r\n"), *STRANGE),
    "silent in tls": ("starttls", saying(OK, b"a1 OK begin\r\n"), *LATE),
    "no tls at once": ("tls", saying(OK), Outcome.DOWN, Reason.TLS_FAILED),
}  # fmt: skip


@pytest.mark.parametrize("way", HOSTILE)
def test_each_hostile_peer_ends_with_its_own_reason(bench, prober, way):
    encryption, serve, outcome, reason = HOSTILE[way]
    within_ms = {"timeout_ms": TIMEOUT_MS} if outcome is Outcome.TIMED_OUT else {}
    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server, encryption=encryption), **within_ms).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert seen.detail
    assert seen.detail.isprintable()


def test_a_connection_that_is_known_already_is_up(bench, prober):
    with HostileServer(greeting=saying(b"* PREAUTH welcome\r\n", KNOWN)) as server:
        seen = bench.run(prober, target(server)).seen

    assert json.loads(seen.body) == {"greeting": "welcome", "capabilities": ["IMAP4rev1"]}


def test_two_hundred_failures_and_a_cancelled_attempt_leave_no_descriptor(bench, prober, descriptors):
    before = descriptors()
    with HostileServer(greeting=saying(b"* BYE\r\n")) as server:
        for _ in range(200):
            bench.run(prober, target(server))
    with HostileServer(greeting=saying(OK)) as server:
        started = prober.start(bench.request(target(server)), lambda seen: pytest.fail(str(seen)))
        bench.until(server.arrived.is_set)
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert server.gone.wait(20)
    assert descriptors() <= before


def test_a_password_is_not_shown():
    probe = Imap(host="h", user=USER, password=PASSWORD)

    assert PASSWORD not in repr(probe)
    assert {PASSWORD, probe.plain_login} == set(probe.secrets())
