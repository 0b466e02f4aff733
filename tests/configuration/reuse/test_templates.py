"""Templates, loops and default keys: what a target gets from them, and the places of problems in them."""

import pytest
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain import limits
from watchkeeper.domain.errors import ConfigurationError


def read(text, folder, environment=None):
    return parse_configuration(text, environment or {}, name="w", folder=folder)


def problems_in(text, folder):
    with pytest.raises(ConfigurationError) as caught:
        read(text, folder)
    return list(caught.value.problems)


TEMPLATES = """\
defaults: {every: 9s, http: {follow_redirects: false, headers: {A: default, D: default}}}
templates:
  base: {every: 30s, timeout: 3s, http: {headers: {A: base, B: base}}}
  api:
    use: base
    http: {url: "http://api/", headers: {B: api, C: api}}
    rules: [{id: down, kind: consecutive, after: 2}]
  slow: {every: 5m, rules: []}
targets:
"""


def test_a_target_goes_before_its_templates_and_these_before_the_defaults(tmp_path):
    text = TEMPLATES + "  - {id: a, use: api, http: {headers: {C: own}}}\n"
    (target,) = read(text, tmp_path).targets
    assert (target.every, target.timeout, target.http.follow_redirects) == ("30s", "3s", False)
    assert dict(target.http.headers) == {"A": "base", "B": "api", "C": "own", "D": "default"}
    assert [rule.after for rule in target.rules] == [2]


def test_a_later_template_goes_before_an_earlier_one(tmp_path):
    text = TEMPLATES + "  - {id: a, use: [api, slow]}\n  - {id: b, use: [slow, api]}\n"
    a, b = read(text, tmp_path).targets
    assert (a.every, a.rules) == ("5m", ())
    assert (b.every, len(b.rules)) == ("30s", 1)
    assert a.http == b.http


def test_defaults_of_http_are_for_targets_with_http_alone(tmp_path):
    text = TEMPLATES + "  - {id: a, http: {url: 'http://h/'}}\n  - {id: b, tcp: {host: h, port: 1}}\n"
    a, b = read(text, tmp_path).targets
    assert dict(a.http.headers) == {"A": "default", "D": "default"}
    assert (a.every, b.every, b.http) == ("9s", "9s", None)


def test_default_conditions_are_for_probes_that_can_be_judged_by_them(tmp_path):
    text = (
        "defaults: {expect: ['[STATUS] == 200', '[RESPONSE_TIME] < 300']}\n"
        "targets:\n"
        "  - {id: http, http: {url: 'http://h/'}}\n"
        "  - {id: tcp, tcp: {host: h, port: 1}}\n"
        "  - {id: own, http: {url: 'http://h/'}, expect: []}\n"
        "  - {id: job, heartbeat: {}}\n"
        "  - {id: call, call: {name: f}}\n"
    )
    assert [target.expect for target in read(text, tmp_path).targets] == [
        ("[STATUS] == 200", "[RESPONSE_TIME] < 300"),
        ("[RESPONSE_TIME] < 300",),
        (),
        (),
        (),
    ]


def test_default_warnings_are_for_targets_on_which_they_mean_something(tmp_path):
    text = (
        "defaults: {warn: ['[STATUS] == 200', '[RESPONSE_TIME] < 300']}\n"
        "templates: {strict: {expect: ['[RESPONSE_TIME] < 300']}}\n"
        "targets:\n"
        "  - {id: http, http: {url: 'http://h/'}}\n"
        "  - {id: tcp, tcp: {host: h, port: 1}}\n"
        "  - {id: none, http: {url: 'http://h/'}, warn: []}\n"
        "  - {id: own, http: {url: 'http://h/'}, warn: ['[STATUS] == 204']}\n"
        "  - {id: strict, use: strict, http: {url: 'http://h/'}}\n"
        "  - {id: closed, tcp: {host: h, port: 1}, upside_down: true}\n"
        "  - {id: job, heartbeat: {}}\n"
        "  - {id: all, composite: {worst_of: [http]}}\n"
    )
    assert [target.warnings for target in read(text, tmp_path).targets] == [
        ("[STATUS] == 200", "[RESPONSE_TIME] < 300"),
        ("[RESPONSE_TIME] < 300",),
        (),
        ("[STATUS] == 204",),
        ("[STATUS] == 200",),
        (),
        (),
        (),
    ]


