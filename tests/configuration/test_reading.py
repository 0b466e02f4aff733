"""The types of scalars, the limits of a document, and the equal reading of JSON and YAML."""

import json
import os
from pathlib import Path
from time import thread_time_ns

import pytest
import trustme
from hypothesis import example, given, settings
from hypothesis import strategies as st
from watchkeeper.adapters.configuration.document import Document, DocumentReader, parse
from watchkeeper.adapters.configuration.loading import load, parse_configuration
from watchkeeper.domain import limits
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.specification.configuration import Configuration, RuntimeOptions

ISSUE = Path(__file__).with_name("issue.yaml")

SCALARS = {
    "no": "no",
    "NO": "NO",
    "yes": "yes",
    "on": "on",
    "off": "off",
    "y": "y",
    "true": True,
    "True": True,
    "tRUE": "tRUE",
    "false": False,
    "null": None,
    "~": None,
    "": None,
    "010": 10,
    "0o17": 15,
    "0x1F": 31,
    "0b1": "0b1",
    "1_000": "1_000",
    "+12": 12,
    "-0": 0,
    "1.5": 1.5,
    "1.": 1.0,
    ".5": 0.5,
    "1e3": 1000.0,
    "12:30": "12:30",
    "12:30:00": "12:30:00",
    "2026-01-31": "2026-01-31",
    "1.2.3": "1.2.3",
    "=": "=",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "'010'": "010",
    '"true"': "true",
    "500ms": "500ms",
}


@pytest.mark.parametrize(("written", "value"), SCALARS.items())
def test_scalars_stay_what_they_look_like(written, value):
    data = parse(f"a: {written}").data
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


@pytest.mark.parametrize("written", [".inf", "-.INF", ".nan", ".NaN", "1e999", "9" * 200, "0x" + "f" * 5_000])
def test_numbers_nothing_can_be_done_with_are_refused(written):
    faults = parse(f"a: {written}").faults
    assert [fault.problem.path for fault in faults] == [("a",)]


def test_the_configuration_of_the_documentation_loads_as_it_stands():
    configuration = load(ISSUE, {"OPS_SECRET": "shh"})
    (shop,) = configuration.targets
    assert (shop.id, shop.every, shop.timeout, shop.notify) == ("shop", "1s", "500ms", ("ops",))
    assert configuration.channels[0].webhook.secret == "shh"  # noqa: S105  # it is the test's own
    assert configuration.runtime.store == str(ISSUE.parent / "watch.db")


def test_defaults_fill_in_what_a_target_leaves_out(tmp_path):
    text = (
        "defaults: {every: 7s, timeout: 2s, notify: [ops], rules: [{id: gone, kind: no_data}]}\n"
        "channels: [{id: ops, log: {}}]\n"
        "targets: [{id: a, call: {name: f}}, {id: b, call: {name: f}, every: 9s, notify: [], rules: []}]"
    )
    first, second = parse_configuration(text, {}, name="w", folder=tmp_path).targets
    assert (first.every, first.timeout, first.notify, first.rules[0].id) == ("7s", "2s", ("ops",), "gone")
    assert (second.every, second.timeout, second.notify, second.rules) == ("9s", "2s", (), ())


BOMBS = {
    "aliases": "a0: &a0 [x,x]\n"
    + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)),
    "merge keys": "a0: &a0 {x: 1}\n"
    + "".join(
        f"a{n}: &a{n} {{{','.join(f'k{k}: {{<<: *a{n - 1}}}' for k in range(9))}}}\n" for n in range(1, 20)
    ),
    "long texts": f"a: &a {'x' * 1_000_000}\nb: [{'*a,' * 100}]\n",
    "depth": "[" * 20_000,
    "depth of mappings": "{a: " * 20_000,
    "depth of blocks": "- " * 20_000,
    "depth of JSON": '{"a":' * 900 + "1" + "}" * 900,
    "digits": "a: " + "9" * 200_000,
    "tags": "!!python/object/apply:os.system " * 1_000,
    "colons": ":" * 20_000,
    "quotes": "'" * 20_001,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_quickly_and_with_a_problem(name):
    spent_ns = []
    for _ in range(3):
        before_ns = thread_time_ns()
        document = parse(BOMBS[name])
        spent_ns.append(thread_time_ns() - before_ns)
        assert document.faults
    assert min(spent_ns) < 100_000_000


