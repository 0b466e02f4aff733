import ssl
from email.utils import parsedate_to_datetime

import msgspec
import pytest
from mail_server import LOGIN, MailServer, cut, drip, hang
from records import SHOP_DOWN
from watchkeeper.adapters.channels.mail.email import EmailMessenger
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import NoticeReason, make_notice, notice_key
from watchkeeper.domain.incidents.trials.channel_test import notice_of_test
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.specification.mail_channel import Email
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline

from tests.adapters.timing import ANSWER_WITHIN_MS, outlasting

OPENED, AT_NS = SHOP_DOWN, SHOP_DOWN.at_ns
ENDED = msgspec.structs.replace(
    OPENED, sequence=3, change=TransitionKind.RESOLVED, resolved_at_ns=AT_NS, reason="recovered"
)
ANN, BOB = "ann@example.org", "bob@example.org"
LOGGED_IN = "otto:pass%20word@"


def notice_of(incident=OPENED, channel="boss"):
    return make_notice(incident, channel, incident.change, incident.at_ns, NoticeReason.TRANSITION)


class Sending:
    """A channel and the server that it sends to."""

    def __init__(self, bench, server, **fields):
        written = {
            "to": [ANN],
            "from_": "wk@example.org",
            "smtp": server.url(),
            "starttls": "never",
            **fields,
        }
        deny = written.pop("deny", False)
        self.bench = bench
        self.messenger = EmailMessenger(
            "boss",
            Email(**written),
            bench.loop,
            bench.clock,
            bench.call_at,
            bench.resolver,
            deny_private_addresses=deny,
        )

    def begin(self, notice, timeout_ms=ANSWER_WITHIN_MS):
        answer = self.bench.loop.create_future()
        deadline = Deadline.after(self.bench.clock.read(), timeout_ms * NS_PER_MS)
        attempt = self.messenger.send(notice, 1, deadline, answer.set_result)
        assert not answer.done(), "an answer must never come from within send"
        return attempt, answer

    def send(self, notice=None, timeout_ms=ANSWER_WITHIN_MS):
        _, answer = self.begin(notice or notice_of(), timeout_ms)
        return self.bench.wait(answer, timeout_ms)


@pytest.fixture
def sending(bench):
    made = []

    def make(server, **fields):
        made.append(Sending(bench, server, **fields))
        return made[-1]

    yield make
    for each in made:
        each.messenger.close()
        bench.until(lambda messenger=each.messenger: messenger.abandoned() == ())


def said(answer):
    return answer.accepted, answer.retryable


def test_a_notice_arrives_as_mail_to_every_recipient(sending):
    with MailServer() as server:
        answer = sending(server, to=[ANN, BOB]).send()
    (mail,) = server.mails
    parsed = mail.parsed

    assert (answer.accepted, answer.detail) == (True, "taken for 2 of 2")
    assert (mail.sender, mail.recipients) == ("wk@example.org", (ANN, BOB))
    assert parsed["Subject"] == "[critical] shop: down"
    assert parsed["To"] == f"{ANN}, {BOB}"
    assert parsed["Message-ID"] == f"<{notice_of().key}@example.org>"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["List-Id"] == "<boss.watchkeeper.example.org>"
    assert parsedate_to_datetime(parsed["Date"]).timestamp() == AT_NS // NS_PER_S
    assert "[STATUS] (503) == 200" in parsed.get_content()


def test_the_end_answers_to_the_mail_about_the_opening(sending):
    with MailServer() as server:
        channel = sending(server)
        channel.send()
        channel.send(notice_of(ENDED))
    first, last = (mail.parsed for mail in server.mails)

    assert last["In-Reply-To"] == last["References"] == first["Message-ID"]
    assert first["In-Reply-To"] is None
    assert last["Message-ID"] == f"<{notice_key('inc_1', 3, 'boss')}@example.org>"
    assert last["Subject"] == "[resolved] shop: down"


def test_a_test_of_the_channel_stands_for_itself(sending):
    with MailServer() as server:
        sending(server).send(notice_of_test("boss", "ann", (1, 1), AT_NS))

    assert server.mails[0].parsed["References"] is None
    assert server.mails[0].parsed["Subject"].startswith("[test] ")


def test_a_repeat_is_the_same_to_the_byte(sending):
    with MailServer() as server:
        for _ in range(2):
            sending(server).send()
    first, second = server.mails

    assert first.content == second.content


