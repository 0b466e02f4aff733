"""A mistake on our own side makes a target unknown, with the cause in words: the default rule `silent` tells of what lasts."""

import socket

import pytest
import trustme
from watchkeeper import Exec, Http, Runtime, RuntimeOptions, SampleSeen, Target, Tls

WITHIN_S = 20


@pytest.fixture
def folder(tmp_path):
    """A certificate, the key of another, a file that is neither, and a plugin that says UNKNOWN."""
    client, other = (trustme.CA().issue_cert(name) for name in ("client", "other"))
    client.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    other.private_key_pem.write_to_path(tmp_path / "other.key")
    (tmp_path / "garbage.pem").write_text("no certificate")
    plugin = tmp_path / "check_raid"
    plugin.write_text("#!/bin/sh\necho UNKNOWN - no controller\nexit 3\n")
    plugin.chmod(0o755)
    return tmp_path


def sample_of(**probe):
    """Returns the first sample of a target, which has time to end."""
    target = Target(id="shop", every="1h", timeout="20s", **probe)
    runtime = Runtime(targets=[target], options=RuntimeOptions(allow_exec=True))
    with runtime, runtime.subscribe(samples=True) as events:
        runtime.check_now("shop")
        event = events.get(WITHIN_S)
        while not isinstance(event, SampleSeen):
            event = events.get(WITHIN_S)
        return event.sample


@pytest.mark.parametrize(
    ("tls", "says"),
    [
        ({"ca_file": "garbage.pem"}, "trust anchors from file"),
        ({"ca_file": "gone.pem"}, "trust anchors from file"),
        ({"verify": False, "certificate_file": "client.pem", "key_file": "other.key"}, "private key file"),
    ],
)
def test_a_file_of_ours_that_is_of_no_use_makes_a_target_unknown(folder, tls, says):
    files = {name: value if value is False else str(folder / value) for name, value in tls.items()}
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        sample = sample_of(http=Http(url=url, tls=Tls(**files)))
    assert (sample.outcome.value, says in sample.detail) == ("unknown", True)


def test_a_plugin_that_says_unknown_makes_its_target_unknown(folder):
    sample = sample_of(exec=Exec(argv=(str(folder / "check_raid"),)))
    assert (sample.outcome.value, sample.explanation()) == ("unknown", "exit_status: UNKNOWN - no controller")