@pytest.mark.parametrize("before", ["", "targets: []\ntargets: []\nruntime: "])
def test_the_place_of_a_problem_is_found_beside_a_bomb(before, tmp_path):
    before_ns = thread_time_ns()
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        parse_configuration(before + '{"a":' * 20_000, {}, name="w", folder=tmp_path)
    assert thread_time_ns() - before_ns < 2_000_000_000


def test_depth_is_allowed_up_to_its_limit_and_not_beyond():
    deepest = limits.CONFIGURATION_DEPTH_MAX
    assert not parse("[" * deepest + "]" * deepest).faults
    assert parse("[" * (deepest + 1) + "]" * (deepest + 1)).faults


def test_too_many_values_are_refused_while_reading(monkeypatch):
    monkeypatch.setattr(limits, "CONFIGURATION_NODES_MAX", 100)
    (fault,) = parse("[" + "1," * 200 + "]").faults
    assert fault.problem.text == "too many values: 100 are the most in one file"


def test_too_many_bytes_are_refused_before_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "CONFIGURATION_BYTES_MAX", 1_024 * 1_024)
    with (tmp_path / "w").open("wb") as file:
        file.truncate(1_024 * 1_024 + 1)
    with pytest.raises(ConfigurationError, match="more than the 1 MiB"):
        load(tmp_path / "w", {})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"targets: \xff", "1:10: this is not UTF-8"),
        (b"a: 1\nb: \xc3\xa9\xff", "2:5: this is not UTF-8"),
        (b"\xef\xbb\xbftargets: 5", "1:10: targets: expected a list"),
    ],
)
def test_bytes_that_are_not_utf8_are_reported_by_place(content, said, tmp_path):
    (tmp_path / "w.yaml").write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "w.yaml", {})
    assert f"w.yaml:{said}" in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path, "nul\0byte"):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load(path, {})


def test_a_store_in_memory_is_no_file(tmp_path):
    (tmp_path / "w.yaml").write_text("runtime: {store: ':memory:'}\ntargets: []")
    assert load(tmp_path / "w.yaml", {}).runtime.store is None
    assert RuntimeOptions(store=":memory:").store is None


FILE_NAMES = (
    "runtime: {{store: {0}}}\ntargets: [{{id: a, http: {{url: 'https://h/', tls: {{ca_file: {1}}}}}}}]"
)


def test_file_names_are_found_from_the_folder_of_the_file(tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "w.yaml").write_text(FILE_NAMES.format("watch.db", "ca.pem"))
    configuration = load(os.path.relpath(tmp_path / "w.yaml"), {})
    assert configuration.runtime.store == str(tmp_path / "watch.db")
    assert configuration.targets[0].http.tls.ca_file == str(tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("store", "ca_file", "said"),
    [
        ("gone/watch.db", "ca.pem", "make it first"),
        (".", "ca.pem", "is a folder: name a file in it"),
        ("watch.db", "gone.pem", "No such file"),
        ("watch.db", ".", "is a folder: name a file"),
        ("watch.db", "x.pem", "holds no certificate that can be read"),
        ("''", "ca.pem", "names no file"),
    ],
)
def test_files_that_cannot_be_used_are_problems(store, ca_file, said, tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "x.pem").write_text("x")
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(FILE_NAMES.format(store, ca_file), {}, name="w", folder=tmp_path)
    assert len(caught.value.problems) == 1
    assert said in caught.value.problems[0]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"], exclude_characters="\ufeff")
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), inner)
    ),
    max_leaves=20,
)


@pytest.mark.slow
@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), VALUES))
def test_json_reads_the_same_both_ways(data):
    text = json.dumps(data, ensure_ascii=False)
    read, spelled = parse(text), DocumentReader(text).read()
    assert read == Document(data, size=read.size)
    assert spelled == Document(data, beginning=data, size=spelled.size)


def test_surrogate_pairs_of_json_are_read_and_halves_refused():
    assert parse('{"a": "\\ud83d\\ude00"}').data == {"a": "😀"}
    assert parse('{"a": "\\ud83d"}').faults


