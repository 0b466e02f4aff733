"""Hooks of every test: slow tests are left out of a usual run, and its last lines name them."""

import os
import shutil
import socket
import subprocess
import sys
from functools import cache

import pytest
from databases import HASTY
from debian import is_there
from hypothesis import HealthCheck, settings
from nats_server import can_run_nats
from postgres_server import PostgresServer, can_run_postgres, has_tls

# The machine may be busy with other work, so no single example has a deadline of its own, and drawing examples may take its time.
settings.register_profile("new draws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same draws each time: whether a commit passes depends on the commit. CONTRIBUTING.md says how to draw others.
settings.register_profile("same draws", settings.get_profile("new draws"), derandomize=True)
settings.load_profile("same draws")

LEFT_OUT = pytest.StashKey[int]()
NOT_RUN = pytest.StashKey[dict[str, str]]()


@cache
def may_mount() -> bool:
    """Whether this process may mount; being root is not enough in a container without CAP_SYS_ADMIN."""
    unshare = shutil.which("unshare")
    return unshare is not None and not subprocess.run([unshare, "--mount", "true"], check=False).returncode


@cache
def may_leave_the_network() -> bool:
    """Whether a program can be run in a network of its own, in which there is no route to anywhere."""
    unshare = shutil.which("unshare")
    command = [unshare or "", "--map-root-user", "--net", "true"]
    return unshare is not None and not subprocess.run(command, check=False, capture_output=True).returncode


def can_trace() -> bool:
    """Whether strace is there; root on Debian installs it where it is missing."""
    return shutil.which("strace") is not None or (os.geteuid() == 0 and shutil.which("apt-get") is not None)


def can_browse() -> bool:
    """Whether Chromium is there; root on Debian installs it where it is missing."""
    return shutil.which("chromium") is not None or (os.geteuid() == 0 and shutil.which("apt-get") is not None)


def can_scrape():
    """Whether Prometheus and its promtool are there; root on Debian installs them where they are missing."""
    has_both = shutil.which("prometheus") is not None and shutil.which("promtool") is not None
    return has_both or (os.geteuid() == 0 and shutil.which("apt-get") is not None)


NEEDS = {
    "chromium": (can_browse, "looks at pages with Chromium, which is not installed"),
    "mount": (may_mount, "mounts a small disk, which takes root with CAP_SYS_ADMIN"),
    "network": (may_leave_the_network, "runs a program in a network of its own, which this system forbids"),
    "strace": (can_trace, "has system calls fail by strace, which is not installed"),
    "root": (lambda: os.geteuid() == 0, "becomes another user, which takes root"),
    "pidfd": (
        lambda: hasattr(os, "pidfd_open"),
        "finds processes by calls that Linux alone has",
    ),
    "AF_ALG": (
        lambda: hasattr(socket, "AF_ALG") or sys.platform != "linux",
        "patches sockets by a library that counts on those of Linux there",
    ),
    "prometheus": (can_scrape, "runs Prometheus and promtool, which are not installed"),
    "postgres": (can_run_postgres, "runs PostgreSQL, which is not installed"),
    "postgres with tls": (has_tls, "runs PostgreSQL with TLS, which is not installed"),
    "mariadb": (lambda: is_there("mariadbd"), "runs MariaDB, which is not installed"),
    "nats": (can_run_nats, "runs a NATS server, which is not installed"),
    "mosquitto": (lambda: is_there("mosquitto"), "runs Mosquitto, which is not installed"),
    "dovecot": (lambda: is_there("dovecot"), "runs Dovecot, which is not installed"),
    "systemd": (
        lambda: shutil.which("systemd-analyze") is not None,
        "has systemd read a unit, and no systemd-analyze is there",
    ),
    "cc": (
        lambda: shutil.which("cc") is not None,
        "shifts clocks by a library in C, and no compiler cc is there",
    ),
}


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run the slow tests as well")


def pytest_configure(config):
    config.stash[LEFT_OUT] = 0
    config.stash[NOT_RUN] = {}


def pytest_collection_modifyitems(config, items):
    """Leave the slow tests out, unless all are asked for or one is asked for by its name."""
    if config.getoption("--all"):
        return
    named = tuple(argument for argument in config.args if "::" in argument)
    slow = [item for item in items if item.get_closest_marker("slow") and not item.nodeid.startswith(named)]
    if slow:
        config.hook.pytest_deselected(items=slow)
        left_out = set(slow)
        items[:] = [item for item in items if item not in left_out]
        config.stash[LEFT_OUT] = len(slow)


@pytest.fixture(scope="session")
def database_server():
    """A PostgreSQL for all tests of the session."""
    with PostgresServer(settings=HASTY) as running:
        yield running


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    for marker in item.iter_markers("needs"):
        is_there, why = NEEDS[marker.args[0]]
        if not is_there():
            item.config.stash[NOT_RUN][item.nodeid] = why
            pytest.skip(why)


def pytest_terminal_summary(terminalreporter, config):
    for name, why in config.stash[NOT_RUN].items():
        terminalreporter.line(f"not run here: {name}: it {why}", yellow=True)
    if config.stash[LEFT_OUT]:
        left_out = f"slow tests left out: {config.stash[LEFT_OUT]}; ./launch test --all runs them"
        terminalreporter.line(left_out, yellow=True)
