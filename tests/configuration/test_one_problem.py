"""Files with one fault each: its place, to the column, and the whole sentence that people read."""

from typing import get_args

import pytest
from watchkeeper import Target
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.specification.rule import Rule

TARGET = "targets:\n- id: a\n  http: {{url: 'http://h/'}}\n  {}\n"
PROBE = "targets: [{{id: a, {}}}]"
HTTP = "targets: [{{id: a, http: {{url: 'http://h/', {}}}}}]"
RULE = "targets: [{{id: a, call: {{name: f}}, rules: [{{id: r, {}}}]}}]"
THRESHOLD = "targets: [{{id: a, http: {{url: 'http://h/'}}, rules: [{{id: r, kind: threshold, {}}}]}}]"
RUNTIME = "runtime: {{{}}}"
RULE_KINDS = ", ".join(kind.__struct_config__.tag for kind in get_args(Rule))
KNOWN = ", ".join((*Target.__struct_fields__, "use", "for_each"))
NINE = "channels: [" + ", ".join(f"{{id: c{number}, log: {{}}}}" for number in range(9)) + "]\n"
OTHER = "choose another value or operator"

ROWS = [
    # A value of another kind, and the word that helps.
    (TARGET, "every: false", "4:10: targets[0].every: expected a duration such as 30s, got false: put it in quotes"),
    (TARGET, "every: '0'", "4:10: targets[0].every: '0' has no unit: write it like 30s"),
    (TARGET, "paused: no", "4:11: targets[0].paused: expected true or false, got the text 'no': write false"),
    (TARGET, "paused: si", "4:11: targets[0].paused: expected true or false, got the text 'si'"),
    (TARGET, "notify: {a: b}", "4:11: targets[0].notify: expected a list, got a mapping"),
    (
        TARGET,
        "notify:",
        "4:10: targets[0].notify: expected a list, got nothing (null): leave the key out or give it a value",
    ),
    ("{}", "defaults: {notify: 5}", "1:20: defaults.notify: expected a list, got a number"),
    (HTTP, "headers: 5", "1:53: targets[0].http.headers: expected a mapping of texts, got a number"),
    ("{}", "channels: [{id: c, webhook: 'http://h/key'}]", "1:29: channels[0].webhook: expected a mapping, got a text: write its keys, like {url: ...}"),
    (
        THRESHOLD,
        "value: '5'",
        "1:85: targets[0].rules[0].value: '5' has no unit: write it like 500ms, 1m30s, 48h or 7d",
    ),
    (
        THRESHOLD,
        "value: 5x",
        (
            "1:85: targets[0].rules[0].value: '5x' has the unknown unit 'x': the units are ns, us, ms, s, m, h, d and w"
        ),
    ),
    (THRESHOLD, "value: 5s1m", "1:85: targets[0].rules[0].value: '5s1m' is no duration: units go from large to small, each once; write it like 500ms, 1m30s, 48h or 7d"),
    ("{}", "defaults: {default_rules: true, evry: 1s}", "1:33: defaults.evry: unknown key, did you mean every"),
    (THRESHOLD, "value: true", "1:85: targets[0].rules[0].value: expected a number or a duration such as 30s, got true"),
    (
        TARGET,
        "retry_every: 0",
        "4:16: targets[0].retry_every: expected a duration, got the number 0: write a length with its unit, such as 30s",
    ),
    # A text or a number of the right kind that cannot be.
    (
        "{}",
        "targets: [{id: '', call: {name: f}}]",
        (
            "1:16: targets[0].id: '' is no id: 1 to 128 characters, no slash, no control character, no blank at either end, and neither . nor .. alone"
        ),
    ),
    (HTTP, "method: 'ge t'", "1:52: targets[0].http.method: 'ge t' is no method: write it in capital letters, like GET"),
    (
        PROBE,
        f"tcp: {{host: h, port: {2**80 - 1}}}",
        f"1:40: targets[0].tcp.port: {2**80 - 1} is out of range: it may be 1 to 65,535",
    ),
    (
        PROBE,
        f"tcp: {{host: h, port: {2**80}}}",
        "1:40: targets[0].tcp.port: of 25 digits is out of range: it may be 1 to 65,535",
    ),
    (RULE, "kind: 5", f"1:58: targets[0].rules[0].kind: this is no kind: it is one of {RULE_KINDS}"),
    (
        RULE,
        "kind: *x",
        (
            "1:58: targets[0].rules[0].kind: an alias, and no anchor of its name ends above: put it in quotes if it is a text that "
            "begins with *"
        ),
    ),
    # An entry without an id that can be read is not asked for its probe, too.
    ("{}", "targets: [{}]", "1:11: targets[0]: has no id: it needs a text"),
    ("{}", "targets: [{id: 5}]", "1:16: targets[0].id: expected a text, got the number 5: put it in quotes"),
    # A value that is empty or null where it may be is no further problem.
    *(
        (
            TARGET,
            f"{harmless}\n  evry: 5s",
            "5:3: targets[0].evry: unknown key, did you mean every",
        )
        for harmless in ("retry_every:", "expect: []", "rules: []")
    ),
    # A fault of a key stands at the key.
    (
        HTTP,
        "headers: {'A B': x}",
        '1:54: targets[0].http.headers["A B"]: is no header name: write letters, digits and hyphens',
    ),
    (
        HTTP,
        "headers: {Connection: x}",
        "1:54: targets[0].http.headers.Connection: is set for every request: leave it out",
    ),
    (
        HTTP,
        "headers: {A: x, a: y}",
        "1:60: targets[0].http.headers.a: stands twice in another spelling: keep one",
    ),
    (
        "runtime: {{allow_exec: true}}\ntargets: [{{id: a, exec: {{argv: [ls], {}}}}}]",
        "environment: {A=B: c}",
        '2:52: targets[0].exec.environment["A=B"]: is no name of a variable: write letters, digits and _',
    ),
    # Names.
    (TARGET, "notify: [ops]", "4:12: targets[0].notify[0]: there is no channel 'ops' (known: none)"),
    (
        NINE.replace("{", "{{").replace("}", "}}") + TARGET,
        "notify: [x]",
        "5:12: targets[0].notify[0]: there is no channel 'x' (known: c0, c1, c2, c3, c4, c5, c6, c7)",
    ),
    # Rules that are never or always broken.
    (
        RULE,
        "kind: threshold, measure: '', value: 1",
        "1:78: targets[0].rules[0].measure: is empty: write the name of a measurement that the check reports",
    ),
    (
        THRESHOLD,
        "value: 5000",
        (
            "1:85: targets[0].rules[0].value: response_time > 5000 can never be true: response_time is at most 5000 ms "
            f"(the timeout is 5s); {OTHER}"
        ),
    ),
    (
        THRESHOLD,
        "measure: dns, value: 6000",
        (
            "1:99: targets[0].rules[0].value: dns > 6000 can never be true: dns is at most 5000 ms (the timeout is 5s); "
            f"{OTHER}"
        ),
    ),
    (
        THRESHOLD,
        "measure: status, value: 999",
        f"1:102: targets[0].rules[0].value: status > 999 can never be true: status is at most 999; {OTHER}",
    ),
    (
        THRESHOLD,
        "value: 5, window: 0s, mode: rate_of_change",
        "1:96: targets[0].rules[0].window: 0s is out of range: write 1ns to 8784h",
    ),
    (
        RULE,
        "kind: no_data, after: 0s",
        (
            "1:74: targets[0].rules[0].after: would always fire: samples come every 30s; write more than that, or leave it "
            "out"
        ),
    ),
    # A cadence out of range is compared with nothing else.
    *(
        (TARGET, f"every: {every}\n  {beside}", f"4:10: targets[0].every: {every} is out of range: write 10ms to 8784h")
        for every in ("0s", "1ms")
        for beside in ("paused: true", "rules: [{id: r, kind: threshold, value: 1, window: 5s}]")
    ),
    (TARGET, "every: 0s\n  timeout: 1s", "4:10: targets[0].every: 0s is out of range: write 10ms to 8784h"),
    (RUNTIME, "threads_max: 0", "1:24: runtime.threads_max: 0 is out of range: it may be 1 to 256"),
]  # fmt: skip


@pytest.mark.parametrize(("around", "fault", "line"), ROWS, ids=range(len(ROWS)))
def test_one_fault_is_answered_with_one_sentence_at_its_place(around, fault, line, tmp_path):
    with pytest.raises(ConfigurationError) as refused:
        parse_configuration(around.format(fault), {}, name="w.yaml", folder=tmp_path)
    assert refused.value.problems == (f"w.yaml:{line}",)
