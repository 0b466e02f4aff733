"""Addresses behind proxies, and an installation without the web libraries."""

import subprocess
import sys

import pytest
from watchkeeper import Web
from watchkeeper.web.origin import RequestHeaders, client_of

PROXIES = Web(listen="127.0.0.1:0", trusted_proxies=["10.0.0.0/8", "::1", "127.0.0.1"])


def seen(peer, forwarded, web=PROXIES):
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    scope = {"client": (peer, 1), "headers": headers}
    return client_of(scope, RequestHeaders(scope), web)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("10.1.2.3", ["203.0.113.1, 10.0.0.9"], "203.0.113.1"),
        ("10.1.2.3", ["203.0.113.1", "10.0.0.9"], "203.0.113.1"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.1", [], "127.0.0.1"),
        # Some proxies add the port: it is no part of the address.
        ("127.0.0.1", ["203.0.113.1:52431"], "203.0.113.1"),
        ("127.0.0.1", ["203.0.113.1:52431, 10.0.0.9:80"], "203.0.113.1"),
        ("127.0.0.1", ["[2001:db8::7]:443"], "2001:db8::7"),
        # A client writes what it likes in front of what the proxy adds.
        ("127.0.0.1", ["127.0.0.1, 203.0.113.1"], "203.0.113.1"),
        ("127.0.0.1", ["1.1.1.1, 203.0.113.1"], "203.0.113.1"),
        ("127.0.0.1", ["unknown"], "unknown"),
        ("127.0.0.1", ["\x1b[31m" + "x" * 200], r"\x1b[31m" + "x" * 55 + "…"),
        # A peer that is no proxy of ours is the client, whatever it says.
        ("203.0.113.9", ["10.0.0.1"], "203.0.113.9"),
    ],
)
def test_a_client_behind_proxies_is_the_last_that_is_none_of_them(peer, forwarded, client):
    assert seen(peer, forwarded) == client


def test_without_trusted_proxies_no_header_is_believed():
    assert seen("127.0.0.1", ["203.0.113.1"], Web(listen="127.0.0.1:0")) == "127.0.0.1"


WITHOUT = """
import sys
sys.modules["uvicorn"] = None
from pathlib import Path
from watchkeeper import Heartbeat, Runtime, Target, Web, asgi
targets = [Target(id="shop", heartbeat=Heartbeat())]
with Runtime(targets=targets, store=sys.argv[1]) as runtime:
    print(runtime.status().healthy, Path(sys.argv[1] + ".sock").exists())
    for attempt in (lambda: asgi(runtime), runtime.collector, lambda: runtime.serve("127.0.0.1:0"),
                    Runtime(targets=targets, web=Web(listen="127.0.0.1:0")).start):
        try:
            attempt()
        except Exception as error:
            print(type(error).__name__, error)
"""


def test_without_the_libraries_watching_goes_on_and_a_door_that_is_asked_for_names_the_extra(tmp_path):
    command = [sys.executable, "-P", "-c", WITHOUT, str(tmp_path / "watch.db")]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert ran.stdout.splitlines() == [
        "True False",
        *["UsageError the web API needs the extra `web`: pip install 'watchkeeper[web]'"] * 2,
        "ConfigurationError web: needs the extra `web`: pip install 'watchkeeper[web]'",
        "ConfigurationError web: needs the extra `web`: pip install 'watchkeeper[web]'",
    ]
