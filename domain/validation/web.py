"""Checks of the web door: an address that can be listened on, and no door that anyone on the network may open."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from ..specification.matcher import OF_INCIDENTS, Matcher
from ..specification.problem import Path, Problem, quoted
from ..specification.web import Web

_FORM = "write an address and a port, such as 127.0.0.1:8080 or [::1]:8080"


def split_listen(listen: str) -> tuple[str, int]:
    """Returns the address and the port to listen on; port 0 lets the system choose one.

    Raises: ValueError for a text that is not an address and a port.
    """
    host, separator, port = listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    address = ip_address("127.0.0.1" if host == "localhost" else host)
    if not separator or bracketed is not (address.version == 6):
        raise ValueError(_FORM)
    if not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise ValueError(f"{port!r} is no port")
    return str(address), int(port)


def web_problems(web: Web, path: Path) -> Iterator[Problem]:
    """Everything wrong with a web door whose types are right."""
    try:
        host, _ = split_listen(web.listen)
    except ValueError:
        yield Problem((*path, "listen"), f"{quoted(web.listen)} is no place to listen: {_FORM}")
    else:
        if not ip_address(host).is_loopback and not web.tokens:
            text = f"{quoted(web.listen)} can be reached from other machines: add a token under tokens"
            yield Problem((*path, "listen"), text, depends_on=((*path, "tokens"),))
    yield from _repeated_tokens(web, path)
    yield from _page_problems(web, path)
    for at, network in enumerate(web.trusted_proxies):
        try:
            ip_network(network)
        except ValueError:
            text = f"{quoted(network)} is no network: write it like 10.0.0.0/8 or 10.0.0.7"
            yield Problem((*path, "trusted_proxies", at), text)


def _page_problems(web: Web, path: Path) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for at, page in enumerate(web.pages):
        where = first.setdefault(page.id, at)
        if where != at:
            text = f"the id of pages[{where}] stands here again: each page has its own"
            yield Problem((*path, "pages", at, "id"), text)
        for number, matcher in enumerate(page.match):
            try:
                named = Matcher.parse(matcher).name
            except ValueError as error:
                yield Problem((*path, "pages", at, "match", number), str(error))
                continue
            if named in OF_INCIDENTS:
                text = f"{quoted(matcher)} chooses incidents: a page chooses targets, by target, group or a label"
                yield Problem((*path, "pages", at, "match", number), text)


def _repeated_tokens(web: Web, path: Path) -> Iterator[Problem]:
    """Names and digests that stand twice: an author must be certain, and a token has one role."""
    for field in ("name", "sha256"):
        first: dict[str, int] = {}
        for at, token in enumerate(web.tokens):
            where = first.setdefault(getattr(token, field), at)
            if where != at:
                text = f"the {field} of tokens[{where}] stands here again: each token has its own"
                yield Problem((*path, "tokens", at, field), text)
