"""The options and arguments that several verbs share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

VARIABLE = "WATCHKEEPER_CONFIG"


class _NamedPath(click.Path):
    """A path that names something: an empty text would be taken for the folder in which the verb runs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the path. Raises: BadParameter for an empty text."""
        if value == "":
            instead = "" if param is not None and param.required else ", or leave it out"
            self.fail(f"an empty text is no path: name one{instead}", param, ctx)
        return super().convert(value, param, ctx)


PATH = _NamedPath(path_type=Path)
POSITIONAL = click.argument("config", type=PATH, required=False)
CONFIG = click.option(
    "-c",
    "--config",
    type=PATH,
    envvar=VARIABLE,
    show_envvar=True,
    help="The configuration file.  [default: watchkeeper.yaml]",
)
STORE = click.option(
    "--store", type=click.Path(), help="The store, in place of the one that the configuration names."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document with stable keys.")
URL_VARIABLE, TOKEN_VARIABLE = "WATCHKEEPER_URL", "WATCHKEEPER_TOKEN_FILE"
_URL = click.option(
    "--url", help=f"The API of a watchkeeper, as on another machine.  [env var: {URL_VARIABLE}]"
)
_TOKEN_FILE = click.option(
    "--token-file",
    type=PATH,
    help=f"The file with the token for --url, of mode 0600.  [env var: {TOKEN_VARIABLE}]",
)


class Where(NamedTuple):
    """The runtime or the store that a verb acts on, as the command line names it."""

    config: Path | None
    store: str | None
    url: str | None
    token_file: Path | None


def reaching(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that name a runtime, and passes them on as one `where`."""

    @wraps(command)
    def gathered(
        config: Path | None, store: str | None, url: str | None, token_file: Path | None, **others: Any
    ) -> Any:
        return command(where=Where(config, store, url, token_file), **others)

    for option in (_TOKEN_FILE, _URL, STORE, CONFIG):
        gathered = option(gathered)
    return gathered


def new_node_named(context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    """Returns the name for a node that begins; None where the option is left out. Raises: BadParameter, which names the option."""
    from ..domain.cluster.membership import NAME_A_NEW_NODE

    return _node_named(context, option, name, NAME_A_NEW_NODE)


def running_node_named(context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    """Returns the name of the node that is asked; None where the option is left out. Raises: BadParameter, which names the option."""
    from ..domain.cluster.membership import NAME_A_RUNNING_NODE

    return _node_named(context, option, name, NAME_A_RUNNING_NODE)


def _node_named(
    context: click.Context, option: click.Parameter, name: str | None, instead: str
) -> str | None:
    from ..domain.cluster.membership import require_node_name
    from ..domain.errors import UsageError

    try:
        if name is not None:
            require_node_name(name, instead)
    except UsageError as error:
        raise click.BadParameter(str(error), context, option, "--node") from None
    return name