@pytest.mark.parametrize(
    "text",
    [
        "a\r\nBcc: eve@example.org\r\n\r\nbody",
        "€ ünï \u202e",
        "x" * 2_000,
        ".\r\n.",
        "=?utf-8?q?x?=",
        "\x1b[31m",
    ],
)
def test_no_text_of_a_target_changes_the_form_of_a_mail(sending, text):
    incident = msgspec.structs.replace(OPENED, target=text, cause=text, explanation=text)
    with MailServer() as server:
        answer = sending(server).send(notice_of(incident))
    (mail,) = server.mails
    lines = mail.content.split(b"\r\n")

    assert answer.accepted
    assert mail.recipients == (ANN,)
    assert mail.parsed["Bcc"] is None
    assert set(mail.parsed.keys()) >= {"From", "To", "Subject", "Date", "Message-ID"}
    assert max(map(len, lines)) <= 998
    assert mail.content.isascii()
    assert b"\n" not in b"".join(lines)


def test_a_line_that_begins_with_a_dot_arrives_whole(sending):
    incident = msgspec.structs.replace(OPENED, cause="." * 200, explanation="." * 200)
    with MailServer() as server:
        sending(server).send(notice_of(incident))

    assert "." * 200 in server.mails[0].parsed.get_content()


def test_a_login_goes_over_tls_alone(sending, authority):
    with MailServer(starttls=_serving(authority), has_login=True) as server:
        answer = sending(
            server,
            smtp=server.url(login=LOGGED_IN),
            starttls="required",
            tls=Tls(ca_file=authority.file),
        ).send()
    (mail,) = server.mails

    assert answer.accepted
    assert (mail.encrypted, mail.user) == (True, LOGIN[0])
    assert server.commands.index("STARTTLS") < server.commands.index("AUTH")


def test_a_login_may_stand_in_keys_of_its_own(sending, authority):
    with MailServer(starttls=_serving(authority), has_login=True) as server:
        answer = sending(
            server,
            user=LOGIN[0],
            password=LOGIN[1],
            starttls="required",
            tls=Tls(ca_file=authority.file),
        ).send()

    assert answer.accepted
    assert server.mails[0].user == LOGIN[0]


def test_tls_may_begin_with_the_first_byte(sending, authority):
    with MailServer(tls=_serving(authority)) as server:
        answer = sending(
            server, smtp=server.url("smtps"), starttls="required", tls=Tls(ca_file=authority.file)
        ).send()

    assert answer.accepted
    assert "STARTTLS" not in server.commands


def test_nothing_is_sent_in_clear_where_tls_is_required(sending):
    with MailServer(has_login=True) as server:
        answer = sending(server, smtp=server.url(login=LOGGED_IN), starttls="required").send()

    assert said(answer) == (False, True)
    assert "STARTTLS" in answer.detail
    assert not {"AUTH", "MAIL"} & set(server.commands)


