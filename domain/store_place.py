"""The text that names a store: the path of a file, or the URL of a database."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from .limits import SHARDS_MAX
from .line import MASK

DATABASE_SCHEMES = ("postgresql://", "postgres://")
_SECRETS = frozenset({"password", "sslpassword"})


def is_database(store: str) -> bool:
    """Whether a text names a database and no file."""
    return store.lower().startswith(DATABASE_SCHEMES)


def is_url(store: str) -> bool:
    """Whether a text is a URL and no path: that of a database, or one that nothing here reads, which may hold a password as well."""
    return "://" in store


def shown_store(store: str) -> str:
    """Returns the text without the passwords in it; that of a file is returned as it is."""
    if not is_url(store):
        return store
    scheme, _, rest = store.partition("://")
    authority_end = min((rest.find(sign) for sign in "/?#" if sign in rest), default=len(rest))
    authority, behind = rest[:authority_end], rest[authority_end:]
    login, at, hosts = authority.rpartition("@")
    user, colon, _ = login.partition(":")
    path, question, query = behind.partition("?")
    pairs = [
        (name, MASK if name.lower() in _SECRETS else value)
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    masked = f"{user}{colon and f':{MASK}'}{at}{hosts}"
    return f"{scheme}://{masked}{path}{question}{urlencode(pairs, safe='*/,')}"


def store_secrets(store: str) -> Iterator[str]:
    """Yields the passwords in a text that names a store."""
    if not is_url(store):
        return
    rest = store.partition("://")[2]
    login = rest.rpartition("@")[0] if "@" in rest else ""
    password = login.partition(":")[2]
    if password:
        yield from (password, unquote(password))
    query = rest.partition("?")[2]
    yield from (value for name, value in parse_qsl(query) if name.lower() in _SECRETS)


def stated_shards(store: str) -> int | None:
    """Returns the number of shards that a text says; None where it says none. Raises: ValueError for what is no number of shards."""
    pairs = parse_qsl(store.partition("?")[2], keep_blank_values=True)
    said = next((value for name, value in pairs if name == "shards"), None)
    if said is None:
        return None
    if not said.isascii() or not said.isdigit() or not 1 <= int(said) <= SHARDS_MAX:
        raise ValueError(f"says shards={said}: write a number from 1 to {SHARDS_MAX}")
    return int(said)


def without_shards(store: str) -> str:
    """Returns the text without the number of shards that it says."""
    place, question, query = store.partition("?")
    rest = "&".join(pair for pair in query.split("&") if not pair.startswith("shards="))
    return f"{place}{question if rest else ''}{rest}"


def store_problem(store: str) -> str:
    """Returns what is wrong with a text that names a store, and what to do; empty for a good one."""
    if not store or "\0" in store:
        return "names no file: write a path, or leave it out to keep the record in memory only"
    if not is_url(store):
        return ""
    if not is_database(store):
        return "is neither a file nor a database: write a path, or postgresql://USER@HOST/DATABASE"
    try:
        parts = urlsplit(store)
        hosts = parts.netloc.rpartition("@")[2].split(",")
        ports = [host.rpartition(":")[2] for host in hosts if ":" in host and not host.endswith("]")]
    except ValueError:
        return "cannot be read: write postgresql://USER@HOST/DATABASE"
    if not parts.path.strip("/"):
        return "names no database: write postgresql://USER@HOST/DATABASE"
    if not all(port.isascii() and port.isdigit() and 0 < int(port) < 65_536 for port in ports):
        return "has a port that is no number from 1 to 65535: write postgresql://USER@HOST:5432/DATABASE"
    try:
        stated_shards(store)
    except ValueError as error:
        return str(error)
    return ""
