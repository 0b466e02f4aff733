"""The cluster on one machine ends by itself and as expected; the files for containers describe the same set."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from watchkeeper.launcher.main import cli

EXAMPLES = Path(__file__).parents[2] / "examples"
WITHIN_S = 150
SHA256 = "ab" * 32


@pytest.fixture
def open_folder():
    """A folder that the account may look into under which PostgreSQL runs for root."""
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.slow
@pytest.mark.needs("postgres")
@pytest.mark.needs("nats")
def test_a_killed_node_is_replaced_within_seconds_and_nothing_is_left_behind(tmp_path, open_folder):
    done = subprocess.run(
        [sys.executable, "-P", str(EXAMPLES / "cluster" / "cluster.py")],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(open_folder)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "node b has taken all shards over" in done.stdout
    assert "each once: everything as expected" in done.stdout
    assert not [path for path in open_folder.iterdir() if "-program" not in path.name]


def test_the_configuration_for_containers_passes_check():
    environment = {"DB_PASSWORD": "slon", "NATS_PASSWORD": "otto", "OPERATOR_SHA256": SHA256}
    found = CliRunner().invoke(cli, ["check", str(EXAMPLES / "compose-watchkeeper.yaml")], env=environment)
    assert (found.exit_code, found.stdout) == (0, "ok: 2 targets, 1 channel\n")


def test_the_containers_are_two_nodes_of_different_names_on_one_database():
    services = yaml.safe_load((EXAMPLES / "compose.yaml").read_text(encoding="utf-8"))["services"]
    nodes = {name: each for name, each in services.items() if name.startswith("node-")}
    assert [each["command"][-2:] for each in nodes.values()] == [["--node", "a"], ["--node", "b"]]
    assert len({each["ports"][0] for each in nodes.values()}) == len(nodes)
    for each in nodes.values():
        assert (EXAMPLES / each["build"]["context"] / each["build"]["dockerfile"]).exists()
        assert (EXAMPLES / each["volumes"][0].partition(":")[0]).exists()
        assert each["build"]["args"]["EXTRAS"] == "web,postgres,nats"
    agent = services["agent-fra"]["command"]
    assert agent[:2] == ["agent", "--location"]
    configuration = yaml.safe_load((EXAMPLES / "compose-watchkeeper.yaml").read_text(encoding="utf-8"))
    assert agent[2] in configuration["agents"]["locations"]
    assert {"database", "nats"} <= services.keys()
