"""The check of a request by HTTP, whole, and of what it demands of its answers."""

from collections.abc import Iterator

from msgspec import UNSET

from ...specification.http.header_rules import OFFERED_TOGETHER, HeaderRule, offered
from ...specification.probe import Http
from ...specification.problem import Path, Problem, not_one
from ...specification.text import as_pairs
from ..network import http_problems, is_token
from .http_access import http_access_problems
from .patterns import pattern_problems

_TOGETHER = tuple(frozenset(each) for each in OFFERED_TOGETHER)


def request_problems(http: Http, path: Path) -> Iterator[Problem]:
    """Yields all problems of an HTTP probe, or of one step of several."""
    yield from http_problems(http, path)
    yield from demand_problems(http, path)
    yield from http_access_problems(http, path)


def demand_problems(http: Http, path: Path) -> Iterator[Problem]:
    """Yields the problems of the versions, the encryption, the header rules, the compression and the cookies."""
    is_clear = http.url.lower().startswith("http:")
    yield from _version_problems(http, (*path, "versions"), is_clear=is_clear)
    yield from _encryption_problems(http, (*path, "encryption"), is_clear=is_clear)
    for at, rule in enumerate(http.header_rules or ()):
        yield from _rule_problems(rule, (*path, "header_rules", at))
    names = {name.lower() for name, _ in as_pairs(http.headers)}
    if http.compression is not UNSET and "accept-encoding" in names:
        yield Problem((*path, "compression"), "Accept-Encoding stands under headers, too: keep one")
    if http.cookies is not UNSET:
        if "cookie" in names:
            yield Problem((*path, "cookies"), "Cookie stands under headers, too: keep one")
        yield from _cookie_problems(http, (*path, "cookies"))


def _version_problems(http: Http, path: Path, *, is_clear: bool) -> Iterator[Problem]:
    if http.versions is UNSET:
        return
    # An entry that cannot be read is not the one that stands in its place.
    each = tuple((*path, at) for at in range(len(http.versions)))
    if len(set(http.versions)) < len(http.versions):
        yield Problem(path, "holds a version twice: keep one of each", depends_on=each)
    elif offered(http.versions) not in _TOGETHER:
        ways = "; ".join(" and ".join(each) for each in OFFERED_TOGETHER)
        text = (
            f"no request can offer {' and '.join(http.versions)} and nothing else: these go together: {ways}"
        )
        yield Problem(path, text, depends_on=each)
    elif is_clear and not {"1.0", "1.1"} & set(http.versions):
        text = f"{' and '.join(http.versions)} is spoken by TLS alone, and the url is http: write https, or 1.1 as well"
        yield Problem(path, text, depends_on=((*path[:-1], "url"), *each))


def _encryption_problems(http: Http, path: Path, *, is_clear: bool) -> Iterator[Problem]:
    """A demand that no answer meets, or that each does: only redirects lead from one to the other."""
    if http.encryption is UNSET or http.encryption == "any" or http.follow_redirects:
        return
    if is_clear is (http.encryption == "required"):
        scheme = "http" if is_clear else "https"
        text = f"no answer meets it: the url is {scheme} and no redirect is followed: change one of them"
        yield Problem(path, text, depends_on=((*path[:-1], "url"), (*path[:-1], "follow_redirects")))


def _rule_problems(rule: HeaderRule, path: Path) -> Iterator[Problem]:
    if not is_token(rule.header):
        yield Problem((*path, "header"), "is no header name: write letters, digits and hyphens")
    given = [key for key in ("matches", "not_matches") if getattr(rule, key) is not None]
    if len(given) != 1:
        yield Problem(path, not_one(given, ("matches", "not_matches")))
        return
    yield from pattern_problems(rule.pattern, (*path, given[0]))


def _cookie_problems(http: Http, path: Path) -> Iterator[Problem]:
    for name, value in as_pairs(http.cookies or ()):
        if not is_token(name):
            yield Problem((*path, name), "is no name of a cookie: write letters, digits and hyphens", True)
        if any(sign in ";," or not "\x20" < sign < "\x7f" for sign in value):
            text = "holds a blank, a comma, a semicolon or a character beyond ASCII: write it with percent signs, as %20"
            yield Problem((*path, name), text)
