"""The words of `check` for routes, channels, windows and maintenance that are wrong: each with its line, its column and what to do."""

import pytest
from click.testing import CliRunner
from watchkeeper.launcher.main import cli

BAD = """\
channels:
  - {id: ops, log: {}}
  - {id: boss, log: {}}
  - id: teams
    webhook:
      url: "https://teams.example.org/hook"
      body: '{"text": "{titel}"}'
windows:
  - {id: nights, cron: "0 22 * * *", length: 9h, zone: Europe/Berln}
routes:
  - {id: shop, match: [group=shopp], to: [ops], quiet: [nigths]}
  - {id: rest, to: [teams], escalate: [{after: 15m}]}
maintenance:
  - {id: m, match: [group=shopp], cron: "0 3 * * SUN", length: 2h}
  - {id: n, match: [group=front], from: "2199-03-31T02:30:00", until: "2199-03-31T05:00:00", zone: Europe/Berlin}
  - {id: o, match: [group=front], from: "2199-03-28T02:30:00Z"}
  - {id: p, match: [group=front], cron: "0 3 * * SUN"}
  - {id: q, match: ["group~front"], cron: "0 3 30 2 *", length: 2h}
targets:
  - {id: shop, group: front, http: {url: "https://shop.example.com/"}, depends_on: [gatewy]}
  - {id: gateway, tcp: {host: 10.0.0.1, port: 22}, depends_on: {targets: [shop], at_least: 2}}
"""
SAID = """\
7:13: channels[2].webhook.body: '{titel}' (line 1, column 11 of the text) is no placeholder, did you mean title; write {{titel}} for the text in braces itself
9:56: windows[0].zone: there is no time zone 'Europe/Berln', did you mean Europe/Berlin
11:23: warning: routes[0].match: no target has an incident that it matches: change its matchers or remove it
11:57: routes[0].quiet[0]: there is no window 'nigths', did you mean nights (known: nights)
12:40: routes[1].escalate[0]: has no to: it needs a list
14:20: warning: maintenance[0].match: selects no target: change its matchers or remove it
15:41: maintenance[1].from: 2199-03-31T02:30:00 does not exist in Europe/Berlin, where clocks are set forward: the first moment after it is 2199-03-31T03:00:00+02:00
16:5: maintenance[2]: has from but no until: write cron and length for one that comes again, from and until for one that happens once
17:5: maintenance[3]: has cron but no length: write cron and length for one that comes again, from and until for one that happens once
18:21: maintenance[4].match[0]: 'group~front' is no matcher: write a name, an operator (= != =~ !~) and a value, as in group=shop
18:43: maintenance[4].cron: '0 3 30 2 *' never comes: no day fits all of its fields
20:85: targets[0].depends_on[0]: there is no target 'gatewy', did you mean gateway
21:92: targets[1].depends_on.at_least: 2 of 1 can never be well: write 1 or less
""".splitlines()
UNMET = """\
channels: [{id: ops, log: {}}]
routes: [{match: [group=shop], to: [ops], quiet: [none]}]
maintenance: [{id: m, match: [team=it], cron: "0 3 * * SUN", length: 2h}]
"""


def checked(folder, text):
    """The exit status of `check`, and its lines without the name of the file."""
    path = folder / "w.yaml"
    path.write_text(text)
    done = CliRunner().invoke(cli, ["check", str(path)])
    return done.exit_code, [line.removeprefix(f"{path}:") for line in done.output.splitlines()]


def test_every_mistake_of_one_file_is_said_at_once_with_its_place(tmp_path):
    assert checked(tmp_path, BAD) == (2, SAID)


def test_a_file_in_which_all_of_it_is_right_has_no_findings(tmp_path):
    targets = "targets: [{id: shop, group: shop, labels: {team: it}, tcp: {host: 10.0.0.1, port: 22}}]\n"
    assert checked(tmp_path, UNMET.replace(", quiet: [none]", "") + targets) == (
        0,
        ["ok: 1 target, 1 channel"],
    )


@pytest.mark.parametrize(
    ("target", "warned"),
    [
        ("id: shop", True),
        ("id: shop, depends_on: [nobody]", True),
        ("id: shop, grup: shop", False),
        ("id: shop, labels: [it]", False),
        ("id: shop, group: 7", False),
    ],
)
def test_a_route_that_meets_nothing_is_named_beside_mistakes_only_where_it_is_sure(tmp_path, target, warned):
    status, said = checked(tmp_path, f"{UNMET}targets: [{{{target}, tcp: {{host: 10.0.0.1, port: 22}}}}]\n")
    assert status == 2
    assert [line.partition(":")[0] for line in said if "warning" in line] == (["2", "3"] if warned else [])
