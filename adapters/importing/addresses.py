"""URLs and addresses of peers, taken apart as probes write them."""

from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from .imported import placed
from .source import PeerPart

_SECOND_LEVEL = frozenset(
    {"ac", "co", "com", "edu", "go", "gob", "gov", "ltd", "me", "ne", "net", "or", "org", "plc", "sch"}
)
"""Names under which registries of a country register: `example.co.uk`."""
_COUNTRY_LETTERS = 2


class HostAndPort(NamedTuple):
    """A host, and a port where one is stated."""

    host: str
    port: int | str | None


def host_and_port(address: str) -> HostAndPort:
    """Returns the parts of `host`, `host:port`, `[v6]:port` and `scheme://host:port/`; a port may be a variable."""
    text = address.partition("://")[2] or address
    text = text.partition("/")[0] if not text.startswith("${") else text
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return HostAndPort(host, _port(rest.removeprefix(":")))
    host, colon, port = text.rpartition(":")
    if not colon or ":" in host or (port.endswith("}") and "${" not in port):
        return HostAndPort(text, None)
    return HostAndPort(host, _port(port))


def _port(text: str) -> int | str | None:
    return (int(text) if text.isdecimal() else text) if text else None


def registered_name(host: str) -> str:
    """Returns the name that a registry knows a host by: its last two labels, or three such as `example.co.uk`."""
    labels = host.rstrip(".").split(".")
    is_below = len(labels[-1]) == _COUNTRY_LETTERS and labels[-2:-1] and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if is_below else -2 :])


def http_address(url: str) -> dict[str, Any]:
    """Returns `url`, and `basic_auth` for a user name and a password that stand in it."""
    try:
        parts = urlsplit(url)
        user, password = parts.username, parts.password
    except ValueError:
        return {"url": url}
    if not user and not password:
        return {"url": url.partition("#")[0]}
    place = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((parts.scheme, place, parts.path, parts.query, ""))
    return {"url": bare, "basic_auth": {"user": unquote(user or ""), "password": unquote(password or "")}}


def gotify_address(server: str, token: str) -> str:
    """Returns a server of Gotify and the token of an application as Apprise writes them."""
    scheme, _, place = server.rstrip("/").rpartition("://")
    return f"gotify{'' if scheme == 'http' else 's'}://{place}/{token}"


def pushover_address(user: str, token: str) -> str:
    """Returns the keys of a user and an application of Pushover as Apprise writes them."""
    return f"pover://{user}@{token}"


def proxy_address(part: PeerPart, key: str, url: str) -> dict[str, Any]:
    """Returns `url`, `user` and `password` of a proxy, whose login stands in its URL."""
    found = http_address(url)
    login = found.get("basic_auth", {})
    return {"url": placed(part, key, found["url"].rstrip("/")), **login}