def test_a_default_condition_is_left_out_where_no_answer_gives_its_fact(tmp_path):
    text = (
        "defaults: {expect: ['[BODY] == ok', '[RESPONSE_TIME] < 300'], warn: ['[CERTIFICATE_EXPIRATION] > 14d']}\n"
        "templates: {plain: {http: {follow_redirects: false}}}\n"
        "targets:\n"
        "  - {id: plain, use: plain, http: {url: 'http://h/'}}\n"
        "  - {id: redirected, http: {url: 'http://h/'}}\n"
        "  - {id: head, http: {url: 'HTTPS://h/', method: HEAD, follow_redirects: false}}\n"
        "  - {id: silent, tcp: {host: h, port: 1}}\n"
        "  - {id: spoken, tcp: {host: h, port: 1, send: hello}}\n"
    )
    body, quick, certain = "[BODY] == ok", "[RESPONSE_TIME] < 300", "[CERTIFICATE_EXPIRATION] > 14d"
    assert [(target.expect, target.warnings) for target in read(text, tmp_path).targets] == [
        ((body, quick), ()),
        ((body, quick), (certain,)),
        ((quick,), (certain,)),
        ((quick,), ()),
        ((body, quick), ()),
    ]


def test_a_faulty_default_warning_is_told_where_it_stands(tmp_path):
    text = (
        "defaults: {warn: ['[RESPONSE_TIME] < 300', '[STATUS] == 999999', '[STATS] == 1']}\n"
        "targets: [{id: a, http: {url: 'http://h/'}, expect: ['[RESPONSE_TIME] < 300']}]"
    )
    places = [line.partition(": ")[0] for line in problems_in(text, tmp_path)]
    assert places == ["w:1:44", "w:1:66"]


def test_a_faulty_default_condition_is_told_once_and_where_it_stands(tmp_path):
    text = (
        "defaults: {expect: ['[STATUS] == 200', '[RESPONSE_TIME] < 3x0', '[STATS] == 1']}\n"
        "targets: [{id: a, http: {url: 'http://h/'}}, {id: b, tcp: {host: h, port: 1}}, {id: c, http: {url: 'http://h/'}}]"
    )
    places = [line.partition(": ")[0] for line in problems_in(text, tmp_path)]
    assert places == ["w:1:40", "w:1:65"]


def test_a_loop_fills_every_text_and_gives_it_the_type_of_its_place(tmp_path):
    text = (
        "templates: {db: {tcp: {host: '${each.host}', port: '${each.port}'}, paused: '${each.off}', labels: {n: '${each.port}'}}}\n"
        "targets:\n"
        "  - use: db\n"
        "    for_each: [{host: a, port: 5432, off: true}, {host: b, port: '5433', off: false}]\n"
        "    id: db-${each.host}\n"
        "    description: costs $${each.port} or ${HOME_OF_${each.host}:-nothing}\n"
    )
    a, b = read(
        text.replace("${HOME_OF_${each.host}:-nothing}", "${NAME}"), tmp_path, {"NAME": "${each}"}
    ).targets
    assert (a.id, a.tcp.host, a.tcp.port, a.paused, a.labels) == ("db-a", "a", 5432, True, (("n", "5432"),))
    assert (b.id, b.tcp.host, b.tcp.port, b.paused) == ("db-b", "b", 5433, False)
    assert a.description == "costs ${each.port} or ${each}"


def test_the_kind_of_a_rule_in_a_template_may_come_from_a_loop_or_a_variable(tmp_path):
    text = (
        "templates: {t: {call: {name: f}, rules: [{id: r, kind: '${each.kind}'}, {id: s, kind: '${KIND}'}]}}\n"
        "targets: [{use: t, for_each: [{kind: consecutive}], id: '${each.kind}'}]"
    )
    (target,) = read(text, tmp_path, {"KIND": "no_data"}).targets
    assert [type(rule).__name__ for rule in target.rules] == ["Consecutive", "NoData"]


def test_an_entry_may_name_a_variable(tmp_path):
    text = "targets: [{for_each: ['${A}', b], id: '${each}', call: {name: f}}]"
    assert [target.id for target in read(text, tmp_path, {"A": "a"}).targets] == ["a", "b"]


def test_a_template_may_have_the_loop(tmp_path):
    text = "templates: {t: {for_each: [1, 2], id: 'n${each}', call: {name: f}}}\ntargets: [{use: t}]"
    assert [target.id for target in read(text, tmp_path).targets] == ["n1", "n2"]


