"""Programs of Debian's packages that tests run, and the unprivileged account under which servers refuse to be root."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PLACES = ("/usr/sbin", "/usr/lib/postgresql/*/bin")
"""Folders of servers that the PATH of a user may lack."""


def can_install() -> bool:
    """Whether a missing package can be installed: root on Debian."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def has_program(program: str) -> bool:
    """Whether a program is installed."""
    return _found(program) is not None


def is_there(program: str) -> bool:
    """Whether a program is installed, or can be."""
    return has_program(program) or can_install()


@cache
def find(program: str, package: str) -> str:
    """Returns the path of a program such as `mosquitto`; root installs its package where it is missing. Raises: CalledProcessError."""
    found = _found(program)
    if found is None and can_install():
        install([package])
        found = _found(program)
    return found or program


def install(packages: Iterable[str]) -> None:
    """Installs packages, and starts none of their services. Raises: CalledProcessError."""
    # A service of the package would take its usual port and a user's data folder; the tests run their own.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run(["apt-get", "update", "--quiet"], check=True, stdout=subprocess.DEVNULL)
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def _found(program: str) -> str | None:
    found = shutil.which(program)
    if found is not None:
        return found
    places = [each for place in PLACES for each in sorted(Path("/").glob(place.removeprefix("/")))]
    return next((str(place / program) for place in reversed(places) if (place / program).exists()), None)


def unprivileged() -> dict[str, int]:
    """Returns the arguments of `subprocess` that run a program as nobody, where this process is root; otherwise none."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


def give_away(folder: Path) -> None:
    """Makes a folder that of the unprivileged account, where this process is root."""
    account = unprivileged()
    if account:
        os.chown(folder, account["user"], account["group"])
