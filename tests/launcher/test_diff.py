"""`diff` tells what a change of a configuration does: to targets, rules and channels, and who is told of what."""

import json

import pytest
from click.testing import CliRunner
from watchkeeper.launcher.main import cli

OLD = """\
channels:
  - {id: ops, log: {}}
  - {id: boss, log: {}, min_severity: critical, after: 15m}
routes:
  - {id: shop, match: [group=shop], to: [ops, boss]}
  - {id: rest, to: [ops]}
targets:
  - {id: shop, group: shop, http: {url: "https://shop.example/", bearer: old-secret}}
  - {id: blog, http: {url: "https://blog.example/"}, notify: [ops]}
  - {id: old, tcp: {host: a, port: 1}}
  - {id: gone, tcp: {host: a, port: 1}, notify: [boss]}
"""


@pytest.fixture
def compare(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(OLD)

    def run(new, *options, status=0, old=None):
        if old is not None:
            (tmp_path / "old.yaml").write_text(old)
        (tmp_path / "new.yaml").write_text(new)
        done = CliRunner().invoke(cli, ["diff", "old.yaml", "new.yaml", *options])
        assert done.exit_code == status, done.output
        return done.stdout if status < 2 else done.stderr

    return run


def test_the_same_said_in_another_way_is_no_difference(compare):
    new = OLD.replace("tcp: {host: a, port: 1}", "use: t") + "templates: {t: {tcp: {host: a, port: 1}}}\n"
    assert compare(new, "--exit-code") == "the same: 4 targets\n"


def test_targets_are_told_by_what_became_of_them(compare):
    new = OLD.replace("id: old,", "id: new, renamed_from: [old],").replace(
        "  - {id: gone, tcp: {host: a, port: 1}, notify: [boss]}\n", ""
    )
    new = (
        new.replace('blog.example/"}', 'blog.example/"}, every: 1m')
        + "  - {id: more, tcp: {host: b, port: 2}}\n"
    )
    assert compare(new, "--exit-code", status=1).splitlines() == [
        "targets: 1 added, 1 removed, 1 renamed, 1 changed, 1 unchanged",
        "~ target blog (http)  # new.yaml:9",
        "    every: 30s -> 1m  # new.yaml:9",
        "~ target old -> new (tcp)  # new.yaml:10",
        "+ target more (tcp)  # new.yaml:11",
        "- target gone (tcp)",
        "told: nobody -> ops: more/down, more/silent",
        "told: boss after 15m -> nobody: gone/down",
        "a running watchkeeper restarts shortly, because of a renamed target: nothing that is recorded is lost",
    ]


def test_cookies_are_compared_by_their_names_and_never_shown(compare):
    new = OLD.replace('blog.example/"', 'blog.example/", cookies: {lang: canary-1, once: canary-2}')
    newer = new.replace("canary-1", "canary-3")
    assert "canary" not in compare(new)
    (line,) = (line for line in compare(new).splitlines() if "cookies" in line)
    assert line.startswith('    http.cookies: none -> {"lang": "***", "once": "***"}')
    assert "canary" not in compare(newer)


STEPS = "http_steps: {{steps: [{{id: a, url: 'https://h/', headers: {0}}}]}}"
MAPPINGS = {
    "http: {{url: 'https://h/', headers: {0}}}": "http.headers",
    "http: {{url: 'https://h/', cookies: {0}}}": "http.cookies",
    "http: {{url: 'https://h/', proxy: {{url: 'http://p:1', headers: {0}}}}}": "http.proxy.headers",
    "http: {{url: 'http://h/', oauth2: {{token_url: 'https://h/', client_id: a, client_secret: b, parameters: {0}}}}}": "http.oauth2.parameters",
    "websocket: {{url: 'wss://h/', headers: {0}}}": "websocket.headers",
    "grpc: {{host: h, port: 1, metadata: {0}}}": "grpc.metadata",
}
"""Probes with values by name, and their places."""


@pytest.mark.parametrize(("probe", "key"), MAPPINGS.items())
def test_values_by_name_are_compared_by_name_and_their_secrets_never_shown(compare, probe, key):
    former, changed, added = (
        OLD + f"  - {{id: more, {probe.format(values)}}}\n"
        for values in ("{token: canary-1}", "{token: canary-2}", "{token: canary-1, x-api-token: canary-3}")
    )
    assert keys_of(compare(changed, old=former)) == [f"{key}.token: *** -> ***"]
    assert keys_of(compare(added, old=former)) == [f"{key}.x-api-token: none -> ***"]


def test_values_by_name_stand_with_their_names_in_the_steps_of_a_probe(compare):
    former, changed = (
        OLD + f"  - {{id: more, {STEPS.format(values)}}}\n"
        for values in ("{authorization: canary-1}", "{authorization: canary-2}")
    )
    (line,) = keys_of(compare(changed, old=former))
    assert line.count('"headers": {"authorization": "***"}') == 2


def keys_of(shown):
    """The lines of keys, without their places; none of them shows a value that a test hides."""
    assert "canary" not in shown
    return [line.strip().partition("  # ")[0] for line in shown.splitlines() if line.startswith("    ")]


def test_rules_are_compared_as_they_are_in_force(compare):
    rules = "notify: [ops], rules: [{id: down, kind: consecutive, after: 5}, {id: slow, kind: threshold, value: 300, severity: info}]"
    lines = compare(OLD.replace("notify: [ops]", rules)).splitlines()
    assert "    rules.down.after: 3 -> 5  # new.yaml:9" in lines
    slow = '{"kind": "threshold", "id": "slow", "severity": "info", "value": 300}'
    assert f"    rules.slow: none -> {slow}  # new.yaml:9" in lines
    assert "told: nobody -> ops: blog/slow" in lines
    assert lines[-1] == "a running watchkeeper takes this over without a restart"


def test_a_change_of_routes_tells_of_which_incidents_others_are_told(compare):
    lines = compare(
        OLD.replace("to: [ops, boss]", "to: [boss]").replace("after: 15m", "after: 5m")
    ).splitlines()
    assert "~ route shop  # new.yaml:5" in lines
    assert '    to: ["ops", "boss"] -> ["boss"]  # new.yaml:5' in lines
    assert "~ channel boss (log)  # new.yaml:3" in lines
    assert "told: ops, boss after 15m -> boss after 5m: shop/down" in lines
    assert "told: ops -> nobody: shop/silent" in lines
    assert "told: boss after 15m -> boss after 5m: gone/down" in lines
    assert "restarts shortly, because of channels, routes:" in lines[-1]


def test_a_change_in_a_template_stands_where_it_is_written(compare, tmp_path):
    (tmp_path / "more.yaml").write_text(TEMPLATED)
    (tmp_path / "old.yaml").write_text(
        f"{OLD}  - {{id: api, http: {{url: 'https://api/'}}, notify: [ops]}}\n"
    )
    lines = compare(f"include: [more.yaml]\n{OLD}  - {{id: api, use: api}}\n").splitlines()
    assert lines[1:5] == [
        "~ target api (http)  # new.yaml:13",
        "    every: 30s -> 1m  # more.yaml:2",
        "    http.method: GET -> POST  # more.yaml:2",
        "    rules.down.after: 3 -> 2  # more.yaml:2",
    ]


def test_targets_whose_change_is_the_same_are_told_together(compare, tmp_path):
    loop = "  - {for_each: [a, b, c], id: '${each}', icmp: {host: '${each}.example'}, every: 1m}\n"
    (tmp_path / "old.yaml").write_text(f"{OLD}{loop}")
    new = f"{OLD}{loop}".replace("every: 1m", "every: 2m").replace("{id: blog,", "{id: blog, every: 2m,")
    assert compare(new).splitlines()[:5] == [
        "targets: 4 changed, 3 unchanged",
        "~ target blog (http)  # new.yaml:9",
        "    every: 30s -> 2m  # new.yaml:9",
        "~ targets a, b, c (icmp)  # new.yaml:12",
        "    every: 1m -> 2m  # new.yaml:12",
    ]
    rows = json.loads(compare(new, "--json"))["targets"]
    assert [row["id"] for row in rows] == ["blog", "a", "b", "c"]


def test_a_probe_in_place_of_another_is_shown_as_a_file_states_it(compare):
    lines = compare(
        OLD.replace("{id: gone, tcp: {host: a, port: 1}", "{id: gone, icmp: {host: a}")
    ).splitlines()
    assert '    tcp: {"host": "a", "port": 1} -> none  # new.yaml:11' in lines
    assert '    icmp: none -> {"host": "a"}  # new.yaml:11' in lines


TEMPLATED = """\
templates:
  api: {every: 1m, http: {url: 'https://api/', method: POST}, rules: [{id: down, kind: consecutive, after: 2}], notify: [ops]}
"""


def test_secrets_are_masked_on_both_sides(compare):
    for options in ([], ["--json"]):
        said = compare(OLD.replace("old-secret", "new-secret"), *options)
        assert "secret" not in said
        assert "***" in said


def test_a_rule_that_would_go_back_in_its_lifecycle_is_told(compare):
    draft = "notify: [ops], rules: [{id: down, kind: consecutive, state: draft}]"
    assert "    refused while it runs: " in compare(OLD.replace("notify: [ops]", draft))


def test_programs_get_one_document(compare):
    document = json.loads(compare(OLD.replace("id: gone,", "id: gone, every: 1m,"), "--json"))
    (target,) = document["targets"]
    assert (target["id"], target["change"], target["kind"]) == ("gone", "changed", "tcp")
    assert target["keys"][0] == {
        "key": "every",
        "before": "30s",
        "after": "1m",
        "file": "new.yaml",
        "line": 11,
    }
    assert (document["unchanged"], document["restarts"], document["others"]) == (3, False, [])


def test_a_bad_configuration_is_refused_with_its_problems(compare):
    assert compare("targets: [{id: 5}]", status=2).startswith("new.yaml:1:16: targets[0].id")