def problems_in(text, folder):
    """Nothing but a configuration, which has no problems, or an error, which has some."""
    try:
        configuration = parse_configuration(text, {"A": "b"}, name="w", folder=folder)
    except ConfigurationError as error:
        return error.problems or ("none",)
    return () if type(configuration) is Configuration else ("no configuration",)


WORDS = st.sampled_from(
    [
        "targets",
        "channels",
        "runtime",
        "defaults",
        "id",
        "http",
        "url",
        "every",
        "timeout",
        "rules",
        "kind",
        "consecutive",
        "threshold",
        "value",
        "expect",
        "notify",
        "exec",
        "argv",
        "tcp",
        "host",
        "port",
        "webhook",
        "secret",
        "log",
        "call",
        "name",
        "heartbeat",
        "5s",
        "30",
        ".nan",
        "~",
        "no",
        "'x'",
        '"[STATUS]',
        "==",
        '200"',
        "${A}",
        "${",
        "http://h/",
        ":",
        "-",
        ",",
        "[",
        "]",
        "{",
        "}",
        "&",
        "*",
        "!",
        "?",
        "|",
        ">",
        "%",
        "@",
        "`",
        "#",
        "<<",
        "---",
        "...",
    ]
)


@settings(max_examples=300)
@given(
    st.lists(WORDS | st.sampled_from(["\n", "\n  ", "\n- ", ": ", " ", "\t"]), max_size=40).map("".join)
    | st.text()
)
@example("targets: [{id: &x a}]")
@example("? {a: b}\n: c")
@example("{" * 40)
@example('{"targets": [{"id": "\\u0000"}]}')
def test_any_text_is_a_configuration_or_has_problems(tmp_path_factory, text):
    problems = problems_in(text, tmp_path_factory.getbasetemp())
    assert all(problem.startswith(("w:", "and ")) for problem in problems)
    assert all(problem.isprintable() for problem in problems)


def _target(draw_probe):
    return st.fixed_dictionaries(
        {"id": st.sampled_from(["a", "b", "", "a/b"])},
        optional={
            "every": LEAVES,
            "timeout": LEAVES,
            "expect": st.lists(LEAVES, max_size=3) | LEAVES,
            "rules": st.lists(
                st.dictionaries(
                    st.sampled_from(["id", "kind", "for", "value", "window", "after", "mode"]), LEAVES
                ),
                max_size=3,
            ),
            "notify": st.lists(LEAVES, max_size=2),
            **draw_probe,
        },
    )


LEAVES = st.sampled_from(
    [None, True, 0, 30, 1.5, "", "x", "5s", "1s", "consecutive", "threshold", "no_data", "rate_of_change", "[STATUS] == 200",
     "http://h/", "http://h:x/", "${A}", "${B}", "[BODY].a[ == 1", [], {}]
)  # fmt: skip
PROBES = {
    kind: st.dictionaries(
        st.sampled_from(["url", "host", "port", "argv", "name", "grace", "headers", "tls"]), LEAVES
    )
    for kind in ("http", "tcp", "exec", "call", "heartbeat")
}


@settings(max_examples=300)
@given(
    st.fixed_dictionaries(
        {"targets": st.lists(_target(PROBES), max_size=3)}, optional={"defaults": _target({})}
    )
)
def test_anything_shaped_like_a_configuration_is_judged(tmp_path_factory, data):
    problems = problems_in(json.dumps(data), tmp_path_factory.getbasetemp())
    assert all(problem.startswith(("w:", "and ")) for problem in problems)


@pytest.mark.parametrize(
    ("url", "tls", "refused"),
    [
        ("https://h/", "", True),
        ("https://h/", ", tls: {verify: false}", False),
        ("https://h/", ", tls: {ca_file: ca.pem}", False),
        ("http://h/", "", False),
    ],
)
@pytest.mark.parametrize("group", ["targets: [{id: a, http: ", "channels: [{id: a, webhook: "])
def test_a_machine_without_certificate_authorities_is_a_problem(
    url, tls, refused, group, tmp_path, monkeypatch
):
    (tmp_path / "certs").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "certs"))
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    text = f"{group}{{url: '{url}'{tls}}}}}]\n"
    if refused:
        with pytest.raises(
            ConfigurationError, match="needs certificate authorities, and this machine has none"
        ):
            parse_configuration(text, {}, name="w", folder=tmp_path)
    else:
        parse_configuration(text, {}, name="w", folder=tmp_path)
