"""The header of an answer: the lines of one name, found in its bytes."""

from collections.abc import Iterator

BLANKS = b" \t\r"


def last_header(header: bytes) -> bytes:
    """Returns the lines of the last answer: interim ones came before it, and the trailers of a body may stand behind it."""
    blocks = header.replace(b"\r\n", b"\n").split(b"\n\n")
    return next((block for block in reversed(blocks) if block.startswith(b"HTTP/")), blocks[0])


def http_version(header: bytes) -> str | None:
    """Returns the version of HTTP of an answer, such as `1.1` or `2`; None where its header is none of HTTP."""
    line = last_header(header).partition(b"\n")[0]
    if not line.startswith(b"HTTP/"):
        return None
    return line[5:].partition(b" ")[0].decode("ascii", "replace")


def values_of(name: str, header: bytes) -> Iterator[str]:
    """Yields the values of a header in the order of its lines; the name is in small letters, line ends are single."""
    mark = b"\n" + name.encode() + b":"
    found = b"\n" + header
    searched = found.lower()
    at = searched.find(mark)
    while at >= 0:
        end = _end(found, at + len(mark))
        yield _text(found[at + len(mark) : end])
        at = searched.find(mark, end)


def _end(header: bytes, at: int) -> int:
    """Returns the end of a value, which goes on in lines that begin with a blank (RFC 9112, 5.2)."""
    while (at := header.find(b"\n", at)) >= 0:
        if header[at + 1 : at + 2] not in {b" ", b"\t"}:
            return at
        at += 1
    return len(header)


def _text(value: bytes) -> str:
    value = b" ".join(part.strip(BLANKS) for part in value.split(b"\n"))
    try:
        return value.decode().strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()
