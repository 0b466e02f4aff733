"""A problem hides no other and brings no other with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junk import JUNK
from msgspec.structs import replace
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.specification.channel import Channel, Log, Webhook
from watchkeeper.domain.specification.configuration import Configuration, Defaults, RuntimeOptions
from watchkeeper.domain.specification.probe import BasicAuth, Exec, Heartbeat, Http, Tcp, Tls
from watchkeeper.domain.specification.rule import NoData, Threshold
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.validation.partial import judged, judged_target

HTTP = "http: {url: 'http://h/'}"
HTTPS = "http: {url: 'https://h/'}"


def places_in(text, folder):
    """Where the problems are, in the order of the file."""
    try:
        parse_configuration(text, {}, name="w", folder=folder)
    except ConfigurationError as error:
        return [line.split(" ")[1].removesuffix(":") for line in error.problems]
    return []


FAULTY = {
    f"{HTTP}, evry: 5s, notify: [opss]": ["evry", "notify[0]"],
    f"{HTTP}, paused: 5, every: 1ms": ["paused", "every"],
    f"{HTTP}, paused: 5, every: 1s, timeout: 3s": ["paused", "timeout"],
    f"{HTTP}, paused: 5, expect: ['[STATU] == 1', 5, '[STATUS] <']": [
        "paused", "expect[0]", "expect[1]", "expect[2]"
    ],
    "http: {url: 'htp://h/', methd: GET}": ["http.url", "http.methd"],
    "http: {headers: {'a(b': c}}": ["http", 'http.headers["a(b"]'],
    "http: {url: 'htp://h/', basic_auth: {user: 'a:b'}}": [
        "http.url", "http.basic_auth", "http.basic_auth.user"
    ],
    "tcp: {port: 0}, every: 1ms": ["tcp", "tcp.port", "every"],
    f"{HTTP}, tcp: {{host: h, port: 0}}, every: 1ms": ["", "tcp.port", "every"],
    "paused: 5, notify: [opss]": ["", "paused", "notify[0]"],
    "url: 'http://h/', every: 1ms": ["", "url", "every"],
    f"{HTTP}, rules: [{{id: r, kind: threshold, measure: dnss, value: 5, severty: info}}]": [
        "rules[0].measure", "rules[0].severty"
    ],
    f"{HTTP}, rules: [{{id: r, kind: threshold}}, 5, {{id: r, kind: no_data, after: 1s}}]": [
        "rules[0]", "rules[1]", "rules[2].id", "rules[2].after"
    ],
    f"{HTTP}, every: 1ms, rules: 5, notify: opss": ["every", "rules", "notify"],
    "exec: {argv: [5]}": ["exec", "exec.argv[0]"],
    "exec: {argv: [ls], directry: x}": ["exec", "exec.directry"],
    "heartbeat: {grase: 5m}, expect: ['[STATUS] == 1']": ["heartbeat.grase", "expect[0]"],
}  # fmt: skip


def _file(targets):
    rows = "".join(f"- {{id: t{at}, {rest}}}\n" for at, rest in enumerate(targets))
    return f"channels: [{{id: ops, log: {{}}}}]\ntargets:\n{rows}"


def _places(at, rest):
    return [f"targets[{at}].{place}".removesuffix(".") for place in FAULTY[rest]]


@pytest.mark.parametrize("rest", FAULTY, ids=range(len(FAULTY)))
def test_every_further_mistake_of_a_target_is_reported_too(rest, tmp_path):
    assert places_in(_file([rest]), tmp_path) == _places(0, rest)


@given(st.lists(st.sampled_from([*FAULTY]), min_size=1, max_size=8))
def test_each_target_has_the_same_problems_beside_any_others(tmp_path_factory, targets):
    expected = [place for at, rest in enumerate(targets) for place in _places(at, rest)]
    assert places_in(_file(targets), tmp_path_factory.getbasetemp()) == expected


def test_channels_and_runtime_are_judged_beside_a_broken_target(tmp_path):
    text = (
        "runtime: {grace: 999d, debg: true}\n"
        "channels: [{id: ops, webhook: {url: 'ftp://h/', tineout: 5s}}, {id: ops, log: {}, min_severity: hm}]\n"
        "targets: [5]\n"
    )
    assert places_in(text, tmp_path) == [
        "runtime.grace",
        "runtime.debg",
        "channels[0].webhook.url",
        "channels[0].webhook.tineout",
        "channels[1].id",
        "channels[1].min_severity",
        "targets[0]",
    ]


ALONE = {
    # A channel that cannot be read may be the one that is named.
    "a channel with an unknown key": f"channels: [{{id: ops, lgo: {{}}}}]\ntargets: [{{id: a, {HTTP}, notify: [ops]}}]",
    "a channel without id": f"channels: [{{log: {{}}}}]\ntargets: [{{id: a, {HTTP}, notify: [ops]}}]",
    "channels misspelt": f"chanels: [{{id: ops, log: {{}}}}]\ntargets: [{{id: a, {HTTP}, notify: [ops]}}]",
    "channels that are no list": f"channels: {{ops: 1}}\ntargets: [{{id: a, {HTTP}, notify: [ops]}}]",
    # Programs are not refused where `allow_exec` itself cannot be read.
    "allow_exec": "runtime: {allow_exec: yes}\ntargets: [{id: a, exec: {argv: [ls]}}]",
    "runtime by another name": "settings: {allow_exec: true}\ntargets: [{id: a, exec: {argv: [ls]}}]",
    "runtime misspelt": "runtme: {allow_exec: true}\ntargets: [{id: a, exec: {argv: [ls]}}]",
    # An unknown length is neither too short nor too long.
    "every misspelt": f"targets: [{{id: a, {HTTP}, evry: 1h, timeout: 60s}}]",
    "every by another name": f"targets: [{{id: a, {HTTP}, interval: 1h, timeout: 60s}}]",
    "every of the defaults": f"defaults: {{every: 3600}}\ntargets: [{{id: a, {HTTP}, timeout: 60s}}]",
    "defaults misspelt": f"defalts: {{every: 1h}}\ntargets: [{{id: a, {HTTP}, timeout: 60s}}]",
    "every that is no duration": f"targets: [{{id: a, {HTTP}, every: 1 h, retry_every: 50s, timeout: 60s}}]",
    "a silence": f"targets: [{{id: a, {HTTP}, every: 10, rules: [{{id: r, kind: no_data, after: 20s}}]}}]",
    "a window": (
        f"targets: [{{id: a, {HTTP}, every: 1,"
        " rules: [{id: r, kind: threshold, value: 5, window: 5s, mode: rate_of_change}]}]"
    ),
    "timeout": f"targets: [{{id: a, {HTTP}, timeout: 20, rules: [{{id: r, kind: threshold, value: 6000}}]}}]",
    # Rules that would be something else if they were read.
    "measure": f"targets: [{{id: a, {HTTP}, rules: [{{id: r, kind: threshold, measre: tls, value: -1}}]}}]",
    "operator": f"targets: [{{id: a, {HTTP}, rules: [{{id: r, kind: threshold, operator: =, value: -1}}]}}]",
    "state": f"targets: [{{id: a, {HTTP}, rules: [{{id: r, kind: threshold, state: retierd, measure: x, value: 1}}]}}]",
    "size": (
        f"targets: [{{id: a, {HTTP}, rules: [{{id: r, kind: threshold, value: 1, mode: rate_of_change, windw: 5m}}]}}]"
    ),
    # Probes.
    "url misspelt": "targets: [{id: a, http: {urll: 'http://h/'}}]",
    "which probe": "targets: [{id: a, tpc: {host: h, port: 1}, expect: ['[STATUS] == 1', '[CERTIFICATE_EXPIRATION] > 1h']}]",
    "no url": (
        "targets: [{id: a, http: {follow_redirects: false}, expect: ['[CERTIFICATE_EXPIRATION] > 48h']}]"
    ),
    "certificate": "targets: [{id: a, http: {url: 'https://h/', tls: {certifcate_file: c, key_file: w.yaml}}}]",
    # One mistake of the defaults is one problem, and so is one id that two cannot have because neither has any.
    "notify of the defaults": f"defaults: {{notify: [ops]}}\ntargets: [{{id: a, {HTTP}}}, {{id: b, {HTTP}}}]",
    "times of the defaults": f"defaults: {{every: 1s, timeout: 9s}}\ntargets: [{{id: a, {HTTP}}}, {{id: b, {HTTP}}}]",
    "rules of the defaults": (
        "defaults: {rules: [5, {id: r, kind: threshold, measure: status, value: 400}]}\n"
        f"targets: [{{id: a, {HTTP}}}, {{id: b, {HTTPS}}}]"
    ),
}


@pytest.mark.parametrize("text", ALONE.values(), ids=ALONE)
def test_a_mere_consequence_of_a_problem_is_not_reported(text, tmp_path):
    (tmp_path / "w.yaml").write_text("x")
    assert len(places_in(text, tmp_path)) == 1


def test_a_faulty_default_hides_no_problem_of_a_target(tmp_path):
    text = (
        "defaults: {every: 30, rules: [5, {id: r, kind: threshold, measure: dnss, value: 1}]}\n"
        f"targets: [{{id: a, {HTTP}, timeout: 9d}}, {{id: b, {HTTP}, every: 1s, timeout: 2s}}]"
    )
    assert places_in(text, tmp_path) == [
        "defaults.every",
        "defaults.rules[0]",
        "defaults.rules[1].measure",
        "targets[0].timeout",
        "targets[1].timeout",
    ]


def test_every_part_of_a_python_configuration_is_reported_at_once():
    http = Http(url="http://h/")
    configuration = Configuration(
        runtime=RuntimeOptions(grace="999d"),
        channels=(Channel(id="ops", log=Log()), Channel(id="ops", webhook=Webhook(url="ftp://h/"))),
        targets=(
            Target(id="a", timeout="2h", http=http, notify=("opss",)),
            Target(id="a", every="1s", timeout="2s", http=http, expect=("nonsense",)),
            Target(id="b", exec=Exec(argv=("",))),
            Target(id="c", http=Http(url="htp://h/"), rules=(Threshold(id="r", value=6_000),)),
        ),
    )
    assert sorted(str(problem).split(": ")[0] for problem in judged(configuration)[1]) == [
        "channels[1].id",
        "channels[1].webhook.url",
        "runtime.grace",
        "targets[0].notify[0]",
        "targets[0].timeout",
        "targets[0].timeout",
        "targets[1].expect[0]",
        "targets[1].id",
        "targets[1].timeout",
        "targets[2].exec",
        "targets[2].exec.argv[0]",
        "targets[3].http.url",
        "targets[3].rules[0].value",
    ]


def test_every_mistake_of_one_specification_is_reported_in_its_place():
    with pytest.raises(ConfigurationError) as refused:
        Target(id="a", every=-5, timeout="1y", htp=Http(url="http://h/"), notify="ops", paused="yes")

    assert [line.split(": ")[1] for line in refused.value.problems] == [
        "every",
        "timeout",
        "htp",
        "notify",
        "paused",
    ]


def test_a_value_that_replace_let_in_is_reported_in_shape_and_meaning_at_once():
    sound = Target(id="a", http=Http(url="htp://h/"), notify=("opss",))
    problems = judged_target(replace(sound, every=30), channels=["ops"])[1]
    assert [str(problem).split(": ")[0] for problem in problems] == ["every", "http.url", "notify[0]"]


@pytest.mark.parametrize(
    "part",
    [
        Target(id="a", http=Http(url="http://h/")),
        Target(id="a", heartbeat=Heartbeat()),
        Channel(id="a", webhook=Webhook(url="http://h/")),
        RuntimeOptions(),
        Defaults(),
        Http(url="http://h/"),
        Tcp(host="h", port=1),
        Exec(argv=("a",)),
        Threshold(id="r", value=1),
        NoData(id="r"),
        BasicAuth(user="a", password="b"),  # noqa: S106  # it opens nothing
        Tls(),
    ],
    ids=lambda part: type(part).__name__,
)
def test_no_junk_in_python_is_more_than_a_problem(part):
    for field in part.__struct_fields__:
        for junk in JUNK:
            try:
                whole = _complete(replace(part, **{field: junk}))
            except (TypeError, ValueError):
                continue  # it was not even made
            assert all(str(problem).isprintable() for problem in judged(whole)[1]), (field, junk)


def _complete(part):
    """A configuration around a part."""
    match part:
        case Channel():
            return Configuration(channels=(part,))
        case RuntimeOptions():
            return Configuration(runtime=part)
        case Defaults():
            return Configuration(defaults=part)
        case Target():
            return Configuration(targets=(part, part))
        case Http():
            return _complete(Target(id="a", http=part))
        case Tcp():
            return _complete(Target(id="a", tcp=part))
        case Exec():
            return _complete(Target(id="a", exec=part))
        case BasicAuth():
            return _complete(Http(url="http://h/", basic_auth=part))
        case Tls():
            return _complete(Http(url="http://h/", tls=part))
        case _:
            return _complete(Target(id="a", http=Http(url="http://h/"), rules=(part, 5, part)))
