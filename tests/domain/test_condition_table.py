"""The meaning of conditions, a row each: text, facts, result, the shown text, and a part of the error."""

import pytest
from watchkeeper.domain.conditions.condition import evaluate
from watchkeeper.domain.observation.observation import Observation

MS = 1_000_000
S = 1_000 * MS
H = 3_600 * S


def passes(text, **facts):
    return text, facts, True, text, None


def fails(text, shown, **facts):
    return text, facts, False, shown, None


def unanswered(text, shown, error, **facts):
    return text, facts, False, shown, error


def body(text, **facts):
    return {"body": text.encode(), **facts}


HTML = b'<!DOCTYPE html><html lang="en"><body><div id="user">jane.doe</div></body></html>'
SHOP = b"""{"name": "john.doe", "age": 18, "adult": true, "none": null, "price": 1.5, "whole": 2.0, "big": 1000000,
 "items": [{"id": 1}, {"id": 2}], "tags": ["hello", "world"], "hex": "0x1F", "octal": "0o17", "old": "017",
 "binary": "0b11", "text": "1.10", "took": "90s", "empty": "", "z": {"b": [], "a": "x"}, "grid": [[1, 2], [3, 4]],
 "accent": "h\xc3\xa9llo", "first name": "john", "limit_ms": 300, "neg": -7}"""

FACTS = [
    passes("[STATUS] == 200", status=200),
    fails("[STATUS] == 200", "[STATUS] (500) == 200", status=500),
    passes("[status] == 200", status=200),
    fails("[Status] == 200", "[Status] (404) == 200", status=404),
    passes("  [STATUS]   ==   200  ", status=200),
    passes("[STATUS] != 200", status=201),
    fails("[STATUS] != 200", "[STATUS] (200) != 200", status=200),
    passes("[STATUS] < 300", status=201),
    fails("[STATUS] < 300", "[STATUS] (404) < 300", status=404),
    passes("[STATUS] <= 300", status=300),
    fails("[STATUS] <= 299", "[STATUS] (300) <= 299", status=300),
    passes("[STATUS] > 199", status=200),
    fails("[STATUS] > 200", "[STATUS] (200) > 200", status=200),
    passes("[STATUS] >= 200", status=200),
    fails("[STATUS] >= 201", "[STATUS] (200) >= 201", status=200),
    passes("200 == [STATUS]", status=200),
    fails("200 == [STATUS]", "200 == [STATUS] (500)", status=500),
    passes("300 > [STATUS]", status=200),
    fails("300 > [STATUS]", "300 > [STATUS] (404)", status=404),
    passes("[STATUS] == 0xC8", status=200),
    passes("[STATUS] == 2_00", status=200),
    passes("[STATUS] == 200.0", status=200),
    fails("[STATUS] == ok", "[STATUS] (200) == ok", status=200),
    passes("[CONNECTED] == true", connected=True),
    fails("[CONNECTED] == true", "[CONNECTED] (false) == true", connected=False),
    passes("[CONNECTED] != true", connected=False),
    fails("[CONNECTED] == 1", "[CONNECTED] (true) == 1", connected=True),
    passes("[IP] == 127.0.0.1", ip="127.0.0.1"),
    fails("[IP] == 127.0.0.1", "[IP] (::1) == 127.0.0.1", ip="::1"),
    passes("[DNS_RCODE] == NOERROR", dns_rcode="NOERROR"),
    fails("[DNS_RCODE] == NOERROR", "[DNS_RCODE] (NXDOMAIN) == NOERROR", dns_rcode="NXDOMAIN"),
    passes("[STATUS] == [BODY].status", **body('{"status": 200}', status=200)),
    fails(
        "[STATUS] == [BODY].status",
        "[STATUS] (200) == [BODY].status (500)",
        **body('{"status": 500}', status=200),
    ),
    passes("1 == 1"),
    passes("raw == raw"),
    passes("0x10 == 16"),
    fails("1 == 2", "1 == 2"),
    passes("1 < 2"),
    fails("2s < 1s", "2s < 1s"),
]

