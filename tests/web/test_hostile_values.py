"""Values that a client may send to do harm: in JSON, in parameters, in paths and in headers. Each is refused or kept as a text."""

import ast
import json
import re
import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest
from asking import Asking
from watchkeeper.web import limits

ROOT = Path(__file__).parents[2]
BODIES = {
    "NaN": b'{"length": NaN}',
    "infinity": b'{"length": Infinity}',
    "a number beyond every float": b'{"length": 1e999}',
    "a number of 4,300 digits": b'{"length": ' + b"9" * 4_301 + b"}",
    "2 to the 63rd": b'{"length": %d}' % 2**63,
    "a lone surrogate": b'{"target": "\\ud800", "length": "1h"}',
    "bytes that are no UTF-8": b'{"target": "\xed\xa0\x80", "length": "1h"}',
    "a hundred thousand lists in one another": b"[" * 50_000,
    "lists in one another in a field": b'{"length": ' + b"[" * 500 + b"]" * 500 + b"}",
    "two documents": b'{"length": "1h"} {"length": "1h"}',
    "a byte order mark": b'\xef\xbb\xbf{"length": "1h"}',
    "an unknown field": b'{"length": "1h", "__class__": "x"}',
    "a name with NUL": b'{"target": "sh\\u0000op", "length": "1h"}',
    "a reason of a megabyte": b'{"length": "1h", "reason": "' + b"x" * 1_000_000 + b'"}',
    "a reason longer than any": b'{"length": "1h", "reason": "' + b"x" * 10_000 + b'"}',
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_hostile_body_is_the_fault_of_its_client_and_changes_nothing(operator, runtime, kind):
    answer = operator.put("/silences/s", BODIES[kind], content_type="application/json")
    assert 400 <= answer.status < 500, answer
    assert answer.json["detail"]
    assert len(answer.body) < 2_000
    assert operator.get("/silences").json["items"] == []
    assert runtime.status().healthy


def test_a_key_that_stands_twice_in_a_body_has_one_meaning(operator):
    body = b'{"length": "1h", "reason": "first", "reason": "second"}'
    made = operator.put("/silences/s", body, content_type="application/json")
    assert made.json["reason"] == operator.get("/silences/s").json["reason"] == "second"


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=b",
        "application/x-www-form-urlencoded",
        "text/xml",
        "application/msgpack",
        "",
    ],
)
def test_no_body_but_json_is_taken(operator, content_type):
    assert operator.put("/silences/s", b'{"length": "1h"}', content_type=content_type).status == 415


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", "x"])
def test_a_packed_body_is_refused_before_it_is_unpacked(operator, encoding):
    answer = operator.put(
        "/silences/s", b"\x1f\x8b\x08", content_type="application/json", content_encoding=encoding
    )
    assert answer.status == 415


NAMES = ["shop' OR '1'='1", 'shop"; DROP TABLE incidents; --', "shop%", "sh_p", "*", "(a+)+$" + "a" * 50, "$.a" + "[0]" * 60,
         "\\", "é" * 64, "../../etc/passwd", "{{7*7}}", "%s%n", "<script>alert(1)</script>", "\u202e", "\x1b[31m"]  # fmt: skip
FILTERS = ("q", "group", "label", "status", "after")


