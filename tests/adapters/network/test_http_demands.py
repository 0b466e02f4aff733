"""Demands on the answer of an HTTP probe, and what it asks with: encryption, header rules, compression, cookies."""

import gzip
import zlib

import pytest
from hostile.server import HostileServer
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.conditions.condition import evaluate
from watchkeeper.domain.limits import HEADER_LINES_MAX
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.http.header_rules import HeaderRule
from watchkeeper.domain.specification.probe import Http, Tls

LINES = [
    "X-Frame-Options: DENY",
    "Set-Cookie: a=1",
    "Set-Cookie: b=2; Secure",
    "X-Empty:",
    "X-Long: " + "y" * 5_000,
]


@pytest.fixture
def plain(bench):
    plain = FastHttpEngine(bench.loop, bench.clock, bench.call_at, bench.resolver)
    yield plain
    plain.close()


@pytest.fixture(params=["libcurl", "fast"])
def prober(bench, plain, request):
    return HttpProber(bench.transport, plain if request.param == "fast" else None)


@pytest.fixture
def server():
    with HostileServer({"lines": lambda visit: visit.answer(headers=LINES)}) as server:
        yield server


def asked(bench, prober, url, **fields):
    """The last of two attempts, which the fast engine makes."""
    return [bench.run(prober, Http(url=url, **fields)).seen for _ in range(2)][-1]


MET = [
    {"header": "x-frame-options", "matches": "^DENY$"},
    {"header": "X-Frame-Options", "not_matches": "ALLOW"},
    {"header": "Set-Cookie", "matches": "Secure"},
    {"header": "X-Empty", "matches": "^$"},
    {"header": "X-Long", "matches": "^y+$"},
    {"header": "X-None", "not_matches": ".", "may_be_missing": True},
    {"header": "X-None", "matches": ".", "may_be_missing": True},
]


@pytest.mark.parametrize("rule", MET)
def test_a_header_that_keeps_its_rule_is_up(bench, prober, server, rule):
    seen = asked(bench, prober, server.url("/lines"), header_rules=[HeaderRule(**rule)])

    assert (seen.outcome, seen.reason, seen.detail) == (Outcome.UP, Reason.OK, "")


BROKEN = [
    ({"header": "X-Frame-Options", "matches": "^SAME"}, "the header X-Frame-Options is 'DENY', which does not match ^SAME"),
    ({"header": "X-Frame-Options", "not_matches": "DENY"}, "the header X-Frame-Options is 'DENY', which matches DENY"),
    ({"header": "Set-Cookie", "not_matches": "^b="}, "the header Set-Cookie is 'b=2; Secure', which matches ^b="),
    ({"header": "X-None", "matches": "."}, "the answer has no header X-None"),
    ({"header": "X-None", "not_matches": "."}, "the answer has no header X-None"),
    ({"header": "X-Long", "not_matches": "y"}, f"the header X-Long is '{'y' * 100}'…, which matches y"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "said"), BROKEN)
def test_a_header_that_breaks_its_rule_is_down_and_says_how(bench, prober, server, rule, said):
    rules = [HeaderRule(header="X-Empty", matches=""), HeaderRule(**rule)]
    seen = asked(bench, prober, server.url("/lines"), header_rules=rules)

    assert (seen.outcome, seen.reason, seen.detail) == (Outcome.DOWN, Reason.HEADER_REFUSED, said)
    assert (seen.status, seen.body) == (200, b"ok")


def test_rules_are_held_against_the_last_answer_alone(bench, prober, server):
    server.answers["moved"] = lambda visit: visit.answer("302 Found", ["Location: /lines", "X-Moved: 1"])
    gone, there = HeaderRule(header="X-Moved", matches="1"), HeaderRule(header="X-Empty", matches="")

    assert asked(bench, prober, server.url("/moved"), header_rules=[there]).outcome is Outcome.UP
    assert asked(bench, prober, server.url("/moved"), header_rules=[gone]).reason is Reason.HEADER_REFUSED


def test_a_rule_does_not_go_through_a_flood_of_lines(bench, prober, server):
    flood = [f"X-Many: {number}" for number in range(HEADER_LINES_MAX + 1)]
    server.answers["flood"] = lambda visit: visit.answer(headers=flood)
    seen = asked(bench, prober, server.url("/flood"), header_rules=[HeaderRule(header="X-Many", matches=".")])

    assert seen.reason is Reason.HEADER_REFUSED
    assert seen.detail == f"the answer has the header X-Many more than {HEADER_LINES_MAX} times"


def test_a_hostile_pattern_takes_time_that_grows_with_the_value_alone(bench, prober, server):
    server.answers["long"] = lambda visit: visit.answer(headers=["X-Long: " + "a" * 60_000])
    rule = HeaderRule(header="X-Long", matches="(a+)+b")
    ended = bench.run(prober, Http(url=server.url("/long"), header_rules=[rule]))

    assert ended.seen.reason is Reason.HEADER_REFUSED
    assert ended.took_ms < 10_000


