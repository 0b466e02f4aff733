"""Checks of URLs, headers, host names and command lines beyond their types."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

import idna
from msgspec import UNSET

from ..limits import URL_CHARACTERS_MAX
from ..specification.local_channels import FACTS_PREFIX, Apprise, ExecChannel
from ..specification.probe import Exec, Http, Tls
from ..specification.problem import Path, Problem, meant, nearest, quoted, suggestion
from ..specification.text import Pairs, as_pairs

BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_TAB = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)")
_APPRISE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.")
# A backslash ends the host to some readers and not to others: `http://one\@other/` would be vetted as one and asked as the other.
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.%a-z]+\]|[^:\[\]@\\]*)(?::([0-9]*))?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL_CHARACTERS_MAX = 63  # RFC 1035, 2.3.4
_METHODS = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "PURGE",
    "PROPFIND", "PROPPATCH", "MKCOL", "MKCALENDAR", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH",
)  # fmt: skip
"""Those of HTTP itself, of its caches, and of WebDAV and CalDAV. CONNECT is not there: it asks for a tunnel."""
FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


class UrlForm(NamedTuple):
    """The form of a URL under one key."""

    schemes: tuple[str, ...]
    example: str
    login_place: str
    """The place of a login, which no URL may hold: URLs are shown."""


REQUESTED = UrlForm(("http", "https"), "https://example.org/health", "under basic_auth or in a header")


def http_problems(http: Http, path: Path) -> Iterator[Problem]:
    """Yields the problems of an HTTP probe."""
    yield from url_problems(http.url, (*path, "url"))
    if http.method not in _METHODS:
        close = nearest(http.method, (method.lower() for method in _METHODS)).upper()
        text = f"{quoted(http.method)} is no known method{meant(close)} (known: {', '.join(_METHODS)})"
        yield Problem((*path, "method"), text)
    if http.address_family != "any" and (fault := _family_fault(host_of(http.url), http.address_family)):
        yield Problem((*path, "address_family"), fault)
    yield from header_problems(http.headers, FRAMING, (*path, "headers"))
    yield from tls_problems(http.tls, (*path, "tls"))
    if http.basic_auth is not None and http.bearer is not None:
        yield Problem((*path, "bearer"), "basic_auth and bearer are given: keep one")
    if http.bearer == "":
        yield Problem(
            (*path, "bearer"), "is empty, so no login would be sent: give the token, or leave the key out"
        )
    if http.bearer is not None and BLANK_OR_CONTROL.search(http.bearer):
        yield Problem((*path, "bearer"), "holds a blank, a line end or another control character: remove it")
    if http.basic_auth is not None:
        yield from login_problems(http.basic_auth.user, http.basic_auth.password, (*path, "basic_auth"))


def place_problems(host: str, address_family: str, path: Path, key: str = "host") -> Iterator[Problem]:
    """Yields the problems of a host under `key`, and of the family of its address."""
    if fault := host_fault(host):
        yield Problem((*path, key), fault)
    if address_family != "any" and (fault := _family_fault(host, address_family)):
        yield Problem((*path, "address_family"), fault)


def exec_problems(command: Exec | ExecChannel, path: Path, *, allowed: bool) -> Iterator[Problem]:
    """Yields the problems of a program to run."""
    if not allowed:
        text = "programs may not be run: set allow_exec to true under runtime to let this one"
        yield Problem(path, text, depends_on=(("runtime", "allow_exec"),))
    for at, word in enumerate(command.argv):
        if "\0" in word or (at == 0 and not word):
            yield Problem((*path, "argv", at), "is empty or holds a NUL: write the program and its arguments")
    for name, value in as_pairs(command.environment):
        if not _VARIABLE.fullmatch(name):
            yield Problem(
                (*path, "environment", name), "is no name of a variable: write letters, digits and _", True
            )
        if "\0" in value:
            yield Problem((*path, "environment", name), "holds a NUL: remove it")
        if isinstance(command, ExecChannel) and name.startswith(FACTS_PREFIX):
            yield Problem((*path, "environment", name), "is set by each notice: choose another name", True)


def apprise_problems(apprise: Apprise, path: Path) -> Iterator[Problem]:
    """Yields the problems of Apprise's URLs; the texts show none of them."""
    for at, url in enumerate(apprise.urls):
        if len(url) > URL_CHARACTERS_MAX or BLANK_OR_CONTROL.search(url):
            text = f"is longer than {URL_CHARACTERS_MAX:,} characters, or holds a blank or a control character: write %20 for a blank"
            yield Problem((*path, "urls", at), text)
        elif not _APPRISE.match(url):
            yield Problem((*path, "urls", at), "is no URL of Apprise: write it like json://host/path")
        elif url in apprise.urls[:at]:
            yield Problem((*path, "urls", at), "stands twice: keep one")


def url_problems(url: str, path: Path, form: UrlForm = REQUESTED) -> Iterator[Problem]:
    """Yields the problem of a URL that cannot be requested; none shows more of it than its scheme."""
    if len(url) > URL_CHARACTERS_MAX:
        yield Problem(path, f"has {len(url):,} characters: {URL_CHARACTERS_MAX:,} are the most")
    elif fault := url_fault(url, form):
        yield Problem(path, fault)


def url_fault(url: str, form: UrlForm = REQUESTED) -> str:
    """Why a text is no absolute URL of a form; empty when it is one.

    It never shows more of the URL than its scheme: the rest may hold a secret.
    """
    if BLANK_OR_CONTROL.search(url):
        return "holds a blank, a line end or another control character: write %20 for a blank"
    found = _URL.match(url)
    if found is None:
        return f"is no absolute URL: write it like {form.example}"
    if found[1].lower() not in form.schemes:
        known = f"{', '.join(form.schemes[:-1])} and {form.schemes[-1]}"
        return f"has the scheme {quoted(found[1])}: only {known} are possible{suggestion(found[1], form.schemes)}"
    if "@" in found[2]:
        return f"holds a user name or a password: write them {form.login_place}"
    return _authority_fault(found[2], form.example)