@pytest.mark.parametrize(("oldest", "accepted"), [("1.2", True), ("1.3", False)])
def test_an_older_version_of_tls_than_the_oldest_is_refused(sending, authority, oldest, accepted):
    context = _serving(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with MailServer(starttls=context) as server:
        tls = Tls(ca_file=authority.file, minimum_version=oldest)
        assert sending(server, starttls="required", tls=tls).send().accepted is accepted


@pytest.mark.parametrize(("tls", "accepted"), [(Tls(), False), (Tls(verify=False), True)])
def test_the_certificate_is_judged_as_for_https(sending, authority, tls, accepted):
    with MailServer(starttls=_serving(authority)) as server:
        answer = sending(server, starttls="required", tls=tls).send()

    assert said(answer) == (accepted, True)
    assert "certificate" in answer.detail or accepted
    assert ("MAIL" in server.commands) == accepted


def test_a_file_of_authorities_that_is_gone_is_named(sending):
    with MailServer(starttls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) as server:
        answer = sending(server, starttls="required", tls=Tls(ca_file="/nowhere/ca.pem")).send()

    assert said(answer) == (False, True)
    assert "the file /nowhere/ca.pem cannot be read" in answer.detail


def test_a_certificate_of_another_name_proves_nothing(sending, authority):
    with MailServer(starttls=_serving(authority, "mail.test")) as server:
        refused = sending(server, starttls="required", tls=Tls(ca_file=authority.file)).send()
        named = Tls(ca_file=authority.file, server_name="mail.test")
        accepted = sending(server, starttls="required", tls=named).send()

    assert (refused.accepted, accepted.accepted) == (False, True)


def test_a_wrong_password_is_tried_again_for_it_may_be_set_right(sending, authority):
    with MailServer(starttls=_serving(authority), has_login=True) as server:
        answer = sending(
            server,
            smtp=server.url(login="otto:wrong@"),
            starttls="required",
            tls=Tls(ca_file=authority.file),
        ).send()

    assert said(answer) == (False, True)
    assert answer.detail.startswith("the login is refused: 535")


def test_a_greylisted_recipient_alone_is_tried_again_with_the_same_mail(sending):
    with MailServer(per_recipient={BOB: "451 come again"}) as server:
        channel = sending(server, to=[ANN, BOB])
        first = channel.send()
        server.per_recipient.clear()
        second = channel.send()
    one, other = server.mails

    assert said(first) == (False, True)
    assert first.detail == f"taken for 1 of 2; {BOB} refused: 451 come again"
    assert (second.accepted, second.detail) == (True, "taken for 2 of 2")
    assert (one.recipients, other.recipients) == ((ANN,), (BOB,))
    assert one.content == other.content


def test_a_recipient_refused_for_good_holds_the_others_back_from_nothing(sending):
    with MailServer(per_recipient={BOB: "550 no such user"}) as server:
        channel = sending(server, to=[ANN, BOB])
        answer = channel.send()
        tested = channel.send(notice_of_test("boss", "ann", (1, 1), AT_NS))

    assert (answer.accepted, answer.detail) == (True, f"taken for 1 of 2; {BOB} refused: 550 no such user")
    assert said(tested) == (False, False), "a test is there to find this out"


def test_a_notice_that_every_recipient_refuses_is_dead(sending):
    with MailServer(per_recipient={ANN: "550 no", BOB: "553 no"}) as server:
        answer = sending(server, to=[ANN, BOB]).send()

    assert said(answer) == (False, False)
    assert not server.mails


@pytest.mark.parametrize(
    ("command", "reply", "retryable"),
    [
        ("connect", "421 busy", True),
        ("connect", "554 no service", True),
        ("MAIL", "451 later", True),
        ("MAIL", "550 not from you", False),
        ("RCPT", "421 leaving", True),
        ("RCPT", "450 later", True),
        ("DATA", "451 later", True),
        ("DATA", "554 no", False),
        ("content", "451 later", True),
        ("content", "552 too much", False),
        ("content", "554 spam", False),
    ],
)
def test_each_answer_is_tried_again_or_dead_by_the_table(sending, command, reply, retryable):
    with MailServer(faults={command: reply}) as server:
        answer = sending(server).send()

    assert said(answer) == (False, retryable)
    assert reply in answer.detail


@pytest.mark.parametrize("fault", [hang, cut, drip])
@pytest.mark.parametrize("command", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "content"])
def test_a_server_that_breaks_off_holds_nothing_up(bench, sending, command, fault):
    with MailServer(faults={command: fault}) as server:
        channel = sending(server)
        if fault is cut:
            answer = channel.send()
        else:
            answer = outlasting(
                lambda within_ms: channel.send(timeout_ms=within_ms),
                lambda seen: server.arrived.is_set() and seen.detail.startswith("no answer "),
                400,
            )
        assert bench.when(server.gone)
        while channel.messenger.abandoned():
            bench.turn()

    assert said(answer) == (False, True)
    assert answer.detail.startswith("no answer ")
    assert ("the outcome is unknown" in answer.detail) == (command == "content")


def test_an_unknown_outcome_is_repeated_under_the_same_id(sending):
    with MailServer(faults={"content": cut}) as server:
        channel = sending(server)
        unknown = channel.send()
        server.faults.clear()
        second = channel.send()
    one, other = (mail.parsed["Message-ID"] for mail in server.mails)

    assert (unknown.accepted, second.accepted) == (False, True)
    assert "unknown" in unknown.detail
    assert one == other


def test_a_server_that_is_not_there_is_tried_again(bench, sending):
    with MailServer() as server:
        port = server.port
    answer = sending(server, smtp=f"smtp://127.0.0.1:{port}").send()

    assert said(answer) == (False, True)
    assert "connection_refused" in answer.detail


def test_a_private_address_is_refused_where_they_are_denied(sending):
    with MailServer() as server:
        literal = sending(server, deny=True).send()
        named = sending(server, deny=True, smtp=f"smtp://localhost:{server.port}").send()

    assert (said(literal), said(named)) == ((False, False), (False, True))
    assert "address_refused" in literal.detail
    assert not server.commands


def test_a_host_is_found_by_its_name(sending):
    with MailServer() as server:
        assert sending(server, smtp=f"smtp://localhost:{server.port}").send().accepted


@pytest.mark.parametrize(
    ("command", "outcome"), [("EHLO", CancelOutcome.WITHOUT_EFFECT), ("content", CancelOutcome.UNKNOWN)]
)
def test_a_cancelled_mail_is_unknown_once_it_was_sent(bench, sending, command, outcome):
    with MailServer(faults={command: hang}) as server:
        attempt, answer = sending(server).begin(notice_of())
        assert bench.when(server.arrived)
        assert attempt.cancel() is outcome
        assert attempt.cancel() is outcome
        assert bench.when(server.gone)
        bench.turn()

    assert not answer.done()


def _serving(authority, name="127.0.0.1"):
    return authority.context(name)
