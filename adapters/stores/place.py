"""The place of a store: a file, or a database by its URL, which may hold a password and is shown without it."""

import os
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from msgspec.structs import replace

from ...domain.errors import StoreError
from ...domain.specification.configuration import Configuration
from ...domain.store_place import (
    is_database,
    is_url,
    shown_store,
    stated_shards,
    store_problem,
    without_shards,
)

DEFAULT_SCHEMA = "watchkeeper"
MISSING = "a store in PostgreSQL needs the extra `postgres`: pip install 'watchkeeper[postgres]'"


def has_postgres() -> bool:
    """Whether the library of the extra `postgres` is installed; loads nothing."""
    return find_spec("psycopg") is not None


def require_postgres() -> None:
    """Raises: StoreError without the library."""
    if not has_postgres():
        raise StoreError(MISSING)


class DatabasePlace(NamedTuple):
    """A database, as the client library takes it, and the schema in it."""

    url: str
    schema: str
    shown: str
    """The same without a password."""
    shards: int | None = None
    """The number of shards that the URL asks for; None for that of the store, and of a new one the usual number."""


def require_good(store: str) -> None:
    """Raises: StoreError for a text that names neither a file nor a database."""
    if problem := store_problem(store):
        raise StoreError(f"{shown_store(store) or repr(store)} {problem}")


def database_place(store: str) -> DatabasePlace:
    """Returns the database that a URL names; `schema` and `shards` are ours, and everything else that of the client library.

    Raises: StoreError for a URL that names none.
    """
    require_good(store)
    parts = urlsplit(store)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    schema = next((value for name, value in pairs if name == "schema"), "") or DEFAULT_SCHEMA
    kept = [(name, value) for name, value in pairs if name not in {"schema", "shards"}]
    # The library reads %20 as a space, and leaves a plus as it is.
    rest = urlencode(kept, quote_via=quote)
    return DatabasePlace(_joined(parts, rest), schema, shown_store(store), stated_shards(store))


def _joined(parts: SplitResult, query: str) -> str:
    whole = urlunsplit(parts._replace(query=query))
    # A URL without a host keeps its two strokes, which urlunsplit leaves out.
    return whole if "://" in whole else whole.replace(":", "://", 1)


def beside(store: str) -> str:
    """Returns the path beside which the files of this machine that belong to a store lie: its tokens and its control socket.

    Those of a database lie in the folder for the state of programs of this user.
    """
    if not is_database(store):
        return os.path.realpath(store)
    place = database_place(store)
    # The number of shards counts when a store is made; later URLs of the same store may leave it out.
    shown = without_shards(place.shown)
    digest = sha256(f"{shown} {place.schema}".encode()).hexdigest()[:16]
    return str(_state_folder() / f"postgres-{digest}")


def _state_folder() -> Path:
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    home = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return Path(home) / "watchkeeper"


def make_state_folder(store: str) -> None:
    """Makes the folder of the files beside a database, for its user alone."""
    if is_database(store):
        Path(beside(store)).parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def current_folder() -> Path:
    """Returns the folder that relative names are found from now; a removed one leaves them relative."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path()


def with_store_in(folder: Path, configuration: Configuration) -> Configuration:
    """Returns the configuration with the absolute path of its store, so that a change of directory opens no second one."""
    options = configuration.runtime
    if not options.store or is_url(options.store):
        return configuration
    return replace(configuration, runtime=replace(options, store=str(folder / options.store)))