@pytest.fixture
def steady(monkeypatch):
    """No bound of requests a second, which is tested elsewhere."""
    monkeypatch.setattr(limits, "BURST_MAX", 10**9)


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_finds_what_it_names_and_is_no_expression(steady, viewer, incident, name):
    text = quote(name)
    for field in FILTERS:
        answer = viewer.get(f"/targets?{field}={text}")
        assert answer.status in {200, 400}, (field, answer)
        if field in {"q", "group", "label"}:
            assert answer.json["items"] == []
    for path in (f"/incidents?target={text}", f"/incidents?after={text}", f"/notices?channel={text}", f"/incidents/{text}",
                 f"/silences/preview?target={text}", f"/targets/{text}", f"/targets/{text}/samples"):  # fmt: skip
        answer = viewer.get(path)
        assert answer.status in {200, 400, 404}, (path, answer)
        assert answer.status != 200 or answer.json.get("items", []) == []
    assert viewer.get("/incidents").json["items"][0]["id"] == incident.id


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=1001", f"limit={2**63}", "limit=" + "9" * 4_301, "limit=NaN", "limit=%00", "since=yesterday",
     "since=2020-01-01", "since=99999-01-01T00:00:00Z", "state=open&state=resolved", "order=id", "fields=key", "severity=x"],
)  # fmt: skip
def test_a_parameter_out_of_its_bounds_is_refused(viewer, query):
    answer = viewer.get(f"/incidents?{query}")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")


def test_a_filter_cannot_feel_for_a_secret(viewer):
    """The key of the heartbeat, which no answer shows, is found by no filter either."""
    for field in ("q", "label", "group"):
        assert viewer.get(f"/targets?{field}=key-of-the-backup").json["items"] == []


@pytest.mark.parametrize("path", ["/targets/{}", "/silences/{}", "/incidents/{}", "/tokens/{}"])
@pytest.mark.parametrize("name", ["x" * 10_000, "%00", "%ED%A0%80", "%C3%28", "a%0Ab", "%E2%80%AE"])
def test_a_hostile_name_in_a_path_is_refused_in_a_short_sentence(admin, path, name):
    bodies = {"/silences/{}": {"length": "1h"}, "/tokens/{}": {"role": "viewer"}}
    way = path.format(name)
    answer = admin.put(way, bodies[path]) if path in bodies else admin.get(way)
    assert answer.status in {400, 404}, answer
    assert len(answer.body) < 11_000


def test_hostile_words_of_headers_and_bodies_are_recorded_as_they_are(operator, store, incident):
    """No word of a request becomes a part of a statement: the record has it, and everything else is as before."""
    word = "'); DROP TABLE transitions; --"
    answer = operator.put(
        f"/incidents/{incident.id}/acknowledgement", {"note": word}, x_forwarded_for=word, user_agent=word
    )
    assert answer.json["note"] == word
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as found:
        (count,) = found.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()
    assert count > 3


def statements_of_texts(tree):
    """Yields the lines at which a formatted text with a word of SQL is made."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and any(
            isinstance(part, ast.FormattedValue) for part in node.values
        ):
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|REPLACE|ATTACH)\b", text):
                yield node.lineno


def test_no_statement_of_the_record_is_made_of_texts():
    """Only the store joins names of tables, each of which the linter makes it explain; no word of a client gets there."""
    found = {
        path.relative_to(ROOT).parts[:2]
        for room in ("adapters", "host", "web")
        for path in (ROOT / room).rglob("*.py")
        if list(statements_of_texts(ast.parse(path.read_text())))
    }
    assert found == {("adapters", "stores")}
    assert list(statements_of_texts(ast.parse("f'SELECT * FROM {x}'"))) == [1]


def test_a_ping_takes_every_byte_and_keeps_a_text(url, viewer):
    for body in (b"\x00" * 100, b"\xff" * 100, b"\xed\xa0\x80", b"{{7*7}}\x1b[2J\r\n<script>"):
        assert Asking(url).ask("POST", "/ping/key-of-the-backup-0001/log", body).status == 200
    rows = viewer.get("/targets/backup/pings").json["items"]
    assert len(rows) == 4
    json.dumps(rows).encode()


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "PATCH", "DELETE", "FOO"])
def test_other_methods_are_refused_alike_for_a_known_and_an_unknown_key(url, method):
    known, unknown = (Asking(url).ask(method, f"/ping/{key}") for key in ("key-of-the-backup-0001", "x"))
    assert (known.status, known.body) == (unknown.status, unknown.body)
    assert known.status == 405
