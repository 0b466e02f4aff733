"""The files for other programs that the package ships: alerts for Prometheus and a dashboard for Grafana."""

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from prometheus_server import promtool
from watchkeeper.launcher.main import cli
from watchkeeper.web.metrics.families import FAMILIES

from tests.web.test_metrics import HOSTILE, TEXT, figures_with, text_of

HERE = Path(__file__).parent
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
SERIES = {
    f"{family.name}{end}": family
    for family in FAMILIES
    for end in SUFFIXES.get(family.kind, ("_count", "_sum"))
}


def printed(what):
    """The text of a file, as the verb prints it."""
    done = CliRunner().invoke(cli, ["prometheus", what])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def rules(tmp_path):
    """The file of the alerts, as an operator writes it."""
    path = tmp_path / "watchkeeper.rules.yml"
    path.write_text(printed("rules"))
    return path


def panels():
    return [panel for panel in json.loads(printed("dashboard"))["panels"] if panel["type"] != "row"]


def expressions():
    """Every expression of the dashboard and of the alerts."""
    alerts = yaml.safe_load(printed("rules"))["groups"][0]["rules"]
    shown = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [*shown, *(alert["expr"] for alert in alerts)]


@pytest.mark.needs("prometheus")
def test_promtool_finds_nothing_in_the_metrics_of_hostile_names():
    names = [name for name in HOSTILE if name.isprintable() or "\n" in name]
    assert promtool("check", "metrics", said=text_of(figures_with(names), TEXT)) == ""


@pytest.mark.needs("prometheus")
def test_the_alerts_are_valid_and_fire_when_they_should(rules, tmp_path):
    assert "10 rules found" in promtool("check", "rules", rules)
    tests = tmp_path / "rules_test.yml"
    tests.write_text((HERE / "rules_test.yml").read_text())
    assert "SUCCESS" in promtool("test", "rules", tests, cwd=tmp_path)


def test_every_alert_is_tested():
    alerts = {alert["alert"] for alert in yaml.safe_load(printed("rules"))["groups"][0]["rules"]}
    tested = yaml.safe_load((HERE / "rules_test.yml").read_text())["tests"]
    fired = {rule["alertname"] for test in tested for rule in test["alert_rule_test"] if rule["exp_alerts"]}
    assert fired == alerts


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_names_series_and_labels_that_there_are(expression):
    names = re.findall(r"\b(?:watchkeeper|process)_\w+", expression)
    assert names
    assert {name for name in names if name.startswith("watchkeeper")} <= SERIES.keys()
    families = [SERIES[name] for name in names if name in SERIES]
    known = {"le", "instance", "job", *(label for family in families for label in family.labels)}
    used = re.findall(r"(?:by|without|on) \(([^)]*)\)", expression) + re.findall(r"(\w+)!?=\"", expression)
    assert {label.strip() for labels in used for label in labels.split(",")} <= known


def test_the_dashboard_has_one_variable_which_is_its_data_source():
    dashboard = json.loads(printed("dashboard"))
    (variable,) = dashboard["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")
    assert {panel["datasource"]["uid"] for panel in panels()} == {"${datasource}"}
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))


def test_a_legend_names_labels_of_its_series():
    for panel in panels():
        for target in panel["targets"]:
            names = re.findall(r"watchkeeper_\w+", target["expr"])
            labels = {label for name in names for label in SERIES[name].labels}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels


def cells(panel):
    place = panel["gridPos"]
    return {
        (column, line)
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    }


def overlapping(shown):
    """The panels that lie on a cell of another one, or beside the 24 columns of a dashboard."""
    taken = set()
    for panel in shown:
        found = cells(panel)
        if found & taken or not all(0 <= column < 24 and line >= 0 for column, line in found):
            yield panel["title"]
        taken |= found


def test_the_panels_of_the_dashboard_have_places_of_their_own():
    shown = json.loads(printed("dashboard"))["panels"]
    assert list(overlapping(shown)) == []
    moved = [*shown, {**shown[1], "title": "moved"}]
    assert list(overlapping(moved)) == ["moved"]
    # Without an empty line between: Grafana would move a panel up, and say that the dashboard was changed.
    lines = {line for panel in shown for _, line in cells(panel)}
    assert lines == set(range(max(lines) + 1))


def test_every_query_of_a_panel_has_a_letter_and_the_data_source_of_its_panel():
    for panel in panels():
        letters = [target["refId"] for target in panel["targets"]]
        assert len(letters) == len(set(letters))
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
        assert panel["title"]