TIMES = [
    passes("[RESPONSE_TIME] < 500", response_time_ns=50 * MS),
    fails("[RESPONSE_TIME] < 500", "[RESPONSE_TIME] (750) < 500", response_time_ns=750 * MS),
    fails("[RESPONSE_TIME] < 500", "[RESPONSE_TIME] (750) < 500", response_time_ns=750 * MS + 1),
    fails("[RESPONSE_TIME] < 500", "[RESPONSE_TIME] (751) < 500", response_time_ns=751 * MS + 1),
    fails("[RESPONSE_TIME] < 500", "[RESPONSE_TIME] (501) < 500", response_time_ns=501 * MS + 1),
    fails("[RESPONSE_TIME] < 500", "[RESPONSE_TIME] (500) < 500", response_time_ns=500 * MS),
    passes("[RESPONSE_TIME] <= 500", response_time_ns=500 * MS),
    fails("[RESPONSE_TIME] <= 500", "[RESPONSE_TIME] (500.25) <= 500", response_time_ns=500 * MS + 250_000),
    passes("[RESPONSE_TIME] == 500", response_time_ns=500 * MS),
    passes("[RESPONSE_TIME] == 500ms", response_time_ns=500 * MS),
    passes("[RESPONSE_TIME] < 1s", response_time_ns=999 * MS),
    fails("[RESPONSE_TIME] < 1s", "[RESPONSE_TIME] (2000) < 1s", response_time_ns=2 * S),
    passes("[RESPONSE_TIME] < 0.5", response_time_ns=MS // 4),
    fails("[RESPONSE_TIME] < 500us", "[RESPONSE_TIME] (0.9) < 500us", response_time_ns=900_000),
    passes("[RESPONSE_TIME] < [BODY].limit_ms", response_time_ns=200 * MS, body=SHOP),
    passes("[RESPONSE_TIME] < [BODY].took", response_time_ns=80 * S, body=SHOP),
    passes("[CERTIFICATE_EXPIRATION] > 48h", certificate_expires_in_ns=72 * H),
    fails(
        "[CERTIFICATE_EXPIRATION] > 48h",
        "[CERTIFICATE_EXPIRATION] (24h) > 48h",
        certificate_expires_in_ns=24 * H,
    ),
    fails(
        "[certificate_expiration] > 2d",
        "[certificate_expiration] (24h) > 2d",
        certificate_expires_in_ns=24 * H,
    ),
    fails(
        "[CERTIFICATE_EXPIRATION] > 48h",
        "[CERTIFICATE_EXPIRATION] (47h59m59s) > 48h",
        certificate_expires_in_ns=48 * H - S,
    ),
    fails(
        "[CERTIFICATE_EXPIRATION] > 48h",
        "[CERTIFICATE_EXPIRATION] (47h59m59.5s) > 48h",
        certificate_expires_in_ns=48 * H - S // 2,
    ),
    fails(
        "[CERTIFICATE_EXPIRATION] > 172800500ms",
        "[CERTIFICATE_EXPIRATION] (47h59m59s) > 172800500ms",
        certificate_expires_in_ns=48 * H - S // 2,
    ),
    fails(
        "[CERTIFICATE_EXPIRATION] > 48h",
        "[CERTIFICATE_EXPIRATION] (1h1s) > 48h",
        certificate_expires_in_ns=H + S + 5 * MS,
    ),
    fails(
        "[CERTIFICATE_EXPIRATION] > 0", "[CERTIFICATE_EXPIRATION] (-3h) > 0", certificate_expires_in_ns=-3 * H
    ),
    passes("[CERTIFICATE_EXPIRATION] > -4h", certificate_expires_in_ns=-3 * H),
    passes("[CERTIFICATE_EXPIRATION] > 2419200000", certificate_expires_in_ns=60 * 24 * H),
    fails(
        "[CERTIFICATE_EXPIRATION] > 2419200000",
        "[CERTIFICATE_EXPIRATION] (336h) > 2419200000",
        certificate_expires_in_ns=14 * 24 * H,
    ),
    fails(
        "[CERTIFICATE_EXPIRATION] == 1",
        "[CERTIFICATE_EXPIRATION] (3600000) == 1",
        certificate_expires_in_ns=H,
    ),
    passes("[DOMAIN_EXPIRATION] >= 720h", domain_expires_in_ns=720 * H),
    fails("[DOMAIN_EXPIRATION] > 720h", "[DOMAIN_EXPIRATION] (1h) > 720h", domain_expires_in_ns=H),
    passes("1h < [DOMAIN_EXPIRATION]", domain_expires_in_ns=2 * H),
]

BODIES = [
    passes("[BODY] == pat(*fine*)", body=b"\xff is fine"),
    passes("[BODY] == pat(*Gr\u00fc\u00dfe*)", body="Gr\u00fc\u00dfe".encode() + b"\xff"),
    fails("[BODY] == x", "[BODY] (ab\ufffd) == x", body=b"ab\xff"),
    passes("[BODY] == ok", body=b"\xef\xbb\xbfok"),
    passes("[BODY].x == 1", body=b'\xef\xbb\xbf{"x": 1}'),
    passes("[BODY].x == 1", body=b'{"x": 1, "name": "\xfc"}'),
    fails("[BODY].name == u", "[BODY].name (\ufffd) == u", body=b'{"x": 1, "name": "\xfc"}'),
    passes("[BODY] == test", body=b"test"),
    passes("[BODY] == test", body=b"  test\r\n"),
    passes("[BODY] == ", body=b""),
    fails("[BODY] == ", "[BODY] (x) == ", body=b"x"),
    passes("[BODY] == 123", body=b"123"),
    passes("[BODY] == [1, 2]", body=b"[1, 2]"),
    passes("[BODY] == a != b", body=b"a != b"),
    passes("[BODY] == 0x7B", body=b"123"),
    passes("[BODY] < 124", body=b"123"),
    fails("[BODY] > 123", "[BODY] (100) > 123", body=b"100"),
    passes('[BODY] == "quoted"', body=b'"quoted"'),
    fails('[BODY] == "quoted"', '[BODY] (quoted) == "quoted"', body=b"quoted"),
    fails('[BODY].name == "john.doe"', '[BODY].name (john.doe) == "john.doe"', body=SHOP),
    passes("[BODY].name == john.doe", body=SHOP),
    passes("[body].name == john.doe", body=SHOP),
    passes("[BODY].items[0].id == 1", body=SHOP),
    passes("[BODY].items[1].id != 3", body=SHOP),
    fails("[BODY].items[1].id == 1", "[BODY].items[1].id (2) == 1", body=SHOP),
    passes("[BODY].grid[1][0] == 3", body=SHOP),
    passes("[BODY].first name == john", body=SHOP),
    passes("[BODY][0].id == 1", body=b'[{"id": 1}, {"id": 2}]'),
    passes("[BODY].[0].id == 1", body=b'[{"id": 1}]'),
    passes("[BODY][1] == x", body=b' ["a", "x"] '),
    fails("[BODY].name == [BODY].age", "[BODY].name (john.doe) == [BODY].age (18)", body=SHOP),
    passes("[BODY].name != [BODY].age", body=SHOP),
    fails("[BODY].age > 20", "[BODY].age (18) > 20", body=SHOP),
    passes("[BODY].neg < 0", body=SHOP),
    passes("[BODY].big == 1000000", body=SHOP),
    fails("[BODY].big < 5", "[BODY].big (1000000) < 5", body=SHOP),
    passes("[BODY].price > 1.4", body=SHOP),
    fails("[BODY].price > 1.6", "[BODY].price (1.5) > 1.6", body=SHOP),
    passes("[BODY].price == 1.50", body=SHOP),
    passes("[BODY].whole == 2", body=SHOP),
    fails("[BODY].whole == 3", "[BODY].whole (2.0) == 3", body=SHOP),
    fails("[BODY].text == 1.1", "[BODY].text (1.10) == 1.1", body=SHOP),
    passes("[BODY].text > 1.05", body=SHOP),
    passes("[BODY].hex == 31", body=SHOP),
    passes("[BODY].hex == 0x1f", body=SHOP),
    passes("[BODY].hex > 30", body=SHOP),
    fails("[BODY].hex > 31", "[BODY].hex (0x1F) > 31", body=SHOP),
    passes("[BODY].octal == 15", body=SHOP),
    passes("[BODY].old == 15", body=SHOP),
    passes("[BODY].binary == 3", body=SHOP),
    passes("[BODY].took > 1m", body=SHOP),
    passes("[BODY].took == 90s", body=SHOP),
    passes("[BODY].adult == true", body=SHOP),
    fails("[BODY].adult == false", "[BODY].adult (true) == false", body=SHOP),
    passes("[BODY].none == null", body=SHOP),
    fails("[BODY].none == OK", "[BODY].none (null) == OK", body=SHOP),
    passes("[BODY].empty == ", body=SHOP),
    passes('[BODY].z == {"a":"x","b":[]}', body=SHOP),
    passes('[BODY].tags == ["hello","world"]', body=SHOP),
    passes("[BODY].flags == [true]", body=b'{"flags": [ true ]}'),
    fails("[BODY].tags == x", '[BODY].tags (["hello","world"]) == x', body=SHOP),
    passes("[BODY].a == 2", body=b'{"a": 1, "a": 2}'),
    passes("[BODY].x == 12345678901234567890123", body=b'{"x": 12345678901234567890123}'),
    passes("[BODY].x > 12345678901234567890122", body=b'{"x": 12345678901234567890123}'),
]

FUNCTIONS = [
    passes("len([BODY].items) == 2", body=SHOP),
    passes("len([BODY].items) > 1", body=SHOP),
    fails("len([BODY].items) > 2", "len([BODY].items) (2) > 2", body=SHOP),
    passes("len( [body].items ) == 2", body=SHOP),
    passes("len([BODY].name) == 8", body=SHOP),
    passes("len([BODY].accent) == 5", body=SHOP),
    passes("len([BODY].age) == 2", body=SHOP),
    passes("len([BODY].adult) == 4", body=SHOP),
    passes("len([BODY].hex) == 4", body=SHOP),
    passes("len([BODY].empty) == 0", body=SHOP),
    passes("len([BODY][0]) == 23", body=b'[{"age": 18, "adult": true}]'),
    passes("len([BODY][0]) == 3", body=b'["[ab"]'),
    passes("len([BODY]) == 3", body=b"[1, 2, 3]"),
    passes("len([BODY]) == 6", body=b"[1, 2)"),
    passes("len([BODY]) == 8", body=b"john.doe"),
    passes("len([BODY]) == 20", body=b'{"name": "john.doe"}'),
    passes("len([BODY]) == 7", body=b"[broken"),
    passes("len([STATUS]) == 3", status=200),
    passes("len([IP]) == 3", ip="::1"),
    passes("2 == len([BODY].items)", body=SHOP),
    passes("len([BODY].items) == len([BODY].tags)", body=SHOP),
    fails("len([BODY].name) == john", "len([BODY].name) (8) == john", body=SHOP),
    passes("has([BODY].name) == true", body=SHOP),
    passes("has([BODY].items[0].id) == true", body=SHOP),
    passes("has([BODY].items[9]) == false", body=SHOP),
    passes("has([BODY].empty) == true", body=SHOP),
    passes("has([BODY].none) == false", body=SHOP),
    passes("has([BODY].errors) == false", body=b"{}"),
    fails("has([BODY].errors) == false", "has([BODY].errors) (true) == false", body=b'{"errors": ["1"]}'),
    passes("has([BODY].errors) != true", body=b"{}"),
    passes("has([BODY]) == true", body=b"x"),
    passes("has([BODY]) == false", body=b" \n"),
    passes("has([BODY].x) == false", body=b""),
    passes("has([BODY]) == false"),
    passes("has([STATUS]) == false"),
    passes("has([STATUS]) == true", status=200),
    passes("has([CONTEXT].x) == false"),
    passes("[BODY] == pat(*john*)", body=SHOP),
    passes("[BODY].name == pat(john*)", body=SHOP),
    fails("[BODY].name == pat(bob*)", "[BODY].name (john.doe) == pat(bob*)", body=SHOP),
    passes("[BODY].name != pat(bob*)", body=SHOP),
    fails("[BODY].name != pat(j*)", "[BODY].name (john.doe) != pat(j*)", body=SHOP),
    passes("pat(j*) == [BODY].name", body=SHOP),
    passes("[BODY].tags == pat(*hello*)", body=SHOP),
    passes("[STATUS] == pat(4*)", status=404),
    fails("[STATUS] == pat(4*)", "[STATUS] (200) == pat(4*)", status=200),
    passes("[IP] == pat(10.*)", ip="10.0.0.1"),
    passes("[CONNECTED] == pat(t*)", connected=True),
    passes('[BODY] == pat(*<div id="user">jane.doe</div>*)', body=HTML),
    passes("[BODY] == pat(* < *)", body=b"1 < 2"),
    passes("[BODY] == pat(a/*/c)", body=b"a/b/c"),
    passes("[BODY] == pat()", body=b""),
    fails(
        '[BODY] == pat(*<div id="user">john.doe</div>*)',
        '[BODY] (<!DOCTYPE html><html lang...(truncated)) == pat(*<div id="user">john.doe</div>*)',
        body=HTML,
    ),
    fails("[BODY] == pat(b*)", f"[BODY] ({'a' * 25}) == pat(b*)", body=b"a" * 25),
    fails("[BODY] == pat(b*)", f"[BODY] ({'a' * 25}...(truncated)) == pat(b*)", body=b"a" * 26),
    fails("[BODY] == b", f"[BODY] ({'a' * 26}) == b", body=b"a" * 26),
    fails("[BODY] == b", f"[BODY] ({'a' * 100}) == b", body=b"a" * 100),
    fails("[BODY] == b", f"[BODY] ({'a' * 99}…) == b", body=b"a" * 101),
    fails("pat(*x*) == [BODY]", "pat(*x*) == [BODY] (<!DOCTYPE html><html lang...(truncated))", body=HTML),
    passes("pat(a*) == abc"),
    passes("[STATUS] == any(200, 429)", status=429),
    passes("any(200, 429) == [STATUS]", status=429),
    fails("[STATUS] == any(200, 429)", "[STATUS] (404) == any(200, 429)", status=404),
    fails("any(200, 429) == [STATUS]", "any(200, 429) == [STATUS] (404)", status=404),
    passes("[STATUS] != any(500, 502)", status=200),
    fails("[STATUS] != any(500, 502)", "[STATUS] (502) != any(500, 502)", status=502),
    passes("[BODY].name == any(jane.doe,john.doe)", body=SHOP),
    passes("[BODY].name == any( jane.doe , john.doe )", body=SHOP),
    passes("[STATUS] == any(200)", status=200),
    passes("[STATUS] == any(200, pat(3*))", status=302),
    passes("[BODY] == any(pat(a,*), b)", body=b"a,c"),
    passes("[BODY] == any(pat(f(*)), b)", body=b"f(1)"),
    passes("[BODY] == any(a,,b)", body=b""),
    passes("[BODY] == any(a,)", body=b""),
    passes("[BODY] == any(,a)", body=b"a"),
    passes("[BODY] == any(a, pat(b*),)", body=b"bc"),
    fails("[BODY] == any(a,)", "[BODY] (b) == any(a,)", body=b"b"),
    fails("[STATUS] == any(200, pat(3*))", "[STATUS] (404) == any(200, pat(3*))", status=404),
    passes("[BODY] == foo(bar)", body=b"foo(bar)"),
    passes("[BODY] == foo([bar])", body=b"foo([bar])"),
    passes("[BODY] == [bar", body=b"[bar"),
    passes(" == [BODY]", body=b""),
    passes("[BODY] == :)", body=b":)"),
]

CONTEXTS = [
    passes("[STATUS] == [CONTEXT].expected", status=200, context={"expected": 200}),
    passes("[CONTEXT].user.ids[1] == 7", context={"user": {"ids": (5, 7)}}),
    passes("len([CONTEXT].rows) == 2", context={"rows": [1, 2]}),
    passes("has([CONTEXT].user) == true", context={"user": {}}),
    unanswered(
        "[STATUS] == [CONTEXT].expectd",
        "[STATUS] (200) == [CONTEXT].expectd (INVALID)",
        "the context has nothing at [CONTEXT].expectd",
        status=200,
        context={"expected": 200},
    ),
    unanswered("[CONTEXT].x == 1", "[CONTEXT].x (INVALID) == 1", "the probe gave no context"),
    unanswered(
        "[CONTEXT].x == 1",
        "[CONTEXT].x (INVALID) == 1",
        "the context is not JSON: Out of range float",
        context={"x": float("nan")},
    ),
    unanswered("[CONTEXT].x == 1", "[CONTEXT].x (INVALID) == 1", "set has no place", context={"x": {1}}),
    unanswered(
        "has([CONTEXT].x) == false",
        "has([CONTEXT].x) (INVALID) == false",
        "set has no place",
        context={"x": {1}},
    ),
]

UNANSWERED = [
    unanswered("[STATUS] == 200", "[STATUS] (INVALID) == 200", "the probe gave no status"),
    unanswered("[STATUS] != 200", "[STATUS] (INVALID) != 200", "the probe gave no status"),
    unanswered("[STATUS] < 300", "[STATUS] (INVALID) < 300", "the probe gave no status"),
    unanswered("[CONNECTED] == false", "[CONNECTED] (INVALID) == false", "no word on the connection"),
    unanswered("[RESPONSE_TIME] < 300", "[RESPONSE_TIME] (INVALID) < 300", "no response time"),
    unanswered(
        "[CERTIFICATE_EXPIRATION] > 48h", "[CERTIFICATE_EXPIRATION] (INVALID) > 48h", "no certificate expiry"
    ),
    unanswered("[DOMAIN_EXPIRATION] == 0", "[DOMAIN_EXPIRATION] (INVALID) == 0", "no domain expiry"),
    unanswered("[IP] == pat(*)", "[IP] (INVALID) == pat(*)", "no address"),
    unanswered("[DNS_RCODE] != any(a)", "[DNS_RCODE] (INVALID) != any(a)", "no DNS response code"),
    unanswered("[BODY] == x", "[BODY] (INVALID) == x", "the probe gave no body"),
    unanswered("[BODY].x == 1", "[BODY].x (INVALID) == 1", "the probe gave no body"),
    unanswered("[BODY].x == 1", "[BODY].x (INVALID) == 1", "the body is empty", body=b""),
    unanswered("[BODY].x == 1", "[BODY].x (INVALID) == 1", "nothing at [BODY].x", body=b"{}"),
    unanswered("[BODY].NAME == x", "[BODY].NAME (INVALID) == x", "nothing at [BODY].NAME", body=SHOP),
    unanswered("[BODY].x != 1", "[BODY].x (INVALID) != 1", "nothing at [BODY].x", body=b"{}"),
    unanswered("[BODY].x < 1", "[BODY].x (INVALID) < 1", "nothing at [BODY].x", body=b"{}"),
    unanswered("[BODY].x == 1", "[BODY].x (INVALID) == 1", "nothing at [BODY].x", body=b"null"),
    unanswered("[BODY][0].x == 1", "[BODY][0].x (INVALID) == 1", "nothing at", body=b'{"x": 1}'),
    unanswered("[BODY].name.more == 1", "[BODY].name.more (INVALID) == 1", "nothing at", body=SHOP),
    unanswered("len([BODY].x) == 8", "len([BODY].x) (INVALID) == 8", "nothing at [BODY].x", body=b"{}"),
    unanswered(
        "len([BODY].none) == 4", "len([BODY].none) (INVALID) == 4", "null, which has no length", body=SHOP
    ),
    unanswered("[BODY].name < 5", "[BODY].name (john.doe) < 5", "[BODY].name is no number", body=SHOP),
    unanswered("[BODY].adult < 5", "[BODY].adult (true) < 5", "[BODY].adult is no number", body=SHOP),
    unanswered("[BODY].none < 5", "[BODY].none (null) < 5", "[BODY].none is no number", body=SHOP),
    unanswered(
        "[BODY].tags < 5", '[BODY].tags (["hello","world"]) < 5', "[BODY].tags is no number", body=SHOP
    ),
    unanswered("[BODY] < 5", "[BODY] (nan) < 5", "[BODY] is no number", body=b"nan"),
    unanswered("[BODY] < 5", "[BODY] (1e999) < 5", "[BODY] is no number", body=b"1e999"),
    unanswered("[BODY] < 5", "[BODY] () < 5", "[BODY] is no number", body=b""),
    unanswered("[BODY].x == 1", "[BODY].x (INVALID) == 1", "the body is not JSON", body=b"<html>"),
    unanswered(
        "has([BODY].x) == false", "has([BODY].x) (INVALID) == false", "the body is not JSON", body=b"<html>"
    ),
    unanswered("[BODY].x == 1", "[BODY].x (INVALID) == 1", "the body is not JSON", body=b'{"x": NaN}'),
    unanswered(
        "[BODY].x == 1", "[BODY].x (INVALID) == 1", "out of range", body=b'{"x": ' + b"9" * 5000 + b"}"
    ),
    unanswered("[BODY].x == 1", "[BODY].x (INVALID) == 1", "nested deeper than 100", body=b"[" * 60_000),
    unanswered("[BODY] != x", "[BODY] (INVALID) != x", "raise body_bytes_max", body=b"ab", body_cut=True),
    unanswered("[BODY] != x", "[BODY] (INVALID) != x", "br cannot be undone", body=b"ab", body_coding="br"),
    unanswered(
        "[STATUS] == [BODY].x", "[STATUS] (200) == [BODY].x (INVALID)", "nothing at", status=200, body=b"{}"
    ),
]

ROWS = [*FACTS, *TIMES, *BODIES, *FUNCTIONS, *CONTEXTS, *UNANSWERED]


@pytest.mark.parametrize(("text", "facts", "passed", "shown", "error"), ROWS)
def test_a_condition_means_what_its_row_says(text, facts, passed, shown, error):
    result = evaluate(text, Observation(**facts))
    assert (result.passed, result.shown) == (passed, shown)
    assert (result.error is None) == (error is None)
    assert error is None or error in result.error
