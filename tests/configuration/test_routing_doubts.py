"""Routes, windows and maintenance that are valid and change nothing: `check` doubts each at its place."""

import pytest
from click.testing import CliRunner
from watchkeeper.launcher.main import cli

DOCUMENT = """\
channels: [{{id: ops, log: {{}}}}]
{further}
routes:
{routes}
targets:
- {{id: a, group: shop, labels: {{team: web}}, http: {{url: 'http://h/'}}}}
- {{id: own, http: {{url: 'http://h/'}}, notify: [ops]}}
"""
ALL = "{to: [ops]}"
LEFT = "{match: [target=nothing]}"
WINDOW = "windows: [{id: w, cron: '0 22 * * *', length: 1h}]"
WEEKLY = "cron: '0 22 * * SUN', length: 1h"


def warnings(folder, *routes, further=""):
    file = folder / "w.yaml"
    lines = "\n".join(f"- {route}" for route in routes)
    file.write_text(DOCUMENT.format(routes=lines, further=further))
    done = CliRunner().invoke(cli, ["check", str(file)])
    assert done.exit_code == 0, done.output
    marked = [line.partition(": warning: ") for line in done.output.splitlines()]
    return [f"{place.rpartition('w.yaml:')[2]}: {said}" for place, found, said in marked if found]


@pytest.mark.parametrize(
    "routes",
    [
        ["{to: [ops], group_by: [team, group, target, rule, severity], group_wait: 5s, group_interval: 1m}"],
        ["{match: [rule=down], to: [ops]}", ALL],
        ["{match: [group=shop], to: [ops], continue: true}", ALL],
        [
            "{match: [severity=critical], to: [ops], continue: true}",
            "{match: [severity=critical], to: [ops]}",
        ],
    ],
)
def test_routes_that_have_incidents_are_not_doubted(routes, tmp_path):
    assert warnings(tmp_path, *routes) == []


@pytest.mark.parametrize(
    ("routes", "doubt"),
    [
        (
            ["{to: [ops], group_by: [tema]}"],
            "4:26: routes[0].group_by[0]: no target has the label 'tema', by which this route groups",
        ),
        (
            ["{to: [ops], group_wait: 5s}"],
            "4:27: routes[0].group_wait: has no effect without group_by: name there what incidents are grouped by",
        ),
        (
            ["{to: [ops], group_interval: 1m}"],
            "4:31: routes[0].group_interval: has no effect without group_by: name there what incidents are grouped by",
        ),
        (
            ["{match: [group=shpo], to: [ops]}", ALL],
            "4:11: routes[0].match: no target has an incident that it matches: change its matchers or remove it",
        ),
        (
            ["{match: [severity=info], to: [ops]}", ALL],
            "4:11: routes[0].match: no target has an incident that it matches: change its matchers or remove it",
        ),
        (
            ["{match: [target=own], to: [ops]}", ALL],
            (
                "4:11: routes[0].match: is met only by targets with channels of their own under notify, which take its place:"
                " remove notify there, or this route"
            ),
        ),
        (
            ["{match: ['rule=~down|silent'], to: [ops]}", "{match: [severity=critical], to: [ops]}"],
            (
                "5:11: routes[1].match: earlier routes have every incident that it matches: move it before them, or write"
                " continue: true there"
            ),
        ),
        (
            ["{match: [target=watchkeeper], to: [ops]}", ALL],
            "4:11: routes[0].match: no target has an incident that it matches: change its matchers or remove it",
        ),
    ],
)
def test_a_route_that_changes_nothing_is_doubted(routes, doubt, tmp_path):
    assert warnings(tmp_path, *routes) == [doubt]


def test_a_route_of_the_own_problems_has_them_where_no_channel_is_told_of_them(tmp_path):
    routes = ["{match: [target=watchkeeper], to: [ops]}", ALL]
    assert warnings(tmp_path, *routes, further="runtime: {notify: []}") == []


def test_a_target_without_a_channel_or_a_route_tells_nobody(tmp_path):
    assert warnings(tmp_path, "{match: [target=own], to: [ops], continue: true}")[1:] == [
        "6:1: targets: the incidents of 'a' notify nobody: name a channel under notify, or add a route that matches them"
    ]


def test_a_window_that_no_route_names_is_doubted(tmp_path):
    assert warnings(tmp_path, "{to: [ops], quiet: [w]}", further=WINDOW) == []
    assert warnings(tmp_path, ALL, further=WINDOW) == [
        "2:11: windows[0]: no route names the window 'w' under quiet: name it there or remove it"
    ]


@pytest.mark.parametrize(
    ("maintenance", "doubts"),
    [
        (f"{{id: m, match: [team=web], {WEEKLY}}}", []),
        (f"{{id: m, match: [rule=silent, target=own], {WEEKLY}}}", []),
        (
            f"{{id: m, match: [team=wbe], {WEEKLY}}}",
            ["2:30: maintenance[0].match: selects no target: change its matchers or remove it"],
        ),
        (
            f"{{id: m, match: [rule=missed, target=own], {WEEKLY}}}",
            ["2:30: maintenance[0].match: selects no target: change its matchers or remove it"],
        ),
        ("{id: m, match: [team=web], from: '2020-12-24T20:00:00Z', until: '2199-12-24T23:00:00Z'}", []),
        (
            "{id: m, match: [team=web], from: '2020-12-24T20:00:00Z', until: '2020-12-24T23:00:00Z'}",
            [
                "2:79: maintenance[0].until: is over since 2020-12-24T23:00:00.000Z: remove it or write a later moment"
            ],
        ),
    ],
)
def test_maintenance_that_holds_nothing_is_doubted(maintenance, doubts, tmp_path):
    assert warnings(tmp_path, ALL, further=f"maintenance: [{maintenance}]") == doubts
