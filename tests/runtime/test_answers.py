"""Real answers and the samples that they amount to, seen through a runtime: each target is checked once."""

import gzip
import zlib

import pytest
from hostile.server import HostileServer
from watchkeeper import Http, Runtime, SampleSeen, Target, Tcp
from watchkeeper.domain.limits import BODY_BYTES

WITHIN_S = 20
LARGE = b"fine" + b"x" * BODY_BYTES


def large_redirect(visit):
    visit.answer("302 Found", ["Location: /healthy"], LARGE)


ANSWERS = {
    "large": lambda visit: visit.answer(body=LARGE),
    "large_redirect": large_redirect,
    "large_error": lambda visit: visit.answer("500 No", body=LARGE),
    "latin": lambda visit: visit.answer(
        headers=["Content-Type: text/html; charset=iso-8859-1"], body=b"caf\xe9"
    ),
    "kana": lambda visit: visit.answer(
        headers=['Content-Type: text/html; charset="Shift_JIS"'], body="\u6b63\u5e38".encode("shift_jis")
    ),
    "wide": lambda visit: visit.answer(
        headers=["Content-Type: application/json; charset=utf-16"], body='{"a": "\u00fc"}'.encode("utf-16")
    ),
    "marked": lambda visit: visit.answer(body='{"a": 1}'.encode("utf-16")),
    "signed": lambda visit: visit.answer(body=b'\xef\xbb\xbf{"a": 1}'),
    "unnamed": lambda visit: visit.answer(body=b'{"name": "caf\xe9", "a": 1}'),
    "zipped": lambda visit: visit.answer(headers=["Content-Encoding: gzip"], body=gzip.compress(b'{"a": 1}')),
    "deflated": lambda visit: visit.answer(
        headers=["Content-Encoding: deflate"], body=zlib.compress(b'{"a": 1}')[2:-4]
    ),
    "brotli": lambda visit: visit.answer(headers=["Content-Encoding: br"], body=b"\x0b\x02\x80ok\x03"),
    "little_bomb": lambda visit: visit.answer(
        headers=["Content-Encoding: gzip"], body=gzip.compress(bytes(20_000_000))
    ),
    "mislabelled": lambda visit: visit.answer(
        headers=["Content-Type: text/html; charset=iso-8859-1"], body="caf\u00e9".encode()
    ),
    "forbidden": lambda visit: visit.answer("403 Forbidden", body=b'{"login": "needed"}'),
}

CASES = {
    "a page above the cap that nobody reads": ("large", {}, "up ok"),
    "one whose status alone is asked for": ("large", {"expect": ["[STATUS] == 200"]}, "up ok"),
    "one that never ends": ("endless", {"expect": ["[STATUS] == 200"]}, "up ok"),
    "one that a condition reads": ("large", {"expect": ["[BODY] == pat(fine*)"]}, "down body_too_large"),
    "one that must lack a text": ("large", {"expect": ["[BODY] != pat(*error*)"]}, "down body_too_large"),
    "one that is an error": ("large_error", {}, "down unexpected_answer"),
    "one of a wrong status": (
        "large_error",
        {"expect": ["[STATUS] == 200", "len([BODY]) > 1"]},
        "down condition_failed",
    ),
    "a redirect with such a page": ("large_redirect", {"expect": ["[BODY] == ok"]}, "up ok"),
    "Latin-1": ("latin", {"expect": ["[BODY] == caf\u00e9"]}, "up ok"),
    "Shift_JIS": ("kana", {"expect": ["[BODY] == \u6b63\u5e38"]}, "up ok"),
    "UTF-16": ("wide", {"expect": ["[BODY].a == \u00fc"]}, "up ok"),
    "UTF-16 by its mark": ("marked", {"expect": ["[BODY].a == 1"]}, "up ok"),
    "UTF-8 with a mark": ("signed", {"expect": ["[BODY].a == 1"]}, "up ok"),
    "UTF-8 that is called Latin-1": ("mislabelled", {"expect": ["[BODY] == caf\u00e9"]}, "up ok"),
    "no charset at all": ("unnamed", {"expect": ["[BODY].a == 1", "[BODY] == pat(*caf*)"]}, "up ok"),
    "compressed unasked": ("zipped", {"expect": ["[BODY].a == 1"]}, "up ok"),
    "deflated unasked": ("deflated", {"expect": ["[BODY].a == 1"]}, "up ok"),
    "compressed as nobody reads it": ("brotli", {}, "up ok"),
    "compressed as it cannot be read": (
        "brotli",
        {"expect": ["[BODY] != pat(*x*)"]},
        "down condition_failed",
    ),
    "a bomb that is read": ("little_bomb", {"expect": ["len([BODY]) > 1"]}, "down body_too_large"),
    "a bomb that is not": ("little_bomb", {}, "up ok"),
    "a refusal without conditions": ("forbidden", {}, "down unexpected_answer"),
    "a refusal with the expected body": ("forbidden", {"expect": ["[BODY].login == needed"]}, "up ok"),
    "a refusal in time": ("forbidden", {"expect": ["[RESPONSE_TIME] < 1m"]}, "up ok"),
    "a refusal that the status excludes": (
        "forbidden",
        {"expect": ["[STATUS] < 400"]},
        "down condition_failed",
    ),
}