def test_an_answer_in_clear_is_down_where_encryption_is_required(bench, prober, server):
    for encryption, reason in (
        ("any", Reason.OK),
        ("forbidden", Reason.OK),
        ("required", Reason.ENCRYPTION_REFUSED),
    ):
        seen = asked(bench, prober, server.url(), encryption=encryption)
        assert seen.reason is reason

    said = f"the answer of 127.0.0.1:{server.port} came in clear, and encryption is required"
    assert (seen.outcome, seen.detail, seen.status) == (Outcome.DOWN, said, 200)


def test_encryption_is_judged_where_the_last_redirect_has_led(bench, prober, server, authority):
    with authority.server() as secure:
        tls = Tls(ca_file=authority.file)
        to_tls, to_clear = (
            server.url(f"/redirect/302?{secure.url()}"),
            secure.url(f"/redirect/302?{server.url()}"),
        )
        seen = {
            (encryption, url == to_tls): asked(bench, prober, url, encryption=encryption, tls=tls)
            for encryption in ("required", "forbidden")
            for url in (to_tls, to_clear)
        }

    assert {key for key, one in seen.items() if one.outcome is Outcome.UP} == {
        ("required", True),
        ("forbidden", False),
    }
    assert seen["forbidden", True].reason is Reason.ENCRYPTION_REFUSED
    assert "came by TLS, and encryption is forbidden" in seen["forbidden", True].detail


ASKED = [
    (None, "identity"),
    ("none", "identity"),
    ("gzip", "gzip"),
    ("deflate", "deflate"),
    ("br", "br"),
    ("zstd", "zstd"),
    ("any", "gzip, deflate"),
]


@pytest.mark.parametrize(("compression", "header"), ASKED)
def test_a_compression_is_asked_for_by_its_name(bench, prober, server, compression, header):
    asked(bench, prober, server.url(), **({"compression": compression} if compression else {}))

    assert [heard.header("accept-encoding") for heard in server.heard] == [header] * 2


CODED = [("gzip", gzip.compress), ("deflate", zlib.compress)]


@pytest.mark.parametrize(("coding", "compress"), CODED)
def test_a_compressed_answer_is_read_as_it_was_before(bench, prober, server, coding, compress):
    body = compress(b'{"ready": true}')
    server.answers["coded"] = lambda visit: visit.answer(headers=[f"Content-Encoding: {coding}"], body=body)
    seen = asked(bench, prober, server.url("/coded"), compression=coding)

    assert (seen.body, seen.body_coding) == (b'{"ready": true}', None)


def test_a_bomb_that_was_asked_for_ends_at_the_cap(bench, prober, server):
    body = gzip.compress(bytes(40_000_000))
    server.answers["bomb"] = lambda visit: visit.answer(headers=["Content-Encoding: gzip"], body=body)
    seen = asked(bench, prober, server.url("/bomb"), compression="any", body_bytes_max=100_000)

    assert (seen.outcome, seen.body_cut, len(seen.body)) == (Outcome.UP, True, 100_000)


def test_a_compression_that_cannot_be_undone_fails_the_conditions_on_the_body_alone(bench, prober, server):
    server.answers["br"] = lambda visit: visit.answer(
        headers=["Content-Encoding: br"], body=b"\x8b\x02\x80hello\x03"
    )
    seen = asked(bench, prober, server.url("/br"), compression="br")

    assert (seen.outcome, seen.body_coding) == (Outcome.UP, "br")
    assert "br cannot be undone here" in evaluate("[BODY] == hello", seen).error


def test_cookies_are_sent_in_one_header_and_to_their_own_origin_alone(bench, prober, server):
    with HostileServer() as other:
        url = server.url(f"/redirect/302?{other.url()}")
        asked(bench, prober, url, cookies={"session": "canary", "lang": "de"})
        assert [heard.header("cookie") for heard in other.heard] == [None, None]

    assert [heard.header("cookie") for heard in server.heard] == ["lang=de; session=canary"] * 2


def test_a_cookie_that_a_redirect_sets_is_sent_beside_those_of_the_target(bench, prober, server):
    server.answers["login"] = lambda visit: visit.answer(
        "302 Found", ["Location: /lines", "Set-Cookie: new=1; Path=/"]
    )
    asked(bench, prober, server.url("/login"), cookies={"lang": "de"})

    sent = [heard.header("cookie") for heard in server.heard if heard.path == "/lines"]
    assert {frozenset(each.split("; ")) for each in sent} == {frozenset({"lang=de", "new=1"})}


def test_no_descriptor_is_left_after_demands_that_failed(bench, prober, server, descriptors):
    probe = Http(url=server.url(), encryption="required", versions=["1.1"], cookies={"a": "b"})
    bench.run(prober, probe)
    before = descriptors()
    for _ in range(200):
        assert bench.run(prober, probe).seen.reason is Reason.ENCRYPTION_REFUSED

    assert descriptors() <= before + 2
