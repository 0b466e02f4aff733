"""Forty endpoints take no more lines than in the configuration of a public status page."""

from pathlib import Path

from watchkeeper.adapters.configuration import load

FORTY = Path(__file__).with_name("forty.yaml")
ONE_A_LINE = """\
x-api: &api {every: 1m, group: core, expect: ["[STATUS] == 200", "[RESPONSE_TIME] < 500"]}
channels: [{id: ops, log: {}}]
defaults: {notify: [ops]}
targets:
"""
PUBLIC_LINES = 54
"""The lines of a public configuration of Gatus with as many endpoints."""


def test_forty_endpoints_of_several_kinds_fit(tmp_path):
    text = FORTY.read_text()
    assert len(text.splitlines()) <= PUBLIC_LINES
    (tmp_path / "watch.yaml").write_text(text)
    configuration = load(tmp_path / "watch.yaml", {"SLACK_TOKEN": "xoxb-1"})
    assert len(configuration.targets) == 40
    apis = [target for target in configuration.targets if target.group == "shop/api"]
    assert len(apis) == 24
    assert {target.expect for target in apis} == {("[STATUS] == 200", "[BODY].status == UP")}


def test_forty_endpoints_with_a_line_of_their_own_fit(tmp_path):
    lines = (f'  - {{<<: *api, id: e{n}, http: {{url: "https://e{n}.example/"}}}}\n' for n in range(40))
    text = ONE_A_LINE + "".join(lines)
    assert len(text.splitlines()) <= PUBLIC_LINES
    (tmp_path / "watch.yaml").write_text(text)
    targets = load(tmp_path / "watch.yaml", {}).targets
    assert len(targets) == 40
    assert {(target.every, target.group, target.expect[1], target.notify) for target in targets} == {
        ("1m", "core", "[RESPONSE_TIME] < 500", ("ops",))
    }
