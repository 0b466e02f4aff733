"""The `dns` probe against a real name server of the test, whose answers are good, bad, or of somebody else."""

import json
import socket

import pytest
from hostile.records import CUT, IS_ANSWER, RecordServer, name, record, reply
from watchkeeper.domain.limits import RECORDS_MAX
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.dns import Dns, DnsRecords

TIMEOUT_MS = 300
ADDRESS = record(1, bytes([192, 0, 2, 1]))


@pytest.fixture
def prober(prober_of):
    return prober_of(Dns)


def one(*records, **how):
    return lambda question: reply(question, records, **how)


def asked(server, **fields) -> Dns:
    return Dns(**{"name": "shop.example", "server": "127.0.0.1", "port": server.port, **fields})


def test_the_records_of_an_answer_are_told(bench, prober):
    with RecordServer(one(ADDRESS, record(1, bytes([192, 0, 2, 2]), ttl=60))) as server:
        seen = bench.run(prober, asked(server)).seen

    told = json.loads(seen.body)
    assert (seen.outcome, seen.dns_rcode, seen.ip) == (Outcome.UP, "NOERROR", "127.0.0.1")
    assert told["data"] == ["192.0.2.1", "192.0.2.2"]
    assert told["answer"][0] == {"name": "shop.example.", "type": "A", "ttl": 300, "data": "192.0.2.1"}
    assert [(each.name, each.value) for each in seen.measurements] == [("answers", 2), ("ttl", 60)]
    assert seen.response_time_ns > 0


DATA = [
    ("AAAA", 28, socket.inet_pton(socket.AF_INET6, "2001:db8::1"), "2001:db8::1"),
    ("CNAME", 5, name("www.example"), "www.example."),
    ("NS", 2, b"\x02ns\xc0\x0c", "ns.shop.example."),
    ("PTR", 12, name("host.example"), "host.example."),
    ("MX", 15, b"\x00\x0a" + name("mail.example"), "10 mail.example."),
    ("TXT", 16, b'\x03v=1\x02a"', '"v=1" "a\\""'),
    ("SRV", 33, b"\x00\x01\x00\x02\x01\xbb" + name("a.example"), "1 2 443 a.example."),
    ("SOA", 6, name("a.") + name("b.") + bytes(range(20)), "a. b. 66051 67438087 134810123 202182159 269554195"),
    ("CAA", 257, b"\x00\x05issueca.example", '0 issue "ca.example"'),
    ("DS", 43, b"\x00\x01\x08\x02\xab\xcd", "1 8 2 ABCD"),
    ("DNSKEY", 48, b"\x01\x01\x03\x08key", "257 3 8 a2V5"),
    ("TLSA", 52, b"\x03\x01\x01\xab", "3 1 1 ab"),
    ("NAPTR", 35, b"\x00\x01\x00\x02\x01u\x03sip\x00" + name("."), '1 2 "u" "sip" "" .'),
    ("HTTPS", 65, b"\x00\x01\x00", "\\# 3 000100"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "number", "data", "shown"), DATA)
def test_each_type_is_asked_for_and_shown_as_a_zone_file_has_it(bench, prober, kind, number, data, shown):
    with RecordServer(one(record(number, data))) as server:
        seen = bench.run(prober, asked(server, type=kind)).seen
        assert int.from_bytes(server.asked[0][1][-4:-2]) == number

    assert seen.outcome is Outcome.UP
    assert json.loads(seen.body)["data"] == [shown]


def test_an_address_is_asked_for_by_its_reverse_name(bench, prober):
    with RecordServer(one(record(12, name("host.example")))) as server:
        bench.run(prober, asked(server, name="192.0.2.1", type="PTR"))
        assert server.asked[0][1][12:].startswith(name("1.2.0.192.in-addr.arpa"))


@pytest.mark.parametrize("wanted", [True, False])
def test_recursion_is_wanted_or_not(bench, prober, wanted):
    with RecordServer(one(ADDRESS)) as server:
        bench.run(prober, asked(server, recursion=wanted))
        assert bool(server.asked[0][1][2] & 1) is wanted


def test_a_code_that_is_not_good_is_down(bench, prober):
    with RecordServer(one(code=3)) as server:
        bad = bench.run(prober, asked(server)).seen
        good = bench.run(prober, asked(server, rcodes=["NXDOMAIN"])).seen

    assert (bad.outcome, bad.reason, bad.dns_rcode) == (
        Outcome.DOWN,
        Reason.UNEXPECTED_ANSWER,
        "NXDOMAIN",
    )
    assert "NXDOMAIN" in bad.detail
    assert (good.outcome, good.dns_rcode) == (Outcome.UP, "NXDOMAIN")


JUDGED = [
    ({"any_match": [r"\tA\t192\.0\.2\.1$"]}, ""),
    ({"any_match": [r"\tA\t192\.0\.2\.9$"]}, "no record of the answer matches"),
    ({"all_match": [r"\tIN\tA\t"]}, ""),
    ({"all_match": [r"2\.1$"]}, "does not match"),
    ({"none_match": [r"2\.9$"]}, ""),
    ({"none_match": [r"2\.2$"]}, "matches"),
    ({"not_all_match": [r"2\.1$"]}, ""),
    ({"not_all_match": [r"192"]}, "every record"),
]


