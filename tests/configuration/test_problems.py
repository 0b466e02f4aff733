"""Bad files and the exact lines that they are answered with."""

from typing import get_args

import pytest
from watchkeeper import Call, Channel, Runtime, Target
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.specification.probes.kinds import KINDS
from watchkeeper.domain.specification.rule import Rule

HTTP = "http: {url: 'http://h/'}"
CHANNEL_KEYS = ", ".join(Channel.__struct_fields__)
FIRST_CHANNEL_KEYS = ", ".join(Channel.__struct_fields__[:8])
CHANNEL_KINDS = ", ".join(Channel.one_of)
PROBE_KINDS, RULE_KINDS = ", ".join(KINDS), ", ".join(kind.__struct_config__.tag for kind in get_args(Rule))
TARGET_KEYS = ", ".join((*Target.__struct_fields__, "use", "for_each"))


def problems_in(text, folder, environment=None):
    """The lines without the name of the file."""
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(text, environment or {}, name="w.yaml", folder=folder)
    return [line.removeprefix("w.yaml:") for line in caught.value.problems]


def target(rest):
    return f"targets:\n- id: a\n  {HTTP}\n  {rest}\n"


def rule(rest):
    return f"targets:\n- id: a\n  {HTTP}\n  rules: [{{id: r, {rest}}}]\n"