PROBLEMS = {
    # In a template, with the use.
    "templates: {t: {http: {url: 'htp://h/'}}}\ntargets:\n - {id: a, use: t}\n - {id: b, use: t}": [
        "w:1:29: templates.t.http.url: has the scheme 'htp': only http and https are possible, did you mean http (used in line 3 and 1 more time)"
    ],
    # In a loop, with the entry.
    "targets:\n - {for_each: [a, a b], id: '${each}', http: {url: 'http://${each}/'}}": [
        "w:2:52: targets[0].http.url: holds a blank, a line end or another control character: write %20 for a blank (for_each[1])"
    ],
    "templates: {t: {call: {name: f}}}\ntargets:\n - {for_each: [a, a], use: t, id: '${each}'}": [
        (
            "w:3:35: targets[0].id: the id 'a' stands twice, first at for_each[0] of the same loop: let ${each} make an id of its "
            "own of each entry (for_each[1])"
        )
    ],
    # In a part that nothing uses.
    "templates: {t: {evry: 1s, timeout: 5, tcp: {port: 0}}}\ntargets: []": [
        "w:1:17: templates.t.evry: unknown key, did you mean every",
        "w:1:36: templates.t.timeout: expected a duration, got the number 5: write 5s",
        "w:1:51: templates.t.tcp.port: 0 is out of range: it may be 1 to 65,535",
    ],
    "defaults: {http: {folow: 1, url: x}}\ntargets: []": [
        "w:1:19: defaults.http.folow: unknown key",
        "w:1:29: defaults.http.url: each target has a url of its own: write it there",
    ],
    # Names.
    "templates: {api: {call: {name: f}}}\ntargets: [{id: a, use: '${API}'}, {for_each: [api], use: ['${each}'], id: b}]": [
        "w:2:24: targets[0].use: takes neither variables nor ${each}: write the name of the template",
        "w:2:59: targets[1].use[0]: takes neither variables nor ${each}: write the name of the template",
    ],
    "templates: {api: {call: {name: f}}}\ntargets: [{id: a, use: apj}, {id: b, use: [api, 5], evry: 1s}]": [
        "w:2:24: targets[0].use: there is no template 'apj', did you mean api",
        "w:2:49: targets[1].use[1]: expected the name of a template, or a list of names",
        "w:2:53: targets[1].evry: unknown key, did you mean every",
    ],
    "templates: {a: {use: b}, b: {use: c}, c: {use: a}}\ntargets: [{id: a, use: a}]": [
        "w:1:48: templates.c.use: goes round in a circle: 'a' uses 'b' uses 'c' uses 'a'"
    ],
    "templates: {a: 5}\ntargets: []": ["w:1:16: templates.a: expected a mapping with keys of a target"],
    "templates: 5\ntargets: []": ["w:1:12: templates: expected a mapping of templates by name"],
    "targets: [{id: a, uses: b}]": ["w:1:19: targets[0].uses: unknown key, did you mean use"],
    # Loops.
    "targets: [{for_each: [], id: a, call: {name: f}}]": [
        "w:1:22: targets[0].for_each: is empty, so that no target is made: write entries, or leave the target out"
    ],
    "targets: [{for_each: a, id: a, call: {name: f}}]": [
        "w:1:22: targets[0].for_each: expected a list of texts or of mappings, of which each makes one target"
    ],
    "targets: [{for_each: [[], {a: []}, {a b: c}], id: a, call: {name: f}}]": [
        "w:1:23: targets[0].for_each[0]: expected a text, a number or a mapping of these",
        "w:1:31: targets[0].for_each[1].a: expected a text or a number",
        'w:1:37: targets[0].for_each[2]["a b"]: is no name for ${each.NAME}: write letters, digits, - and _',
    ],
    "targets: [{for_each: [a], id: '${each.b}', call: {name: '${each}'}}]": [
        "w:1:31: targets[0].id: ${each.b} names a key, and the entry of for_each is a text: write ${each} (for_each[0])"
    ],
    "targets: [{for_each: [{host: a}], id: '${each}', call: {name: '${each.hots}'}}]": [
        "w:1:39: targets[0].id: ${each} is a mapping here: write ${each.KEY} with one of its keys (for_each[0])",
        "w:1:63: targets[0].call.name: the entry of for_each has no key 'hots', did you mean host (for_each[0])",
    ],
    "targets: [{for_each: [a], id: a, call: {name: f}, labels: {'${each}': b}}]": [
        'w:1:60: targets[0].labels["${each}"]: a key takes no ${each}: it stands in values alone (for_each[0])',
    ],
    "targets: [{id: '${each}', call: {name: '${each.a}'}}]": [
        "w:1:16: targets[0].id: ${each} stands outside of a target with for_each: write the value",
        "w:1:40: targets[0].call.name: ${each.a} stands outside of a target with for_each: write the value",
    ],
}


@pytest.mark.parametrize(("text", "lines"), PROBLEMS.items(), ids=range(len(PROBLEMS)))
def test_a_problem_names_the_place_of_the_value_and_of_its_use(text, lines, tmp_path):
    told = problems_in(text, tmp_path)
    assert [line.partition(" (known here")[0] for line in told[: len(lines)]] == lines
    rest = told[len(lines) :]
    assert not [line for line in rest if "label" not in line]


