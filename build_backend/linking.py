"""Builds watchkeeper with setuptools, except for an editable install, which is made of links and a `.pth` file.

The root of the repository is the package, under another name. setuptools installs that with an import hook, which Python
runs and mypy, pyright and editors do not: to them the package is missing. Here the folder `.editable/watchkeeper` has one
link for each file and room of the package, and the `.pth` file that is installed names `.editable`, which all of them
follow. A single link to the root would do as well, but it contains itself, and tools that follow links would not end.
"""

import base64
import csv
import hashlib
import io
import shutil
from configparser import ConfigParser
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile

from setuptools import build_meta
from setuptools.build_meta import (
    build_sdist,
    build_wheel,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

NAME = "watchkeeper"
LINKS = Path(".editable")


def build_editable(
    wheel_directory: str,
    config_settings: dict[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Make the links and the wheel that points to them (PEP 660). Returns the wheel's file name."""
    _link()
    with TemporaryDirectory() as folder:
        wheel = build_meta.build_editable(folder, config_settings, metadata_directory)
        with ZipFile(Path(folder, wheel)) as made:
            files = {name: made.read(name) for name in made.namelist() if not name.startswith("__editable__")}
    files[f"{NAME}.pth"] = f"{LINKS.absolute()}\n".encode()
    record = next(name for name in files if name.endswith(".dist-info/RECORD"))
    files[record] = _record(files, record)
    with ZipFile(Path(wheel_directory, wheel), "w", ZIP_DEFLATED) as wanted:
        for name, content in files.items():
            wanted.writestr(name, content)
    return wheel


def _link() -> None:
    """Made anew each time, so that a room that is gone leaves no link."""
    shutil.rmtree(LINKS, ignore_errors=True)
    package = LINKS / NAME
    package.mkdir(parents=True)
    for name in _contents():
        (package / name).symlink_to(Path("..", "..", name))


def _contents() -> set[str]:
    """The files and folders of the root that belong to the package, by setup.cfg."""
    setup = ConfigParser()
    setup.read("setup.cfg", encoding="utf-8")
    rooms = {name.split(".")[1] for name in setup["options"]["packages"].split() if "." in name}
    data = {path.split("/")[0].strip() for path in setup["options.package_data"][NAME].split(",")}
    return rooms | data | {path.name for path in Path().glob("*.py")}


def _record(files: dict[str, bytes], record: str) -> bytes:
    """The list of a wheel's files with their hashes; its own line has none."""
    lines = io.StringIO()
    rows = csv.writer(lines, lineterminator="\n")
    for name, content in files.items():
        if name != record:
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.writerow((name, f"sha256={digest}", len(content)))
    rows.writerow((record, "", ""))
    return lines.getvalue().encode()