FILES = {
    # YAML that is none, or more than is wanted.
    "": ["1:1: the file is empty: it needs at least a list of targets"],
    "# only this\n": ["1:1: the file is empty: it needs at least a list of targets"],
    "just a text": [
        "1:1: expected a mapping with runtime, web, defaults, channels, routes, windows, maintenance, targets and others, got a text"
    ],
    "[1, 2]": [
        "1:1: expected a mapping with runtime, web, defaults, channels, routes, windows, maintenance, targets and others, got a list"
    ],
    "targets:\n\t- id: a": [
        "2:1: this is not YAML: found character that cannot start any token: indent with spaces, not with a tab"
    ],
    "targets: [": ["2:1: this is not YAML: did not find expected node content"],
    "targets: []\n---\ntargets: []": ["2:1: a second document starts here: a configuration is one document"],
    "targets: &all [*all]\nchannels: *al\nruntime: &none": [
        "1:16: targets[0]: an alias, and no anchor of its name ends above: put it in quotes if it is a text that begins with *",
        "2:11: channels: an alias, and no anchor of its name ends above: put it in quotes if it is a text that begins with *",
        "3:10: runtime: an anchor without a value: put it in quotes if it is a text that begins with &",
    ],
    "targets: !!python/object/apply:os.system ['true']": [
        "1:10: targets: a tag is not allowed: write the value out, in quotes if it is a text that begins with !"
    ],
    "runtime: {<<: 5}": ['1:11: runtime["<<"]: << takes a mapping, as in <<: *NAME, or a list of mappings'],
    "runtime: {<<: [{debug: 5}, 5]}": [
        '1:11: runtime["<<"]: << takes a mapping, as in <<: *NAME, or a list of mappings',
        "1:24: runtime.debug: expected true or false, got the number 5 (used in line 1)",
    ],
    "runtime: {debug: true, debug: false}": [
        "1:24: runtime.debug: this key stands twice here: keep one (the first is in line 1)"
    ],
    '{"runtime": {"debug": true, "debug": false}}': [
        "1:29: runtime.debug: this key stands twice here: keep one (the first is in line 1)"
    ],
    "? [a]\n: 1": ["1:3: a key must be a plain text, not a list, a mapping or an alias"],
    'targets: "a\x07"': [
        "1:12: the character '\\x07' may not stand in YAML: in double quotes write it as \\x and two digits"
    ],
    # Keys and kinds.
    "endpoints: []": ["1:1: endpoints: unknown key, did you mean targets"],
    "targets: [{id: a, call: {name: f}, condition: [x]}]": [
        "1:36: targets[0].condition: unknown key, did you mean expect"
    ],
    "targets: [{id: a, call: {name: f}, loop: [x]}]": [
        "1:36: targets[0].loop: unknown key, did you mean for_each"
    ],
    "targets: [{id: a, call: {name: f}, extends: x}]": [
        "1:36: targets[0].extends: unknown key, did you mean use"
    ],
    "targets: [{id: a, tcp: 'h:1'}]": [
        "1:24: targets[0].tcp: expected a mapping, got a text: write its keys, like {host: ..., port: ...}"
    ],
    "targets: [{id: a, heartbeat: {cron: '0 3 * * *', tz: UTC}}]": [
        "1:31: targets[0].heartbeat.cron: unknown key, did you mean schedule",
        "1:50: targets[0].heartbeat.tz: unknown key, did you mean zone",
    ],
    "targets: [{id: a, heartbeat: }]": [
        f"1:11: targets[0]: needs exactly one of {PROBE_KINDS}; it has none: heartbeat has no value, write its keys or heartbeat: {{}}"
    ],
    "target: []": ["1:1: target: unknown key, did you mean targets"],
    target("evry: 5s"): ["4:3: targets[0].evry: unknown key, did you mean every"],
    target("every: 30"): ["4:10: targets[0].every: expected a duration, got the number 30: write 30s"],
    target("every: no"): [
        "4:10: targets[0].every: 'no' is no duration: write it like 500ms, 1m30s, 48h or 7d"
    ],
    target("every:"): [
        "4:9: targets[0].every: expected a duration such as 30s, got nothing (null): leave the key out or give it a value"
    ],
    target("paused: yes"): [
        "4:11: targets[0].paused: expected true or false, got the text 'yes': write true"
    ],
    target("notify: ops"): [
        "4:11: targets[0].notify: expected a list, got a text: put it in brackets, [like, this]"
    ],
    target("expect: [5]"): [
        "4:12: targets[0].expect[0]: expected a text, got the number 5: put it in quotes"
    ],
    "targets: [{id: a}]": [f"1:11: targets[0]: needs exactly one of {PROBE_KINDS}; it has none"],
    "targets: [{id: a, mongodb: {url: 'db'}}]": [
        f"1:19: targets[0].mongodb: unknown key (known here: {TARGET_KEYS})"
    ],
    "targets: []\nchannels: [{id: a, pigeon: {url: 'https://h/'}}]": [
        f"2:20: channels[0].pigeon: unknown key (known here: {CHANNEL_KEYS})"
    ],
    "targets: []\nchannels: [{id: a, color: red}]": [
        f"2:12: channels[0]: needs exactly one of {CHANNEL_KINDS}; it has none",
        f"2:20: channels[0].color: unknown key (known here: {CHANNEL_KEYS})",
    ],
    "targets: [{http: {url: 'http://h/'}}]": ["1:11: targets[0]: has no id: it needs a text"],
    "targets: [{name: a, interval: 5s, call: {name: f}}]": [
        "1:11: targets[0]: has no id: it needs a text; its name is for people",
        "1:21: targets[0].interval: unknown key, did you mean every",
    ],
    "targets: [{id: a, owner: b, call: {name: f}}]": [
        f"1:19: targets[0].owner: unknown key (known here: {TARGET_KEYS})"
    ],
    "targets: [{id: a, tags: {team: b}, call: {name: f}}]": [
        "1:19: targets[0].tags: unknown key, did you mean labels"
    ],
    target("every: -5"): [
        "4:10: targets[0].every: -5 is no duration: write a length from 0s to 100 years, like 500ms, 1m30s or 7d"
    ],
    "targets: [{id: a/b, call: {name: f}}]": [
        "1:16: targets[0].id: 'a/b' is no id: 1 to 128 characters, no slash, no control character, no blank at either end, and neither . nor .. alone"
    ],
    "targets: [{id: .., call: {name: f}}]": [
        "1:16: targets[0].id: '..' is no id: 1 to 128 characters, no slash, no control character, no blank at either end, and neither . nor .. alone"
    ],
    "targets: [{id: a, group: shop/../api, call: {name: f}}]": [
        "1:26: targets[0].group: 'shop/../api' is no group: write names with a slash between two of them, like shop/api; no name is empty, . or .., begins or ends with a blank, or holds a control character"
    ],
    "targets: [{id: a, call: {name: f, kind: tcp}}]": [
        "1:35: targets[0].call.kind: unknown key (known here: name)"
    ],
    "targets: [{id: a, tcp: {host: h, port: '80'}}]": [
        "1:40: targets[0].tcp.port: expected a whole number, got the text '80': write it without quotes"
    ],
    "targets: [{id: a, tcp: {host: h, port: 70000}}]": [
        "1:40: targets[0].tcp.port: 70000 is out of range: it may be 1 to 65,535"
    ],
    "targets: [{id: a, http: {url: 'http://[1.2.3.4]/'}}]": [
        "1:31: targets[0].http.url: has a host that is no IPv6 address, though it is written like one: give an IPv4 address or a name without colons and brackets"
    ],
    "targets: [{id: a, tcp: {host: '1:2:3', port: 80}}]": [
        "1:31: targets[0].tcp.host: is no IPv6 address, though it is written like one: give an IPv4 address or a name without colons and brackets"
    ],
    "targets: [{id: a, http: {url: 'http://a/', headers: [[a, b]], cookies: [a=b]}}]": [
        "1:72: targets[0].http.cookies: expected a mapping, got a list: write each name with its value, {name: value}"
    ],
    "targets: [{id: a, http: {url: 5, headers: [[a, b]]}}]": [
        "1:31: targets[0].http.url: expected a text, got a number: put it in quotes"
    ],
    "targets: [{id: a, http: {url: 'http://a/', headers: [[a, 5]]}}]": [
        "1:58: targets[0].http.headers[0][1]: expected a text, got a number: put it in quotes"
    ],
    "targets: [{id: a, http: {url: 'https://a/', versions: [1.1, 2]}}]": [
        "1:56: targets[0].http.versions[0]: expected one of 1.0, 1.1, 2, 3, got the number 1.1: put it in quotes",
        "1:61: targets[0].http.versions[1]: expected one of 1.0, 1.1, 2, 3, got the number 2: put it in quotes",
    ],
    "targets: [{id: a, http: {url: 'https://a/', versions: ['1.0', 2]}}]": [
        "1:63: targets[0].http.versions[1]: expected one of 1.0, 1.1, 2, 3, got the number 2: put it in quotes"
    ],
    "targets: [{id: a, ping: {host: h}}]": ["1:19: targets[0].ping: unknown key, did you mean icmp"],
    "targets: [{id: a, http: {url: 'http://a/', prefer_ipv4: true}}]": [
        "1:44: targets[0].http.prefer_ipv4: unknown key, did you mean address_family"
    ],
    # Names.
    "targets: [{id: a, call: {name: f}}, {id: a, call: {name: f}}]": [
        "1:42: targets[1].id: the id 'a' stands twice, first at targets[0]: rename one"
    ],
    "targets: [{id: a, call: {name: f}}, {id: b, call: {name: f}, renamed_from: [a]}]": [
        "1:77: targets[1].renamed_from[0]: 'a' is the id of targets[0]: only a name that no target has any more can be continued"
    ],
    "targets: [{id: a, call: {name: f}, renamed_from: [a]}]": [
        "1:51: targets[0].renamed_from[0]: 'a' is the id of targets[0]: only a name that no target has any more can be continued"
    ],
    "targets: [{id: a, call: {name: f}, renamed_from: [o]}, {id: b, call: {name: f}, renamed_from: [o]}]": [
        "1:96: targets[1].renamed_from[0]: targets[0] was renamed from 'o' already: one target continues it, so remove one"
    ],
    "targets: [{id: a, call: {name: f}, renamed_from: [o, o]}]": [
        "1:54: targets[0].renamed_from[1]: targets[0] was renamed from 'o' already: one target continues it, so remove one"
    ],
    "channels: [{id: ops, log: {}}]\n" + target("notify: [oops]"): [
        "5:12: targets[0].notify[0]: there is no channel 'oops', did you mean ops (known: ops)"
    ],
    # Times.
    target("every: 1ms"): ["4:10: targets[0].every: 1ms is out of range: write 10ms to 8784h"],
    target("every: 1s\n  timeout: 2s"): [
        "5:12: targets[0].timeout: 2s is longer than every 1s: write 1s or less"
    ],
    target("every: 1s\n  timeout: 5s"): [
        "5:12: targets[0].timeout: 5s is longer than every 1s: write 1s or less"
    ],
    "defaults: {every: 1s, timeout: 5s}\n" + target("paused: true"): [
        "1:32: defaults.timeout: 5s is longer than every 1s: write 1s or less"
    ],
    target("every: 1s1m"): [
        (
            "4:10: targets[0].every: '1s1m' is no duration: units go from large to small, each once; "
            "write it like 500ms, 1m30s, 48h or 7d"
        )
    ],
    # Conditions.
    target('expect: ["[STATU] == 200"]'): [
        (
            "4:12: targets[0].expect[0]: [STATU] == 200: character 1: there is no placeholder [STATU]: "
            "did you mean [STATUS]? (for the text itself write pat(\\[STATU]*))"
        )
    ],
    "targets: [{id: a, tcp: {host: h, port: 1}, expect: ['[STATUS] == 200']}]": [
        "1:53: targets[0].expect[0]: a probe of tcp gives no [STATUS]: it gives [BODY], [CONNECTED], [IP], [RESPONSE_TIME]"
    ],
    "targets: [{id: a, heartbeat: {}, expect: ['[STATUS] == 200']}]": [
        "1:43: targets[0].expect[0]: a probe of heartbeat gives no [STATUS]: it gives [RUN_TIME]"
    ],
    # Rules.
    rule("kind: consecutiv"): [
        (
            f"4:25: targets[0].rules[0].kind: 'consecutiv' is no kind: it is one of {RULE_KINDS}, "
            "did you mean consecutive"
        )
    ],
    rule("after: 3"): [f"4:11: targets[0].rules[0]: has no kind: it is one of {RULE_KINDS}"],
    target("rules: [3, {kind: no_data, id: r}, {kind: no_data, id: r}]"): [
        "4:11: targets[0].rules[0]: expected a mapping, got a number",
        "4:58: targets[0].rules[2].id: the id 'r' stands twice, first at rules[1]: rename one",
    ],
    rule("kind: consecutive, severity: criticl"): [
        "4:48: targets[0].rules[0].severity: 'criticl' is not one of info, warning, critical, did you mean critical"
    ],
    rule("kind: threshold, value: .nan"): [
        "4:43: targets[0].rules[0].value: .nan is no finite number: write a number, or put it in quotes if it is a text"
    ],
    rule("kind: threshold, measure: status, operator: <, value: 48h"): [
        "4:73: targets[0].rules[0].value: 48h is a duration, and 'status' is not measured in time: write a number"
    ],
    rule("kind: threshold, value: 6s"): [
        (
            "4:43: targets[0].rules[0].value: response_time > 6s can never be true: response_time is at most 5000 ms "
            "(the timeout is 5s); choose another value or operator"
        )
    ],
    rule("kind: threshold, value: 1, window: [5]"): [
        "4:54: targets[0].rules[0].window: expected a duration such as 30s or a whole number, got a list"
    ],
    rule("kind: threshold, value: 6000"): [
        (
            "4:43: targets[0].rules[0].value: response_time > 6000 can never be true: response_time is at most 5000 ms "
            "(the timeout is 5s); choose another value or operator"
        )
    ],
    rule("kind: threshold, measure: status, operator: '>=', value: 0"): [
        (
            "4:76: targets[0].rules[0].value: status >= 0 is always true: status is never below 0; "
            "choose another value or operator"
        )
    ],
    rule("kind: threshold, measure: dnss, value: 5"): [
        (
            "4:45: targets[0].rules[0].measure: a target of http is not measured by 'dnss': it has response_time, dns, connect, "
            "tls, first_byte, transfer, status, certificate_expiration, availability, did you mean dns"
        )
    ],
    rule("kind: threshold, value: 5, mode: rate_of_change"): [
        "4:11: targets[0].rules[0].window: a change needs two samples: write window: 2 or more"
    ],
    rule("kind: threshold, value: 5, mode: rate_of_change, window: 30s"): [
        "4:76: targets[0].rules[0].window: holds one sample at most, and a change needs two: write more than every 30s"
    ],
    rule("kind: no_data, after: 30s"): [
        "4:41: targets[0].rules[0].after: would always fire: samples come every 30s; write more than that, or leave it out"
    ],
    # The outside.
    "targets: [{id: a, http: {url: 'htp://h/'}}]": [
        "1:31: targets[0].http.url: has the scheme 'htp': only http and https are possible, did you mean http"
    ],
    "targets: [{id: a, http: {url: 'http://me:pw@h/'}}]": [
        "1:31: targets[0].http.url: holds a user name or a password: write them under basic_auth or in a header"
    ],
    'targets: [{id: a, http: {url: "http://h/\\r\\nX: y"}}]': [
        "1:31: targets[0].http.url: holds a blank, a line end or another control character: write %20 for a blank"
    ],
    "targets: [{id: a, http: {url: 'http://h/', headers: {X-A: \"b\\nc\"}}}]": [
        "1:59: targets[0].http.headers.X-A: holds a line end or another control character: remove it"
    ],
    "targets: [{id: a, http: {url: 'http://h/', method: get}}]": [
        "1:52: targets[0].http.method: 'get' is no method: write it in capital letters, like GET"
    ],
    "targets: [{id: a, http: {url: 'http://h/', method: GETT}}]": [
        (
            "1:52: targets[0].http.method: 'GETT' is no known method, did you mean GET (known: GET, HEAD, POST, PUT, PATCH, "
            "DELETE, OPTIONS, TRACE, QUERY, PURGE, PROPFIND, PROPPATCH, MKCOL, MKCALENDAR, COPY, MOVE, LOCK, UNLOCK, REPORT, "
            "SEARCH)"
        )
    ],
    "targets: [{id: a, tcp: {host: 'h:80', port: 80}}]": [
        "1:31: targets[0].tcp.host: holds a port or brackets: write the name or the address alone, and the port under port"
    ],
    "targets: [{id: a, exec: {argv: [ls]}}]": [
        "1:25: targets[0].exec: programs may not be run: set allow_exec to true under runtime to let this one"
    ],
    # A consequence of another problem is not reported.
    target("every: 300\n  timeout: 60s"): [
        "4:10: targets[0].every: expected a duration, got the number 300: write 300s"
    ],
    "channels: [5]\n" + target("notify: [ops]"): [
        (f"1:12: channels[0]: expected a mapping with {FIRST_CHANNEL_KEYS} and others, got a number"),
    ],
}


