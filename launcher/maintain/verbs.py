"""The verbs of upkeep as the command line has them. Each imports its own code when it is called."""

import sys
from pathlib import Path

import click

from ..options import CONFIG, JSON, PATH, STORE, Where, reaching


@click.command()
@CONFIG
@STORE
@JSON
@click.argument("out", type=PATH)
@click.option("--force", is_flag=True, help="Replace a file that lies at OUT.")
def backup(config: Path | None, store: str | None, out: Path, *, force: bool, as_json: bool) -> None:
    """Copy the store to the file OUT, also while it is run.

    The copy is of one moment, has one file with mode 0600, and gets its name once it is verified and on the disk. To restore one,
    stop the process that runs the store, move STORE, STORE-wal, STORE-shm, STORE-head and STORE-lock away, and put the copy in
    the place of STORE. STORE.tokens stays: no copy has the tokens that were made at run time.
    """
    from ..place import find_store
    from .backup import make_backup

    make_backup(find_store(config, store), out, force=force, as_json=as_json)


@click.command()
@click.argument("store", type=click.Path(), required=False)
@CONFIG
@JSON
def verify(config: Path | None, store: str | None, *, as_json: bool) -> None:
    """Check that a store is whole.

    It reads every page and recomputes the hash chain of STORE, which is that of the configuration where it is left out.
    It ends with 0 for a whole store, with 1 for a damaged one, and with 3 where there is none.
    """
    from ..place import find_store
    from .backup import verify_store

    sys.exit(verify_store(find_store(config, store).path, as_json=as_json))


@click.command()
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@JSON
def copy(old: str, new: str, *, as_json: bool) -> None:
    """Copy the store OLD into the new store NEW.

    Each is a file or a database such as postgresql://watch@db.example/watch. No process may run OLD meanwhile. NEW is there once every
    row of it was compared with that of OLD and its hash chain was recomputed, else nothing of it. OLD stays as it is.
    """
    from .copying import copy_to

    copy_to(old, new, as_json=as_json)


@click.command()
@reaching
@click.argument("out", type=PATH)
@click.option("--page", "pages", multiple=True, help="A page; by default every one that is configured.")
def page(where: Where, out: Path, pages: tuple[str, ...]) -> None:
    """Write public pages into the folder OUT.

    They work from a disk and from any server of files, which then serves your status while watchkeeper is down: repeat the
    command by cron. They are those of the running process, else of the record. Each file is replaced whole.
    """
    from .pages import write_pages

    write_pages(where, out, pages)


MAINTAINING = (backup, verify, copy, page)
