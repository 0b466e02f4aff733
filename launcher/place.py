"""The files that a command line names: the configuration, and the store that verbs read."""

import os
from pathlib import Path

import msgspec

from ..adapters.configuration import load_leniently
from ..domain.errors import ConfigurationError
from ..domain.specification.configuration import Configuration
from ..domain.specification.target import Target
from ..domain.specification.web import Web

CONFIG_VARIABLE = "WATCHKEEPER_CONFIG"
USUAL_CONFIG = Path("watchkeeper.yaml")


class StorePlace(msgspec.Struct, frozen=True):
    """The path of a store, and the targets and pages that its configuration has; none where only the store is named."""

    path: str
    targets: tuple[Target, ...] = ()
    web: Web | None = None
    configuration: Configuration | None = None


def find_store(config: Path | None, store: str | None) -> StorePlace:
    """Returns the store that the command line names.

    Raises: ConfigurationError where it names none, or a configuration whose store cannot be found.
    """
    if config is None and store is not None:
        return StorePlace(str(store))
    file = config_named(config, "-c FILE, the store with --store FILE")
    configuration = load_leniently(file, os.environ, needs_store=store is None)
    path = configuration.runtime.store if store is None else str(store)
    if path is None:
        raise ConfigurationError(
            f"{file}:1:1: runtime.store: without it nothing is recorded: set it to a file, which this verb then reads"
        )
    return StorePlace(path, configuration.targets, configuration.web, configuration)


def config_named(config: Path | None, ways: str) -> Path:
    """Returns the configuration of the command line, else of the environment, else the usual one.

    Raises: ConfigurationError without any, with the `ways` to name one.
    """
    variable = os.environ.get(CONFIG_VARIABLE)
    file = config or (Path(variable) if variable else USUAL_CONFIG)
    if file is USUAL_CONFIG and not file.exists():
        raise ConfigurationError(
            f"there is no {USUAL_CONFIG} in this folder: name the configuration with {ways}, or in {CONFIG_VARIABLE}"
        )
    return file


def require_free(file: Path, *, force: bool) -> None:
    """Raises: ConfigurationError where a file cannot be written, or lies there and `force` is not set."""
    if not force and os.path.lexists(file):
        raise ConfigurationError(
            f"{file} is there already, and is left as it is: name another file with -o, or use --force"
        )
    if not file.parent.is_dir():
        raise ConfigurationError(f"there is no folder {file.parent} for {file.name}: make it first")


def write_whole(file: Path, text: str) -> None:
    """Gives a file its name once it is whole."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