@pytest.mark.parametrize(("text", "lines"), FILES.items(), ids=range(len(FILES)))
def test_a_bad_file_is_answered_with_exactly_these_lines(text, lines, tmp_path):
    assert problems_in(text, tmp_path) == lines


def test_every_problem_of_a_file_is_reported_at_once_in_order(tmp_path):
    text = (
        "runtime: {stor: x}\n"
        "defaults: {every: 30}\n"
        "channels: [{id: ops, webhook: {url: 'ftp://h/', secret: '${MISSING}'}}]\n"
        "targets:\n"
        "- {id: a, id: b, http: {url: 'http://h/', tls: {ca_file: no.pem}}, expect: ['[STATUS] <'], notify: [opps]}\n"
        "- *gone\n"
        "- {id: a, tcp: {host: h, port: 0}}\n"
    )
    lines = problems_in(text, tmp_path)
    places = [line.split(" ")[1] for line in lines]
    assert places == [
        "runtime.stor:",
        "defaults.every:",
        "channels[0].webhook.url:",
        "channels[0].webhook.secret:",
        "targets[0].id:",
        "targets[0].http.tls.ca_file:",
        "targets[0].expect[0]:",
        "targets[0].notify[0]:",
        "targets[1]:",
        "targets[2].id:",
        "targets[2].tcp.port:",
    ]


