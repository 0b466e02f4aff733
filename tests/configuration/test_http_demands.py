"""The options of an HTTP probe as they are written: what `check` refuses, and what it says to do."""

import pycurl
import pytest
from watchkeeper import ConfigurationError, HttpStep, HttpSteps
from watchkeeper.adapters.configuration.loading import examine
from watchkeeper.adapters.extras import missing_of, version_problem
from watchkeeper.domain.specification.http.header_rules import HeaderRule
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.validation.partial import judged_target

CLEAR, SECURE = "http://h/", "https://h/"


def problems_of(expect=(), **fields):
    target = Target(id="a", http=Http(**fields), expect=expect)
    return [str(each) for each in judged_target(target, channels=())[1]]


FAULTY = [
    ({"url": SECURE, "versions": ["1.1", "1.1"]}, "http.versions: holds a version twice"),
    ({"url": SECURE, "versions": ["1.0", "2"]}, "http.versions: no request can offer 1.0 and 2 and nothing else"),
    ({"url": SECURE, "versions": ["2", "3"]}, "http.versions: no request can offer 2 and 3 and nothing else"),
    ({"url": CLEAR, "versions": ["2"]}, "http.versions: 2 is spoken by TLS alone, and the url is http"),
    ({"url": CLEAR, "versions": ["3"]}, "http.versions: 3 is spoken by TLS alone"),
    ({"url": CLEAR, "encryption": "required", "follow_redirects": False}, "http.encryption: no answer meets it: the url is http"),
    ({"url": SECURE, "encryption": "forbidden", "follow_redirects": False}, "http.encryption: no answer meets it: the url is https"),
    ({"url": CLEAR, "header_rules": [HeaderRule(header="A B", matches="x")]}, "http.header_rules[0].header: is no header name"),
    ({"url": CLEAR, "header_rules": [HeaderRule(header="A", matches="(")]}, "http.header_rules[0].matches: the pattern '(' cannot be used"),
    ({"url": CLEAR, "header_rules": [HeaderRule(header="A", not_matches="(")]}, "http.header_rules[0].not_matches: the pattern"),
    ({"url": CLEAR, "header_rules": [HeaderRule(header="A", matches=".{999}")]}, "http.header_rules[0].matches: the pattern has"),
    ({"url": CLEAR, "header_rules": [HeaderRule(header="A")]}, "http.header_rules[0]: needs exactly one of matches, not_matches; it has none"),
    ({"url": CLEAR, "header_rules": [HeaderRule(header="A", matches="", not_matches="")]}, "http.header_rules[0]: needs exactly one"),
    ({"url": CLEAR, "compression": "gzip", "headers": {"accept-encoding": "br"}}, "http.compression: Accept-Encoding stands under headers"),
    ({"url": CLEAR, "cookies": {"a": "b"}, "headers": {"Cookie": "c=d"}}, "http.cookies: Cookie stands under headers"),
    ({"url": CLEAR, "cookies": {"a b": "c"}}, 'http.cookies["a b"]: is no name of a cookie'),
    ({"url": CLEAR, "cookies": {"a": "canary; b=c"}}, "http.cookies.a: holds a blank"),
    ({"url": CLEAR, "cookies": {"a": "canary\r\nX: y"}}, "http.cookies.a: holds a blank"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "said"), FAULTY)
def test_an_option_that_makes_no_sense_is_refused_with_its_place(fields, said):
    (problem,) = problems_of(**fields)
    assert problem.startswith(said)
    assert "canary" not in problem


GOOD = [
    *({"url": SECURE, "versions": each} for each in (["1.0"], ["1.1"], ["2"], ["3"], ["2", "1.1"], ["1.0", "1.1", "2", "3"])),
    *({"url": CLEAR, "versions": each} for each in (["1.0", "1.1"], ["1.1", "2"])),
    {"url": CLEAR, "encryption": "required"},
    {"url": SECURE, "encryption": "forbidden"},
    {"url": SECURE, "encryption": "required", "follow_redirects": False},
    {"url": CLEAR, "header_rules": [HeaderRule(header="A", matches="")]},
    {"url": CLEAR, "cookies": {"session": 'a!"=~'}, "compression": "any"},
    {"url": SECURE, "address_family": "prefer_ipv4"},
    {"url": "http://192.0.2.1/", "address_family": "prefer_ipv6"},
]  # fmt: skip


@pytest.mark.parametrize("fields", GOOD)
def test_options_that_make_sense_are_taken(fields):
    assert problems_of(["[HTTP_VERSION] == 1.1"], **fields) == []


@pytest.mark.parametrize("versions", [[], ["1.1"] * 5, ["4"], [1.1]])
def test_versions_are_texts_of_a_short_list(versions):
    with pytest.raises(ConfigurationError, match="versions"):
        Http(url=SECURE, versions=versions)


def test_a_version_that_the_installed_libcurl_does_not_speak_is_named():
    probe = Http(url=SECURE, versions=["1.1", "2", "3"])
    every = pycurl.VERSION_HTTP2 | pycurl.VERSION_HTTP3

    assert list(version_problem(probe, ("versions",), every)) == []
    (problem,) = version_problem(probe, ("versions",), pycurl.VERSION_HTTP2)
    assert str(problem).startswith("versions: the installed libcurl does not speak HTTP/3: leave 3 out")
    assert len(list(version_problem(probe, ("versions",), 0))) == 2
    assert list(version_problem(Http(url=SECURE), ("versions",), 0)) == []


def test_such_a_version_is_named_in_a_step_of_several():
    steps = HttpSteps(steps=[HttpStep(id="a", url=SECURE), HttpStep(id="b", url=SECURE, versions=["2"])])
    (problem,) = missing_of(Target(id="a", http_steps=steps), 0)
    assert str(problem).startswith(
        "http_steps.steps[1].versions: the installed libcurl does not speak HTTP/2"
    )


def test_numbers_for_versions_are_refused_with_the_way_to_write_them(tmp_path):
    text = "targets:\n- {id: a, http: {url: 'https://h/', versions: [1.1], tls: {minimum_version: 1.3}}}\n"
    faults = [each.problem.text for each in examine(text, None, folder=tmp_path).faults]

    assert faults == [
        "expected one of 1.0, 1.1, 2, 3, got the number 1.1: put it in quotes",
        "expected one of 1.0, 1.1, 1.2, 1.3, got the number 1.3: put it in quotes",
    ]
