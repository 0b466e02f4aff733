"""Private keys of client certificates: those that cannot be used are refused when a configuration is read."""

import json
import socket
import sys
from subprocess import DEVNULL, run

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.errors import ConfigurationError

PHRASE = "open sesame"
AT_A_TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))"
CHECKING = """
import sys
from watchkeeper import Http, Runtime, SampleSeen, Target, Tls

tls = Tls(verify=False, certificate_file=sys.argv[1], key_file=sys.argv[2])
target = Target(id="shop", every="1s", timeout="1s", http=Http(url=sys.argv[3], tls=tls))
runtime = Runtime(targets=[target])
with runtime, runtime.subscribe(samples=True) as events:
    event = events.get(20)
    while not isinstance(event, SampleSeen):
        event = events.get(20)
    print(f"the sample is {event.sample.outcome.value}")
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A certificate with its key, locked and not, and another key."""
    folder = tmp_path_factory.mktemp("client")
    authority = trustme.CA()
    client, other = authority.issue_cert("client"), authority.issue_cert("other")
    client.cert_chain_pems[0].write_to_path(folder / "client.pem")
    client.private_key_pem.write_to_path(folder / "client.key")
    other.private_key_pem.write_to_path(folder / "other.key")
    key = serialization.load_pem_private_key(client.private_key_pem.bytes(), None)
    locked = serialization.BestAvailableEncryption(PHRASE.encode())
    form = serialization.PrivateFormat.PKCS8
    (folder / "locked.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))
    (folder / "both.pem").write_bytes(
        (folder / "client.pem").read_bytes() + (folder / "locked.key").read_bytes()
    )
    (folder / "foreign.pem").write_bytes(
        (folder / "client.pem").read_bytes() + (folder / "other.key").read_bytes()
    )
    (folder / "phrase").write_text(f"{PHRASE}\n")
    return folder


def read(folder, environment=None, channel=False, **tls):
    given = {"url": "https://h/", "tls": tls}
    document = {"targets": [{"id": "a", "http": given}]}
    if channel:
        document = {"channels": [{"id": "a", "webhook": given}]}
    return parse_configuration(json.dumps(document), environment or {}, name="w", folder=folder)


@pytest.mark.parametrize(
    "tls",
    [
        {"key_file": "client.key"},
        {"key_file": "client.key", "key_password": "not needed"},
        {"key_file": "locked.key", "key_password": PHRASE},
        {"key_file": "locked.key", "key_password": "${PHRASE}"},
        {"key_file": "locked.key", "key_password": "${file:phrase}"},
        {"certificate_file": "both.pem", "key_password": PHRASE},
    ],
)
@pytest.mark.parametrize("channel", [False, True])
def test_a_key_that_opens_is_accepted(files, tls, channel):
    assert read(files, {"PHRASE": PHRASE}, channel, **{"certificate_file": "client.pem"} | tls)


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"key_file": "locked.key"}, "tls.key_file: is encrypted: give its pass phrase under key_password"),
        ({"key_file": "locked.key", "key_password": "canary"}, "is encrypted: key_password does not open it"),
        ({"certificate_file": "both.pem"}, "tls.certificate_file: is encrypted"),
        ({"key_file": "other.key"}, "tls.key_file: is the key of another certificate"),
        ({"key_file": "other.key"}, "another certificate: name the one that belongs to it"),
        ({"key_file": "phrase"}, "tls.key_file: holds no private key that can be read: write it as PEM"),
        ({"key_file": "client.pem"}, "tls.key_file: holds no private key that can be read: write it as PEM"),
        ({}, "tls.certificate_file: holds no private key that can be read: name the file of the key under"),
        (
            {"certificate_file": "client.key", "key_file": "client.key"},
            "tls.certificate_file: holds no certificate that can be read: write it as PEM",
        ),
        ({"certificate_file": "phrase"}, "tls.certificate_file: holds no certificate that can be read"),
        ({"certificate_file": "foreign.pem"}, "tls.certificate_file: holds the key of another certificate"),
    ],
)
@pytest.mark.parametrize("channel", [False, True])
def test_a_key_that_does_not_open_is_refused(files, tls, said, channel):
    with pytest.raises(ConfigurationError) as refused:
        read(files, channel=channel, **{"certificate_file": "client.pem"} | tls)
    assert said in str(refused.value)
    assert not any(words in str(refused.value) for words in ("canary", "PEM lib", "_ssl"))


def test_no_pass_phrase_is_asked_for_at_the_terminal(files):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"https://127.0.0.1:{taken.getsockname()[1]}/"
        given = (str(files / "client.pem"), str(files / "locked.key"), url)
        ended = run(
            [sys.executable, "-c", AT_A_TERMINAL, sys.executable, "-c", CHECKING, *given],
            stdin=DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert "the sample is unknown" in ended.stdout
    assert "pass phrase" not in ended.stdout
