"""The options and arguments that several verbs have."""

from pathlib import Path

import click

VARIABLE = "WATCHKEEPER_CONFIG"
PATH = click.Path(path_type=Path)
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
    "--store", type=PATH, help="The store, in place of the one that the configuration names."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document with stable keys.")
