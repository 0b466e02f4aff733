"""The configuration of NATS in the documents is one that the server takes, with each kind of login that they name."""

import re
import subprocess
from pathlib import Path

import nkeys
import pytest
import trustme
from debian import identity
from nats_logins import JwtServer, Key
from nats_server import program

PAGE = Path(__file__).parents[2] / "docs" / "locations.md"
pytestmark = pytest.mark.needs("nats")
SERVER = re.search(r"^```\n(listen: .*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[1]
LOGIN = re.compile(r'user: \w+, password: "\$2a\$11\$\.\.\."')


def by_passwords(_):
    return SERVER


def by_nkeys(_):
    return LOGIN.sub(lambda _: f'nkey: "{Key(nkeys.PREFIX_BYTE_USER).public}"', SERVER)


def by_jwts(folder):
    """In the form of the file that `nsc generate config --mem-resolver` writes."""
    said = JwtServer("fra").logins()
    preload = "".join(f"  {account}: {jwt}\n" for account, jwt in said["resolver_preload"].items())
    file = folder / "accounts.conf"
    file.write_text(f"operator: {said['operator']}\nresolver: MEMORY\nresolver_preload: {{\n{preload}}}\n")
    return SERVER[: SERVER.index("accounts {")] + "include accounts.conf\n"


def judged(folder, text):
    """Returns the status of the server that looks at a configuration, and what it says."""
    identity(folder, trustme.CA())
    file = folder / "nats.conf"
    file.write_text(text.replace("/etc/nats", str(folder)))
    command = [program(), "-t", "-c", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("logins", [by_passwords, by_nkeys, by_jwts])
def test_the_server_takes_the_configuration_of_the_documents(tmp_path, logins):
    status, says = judged(tmp_path, logins(tmp_path))
    assert status == 0, says


def test_a_mistake_in_it_would_be_seen(tmp_path):
    status, says = judged(tmp_path, LOGIN.sub('nkey: "UDX"', SERVER))
    assert status != 0
    assert "valid public nkey" in says