def _authority_fault(authority: str, example: str) -> str:
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        scheme, with_port = example.partition("://")[0], example.replace(".org/", ".org:8443/")
        return f"has a host that cannot be read: write it like {with_port} or {scheme}://[::1]/"
    if not found[1]:
        return f"names no host: write it like {example}"
    if fault := name_fault(found[1]):
        return f"has a host that {fault}"
    port = found[2]
    if port is not None and not (port.isdecimal() and len(port) <= 5 and 1 <= int(port) <= 65_535):
        return "has a port that is none: it may be 1 to 65,535"
    return ""


def host_of(url: str) -> str:
    """Returns the host of a URL as it is written, without brackets; empty where there is none."""
    found = _URL.match(url)
    authority = found and _AUTHORITY.fullmatch(found[2])
    return authority[1].strip("[]") if authority else ""


def _family_fault(host: str, family: str) -> str:
    """An address of the other family would never be connected to as asked; a name may have both."""
    try:
        written = f"ipv{ip_address(host).version}"
    except ValueError:
        return ""
    # A preference does no harm: a template has it for names, and one of its targets may have an address.
    return (
        ""
        if family in {written, "prefer_ipv4", "prefer_ipv6"}
        else f"is {family}, but the host is an {written} address: leave it out"
    )


def host_fault(host: str) -> str:
    """Returns why a text is no host name and no address; empty where it is one."""
    if not host or BLANK_OR_CONTROL.search(host):
        return "is empty or holds a blank or a control character: write a name or an address"
    if "://" in host or "/" in host:
        return "is a URL: write the name alone, and the port under port"
    if host.startswith("[") or (host.count(":") == 1):
        return "holds a port or brackets: write the name or the address alone, and the port under port"
    return name_fault(host)


def name_fault(host: str) -> str:
    """Why a text is no name that can be looked up, nor an address; empty where it is one."""
    if "[" in host or ":" in host:
        return _literal_fault(host.strip("[]"))
    try:
        written = ascii_host(host)
    except UnicodeError:
        return "is no international name: a character in it is not allowed"
    labels = written.removesuffix(".").split(".")
    if any(not 1 <= len(label) <= _LABEL_CHARACTERS_MAX for label in labels):
        return f"is no name: a part of it between dots is empty or longer than {_LABEL_CHARACTERS_MAX} characters"
    return ""


def _literal_fault(host: str) -> str:
    """Why the host is no IPv6 address: only one holds colons, and only one stands in brackets."""
    try:
        IPv6Address(host)
    except ValueError:
        return "is no IPv6 address, though it is written like one: give an IPv4 address or a name without colons and brackets"
    return ""


def ascii_host(host: str) -> str:
    """Returns the host as the name service is asked for it: by UTS 46, non-transitional, as browsers and curl do.

    An ASCII name is asked for as it is written: many that resolve (`_dmarc.example.org`) are no names to IDNA.
    Raises: UnicodeError for a name that cannot be asked for.
    """
    if host.isascii():
        return host
    mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
    return ".".join(map(_ascii_label, mapped.split(".")))


def _ascii_label(label: str) -> str:
    # Not by the stricter rules of IDNA 2008, to which a name of symbols is none: such names exist and browsers open them.
    if label.isascii():
        return label
    return f"xn--{label.encode('punycode').decode()}"


def is_token(name: str) -> bool:
    """Whether a text may be the name of a header, a cookie or a subprotocol."""
    return _TOKEN.fullmatch(name) is not None


def header_problems(headers: Pairs, reserved: Iterable[str], path: Path) -> Iterator[Problem]:
    """Yields the problems of headers, none of which may be one of those `reserved`."""
    seen: set[str] = set()
    for name, value in as_pairs(headers):
        lower = name.lower()
        if not is_token(name):
            yield Problem((*path, name), "is no header name: write letters, digits and hyphens", True)
        elif lower in reserved:
            yield Problem((*path, name), "is set for every request: leave it out", True)
        elif lower in seen:
            yield Problem((*path, name), "stands twice in another spelling: keep one", True)
        if _CONTROL_BUT_TAB.search(value):
            yield Problem((*path, name), "holds a line end or another control character: remove it")
        seen.add(lower)


def login_problems(user: str, password: str, path: Path) -> Iterator[Problem]:
    """Yields the problems of a user name and a password that are sent by HTTP."""
    if ":" in user or _CONTROL.search(user):
        yield Problem((*path, "user"), "holds a colon or a control character, which a user name may not")
    if _CONTROL.search(password):
        yield Problem((*path, "password"), "holds a line end or another control character: remove it")


def tls_problems(tls: Tls, path: Path) -> Iterator[Problem]:
    """Yields the problems of how certificates are judged and shown."""
    if tls.key_file is not None and tls.certificate_file is None:
        text = "has no effect without certificate_file: give both or none"
        yield Problem((*path, "key_file"), text, depends_on=((*path, "certificate_file"),))
    if tls.key_password is not UNSET and tls.certificate_file is None:
        text = "has no effect without certificate_file: leave it out"
        yield Problem((*path, "key_password"), text, depends_on=((*path, "certificate_file"),))
    if tls.ca_file is not None and not tls.verify:
        yield Problem((*path, "ca_file"), "has no effect with verify: false: leave one of them out")
    if tls.server_name is not None and (fault := host_fault(tls.server_name)):
        yield Problem((*path, "server_name"), fault)
