"""Every example runs, starts and ends by itself, and prints the output that its text announces."""

import runpy
import threading
from pathlib import Path

import pytest
from watchkeeper.adapters.configuration import load
from watchkeeper.testing import rule_cases

EXAMPLES = Path(__file__).parents[2] / "examples"
PRINTED = {
    "plain_script.py": ["shop opened", "shop resolved"],
    "asyncio_host.py": ["queue opened: last of value is 250, > 100", "queue down"],
    "checks.py": [
        "broken: down exception: ConnectionError: no route to the broker",
        "disk: up ok",
        "licence: up ok: 25 seats are free",
        "replica: degraded reported: 40 s behind",
    ],
    "status_and_events.py": [
        "acknowledged by otto",
        "healthy: True, problems: 0",
        "database: down, down: True",
        "newest attempt: down, finished",
        "database/down critical: acknowledged",
    ],
    "heartbeat_job.py": [
        "opened: reported: exit status 3",
        "resolved",
        "opened: heartbeat_missed: no heartbeat in time",
    ],
    "rules_in_virtual_time.py": ["both hold"],
    "host_in_virtual_time.py": ["it holds"],
    "webhook_receiver.py": ["['incident.opened']"],
}
LINES_MAX = 40


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_what_it_says_and_leaves_no_thread(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = set(threading.enumerate())

    runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    assert capsys.readouterr().out.splitlines() == PRINTED[name]
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_every_example_is_run_and_listed():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED)
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in EXAMPLES.iterdir() if path.suffix in {".py", ".yaml"}}
    assert {name for name in files if f"({name})" not in listed} == set()


def test_an_example_is_short():
    lengths = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES.glob("*.py")}
    assert {name: length for name, length in lengths.items() if length >= LINES_MAX} == {}


def test_the_configuration_with_comments_is_valid():
    configuration = load(EXAMPLES / "watchkeeper.yaml", {})
    assert [target.id for target in configuration.targets] == [
        "shop",
        "database",
        "gateway",
        "mirror",
        "nightly backup",
    ]


def test_the_rule_tests_pass():
    for case in rule_cases(EXAMPLES / "shop.rules.yaml"):
        case.check()
