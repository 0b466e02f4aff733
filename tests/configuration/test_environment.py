"""Values from the environment: their places, the refused ones, and that none is ever shown."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.adapters.configuration.substitution import Substitution, masked
from watchkeeper.domain.errors import ConfigurationError

FILLED = {
    "${A}": "one",
    "${A}${B}": "onetwo",
    "x ${A} y": "x one y",
    "${NONE:-default}": "default",
    "${NONE:-}": "",
    "${A:-default}": "one",
    "$${A}": "${A}",
    "$A": "$A",
    "$$": "$$",
    "cost: 5$": "cost: 5$",
    "${NESTED}": "${A}",
    "${YAML}": "[no, {a: b}]",
}
ENVIRONMENT = {"A": "one", "B": "two", "NESTED": "${A}", "YAML": "[no, {a: b}]", "EMPTY": ""}


@pytest.mark.parametrize(("written", "value"), FILLED.items())
def test_references_are_replaced_once_and_never_read_again(written, value):
    assert Substitution(ENVIRONMENT).fill({"k": [written]}) == {"k": [value]}


REFUSED = {
    "${NONE}": "the environment variable NONE is not set: set it or write ${NONE:-default}",
    "${ENVIRONMEN}": "the environment variable ENVIRONMEN is not set: set it or write ${ENVIRONMEN:-default}",
    "${B}${NONE}": "the environment variable NONE is not set: set it or write ${NONE:-default}",
    "${}": "a ${ that names no variable: write ${NAME}, or $${ for the characters themselves",
    "${A B}": "a ${ that names no variable: write ${NAME}, or $${ for the characters themselves",
    "${A": "a ${ that names no variable: write ${NAME}, or $${ for the characters themselves",
    "${ A }": "a name in ${...} stands without blanks: write ${A}",
    "${each.host }": "a name in ${...} stands without blanks: write ${each.host}",
    "${each:-none}": "${each} takes no default: each entry of for_each is there",
    "${LINE}": "the environment variable LINE holds a line end or another control character: remove it",
    "${LONG}": "the environment variable LONG has 70,000 characters: 65,536 are the most",
}


@pytest.mark.parametrize(("written", "said"), REFUSED.items())
def test_an_unset_variable_is_reported_by_key_and_name(written, said):
    substitution = Substitution({**ENVIRONMENT, "LINE": "a\nb", "LONG": "x" * 70_000})
    substitution.fill({"k": [written]})
    (problem,) = substitution.problems
    assert (problem.path, problem.text) == (("k", 0), said)


def test_a_text_comes_from_a_file_without_its_last_line_end(tmp_path):
    (tmp_path / "token").write_text("from ${A} file\n")
    written = ["${file:token}", f"x ${{file:{tmp_path}/token}}", "${file:-default}"]
    filled = ["from ${A} file", "x from ${A} file", "default"]
    assert Substitution(ENVIRONMENT, lambda _: tmp_path).fill({"k": written}) == {"k": filled}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "the file 'token' cannot be read: No such file or directory"),
        (b"\xff", "the file 'token' cannot be read: it is not UTF-8"),
        (b"", "the file 'token' is empty: write the value into it"),
        (b"\n", "the file 'token' is empty: write the value into it"),
        (b"a\nb\n", "the file 'token' holds a line end or another control character: remove it"),
        (b"a" * 70_000, "the file 'token' has more than 65,536 characters"),
    ],
)
def test_a_file_that_holds_no_value_is_reported(tmp_path, content, said):
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    substitution = Substitution(ENVIRONMENT, lambda _: tmp_path)
    substitution.fill({"k": "${file:token}"})
    assert [problem.text for problem in substitution.problems] == [said]


def test_a_pipe_in_place_of_a_file_is_reported_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "token")
    substitution = Substitution(ENVIRONMENT, lambda _: tmp_path)
    substitution.fill({"k": "${file:token}"})
    said = "the file 'token' is a device or a pipe: name a file"
    assert [(problem.path, problem.text) for problem in substitution.problems] == [(("k",), said)]


def test_the_value_of_a_file_is_a_secret_and_is_not_read_where_files_do_not_count(tmp_path):
    written = {"k": "Bearer ${file:token}"}
    missing = Substitution(ENVIRONMENT, lambda _: tmp_path, reads_files=False)
    missing.fill(dict(written))
    assert missing.problems == []
    (tmp_path / "token").write_text("s3cret-of-the-file\r\n")
    reading = Substitution(ENVIRONMENT, lambda _: tmp_path)
    assert reading.fill(dict(written)) == {"k": "Bearer s3cret-of-the-file"}
    assert reading.secrets == {"s3cret-of-the-file"}


def test_a_value_where_a_text_may_stand_stays_a_text_whatever_it_looks_like(tmp_path):
    text = "channels: [{id: ops, webhook: {url: 'http://h/', secret: '${PIN}'}}]"
    configuration = parse_configuration(text, {"PIN": "0123"}, name="w", folder=tmp_path)
    assert configuration.channels[0].webhook.secret == "0123"  # noqa: S105  # it is the test's own


TYPED = {
    "runtime: {threads_max: '${V}'}": ("5", lambda whole: whole.runtime.threads_max, 5),
    "runtime: {debug: '${V}'}": ("true", lambda whole: whole.runtime.debug, True),
    "runtime: {grace: '${V}s'}": ("5", lambda whole: whole.runtime.grace, "5s"),
    "targets: [{id: a, tcp: {host: h, port: '${V}'}}]": ("80", lambda whole: whole.targets[0].tcp.port, 80),
    "targets: [{id: a, tcp: {host: h, port: '${NONE:-80}'}}]": (
        "",
        lambda whole: whole.targets[0].tcp.port,
        80,
    ),
    "targets: [{id: a, call: {name: f}, rules: [{id: r, kind: consecutive, after: '${V}'}]}]": (
        "4",
        lambda whole: whole.targets[0].rules[0].after,
        4,
    ),
    "targets: [{id: a, call: {name: f}, rules: [{id: r, kind: threshold, value: '${V}', window: 5m}]}]": (
        "1.5",
        lambda whole: whole.targets[0].rules[0].value,
        1.5,
    ),
    "targets: [{id: a, call: {name: f}, rules: [{id: r, kind: threshold, value: 1, window: '${V}'}]}]": (
        "3",
        lambda whole: whole.targets[0].rules[0].window,
        3,
    ),
    "targets: [{id: '${V}', call: {name: f}}]": ("7", lambda whole: whole.targets[0].id, "7"),
}


@pytest.mark.parametrize("text", TYPED)
def test_a_value_takes_the_type_of_its_place(text, tmp_path):
    value, found, expected = TYPED[text]
    seen = found(parse_configuration(text, {"V": value}, name="w", folder=tmp_path))
    assert (type(seen), seen) == (type(expected), expected)


MISTYPED = {
    ("threads_max", "five"): "expected a whole number, got the text '***'",
    ("threads_max", "5.5"): "expected a whole number, got the text '***'",
    ("threads_max", ""): "expected a whole number, got the text ''",
    ("threads_max", "9999"): "*** is out of range: it may be 1 to 256",
    ("debug", "yes"): "expected true or false, got the text '***': write true",
    ("debug", "1"): "expected true or false, got the text '***'",
}


@pytest.mark.parametrize(("key", "value"), MISTYPED)
def test_a_value_of_another_type_is_refused_without_a_word_of_quotes(key, value, tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(f"runtime: {{{key}: '${{V}}'}}", {"V": value}, name="w", folder=tmp_path)
    place = 13 + len(key)
    assert caught.value.problems == (f"w:1:{place}: runtime.{key}: {MISTYPED[key, value]}",)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_value_loses_its_last_line_end_and_no_other(end):
    substitution = Substitution({"ONE": f"token{end}", "TWO": f"token{end}{end}"})
    assert substitution.fill({"k": "${ONE}"}) == {"k": "token"}
    substitution.fill({"k": "${TWO}"})
    assert "TWO holds a line end or another" in substitution.problems[0].text


FAULTY = {
    "runtime": {"store": "${S}/nowhere/x.db", "grace": "${S}", "allow_exec": "${S}"},
    "channels": [
        {"id": "${S}", "webhook": {"url": "${S}", "secret": "whsec_${S}-"}},
        {"id": "b", "log": {"level": "${S}"}, "min_severity": "${S}"},
    ],
    "targets": [
        {"id": "x${S}/", "http": {"url": "ftp://${S}@h", "method": "${S}", "headers": {"a b": "${S}"}}},
        {
            "id": "${S}",
            "every": "${S}",
            "tcp": {"host": "${S}:1", "port": 1},
            "expect": ["${S}", "[BODY] == ${S}) == 1"],
        },
        {"id": "c", "call": {"name": "f"}, "notify": ["${S}"], "rules": [{"id": "${S}", "kind": "${S}"}]},
        {"id": "c", "exec": {"argv": ["${S}"], "directory": "${S}"}},
        {"id": "${S}", "heartbeat": {"grace": "1${S}"}},
        {"id": "${S}", "call": {"name": "${S}"}, "expect": ["len([BODY${S}) == 1", "[${S}] == 1"]},
    ],
}


@given(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=6).filter(
        lambda text: not text.isdigit()
    )
)
def test_no_problem_ever_shows_a_value_of_the_environment(tmp_path_factory, secret):
    folder = tmp_path_factory.getbasetemp()
    secret = f"Zq{secret}"
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(json.dumps(FAULTY), {"S": secret}, name="w", folder=folder)
    assert len(caught.value.problems) >= 15
    assert secret not in str(caught.value)
    assert repr(secret)[1:-1] not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("'hunter22' is no name", "hunter22", "'***' is no name"),
        ("'hunter2…' is no name", "hunter22", "'***' is no name"),
        ("'nter' is no name", "hunter22", "'***' is no name"),
        ("a is no name: it has a", "a", "*** is no name: it has ***"),
        ("a bad name", "ad", "a bad name"),
        ("nothing of it", "hunter22", "nothing of it"),
    ],
)
def test_a_value_is_masked_completely_and_in_quoted_parts(text, value, shown):
    assert masked(text, {value}) == shown
