"""The body of an answer as conditions read it: decompressed, and in UTF-8.

No coding is asked for, but some servers and caches compress unasked. Text of an unknown charset stays as it came.
"""

import codecs
import re
import zlib
from typing import NamedTuple

from ...domain.conditions.header import last_header
from ...domain.limits import COMPRESSED_PARTS_MAX
from .exchange import HttpAnswer

CODED = re.compile(rb"\ncontent-encoding:([^\r\n]*)")
CHARSET = re.compile(rb"\ncontent-type:[^\r\n]*;[ \t]*charset[ \t]*=[ \t]*[\"']?([a-z0-9._:-]{1,40})")
GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
COMPRESSED = {
    b"gzip": (GZIP_OR_ZLIB,),
    b"x-gzip": (GZIP_OR_ZLIB,),
    b"deflate": (GZIP_OR_ZLIB, -zlib.MAX_WBITS),
}
"""The window sizes of zlib to try: a `deflate` body comes with and without its header of two bytes."""
UNCODED = frozenset(
    {
        *(b"", b"identity", b"none", b"binary", b"7bit", b"8bit"),
        *(b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"latin1", b"windows-1252"),
    }
)
"""The words that say of a body that nothing was done to it: some servers name its charset in place of a compression."""
CODING_SHOWN_MAX = 40
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""The byte order marks of text that is not UTF-8."""
READ_AS = {"shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949"}
"""The larger sets that servers mean by a name, as browsers read them."""
CHARSETS = frozenset(
    {
        *(f"iso8859-{part}" for part in (*range(1, 12), *range(13, 17))),
        *(f"cp{page}" for page in (437, 850, 852, 866, 874, 932, 949, *range(1250, 1259))),
        *("koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "tis-620", "ptcp154"),
        *("euc_jp", "iso2022_jp", "gb18030", "big5", "big5hkscs", "hz"),
        *("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
    }
)
"""The codecs that a peer may choose: each is linear in the body, which `idna` and `punycode` are not."""
LATIN = frozenset({"iso8859-1", "cp1252"})


class ReadBody(NamedTuple):
    """A body for conditions."""

    body: bytes
    cut: bool = False
    coding: str | None = None
    """The compression that could not be undone."""


def readable_body(answer: HttpAnswer, body_bytes_max: int) -> ReadBody:
    """The body of an answer in UTF-8 where its coding and charset are known."""
    body = answer.body
    if not body or answer.body_cut:
        return ReadBody(body, answer.body_cut)
    several = answer.header.count(b"\r\n\r\n") > 1
    header = (last_header(answer.header) if several else answer.header).lower()
    # Looked for as text first: that costs a tenth of an expression, and most answers have neither.
    coding = _coding_of(header) if b"\ncontent-encoding:" in header else b""
    if coding:
        inflated = _inflated(body, COMPRESSED.get(coding, ()), body_bytes_max)
        if inflated is None and not _is_utf8(body):
            return ReadBody(body, coding=coding[:CODING_SHOWN_MAX].decode("ascii", "replace"))
        body = body if inflated is None else inflated
        if len(body) > body_bytes_max:
            return ReadBody(body[:body_bytes_max], cut=True)
    named = MARKS.get(body[:2]) or (_charset_of(header) if b"charset" in header else None)
    return ReadBody(body if named is None else _in_utf8(body, named))


def _coding_of(header: bytes) -> bytes:
    """The compressions that an answer names, each once; empty where it names none."""
    words = dict.fromkeys(word.strip() for line in CODED.findall(header) for word in line.split(b","))
    return b", ".join(word for word in words if word not in UNCODED)


def _inflated(body: bytes, windows: tuple[int, ...], bytes_max: int) -> bytes | None:
    """The decompressed body, of which one byte more than the cap is made at most; None where it cannot be had."""
    for window in windows:
        try:
            return _whole(body, window, bytes_max)
        except zlib.error:
            continue
    return None


def _whole(body: bytes, window: int, bytes_max: int) -> bytes:
    """Raises: zlib.error for what ends early, and for more parts than a server has reason to send."""
    whole = b""
    for _ in range(COMPRESSED_PARTS_MAX):
        decoder = zlib.decompressobj(window)
        whole += decoder.decompress(body, bytes_max + 1 - len(whole))
        if len(whole) > bytes_max:
            return whole
        if not decoder.eof:
            break
        body = decoder.unused_data
        if not body:
            return whole
    raise zlib.error("no whole body")


def _charset_of(header: bytes) -> str | None:
    """The codec that an answer names for its text; None where it names none, UTF-8, or one that is not known."""
    named = CHARSET.findall(header)
    if not named:
        return None
    try:
        codec = codecs.lookup(named[-1].decode()).name
    except LookupError:
        return None
    codec = READ_AS.get(codec, codec)
    return codec if codec in CHARSETS else None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _in_utf8(body: bytes, codec: str) -> bytes:
    # Many servers say Latin-1 of every page: what is UTF-8 is none by chance.
    if codec in LATIN and _is_utf8(body):
        return body
    try:
        return body.decode(codec).encode()
    except UnicodeError:
        return body
