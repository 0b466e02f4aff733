"""Our own network gone: no route, no name server. No target is guilty of it, and no notice is given up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from watchkeeper.adapters.net.names import LookedUp, literal_address
from watchkeeper.adapters.net.resolver import routable
from watchkeeper.adapters.net.sockets import has_route, verdict_of_connection
from watchkeeper.domain.observation.outcome import Outcome, Reason

ROOT = Path(__file__).parents[3]


@pytest.mark.needs("network")
def test_a_machine_without_a_route_blames_no_target():
    command = [
        "unshare",
        "--map-root-user",
        "--net",
        sys.executable,
        "-m",
        "tests.adapters.network.without_route",
    ]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support"), *sys.path])
    ran = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": paths}, capture_output=True, timeout=60, check=False, text=True
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)

    verdicts = told["probes"]
    assert all(verdict[:2] == [Outcome.UNKNOWN, Reason.BLIND] for verdict in verdicts.values()), verdicts
    assert "no name server" in verdicts.pop("http by a name that cannot be asked for")[2]
    assert all("no route to" in verdict[2] for verdict in verdicts.values())
    accepted, retryable, _ = told["webhook"]
    assert (accepted, retryable) == (False, True)


def test_an_error_from_far_away_is_the_targets(bench):
    """The loopback has a route: a router that says such a thing of it would stand behind it."""
    assert has_route("127.0.0.1")
    verdict = verdict_of_connection(101, "127.0.0.1", "Network is unreachable")

    assert verdict == (Outcome.DOWN, Reason.UNREACHABLE, "Network is unreachable")


def test_addresses_with_a_route_are_all_kept():
    both = LookedUp((literal_address("::1"), literal_address("127.0.0.1")))
    one = LookedUp((literal_address("127.0.0.1"), literal_address("127.0.0.2")))

    assert routable(one) is one
    assert {address.host for address in routable(both).addresses} <= {"::1", "127.0.0.1"}
