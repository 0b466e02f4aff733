"""The `alertmanager` channel against Debian's Alertmanager: an alert for each incident, of the right severity, to its end."""

import json
from urllib.request import urlopen

import pytest
from host_servers import until
from prometheus_server import WITHIN_S, alertmanager
from watchkeeper import Alertmanager, Channel, Consecutive, Heartbeat, Runtime, Target, TryResult

JOB = Target(
    id="job",
    heartbeat=Heartbeat(),
    every="1h",
    group="shop/api",
    labels={"team.of": "payments"},
    rules=[Consecutive(id="missed", after=1, recover=1)],
    default_rules=False,
    notify=["am"],
)


def active(url):
    """The labels of the alerts that fire."""
    with urlopen(f"{url}/api/v2/alerts?active=true", timeout=WITHIN_S) as answer:  # noqa: S310
        return [alert["labels"] for alert in json.load(answer)]


@pytest.mark.slow
def test_an_alertmanager_shows_an_incident_until_its_end(tmp_path):
    with alertmanager(tmp_path) as url:
        channel = Channel(id="am", alertmanager=Alertmanager(url=url))
        with Runtime(targets=[JOB], channels=[channel]) as runtime:
            assert runtime.test_channel("am").result is TryResult.ACCEPTED
            assert [labels["alertname"] for labels in active(url)] == ["test"]
            runtime.heartbeat("job", ok=False, detail="disk full")
            fires = {
                "alertname": "missed",
                "group": "shop/api",
                "severity": "critical",
                "target": "job",
                "team_of": "payments",
            }
            assert until(lambda: fires in active(url), WITHIN_S)
            runtime.heartbeat("job")
            assert until(lambda: fires not in active(url), WITHIN_S)