def test_a_template_that_several_problems_have_in_common_is_told_once(tmp_path):
    text = (
        "templates: {t: {every: 5}}\ntargets: ["
        + ", ".join(f"{{id: a{n}, use: t, call: {{name: f}}}}" for n in range(100))
        + "]"
    )
    assert problems_in(text, tmp_path) == [
        "w:1:24: templates.t.every: expected a duration, got the number 5: write 5s (used in line 2)"
    ]


def test_a_fault_of_many_targets_leaves_room_for_the_others(tmp_path):
    """It counts once towards the problems that are told, however many targets have it."""
    loop = "{for_each: [" + ",".join(map(str, range(2_000))) + "], id: 'a${each}', use: t}"
    text = (
        f"templates: {{t: {{http: {{url: 'htp://h/'}}}}}}\ntargets: [{loop}, {{id: b, call: {{name: ''}}}}]"
    )
    first, second = problems_in(text, tmp_path)
    assert first.endswith("did you mean http (used in line 2, for_each[0] and 1,999 more times)")
    assert "targets[1].call.name: is empty" in second


def chain(length):
    """Templates of which each uses the two before it."""
    uses = "".join(f"  t{n}: {{use: [t{n - 1}, t{max(0, n - 2)}]}}\n" for n in range(1, length))
    return f"templates:\n  t0: {{call: {{name: f}}}}\n{uses}"


def test_templates_use_templates_over_a_few_levels(tmp_path):
    text = f"{chain(9)}targets: [{{id: a, use: t8}}]"
    assert read(text, tmp_path).targets[0].call.name == "f"
    many = problems_in(f"{chain(40)}targets: [{{id: a, use: t39}}]", tmp_path)
    assert many
    assert all("templates use each other over 10 levels at most" in line for line in many)


BIG = "labels: {" + ", ".join(f"k{n}: v" for n in range(30)) + "}"
LONG = f"description: {'x' * 1_000}"
USER = "{id: a, use: t, call: {name: f}}"


def looping(entries, *keys):
    return f"{{for_each: [{entries}], {', '.join(keys)}}}"


def listed(*targets, before=""):
    return f"{before}\ntargets: [{', '.join(targets)}]"


TWICE = looping("1," * 60, "id: 'a${each}'", "call: {name: f}")
OVER = [
    ("TARGETS_MAX", 100, listed(looping("1," * 101, "id: a")), "for_each: has 101 entries: 100 is the most"),
    ("TARGETS_MAX", 100, listed(TWICE, TWICE), "make 120 targets: 100 are the most in one runtime"),
    (
        "CONFIGURATION_NODES_MAX",
        2_000,
        listed(*[USER] * 70, before=f"templates: {{t: {{{BIG}}}}}"),
        "make 2,016 values",
    ),
    (
        "CONFIGURATION_NODES_MAX",
        2_000,
        listed(looping("1," * 60, "id: a", "call: {name: f}", BIG)),
        "values: 2,000 are",
    ),
    (
        "CONFIGURATION_BYTES_MAX",
        1 << 20,
        listed(
            looping(("x" * 1_000 + ",") * 60, "id: a", "call: {name: f}", f"description: '{'${each}' * 20}'")
        ),
        "characters: 1 MiB are the most in one configuration",
    ),
    (
        "CONFIGURATION_BYTES_MAX",
        1 << 20,
        listed(*[USER] * 1_100, before=f"templates: {{t: {{{LONG}}}}}"),
        "characters: 1 MiB are the most in one configuration",
    ),
    (
        "CONFIGURATION_NODES_MAX",
        5_000,
        listed(
            *["{id: a, http: {url: 'http://h/'}}"] * 170, before=f"defaults: {{http: {{headers: {BIG[8:]}}}}}"
        ),
        "values: 5,000 are the most in one configuration",
    ),
]


@pytest.mark.parametrize(("cap", "most", "text", "said"), OVER, ids=range(len(OVER)))
def test_reuse_is_counted_before_anything_is_made(cap, most, text, said, tmp_path, monkeypatch):
    assert not [line for line in problems_in(text, tmp_path) if said in line]
    monkeypatch.setattr(limits, cap, most)
    (told,) = problems_in(text, tmp_path)
    assert said in told


def test_a_bomb_of_templates_and_loops_is_refused_by_its_count(tmp_path):
    """Written out it had a hundred million values, more than the memory of many a machine holds."""
    headers = ", ".join(f"k{n}: v" for n in range(2_000))
    template = f"templates: {{t: {{http: {{url: 'http://h/', headers: {{{headers}}}}}}}}}"
    loop = looping("1," * 50_000, "use: t", "id: a")
    (problem,) = problems_in(listed(loop, before=template), tmp_path)
    assert "templates and loops up to here make 100," in problem
