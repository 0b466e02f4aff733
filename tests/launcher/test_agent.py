"""The verb `agent`, with a real NATS server."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from nats_server import NatsServer
from ports import free_port
from watchkeeper.launcher.main import cli

pytestmark = pytest.mark.needs("nats")
WITHIN_S = 60


@pytest.fixture(scope="module")
def nats():
    with NatsServer("fra") as server:
        yield server


def words(*arguments):
    return [sys.executable, "-m", "watchkeeper", "agent", *arguments]


def run(*arguments):
    return subprocess.run(words(*arguments), capture_output=True, text=True, timeout=WITHIN_S, check=False)


@pytest.mark.parametrize("log", ["text", "json"])
def test_an_agent_says_what_it_does_and_obeys_sigterm(nats, tmp_path, log):
    credentials = tmp_path / "credentials"
    credentials.write_text("fra:fra\n")
    place = f"nats://127.0.0.1:{nats.port}"
    arguments = ("--location", "fra", "--nats", place, "--credentials", str(credentials), "--log", log)
    with subprocess.Popen(words(*arguments), stderr=subprocess.PIPE, text=True) as process:
        try:
            said = [process.stderr.readline(), process.stderr.readline()]
            process.send_signal(signal.SIGHUP)
            said.append(process.stderr.readline())
            process.send_signal(signal.SIGTERM)
            said += process.communicate(timeout=WITHIN_S)[1].splitlines(keepends=True)
        finally:
            process.kill()
    assert process.returncode == 0
    if log == "json":
        said = [json.loads(line)["message"] for line in said]
    assert f"location fra: connecting to {place}" in said[0]
    assert f"connected to {place}; serves fra" in said[1]
    assert "an agent has no configuration to reload" in said[2]
    assert "stopped: 0 asks, 0 answers, 0 refused, 0 dropped" in said[3]


def test_a_signal_that_another_thread_has_received_ends_an_agent(nats):
    """The kernel chooses the thread, and Python hears of the signal in the main thread, whose wait it does not end."""
    with subprocess.Popen(
        words("--location", "fra", "--nats", nats.url("fra")), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while "connected to" not in process.stderr.readline():
                assert process.poll() is None
            threads = {int(each.name) for each in Path(f"/proc/{process.pid}/task").iterdir()}
            # The numbers of threads begin anew behind the highest that the system gives.
            other = max(threads - {process.pid})
            ctypes.CDLL(None).tgkill(process.pid, other, signal.SIGTERM)
            process.communicate(timeout=WITHIN_S)
        finally:
            process.kill()
    assert process.returncode == 0


def test_a_refused_login_ends_the_agent_with_status_1(nats):
    done = run("--location", "fra", "--nats", nats.url("fra", "wrong"))
    assert done.returncode == 1
    assert "it refuses the login: check user, password or credentials file" in done.stderr
    assert "wrong" not in done.stderr


def test_a_location_that_the_account_may_not_serve_ends_it_with_status_1(nats):
    done = run("--location", "iad", "--nats", nats.url("fra"))
    assert done.returncode == 1
    assert "it does not permit this account" in done.stderr


def test_a_server_that_is_not_there_is_tried_until_a_signal():
    with subprocess.Popen(
        words("--location", "fra", "--nats", f"nats://127.0.0.1:{free_port()}"),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stderr.readline()
        assert "nothing listens there" in process.stderr.readline()
        assert process.poll() is None
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--location", "fra", "--nats", "tls://x", "--ca", "gone.pem"), "gone.pem' cannot be used: No such"),
        (("--location", "fra", "--nats", "tls://x", "--ca", "/dev/null"), "/dev/null' holds no certificate"),
        (("--location", "", "--nats", "nats://x"), "--location: '' is no name of a location"),
        (("--location", "fra", "--nats", "http://x"), "--nats: is no address of NATS"),
        (("--location", "fra", "--nats", "nats://x", "--credentials", "gone"), "gone: No such file"),
        (
            ("--location", "fra", "--nats", "nats://x", "--credentials", "fra:otto"),
            "--credentials fra:***: No",
        ),
        (("--location", "fra", "--nats", "nats://x", "--credentials", "/dev/null"), "/dev/null: it is empty"),
        (("--location", "fra", "--nats", "nats://x", "--grace", "soon"), "--grace"),
        (("--nats", "nats://x"), "--location"),
    ],
)
def test_a_command_line_that_cannot_be_is_refused_with_status_2(arguments, says):
    done = CliRunner().invoke(cli, ["agent", *arguments])
    assert done.exit_code == 2
    assert says in done.stderr
    assert "otto" not in done.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder of certificates and keys of two clients, and of what is neither."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("own", "other"):
        leaf = authority.issue_cert(name)
        leaf.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        leaf.private_key_pem.write_to_path(folder / f"{name}.key")
    key = serialization.load_pem_private_key((folder / "own.key").read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"canary")
    (folder / "locked.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    (folder / "text").write_text("none of them\n")
    return folder


@pytest.mark.parametrize(
    ("named", "option", "says"),
    [
        (
            {"certificate": "own.pem"},
            "certificate",
            "holds no private key that can be read: name the file of the key by --key",
        ),
        (
            {"key": "own.key"},
            "key",
            "has no effect without --certificate: name the certificate that it belongs to",
        ),
        (
            {"certificate": "own.pem", "key": "other.key"},
            "key",
            "is the key of another certificate: name the",
        ),
        ({"certificate": "own.pem", "key": "locked.key"}, "key", "is encrypted, and an agent takes no pass"),
        ({"certificate": "own.pem", "key": "text"}, "key", "holds no private key that can be read: write it"),
        ({"certificate": "text", "key": "own.key"}, "certificate", "holds no certificate that can be read"),
        ({"certificate": "gone", "key": "own.key"}, "certificate", "No such file or directory"),
        ({"certificate": "own.pem", "key": "gone"}, "key", "No such file or directory"),
        ({"certificate": "own.pem", "key": "."}, "key", "is a folder: name a file"),
        ({"ca": "text"}, "ca", "holds no certificate that can be read"),
    ],
)
def test_files_that_an_agent_cannot_show_are_named_by_their_options_before_it_connects(
    files, named, option, says
):
    done = run_here("tls://127.0.0.1:1", files, **named)
    assert done.exit_code == 2
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"--{option}")
    assert str(files / named[option]) in said
    assert says in said
    assert not any(words in said for words in ("PEM lib", "_ssl", "key_file", "certificate_file"))


def test_several_files_that_are_not_there_are_named_at_once(files):
    done = run_here("tls://127.0.0.1:1", files, ca="gone", certificate="away", key="lost")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["--ca", "--certificate", "--key"]


def test_files_without_a_use_are_refused(files):
    done = run_here("nats://127.0.0.1:1", files, certificate="own.pem", key="own.key")
    assert done.exit_code == 2
    says = "has no effect with nats://: write tls:// in front of the servers, or leave it out"
    assert done.stderr.splitlines() == [f"--certificate: {says}", f"--key: {says}"]


@pytest.mark.parametrize("option", ["--credentials", "--ca", "--certificate", "--key"])
def test_an_empty_text_is_no_file_and_no_folder(option):
    done = CliRunner().invoke(cli, ["agent", "--location", "fra", "--nats", "tls://127.0.0.1:1", option, ""])
    assert done.exit_code == 2
    assert f"'{option}': an empty text is no path: name one, or leave it out" in done.stderr


@pytest.mark.parametrize(
    "words", [["check", ""], ["run", ""], ["status", "-c", ""], ["backup", "--store", "watch.db", ""]]
)
def test_an_empty_text_is_not_the_folder_in_which_a_verb_runs(words):
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert "an empty text is no path: name one" in done.stderr
    assert ("leave it out" in done.stderr) is (words[0] != "backup")


def run_here(url, files, **named):
    arguments = [each for option, name in named.items() for each in (f"--{option}", str(files / name))]
    return CliRunner().invoke(cli, ["agent", "--location", "fra", "--nats", url, *arguments])
