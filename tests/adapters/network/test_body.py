"""The body of an answer in the form that conditions read."""

import codecs
import gzip
import zlib

import pytest
from watchkeeper.adapters.http.body import CHARSETS, ReadBody, readable_body
from watchkeeper.adapters.http.exchange import HttpAnswer
from watchkeeper.domain.limits import COMPRESSED_PARTS_MAX

CAP = 1_000
PART = gzip.compress(b"ab")
DEFLATED = zlib.compress(b"fine")


def read(body, *lines):
    header = "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()
    return readable_body(HttpAnswer(status=200, header=header, body=body), CAP)


@pytest.mark.parametrize(
    ("body", "coding", "found"),
    [
        (gzip.compress(b"fine"), "gzip", ReadBody(b"fine")),
        (gzip.compress(b"fine"), "X-GZIP", ReadBody(b"fine")),
        (DEFLATED, "deflate", ReadBody(b"fine")),
        (DEFLATED[2:-4], "deflate", ReadBody(b"fine")),
        (PART * 3, "gzip", ReadBody(b"ababab")),
        (gzip.compress(bytes(CAP)), "gzip", ReadBody(bytes(CAP))),
        (gzip.compress(bytes(CAP + 1)), "gzip", ReadBody(bytes(CAP), cut=True)),
        (gzip.compress(b"fine")[:-9], "gzip", ReadBody(gzip.compress(b"fine")[:-9], coding="gzip")),
        (b"plain", "gzip", ReadBody(b"plain")),
        (b"plain", "utf-8", ReadBody(b"plain")),
        (b"\xff", "br", ReadBody(b"\xff", coding="br")),
        (b"\xff", "identity", ReadBody(b"\xff")),
        (b"\xff", "none", ReadBody(b"\xff")),
        (b"\xff", "ISO-8859-1", ReadBody(b"\xff")),
        (b"\xff", "utf-8", ReadBody(b"\xff")),
        (b"\xff", "", ReadBody(b"\xff")),
        (gzip.compress(b"fine"), "gzip, identity", ReadBody(b"fine")),
        (gzip.compress(b"fine"), "gzip , gzip", ReadBody(b"fine")),
        (b"\xff", "gzip, br", ReadBody(b"\xff", coding="gzip, br")),
        (b"\xff", "x" * 100, ReadBody(b"\xff", coding="x" * 40)),
    ],
)
def test_compression_is_undone_under_the_cap(body, coding, found):
    assert read(body, f"Content-Encoding: {coding}") == found


def test_a_body_of_very_many_parts_is_left_alone():
    many = PART * (COMPRESSED_PARTS_MAX + 1)

    assert read(many, "content-encoding: gzip") == ReadBody(many, coding="gzip")


def test_every_charset_that_is_read_has_the_name_of_its_codec():
    assert {codecs.lookup(name).name for name in CHARSETS} == CHARSETS


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "rot13", "nonsense", "utf-7"])
def test_a_charset_of_no_web_page_is_not_read(charset):
    assert read(b"a-\xff", f"Content-Type: text/plain; charset={charset}") == ReadBody(b"a-\xff")


@pytest.mark.parametrize("charset", ["latin1", "ISO-8859-1", "'iso-8859-1'", "windows-1252"])
def test_a_charset_is_known_by_each_of_its_names(charset):
    assert read(b"\xfc", f"Content-Type: text/plain;Charset={charset}") == ReadBody("ü".encode())
