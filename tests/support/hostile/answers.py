"""The ready-made answers of the hostile server, by the first segment of the path that asks for them."""

import gzip
from itertools import chain, repeat

from .visit import Answer, Visit

FOREVER = 1_000_000
"""Repetitions that no test waits for: at one each DRIP_S they would take 14 hours."""
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DRIP_S = 0.05
"""Far below every timeout of the tests, so that a timeout per read would never end such an answer."""
BOMB_BYTES = 200 * 1024 * 1024
"""50 times the largest body that a probe may read (4 MB)."""
BLOCK = b"x" * 65_536


def _status(visit: Visit) -> None:
    """`/status/503` answers 503."""
    visit.answer(f"{visit.path.split('/')[2]} Scripted")


def _redirect(visit: Visit) -> None:
    """`/redirect/307?http://elsewhere/` leads there with that status."""
    route, _, location = visit.path.partition("?")
    visit.answer(f"{route.split('/')[2]} Moved", [f"Location: {location}"])


def _bomb(visit: Visit) -> None:
    """A small compressed body that would be 200 MB."""
    zeros = gzip.compress(bytes(1024 * 1024), compresslevel=9, mtime=0)
    body = zeros * (BOMB_BYTES // (1024 * 1024))
    visit.answer(headers=["Content-Encoding: gzip"], body=body)


def _drip_head(visit: Visit) -> None:
    visit.drip(chain([HEAD], repeat(b"X-Drip: 1\r\n", FOREVER)), DRIP_S)


def _drip_body(visit: Visit) -> None:
    visit.drip(chain([HEAD + b"Content-Length: 1000000\r\n\r\n"], repeat(b"x", FOREVER)), DRIP_S)


def _endless(visit: Visit) -> None:
    visit.send(HEAD + b"\r\n")
    visit.pour(BLOCK, FOREVER)


def _many_headers(visit: Visit) -> None:
    """200,000 header lines, 2.4 MB: libcurl ends a header at 300 KB."""
    visit.send(HEAD)
    visit.pour(b"".join(b"X-%05d: y\r\n" % number for number in range(1_000)), 200)
    visit.send(b"Content-Length: 2\r\n\r\nok")


def _long_header(visit: Visit) -> None:
    """One header line of 5 MB."""
    visit.send(HEAD + b"X-Long: ")
    visit.pour(BLOCK, 80)
    visit.send(b"\r\nContent-Length: 2\r\n\r\nok")


def _wide_header(visit: Visit) -> None:
    """More than 64 KB of header in few lines, each of them short enough for any parser."""
    visit.send(HEAD)
    visit.pour(b"X-Wide: " + b"y" * 8_000 + b"\r\n", 20)
    visit.send(b"Content-Length: 2\r\n\r\nok")


def _chunk_extension(visit: Visit) -> None:
    """A chunk of two bytes behind an extension of 3 MB."""
    visit.send(CHUNKED + b"2;x=")
    visit.pour(BLOCK, 48)
    visit.send(b"\r\nok\r\n0\r\n\r\n")


def _tiny_chunks(visit: Visit) -> None:
    """200,000 chunks of one byte: six bytes on the wire for each byte of the body."""
    visit.send(CHUNKED)
    visit.pour(b"1\r\nx\r\n" * 1_000, 200)
    visit.send(b"0\r\n\r\n")


def _interim_flood(visit: Visit) -> None:
    visit.pour(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000, FOREVER)


def _reset_in_body(visit: Visit) -> None:
    # A reset takes away bytes that the client has not read yet, so it has time to read them.
    visit.drip([HEAD + b"Content-Length: 1000\r\n\r\nhalf"], 0.2)
    visit.reset()


def _said(data: bytes) -> Answer:
    """Sends these bytes and closes the connection."""
    return lambda visit: visit.send(data)


ANSWERS: dict[str, Answer] = {
    "healthy": lambda visit: visit.answer(),
    "status": _status,
    "redirect": _redirect,
    "loop": lambda visit: visit.answer("302 Found", ["Location: /loop"]),
    "nothing": Visit.wait_for_client_to_leave,
    "drip_head": _drip_head,
    "drip_body": _drip_body,
    "endless": _endless,
    "bomb": _bomb,
    "many_headers": _many_headers,
    "long_header": _long_header,
    "wide_header": _wide_header,
    "chunk_extension": _chunk_extension,
    "tiny_chunks": _tiny_chunks,
    "interim_flood": _interim_flood,
    "reset": Visit.reset,
    "reset_in_body": _reset_in_body,
    "early_close": _said(b""),
    "close_in_header": _said(HEAD + b"X-Half"),
    "short_body": _said(HEAD + b"Content-Length: 1000\r\n\r\nhalf"),
    "short_chunks": _said(CHUNKED + b"5\r\nhal"),
    "extra_bytes": _said(HEAD + b"Content-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n"),
    "length_and_chunks": _said(
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    ),
    "chunks_and_length": _said(
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    ),
    "trailers": _said(CHUNKED + b"2\r\nok\r\n0\r\nX-Checksum: 1\r\n\r\n"),
    "early_hints": _said(
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nok"
    ),
    "two_lengths": _said(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!"),
    "equal_lengths": _said(HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
    "negative_length": _said(HEAD + b"Content-Length: -1\r\n\r\nok"),
    "bad_chunk": _said(CHUNKED + b"zz\r\nok\r\n0\r\n\r\n"),
    "status_000": _said(b"HTTP/1.1 000 Nought\r\nContent-Length: 2\r\n\r\nok"),
    "status_99999": _said(b"HTTP/1.1 99999 Much\r\nContent-Length: 2\r\n\r\nok"),
    "status_2000": _said(b"HTTP/1.1 2000 Odd\r\nContent-Length: 2\r\n\r\nok"),
    "status_200ok": _said(b"HTTP/1.1 200OK\r\nContent-Length: 2\r\n\r\nok"),
    "status_tabs": _said(b"HTTP/1.1\t200\tOK\r\nContent-Length: 2\r\n\r\nok"),
    "small_http": _said(b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    "http_2_in_text": _said(b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    "odd_interim": _said(b"HTTP/1.1 1000 Hm\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nok"),
    "no_reason": _said(b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
    "huge_length": _said(HEAD + b"Content-Length: 99999999999999999999\r\n\r\nok"),
    "length_of_64_bits": _said(HEAD + b"Content-Length: 9223372036854775808\r\n\r\nok"),
    "length_list": _said(HEAD + b"Content-Length: 2, 2\r\n\r\nok"),
    "blank_before_colon": _said(HEAD + b"Content-Length : 2\r\n\r\nok"),
    "two_codings": _said(
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    ),
    "trailers_behind_two_framings": _said(
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Checksum: 1\r\n\r\n"
    ),
    "status_999": _said(b"HTTP/1.1 999 Denied\r\nContent-Length: 2\r\n\r\nok"),
    "status_777": _said(b"HTTP/1.1 777 Odd\r\nContent-Length: 2\r\n\r\nok"),
    "http_0_9": _said(b"<html>hello</html>"),
    "ssh": _said(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
    "bare_line_feeds": _said(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    "nul_in_header": _said(HEAD + b"X-Nul: a\x00b\r\nContent-Length: 2\r\n\r\nok"),
    "unsolicited_coding": _said(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    "bad_utf8": lambda visit: visit.answer(
        headers=["Content-Type: text/plain; charset=utf-8"], body=b"\xff\xfe\xfa"
    ),
}
