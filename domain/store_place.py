"""The text that names a store: the path of a file, or the URL of a database."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from .limits import SHARDS_MAX
from .line import MASK

DATABASE_SCHEMES = ("postgresql://", "postgres://")
_ONLY_SCHEME = ("postgresql:", "postgres:")
_SECRETS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
_OF_LIBPQ = """
service servicefile user passfile dbname host hostaddr port connect_timeout tcp_user_timeout replication options
application_name fallback_application_name client_encoding channel_binding require_auth requirepeer
keepalives keepalives_idle keepalives_interval keepalives_count target_session_attrs load_balance_hosts
ssl sslmode sslnegotiation sslcompression sslcert sslkey sslcertmode sslrootcert sslcrl sslcrldir sslsni sslkeylogfile
ssl_min_protocol_version ssl_max_protocol_version min_protocol_version max_protocol_version
gssencmode krbsrvname gsslib gssdelegation oauth_issuer oauth_client_id oauth_scope
"""
"""The parameters of libpq 18 that are no secrets."""
_KNOWN = _SECRETS | {"schema", "shards"} | {*_OF_LIBPQ.split()}
"""The parameters of a URL. Any other may be a part of a password that is not percent-encoded, its name as well as its value."""
_ALIKE = 0.75
"""How much a name is like a known one where it is taken for that one with a slip, and is named."""
_PAIR = re.compile(
    r"(?:^|(?<=\s))(?:host|hostaddr|port|dbname|user|password|passfile|service|sslmode|sslpassword)\s*=(?P<value>\s*'(?:[^'\\]|\\.)*'|\s*\S*)",
    re.DOTALL | re.IGNORECASE,
)
"""A pair of the other form of libpq: `host=db.example dbname=watch`."""
_ENCODE = "percent-encode the password (%40 for @, %2F for /, %3F for ?, %23 for #), or leave it to ~/.pgpass"


def is_database(store: str) -> bool:
    """Whether a text names a database and no file."""
    return store.lower().startswith(DATABASE_SCHEMES)


def is_url(store: str) -> bool:
    """Whether a text is a URL and no path: that of a database, or a text that nothing here reads, which may hold a password as well."""
    return "://" in store or _is_of_libpq(store)


def _is_of_libpq(store: str) -> bool:
    """Whether a text is the other form of libpq, or a URL of a database without its strokes."""
    return _PAIR.match(store.lstrip()) is not None or (
        "://" not in store and (_PAIR.search(store) is not None or store.lower().startswith(_ONLY_SCHEME))
    )


def shown_store(store: str) -> str:
    """Returns the text without the passwords in it; that of a file is returned as it is.

    Of a text in which the password cannot be told from the rest no more is returned than the scheme.
    """
    if _is_of_libpq(store):
        return MASK
    if not is_url(store):
        return store
    scheme, _, rest = store.partition("://")
    if _misread(store):
        return f"{scheme}://{MASK}"
    authority_end = min((rest.find(sign) for sign in "/?#" if sign in rest), default=len(rest))
    authority, behind = rest[:authority_end], rest[authority_end:]
    login, at, hosts = authority.rpartition("@")
    user, colon, _ = login.partition(":")
    path, question, query = behind.partition("?")
    shown = "&".join(_shown_pair(name, value) for name, value in parse_qsl(query, keep_blank_values=True))
    masked = f"{user}{colon and f':{MASK}'}{at}{hosts}"
    return f"{scheme}://{masked}{path}{question}{shown}"


def _shown_pair(name: str, value: str) -> str:
    if name.lower() not in _KNOWN:
        return MASK
    return urlencode([(name, MASK if name.lower() in _SECRETS else value)], safe="*/,")


def unknown_parameter(store: str) -> str:
    """Returns what is wrong with the first parameter of a URL that is not known, and what to do; empty where all are.

    It is named only where it is a known one with a slip and nothing before it may be the beginning of a password.
    """
    may_be_secret = False
    for name, _ in parse_qsl(store.partition("?")[2], keep_blank_values=True):
        if name in _KNOWN:
            may_be_secret |= name in _SECRETS
        elif not may_be_secret and (meant := get_close_matches(name.lower(), _KNOWN, 1, _ALIKE)):
            return f"no parameter is named {name!r}, did you mean {meant[0]}"
        else:
            return "it has an unknown parameter, which is not shown, as it may be a part of a password: percent-encode the password (%26 for &, %3D for =), or leave it to ~/.pgpass"
    return ""


def _misread(store: str) -> str:
    """Returns what is wrong with a URL whose password may lie elsewhere than before the `@`, and what to do; empty for others."""
    rest = store.partition("://")[2]
    if rest.count("@") > 1 or "@" in "".join(re.split("([/?#])", rest, maxsplit=1)[1:]):
        return f"has an @ that does not end the login: {_ENCODE}"
    if "#" in rest:
        return f"has a #: {_ENCODE}"
    if "=" in rest.partition("?")[0].partition("/")[2]:
        return (
            f"has an = before the parameters, which follow a ?, as in ?password=...: write that, or {_ENCODE}"
        )
    if any("=" not in pair for pair in rest.partition("?")[2].split("&") if pair):
        return f"has a parameter without a value: {_ENCODE}, and %26 for &"
    if any(not sign.isprintable() for sign in rest):
        return f"has a line end or another sign that is not printed: {_ENCODE}"
    try:
        hosts = urlsplit(store).netloc.rpartition("@")[2].split(",")
    except ValueError:
        return f"cannot be read: {_ENCODE}; the form is postgresql://USER@HOST/DATABASE"
    ports = [host.rpartition(":")[2] for host in hosts if ":" in host and not host.endswith("]")]
    if not all(port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536 for port in ports):
        return f"has a port that is no number from 1 to 65535: write postgresql://USER@HOST:5432/DATABASE, or {_ENCODE}"
    return ""


def store_secrets(store: str) -> Iterator[str]:
    """Yields the passwords in a text that names a store."""
    for pair in _PAIR.finditer(store) if _is_of_libpq(store) else ():
        if "password" in pair[0].partition("=")[0].lower():
            yield pair["value"].strip().strip("'")
    if "://" not in store:
        return
    rest = store.partition("://")[2]
    login = rest.rpartition("@")[0] if "@" in rest else ""
    password = login.partition(":")[2]
    if password:
        yield from (password, unquote(password))
    query = rest.partition("?")[2]
    yield from (
        value for name, value in parse_qsl(query) if name.lower() in _SECRETS or name.lower() not in _KNOWN
    )


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
    if _is_of_libpq(store):
        return (
            "names a database in a form that is not read here: write postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    if not is_database(store):
        return "is neither a file nor a database: write a path, or postgresql://USER@HOST/DATABASE"
    if problem := _misread(store):
        return problem
    if not urlsplit(store).path.strip("/"):
        return "names no database: write postgresql://USER@HOST/DATABASE"
    try:
        stated_shards(store)
    except ValueError as error:
        return str(error)
    return ""
