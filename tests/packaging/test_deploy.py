"""The files of docs/deploy: a unit of systemd that systemd accepts, and a Containerfile whose commands work."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.output import ExitStatus

from tests.launcher.test_running import WITHIN_S, running, write

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
UNIT = (DEPLOY / "watchkeeper.service").read_text(encoding="utf-8")
CONTAINER = (DEPLOY / "Containerfile").read_text(encoding="utf-8")


def unit():
    parsed = configparser.ConfigParser(interpolation=None, strict=True)
    parsed.optionxform = str
    parsed.read_string(UNIT)
    return parsed


def instruction(name):
    """The words of an instruction of the last stage, without its options."""
    last = CONTAINER.rpartition("\nFROM ")[2].replace("\\\n", " ")
    (line,) = [line for line in last.splitlines() if line.startswith(f"{name} ")]
    return line.removeprefix(f"{name} ")


def require_verb(verb, *options):
    taken = {name for parameter in cli.commands[verb].params for name in parameter.opts}
    assert {option for option in options if option.startswith("-")} <= taken


def test_the_unit_starts_reloads_and_watches_as_the_command_does():
    service = unit()["Service"]
    assert service["Type"] == "notify"
    program, verb, *options = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/watchkeeper")
    assert verb == "run"
    require_verb(verb, *options)
    assert shlex.split(service["ExecReload"])[1:] == ["-HUP", "$MAINPID"]
    assert service["Restart"] == "on-failure"
    assert int(service["RestartPreventExitStatus"]) == ExitStatus.CONFIGURATION
    assert service["WatchdogSec"] == "2min"


def test_the_unit_gives_no_more_rights_than_it_needs():
    service = unit()["Service"]
    assert service["CapabilityBoundingSet"] == ""
    assert (service["ProtectSystem"], service["StateDirectory"]) == ("strict", "watchkeeper")
    for right in (
        "DynamicUser",
        "NoNewPrivileges",
        "ProtectHome",
        "PrivateTmp",
        "PrivateDevices",
        "RestrictNamespaces",
    ):
        assert service[right] == "yes", right
    assert f"store: /var/lib/{service['StateDirectory']}/" in UNIT


@pytest.mark.needs("systemd")
def test_systemd_accepts_the_unit_and_calls_it_well_confined(tmp_path):
    command = tmp_path / "watchkeeper"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    copy = tmp_path / "watchkeeper.service"
    copy.write_text(UNIT.replace("/opt/watchkeeper/bin/watchkeeper", str(command)))
    asked = ("systemd-analyze", "verify", "--man=no", str(copy))
    done = subprocess.run(asked, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    # Other units of the machine are read, too, and may have faults of their own.
    assert [line for line in done.stderr.splitlines() if "watchkeeper" in line] == []
    asked = ("systemd-analyze", "security", "--offline=true", "--no-pager", str(copy))
    done = subprocess.run(asked, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    exposure = re.search(r"exposure level for .*: ([0-9.]+)", done.stdout)
    assert exposure is not None, done.stderr
    assert float(exposure[1]) < 2.5


def test_the_container_runs_the_command_without_root_and_stops_by_its_signal():
    assert instruction("USER") == "10001"
    assert instruction("STOPSIGNAL") == "SIGTERM"
    (program,) = json.loads(instruction("ENTRYPOINT"))
    verb, *options = json.loads(instruction("CMD"))
    assert (program, verb) == ("watchkeeper", "run")
    require_verb(verb, *options)
    assert "WATCHKEEPER_CONFIG=" in instruction("ENV")
    store = re.search(r"store: (\S+)}", CONTAINER)[1]
    assert store.startswith(f"{instruction('VOLUME')}/")
    assert json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])[2] == f"{store}.sock"


def test_the_files_that_the_container_copies_are_there():
    copied = re.findall(r"^COPY (?!--from)(\S+) ", CONTAINER, re.MULTILINE)
    assert copied == [".", "docs/deploy/healthz.py"]
    assert all((ROOT / name).exists() for name in copied)


def asked_for_health(socket):
    return subprocess.run([sys.executable, str(DEPLOY / "healthz.py"), socket], timeout=WITHIN_S, check=False)


def test_the_health_check_of_the_container_tells_a_runtime_from_none(tmp_path):
    path = write(tmp_path)
    socket = str(tmp_path / "watch.db.sock")
    assert asked_for_health(socket).returncode == 1
    with running(path) as process:
        assert "opened" in process.stdout.readline()
        assert asked_for_health(socket).returncode == 0, "a target that is down is no fault of its monitor"
        process.terminate()
        assert process.wait(WITHIN_S) == 0
    assert asked_for_health(socket).returncode == 1


def test_the_command_of_the_container_runs_as_it_is_written(tmp_path):
    command = shutil.which("watchkeeper", path=str(Path(sys.executable).parent))
    assert command is not None
    with running(
        write(tmp_path), command=(command, *json.loads(instruction("CMD"))), first='"started"'
    ) as process:
        process.terminate()
        assert process.wait(WITHIN_S) == 0
