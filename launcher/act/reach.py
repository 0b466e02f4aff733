"""The way of a verb to the runtime that it acts on: a socket, a URL, or the store where no process runs it."""

import os
import stat
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import click

from ...adapters.clock import SystemClock
from ...adapters.stores.opening import runner_of
from ...client.connection import TIMEOUT_S, Connection, connect
from ...client.offline import OfflineStore
from ...domain.conditions.glob import Glob
from ...domain.conditions.parse_error import ParseError
from ...domain.errors import ConfigurationError, NotRunning, StoreBusy, StoreError, UnknownName, UsageError
from ...domain.line import first_line
from ...domain.specification.problem import quoted, suggestion
from ...domain.time.moment import NS_PER_S, Deadline
from ..options import TOKEN_VARIABLE, URL_VARIABLE, Where
from ..place import find_store

R = TypeVar("R")
Acts: TypeAlias = Connection | OfflineStore
"""The verbs of a runtime, wherever they end up."""
TOKEN_BYTES_MAX = 4_096
_LOOKS, _LOOK_EVERY_S = 60, 0.05
VERB_NS = 9 * NS_PER_S
"""An answer comes within ten seconds: one is left for the start of the process."""
_LAST_S = 0.1
"""The time of a request for which none is left: a process that answers at once is still heard."""
NOTHING_DONE = "nothing was done"
DONE_BEFORE = "the command before it was obeyed"
NOT_DURABLE = (
    "the command is given, and its effect is not known: the process that has it cannot write it to the store now;"
    " it does once it can, unless it ends before: look, and give it again if it was not obeyed"
)


class VerbConnection(Connection):
    """The client of one verb. All of its requests have nine seconds together, and as long again after each command that was obeyed.

    An error says what became of the verb until then, and a command that is not durable yet is an error, too.
    """

    def __init__(self, place: str, token: str | None = None) -> None:
        super().__init__(place, token, None, None, TIMEOUT_S)
        self._clock, self._is_obeyed = SystemClock(), False
        self._until = Deadline.after(self._clock.read(), VERB_NS)

    def _ask(self, method: str, path: str, kind: type[R], **said: Any) -> R:
        left_s = self._until.remaining_s(self._clock.read())
        try:
            found = super()._ask(method, path, kind, **({"timeout_s": max(left_s, _LAST_S)} | said))
        except (StoreError, TimeoutError) as error:
            says = str(error)
            if method == "GET" and NOTHING_DONE not in says:
                failed = StoreError if isinstance(error, StoreError) else TimeoutError
                raise failed(f"{says}: {DONE_BEFORE if self._is_obeyed else NOTHING_DONE}") from None
            raise
        if method != "GET":
            self._is_obeyed = True
            self._until = Deadline.after(self._clock.read(), VERB_NS)
        return found

    def _accepted(self) -> None:
        raise StoreError(NOT_DURABLE)


def reached(where: Where, act: Callable[[Acts], R]) -> R:
    """Returns what `act` returns, with the runtime that runs the store, else with the store itself.

    Raises: NotRunning where a process runs the store without a control socket; StoreError.
    """
    if url_of(where) is not None:
        return act(commanding(where))
    place = find_store(where.config, where.store)
    connection = VerbConnection(place.path)
    pause = threading.Event()
    for _ in range(_LOOKS):
        try:
            return act(connection)
        except NotRunning:
            if runner_of(place.path) is None:
                try:
                    with OfflineStore(place.path, place.targets, web=place.web) as store:
                        return act(store)
                except StoreBusy:
                    pass  # another command holds it meanwhile, or a process has begun to run it
        # A process that starts opens its control socket last, and another command ends soon.
        pause.wait(_LOOK_EVERY_S)
    return act(connection)


def running(where: Where, node: str | None = None) -> Connection:
    """Returns the client of the runtime that is named, and of this node. Raises: ConfigurationError where none is, or its token is not safe."""
    place, token = _named(where)
    try:
        return connect(place, token=token, node=node)
    except UsageError as error:
        raise click.UsageError(str(error)) from None


def commanding(where: Where) -> Connection:
    """Returns the client of the runtime that is named, for one verb. Raises: as `running` does."""
    place, token = _named(where)
    try:
        return VerbConnection(place, token)
    except UsageError as error:
        raise click.UsageError(str(error)) from None


def _named(where: Where) -> tuple[str, str | None]:
    url = url_of(where)
    if url is None:
        return find_store(where.config, where.store).path, None
    named = os.environ.get(TOKEN_VARIABLE)
    file = where.token_file or (Path(named) if named else None)
    return url, None if file is None else _token_in(file)


def url_of(where: Where) -> str | None:
    """Returns the URL of the command line, else of the environment where nothing else is named. Raises: UsageError of click."""
    source = click.get_current_context().get_parameter_source("config")
    says_store = where.store is not None or source is click.core.ParameterSource.COMMANDLINE
    if where.url is not None and says_store:
        raise click.UsageError(
            "--url names a runtime, and so does a configuration or a store: give one of them"
        )
    url = where.url if where.url is not None or says_store else os.environ.get(URL_VARIABLE) or None
    if url is None and where.token_file is not None:
        raise click.UsageError(
            f"--token-file belongs to --url or {URL_VARIABLE}: the socket beside a store takes no token"
        )
    if url is not None and "://" not in url:
        raise click.UsageError(
            f"{quoted(url)} is no URL: write http://{first_line(url)} or https://{first_line(url)}"
        )
    return url


def _token_in(file: Path) -> str:
    """Returns the token in a file. Raises: ConfigurationError for a file that others may read, and for one without a token."""
    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            text = opened.read(TOKEN_BYTES_MAX).decode("ascii", "replace").strip()
    except OSError as error:
        raise ConfigurationError(f"{file}: the token cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise ConfigurationError(f"{file}: others may read this token: chmod 600 {file}")
    if not text or not text.isascii() or len(text.split()) != 1:
        raise ConfigurationError(f"{file}: this file must hold a token such as wk_..., and nothing else")
    return text


def targets_of(acts: Acts, asked: Sequence[str]) -> list[str]:
    """Returns the targets that names and globs stand for, each once. Raises: UnknownName where one stands for none.

    One name alone is left to the command, which refuses it: a runtime whose database hangs takes its time for the names.
    """
    if len(asked) == 1 and not is_glob(asked[0]):
        return [*asked]
    known = acts.target_names()
    found: dict[str, None] = {}
    for text in asked:
        names = [text] if text in known else _matched(text, known)
        if not names:
            raise UnknownName(f"no target is named {quoted(text)}{suggestion(text, known)}")
        found |= dict.fromkeys(names)
    return list(found)


def is_glob(text: str) -> bool:
    """Whether a text stands for several targets."""
    return "*" in text or "?" in text or "[" in text


def _matched(text: str, known: Iterable[str]) -> list[str]:
    if not is_glob(text):
        return []
    try:
        glob = Glob.compile(text)
    except ParseError as error:
        raise UnknownName(f"{quoted(text)}: {error.problem}") from None
    return [name for name in known if glob.matches(name)]


def say(acts: Acts, *lines: str, is_last: bool = True) -> None:
    """Prints what now happens; where no process runs the store, also from when on, unless more follows."""
    for line in lines:
        click.echo(line)
    if isinstance(acts, OfflineStore) and is_last:
        click.echo(f"no process runs {acts.name}: this counts from the next run on")


def plain(row: Any) -> dict[str, Any]:
    """Returns an answer as plain data, as the API has it."""
    import msgspec

    made: dict[str, Any] = msgspec.to_builtins(row)
    return made