@pytest.fixture(scope="module")
def samples():
    """The first sample of each case, by its name."""
    with HostileServer(ANSWERS) as server:
        targets = [_target(number, server, *case[:2]) for number, case in enumerate(CASES.values())]
        return dict(zip(CASES, _first_samples(targets), strict=True))


def _first_samples(targets):
    seen = {}
    runtime = Runtime(targets=targets)
    with runtime, runtime.subscribe(samples=True) as events:
        for target in targets:
            runtime.check_now(target.id)
        while len(seen) < len(targets):
            event = events.get(WITHIN_S)
            assert event is not None
            if isinstance(event, SampleSeen):
                seen.setdefault(event.sample.target, event.sample)
    return [seen[target.id] for target in targets]


def _target(number, server, path, fields):
    return Target(id=f"t{number}", every="1h", timeout="20s", http=Http(url=server.url(f"/{path}")), **fields)


def greeted(visit):
    if visit.read_something() == b"PING\r\n":
        visit.drip([b"+PO", b"NG\r\n"], 0.01)
        visit.wait_for_client_to_leave()


TALKS = {
    "no condition on the answer": ({}, {}, "up ok"),
    "the right answer": ({}, {"expect": ["[BODY] == +PONG"]}, "up ok"),
    "another one": ({}, {"expect": ["[BODY] == +OK"]}, "down condition_failed"),
    "one that comes before its text": ({"expect": "NG"}, {"expect": ["[BODY] == +PONG"]}, "up ok"),
    "a shared one": ({}, {"expect": ["[BODY] == +PONG"], "max_age": "1m"}, "up ok"),
    "none at all": ({"send": "QUIET"}, {"expect": ["[BODY] == +PONG"]}, "down truncated"),
}


def test_a_tcp_answer_is_read_where_a_condition_asks_for_it():
    with HostileServer(greeting=greeted) as server:
        targets = [
            Target(
                id=f"t{number}",
                every="1h",
                timeout="20s",
                tcp=Tcp(**({"host": server.host, "port": server.port, "send": "PING\r\n"} | tcp)),
                **fields,
            )
            for number, (tcp, fields, _) in enumerate(TALKS.values())
        ]
        seen = _first_samples(targets)

    assert {
        name: f"{sample.outcome.value} {sample.reason.value}"
        for name, sample in zip(TALKS, seen, strict=True)
    } == {name: amounts_to for name, (_, _, amounts_to) in TALKS.items()}


@pytest.mark.parametrize("name", CASES)
def test_each_answer_amounts_to_what_its_target_asks_for(samples, name):
    sample, (_, _, amounts_to) = samples[name], CASES[name]

    assert f"{sample.outcome.value} {sample.reason.value}" == amounts_to, sample.explanation()


def test_a_body_that_is_too_large_names_the_setting(samples):
    assert "raise body_bytes_max" in samples["one that a condition reads"].detail
