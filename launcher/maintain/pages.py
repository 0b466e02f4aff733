"""`page`: public pages as files of a folder that any server of files can serve."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...client.connection import connect
from ...domain.errors import ConfigurationError, NotRunning, StoreError, UnknownName
from ...domain.line import count_of, one_line
from ...domain.specification.problem import quoted, suggestion
from ...domain.specification.web import PublicPage
from ...host.access.doors import require_web
from ..act.reach import running, url_of
from ..options import Where
from ..place import StorePlace, find_store

if TYPE_CHECKING:
    from ...client.answers import PublicView

LIST = ".watchkeeper-page"
"""The list of the files that this verb has written; by it a folder is known to be its own."""


def write_pages(where: Where, out: Path, names: tuple[str, ...]) -> None:
    """Writes public pages into a folder.

    Raises: ConfigurationError where no page is configured, and for a folder of other files; UnknownName; UsageError without
    the extra `web`; StoreError.
    """
    require_web()
    former = _former(out)
    views = _of_url(where, names) if url_of(where) is not None else _of_store(where, names)
    from ...client.public_files import files_of  # it loads the templates

    files = files_of(views)
    try:
        _write(out, files, former)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{one_line(str(out))}: cannot be written: {why}") from None
    pages = count_of(len(views), "page")
    several = [out / "public" / name / "index.html" for name in views]
    opened = several if len(views) > 1 else [out / "index.html"]
    click.echo(f"wrote {pages} into {out}: open {', '.join(map(str, opened))}")


def _of_url(where: Where, names: tuple[str, ...]) -> "dict[str, PublicView]":
    if not names:
        raise click.UsageError("name the pages with --page: a URL does not list them")
    connection = running(where)
    return {name: connection.public_page(name) for name in names}


def _of_store(where: Where, names: tuple[str, ...]) -> "dict[str, PublicView]":
    place = find_store(where.config, where.store)
    pages = _chosen(place, names)
    connection = connect(place.path)
    with suppress(NotRunning, UnknownName, StoreError):
        # A process that runs knows more than its record. It may have another configuration: then the record has the page. Of a store that
        # failed it tells everybody no reason: the record is read, or says why it cannot be.
        return {page.id: connection.public_page(page.id) for page in pages}
    from ...client.public_files import recorded_views

    return recorded_views(place.path, place.targets, pages)


def _chosen(place: StorePlace, names: tuple[str, ...]) -> tuple[PublicPage, ...]:
    known = {page.id: page for page in (place.web.pages if place.web else ())}
    if not known:
        raise ConfigurationError("web.pages: no public page is configured: docs/public-pages.md shows one")
    for name in names:
        if name not in known:
            raise UnknownName(f"no public page is named {quoted(name)}{suggestion(name, known)}")
    return tuple(known[name] for name in names or known)


def _former(out: Path) -> list[str]:
    """Returns the files that an earlier call has written. Raises: ConfigurationError for a folder that has others."""
    if out.exists() and not out.is_dir():
        raise ConfigurationError(f"{one_line(str(out))}: is a file: name a folder that is empty or new")
    try:
        with suppress(FileNotFoundError):
            return (out / LIST).read_text(encoding="utf-8").splitlines()
        if out.exists() and any(out.iterdir()):
            raise ConfigurationError(
                f"{one_line(str(out))}: this folder has other files: name an empty or a new one"
            )
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigurationError(
            f"{one_line(str(out))}: cannot be written into: {why}: name another folder"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{one_line(str(out / LIST))}: is no list of files that were written here: name an empty or a new folder"
        ) from None
    return []


def _write(out: Path, files: Mapping[str, bytes], former: Iterable[str]) -> None:
    """Writes each file beside its place and renames it, so that a reader never sees half of one; removes what is no more."""
    out.mkdir(parents=True, exist_ok=True)
    gone = [name for name in former if name not in files]
    _put(out / LIST, _listed([*files, *gone]))
    for name, content in files.items():
        _put(out / name, content)
    for name in gone:
        place = out / name
        # The list is a file that others may have changed: nothing outside the folder is removed by it.
        if place.resolve().is_relative_to(out.resolve()):
            place.unlink(missing_ok=True)
            with suppress(OSError):
                place.parent.rmdir()
    _put(out / LIST, _listed(files))


def _listed(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _put(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name[:40]}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)