def test_a_flood_of_problems_is_cut_and_counted(tmp_path):
    text = "targets:\n" + "- {id: a, call: {name: f}}\n" * 1_502
    lines = problems_in(text, tmp_path)
    assert len(lines) == 1_001
    assert lines[-1] == "and 501 more problems"


def test_a_flood_of_keys_that_stand_twice_is_cut_and_counted(tmp_path):
    text = "targets:\n" + "- {id: a, id: b, call: {name: f}}\n" * 1_502
    lines = problems_in(text, tmp_path)
    assert len(lines) == 1_001
    assert lines[-1] == "and 2,003 more problems"


def test_a_flood_of_problems_in_python_is_cut_and_counted():
    bad = [Target(id=f"t{number}", every="0s", call=Call(name="f")) for number in range(5_000)]
    with pytest.raises(ConfigurationError) as refused, Runtime(targets=bad, callables={"f": print}):
        pass
    assert len(refused.value.problems) == 1_001
    assert refused.value.problems[0].startswith("targets[0].every: ")
    assert refused.value.problems[-1] == "and 4,000 more problems"
    assert str(refused.value).count("\n") == 1_000


def test_a_problem_of_a_default_is_reported_once(tmp_path):
    text = "defaults: {every: 5 s}\ntargets:\n" + "".join(
        f"- {{id: t{n}, call: {{name: f}}}}\n" for n in range(5)
    )
    assert len(problems_in(text, tmp_path)) == 1


def test_a_value_in_a_secret_place_is_never_shown(tmp_path):
    text = (
        "channels: [{id: ops, webhook: {url: 'http://h/', secret: 123456789, headers: {A: 987654321}}}]\n"
        "targets: [{id: a, http: {url: 'gopher://hidden/', bearer: [hidden], basic_auth: {user: u, password: 5551234}}}]"
    )
    lines = "\n".join(problems_in(text, tmp_path))
    assert len(lines.splitlines()) >= 4
    for value in ("123456789", "987654321", "hidden", "5551234"):
        assert value not in lines
