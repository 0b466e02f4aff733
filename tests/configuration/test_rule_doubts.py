"""Rules that can open no incident because their target has no such samples: doubted, with a way out."""

import pytest
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.validation.doubts import doubts

HTTP = "http: {url: 'http://shop.example/'}"
RULE = "rules: [{id: worn, kind: KIND, on: warning}]"
TARGETS = {
    HTTP: "this target has none without conditions under warn: add them, or say on: down",
    f"{HTTP}, warn: ['[RESPONSE_TIME] < 300']": "",
    "tcp: {host: shop.example, port: 22}": "this target has none without conditions under warn",
    "tcp: {host: shop.example, port: 22}, upside_down: true": "a target that must fail has none: remove the rule",
    "heartbeat: {}": "a job has none without conditions under warn, such as [RUN_TIME] < 1h: add them",
    "heartbeat: {}, warn: ['[RUN_TIME] < 10m']": "",
    "exec: {argv: [check_disk]}": "",
    "call: {name: depth}": "",
    "composite: {worst_of: [other]}": "",
}


@pytest.mark.parametrize("kind", ["consecutive", "k_of_n, bad: 2, of: 3"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_rule_on_warnings_is_doubted_where_no_sample_is_ever_degraded(tmp_path, target, kind):
    text = (
        "runtime: {allow_exec: true}\nchannels: [{id: ops, log: {}}]\ndefaults: {notify: [ops]}\ntargets:\n"
        f"- {{id: other, {HTTP}}}\n- {{id: shop, {target}, {RULE.replace('KIND', kind)}}}\n"
    )
    configuration = parse_configuration(text, {}, name="w.yaml", folder=tmp_path)
    said = [str(each) for each in doubts(configuration, 0)]
    expected = f"targets[1].rules[0].on: counts degraded samples alone, and {TARGETS[target]}"
    assert [line.startswith(expected) for line in said] == ([True] if TARGETS[target] else []), said