@pytest.mark.parametrize(("rules", "said"), JUDGED)
def test_records_are_judged_by_expressions(bench, prober, rules, said):
    with RecordServer(one(ADDRESS, record(1, bytes([192, 0, 2, 2])))) as server:
        seen = bench.run(prober, asked(server, answer=DnsRecords(**rules))).seen

    assert seen.outcome is (Outcome.DOWN if said else Outcome.UP)
    assert said in seen.detail


def test_each_part_of_an_answer_is_judged(bench, prober):
    parts = [record(1, bytes([192, 0, 2, number])) for number in (1, 2, 3)]
    rules = {
        "answer": DnsRecords(all_match=["2.1$"]),
        "authority": DnsRecords(all_match=["2.2$"]),
        "additional": DnsRecords(all_match=["2.3$"]),
    }
    with RecordServer(lambda question: reply(question, *([each] for each in parts))) as server:
        good = bench.run(prober, asked(server, **rules)).seen
        bad = bench.run(prober, asked(server, **{**rules, "additional": rules["answer"]})).seen

    assert (good.outcome, bad.outcome) == (Outcome.UP, Outcome.DOWN)
    assert "additional" in bad.detail


def test_an_answer_that_a_datagram_cuts_is_asked_for_by_tcp(bench, prober):
    with RecordServer(one(flags=IS_ANSWER | CUT), one(ADDRESS)) as server:
        seen = bench.run(prober, asked(server)).seen
        assert [way for way, _ in server.asked] == ["udp", "tcp"]

    assert json.loads(seen.body)["data"] == ["192.0.2.1"]


def test_tcp_and_tls_are_asked_when_they_are_chosen(bench, prober, authority):
    secure = authority.context()
    with RecordServer(one(ADDRESS)) as server:
        plain = bench.run(prober, asked(server, transport="tcp")).seen
        assert [way for way, _ in server.asked] == ["tcp"]
    with RecordServer(one(ADDRESS), tls=secure) as server:
        good = bench.run(prober, asked(server, transport="tls", tls=Tls(ca_file=authority.file))).seen
        bad = bench.run(prober, asked(server, transport="tls")).seen

    assert (plain.outcome, plain.phases.connect_ns > 0) == (Outcome.UP, True)
    assert (good.outcome, good.phases.tls_ns > 0) == (Outcome.UP, True)
    assert (bad.outcome, bad.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)


def _loop(question):
    return reply(question, [record(5, b"\xc0\x0c", owner=b"\xc0" + bytes([12 + len(question[12:])]))])


HOSTILE = [
    (lambda question: None, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (lambda question: b"?", Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (lambda question: question, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (lambda question: reply(question, number=int.from_bytes(question[:2]) ^ 1), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (lambda question: reply(question[:12] + name("other.example") + question[-4:]), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (lambda question: reply(question, [ADDRESS])[:-2], Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (lambda question: reply(question, [record(1, b"abc")]), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (_loop, Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (lambda question: reply(question, [record(5, (b"\x3f" + b"a" * 63) * 4 + b"\0")]), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (lambda question: reply(question, [record(16, b"\xffabc")]), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (lambda question: reply(question, [ADDRESS] * (RECORDS_MAX + 1)), Outcome.DOWN, Reason.PROTOCOL_ERROR),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "outcome", "reason"), HOSTILE)
def test_each_hostile_answer_ends_with_its_own_reason(bench, prober, answer, outcome, reason):
    within_ms = {"timeout_ms": TIMEOUT_MS} if outcome is Outcome.TIMED_OUT else {}
    with RecordServer(answer) as server:
        seen = bench.run(prober, asked(server), **within_ms).seen

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert seen.detail.isprintable()
    assert seen.detail


def test_a_port_on_which_nobody_listens_is_refused(bench, prober):
    with RecordServer(one(ADDRESS)) as server:
        pass
    seen = bench.run(prober, asked(server)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CONNECTION_REFUSED)


def test_questions_to_one_server_share_a_socket(bench, prober, descriptors):
    with RecordServer(one(ADDRESS)) as server:
        bench.run(prober, asked(server))
        before = descriptors()
        for _ in range(20):
            bench.run(prober, asked(server))
        assert descriptors() == before


def test_a_refusal_that_comes_after_the_end_of_its_question_leaves_no_descriptor(bench, prober, descriptors):
    with RecordServer(one(ADDRESS)) as server:
        pass
    bench.run(prober, asked(server))
    before = descriptors()
    for _ in range(5):
        started = prober.start(bench.request(asked(server)), lambda seen: pytest.fail(str(seen)))
        # The question is sent, and cancelled before the loop looks at its socket again.
        bench.loop.call_soon(started.cancel)
        bench.turn()
        bench.turn()
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT

    assert descriptors() == before
