"""The `http_steps` probe against a shop that logs in, sells and logs out, and against one that answers badly in the middle."""

import json

import pytest
from hostile.server import HostileServer
from msgspec import UNSET
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.adapters.probes.web.steps import StepsProber
from watchkeeper.domain.conditions.condition import compile_condition
from watchkeeper.domain.conditions.judgement import Expectation
from watchkeeper.domain.observation.attempt import AttemptId, CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probes.web.http_steps import HttpCapture, HttpStep, HttpSteps
from watchkeeper.domain.time.moment import Moment

from tests.adapters.timing import outlasting

TOKEN = "tok/en+\"<'1"  # noqa: S105  # of the test's own server
BEGAN = Moment(monotonic_ns=1, wall_ns=1)
COOKIE_GONE = "Set-Cookie: sid=; Path=/; Max-Age=0"


def login(visit):
    body = {
        "token": TOKEN,
        "id": 4_711,
        "none": None,
        "list": [1, 2],
        "words": "",
        "dots": "..",
        "lines": "a\r\nX: b",
    }
    visit.answer(
        headers=["Set-Cookie: sid=abc; Path=/", "Set-Cookie: lang=en; Path=/", "X-Trace: t-77"],
        body=json.dumps(body).encode(),
    )


def moved(visit):
    visit.answer("302 Found", ["Location: /seen", "Set-Cookie: hop=1; Path=/"])


SHOP = {
    "login": login,
    "moved": moved,
    "long": lambda visit: visit.answer(body=b"x" * 9_000),
    "logout": lambda visit: visit.answer(headers=[COOKIE_GONE]),
    "echo": lambda visit: visit.answer(body=visit.body),
}


@pytest.fixture(scope="module")
def server():
    with HostileServer(SHOP) as server:
        yield server


@pytest.fixture
def shop(server):
    server.heard.clear()
    return server


@pytest.fixture
def prober(bench):
    prober = StepsProber(HttpProber(bench.transport))
    yield prober
    prober.close()


def steps_at(shop, *steps):
    return HttpSteps(
        steps=[
            HttpStep(**{"id": f"s{at}", **step, "url": shop.url(step["url"])})
            for at, step in enumerate(steps)
        ]
    )


def run(bench, prober, shop, *steps, **how):
    return bench.run(prober, steps_at(shop, *steps), **how).seen


LOGIN = {"id": "login", "url": "/login", "capture": {"token": "[BODY].token", "id": "[BODY].id"}}


def test_values_of_one_step_are_sent_by_later_ones(bench, prober, shop):
    use = {
        "url": "/cart/{{token}}?item={{ id }}",
        "method": "POST",
        "headers": {"X-Id": "no {{id}}", "Content-Type": "application/json"},
        "bearer": "{{id}}",
        "body": '{"token": "{{token}}"}',
    }
    seen = run(bench, prober, shop, LOGIN, use)

    heard = shop.heard[1]
    assert (seen.outcome, seen.reason, seen.detail) == (Outcome.UP, Reason.OK, "")
    assert heard.path == "/cart/tok%2Fen%2B%22%3C%271?item=4711"
    assert (heard.header("x-id"), heard.header("authorization")) == ("no 4711", "Bearer 4711")
    assert json.loads(heard.body) == {"token": TOKEN}


def test_cookies_last_for_later_steps_until_an_answer_takes_them_away(bench, prober, shop):
    run(bench, prober, shop, LOGIN, {"url": "/moved"}, {"url": "/a"}, {"url": "/logout"}, {"url": "/b"})

    said = {heard.path: heard.header("cookie") for heard in shop.heard}
    assert said["/login"] is None
    assert {*said["/seen"].split("; ")} == {"sid=abc", "lang=en", "hop=1"}
    assert {*said["/a"].split("; ")} == {"sid=abc", "lang=en", "hop=1"}
    assert {*said["/b"].split("; ")} == {"lang=en", "hop=1"}


def test_the_cookies_of_one_attempt_are_not_those_of_the_next(bench, prober, shop):
    for _ in range(2):
        run(bench, prober, shop, LOGIN, {"url": "/a"})

    assert [heard.header("cookie") for heard in shop.heard if heard.path == "/login"] == [None, None]


CAPTURED = [
    ("[HEADERS].x-trace", "t-77"),
    ("[STATUS]", "200"),
    (HttpCapture(of="[HEADERS].set-cookie[1]", matches="lang=(..)"), "en"),
    (HttpCapture(of="[BODY]", matches='"id": [0-9]'), '"id": 4'),
    ("[HEADERS].set-cookie[0]", "sid=abc; Path=/"),
]


@pytest.mark.parametrize(("capture", "value"), CAPTURED)
def test_a_value_comes_from_any_part_of_an_answer(bench, prober, shop, capture, value):
    use = {"url": "/echo", "method": "POST", "body": "{{v}}"}
    seen = run(bench, prober, shop, {"url": "/login", "capture": {"v": capture}}, use)

    assert (seen.outcome, seen.body) == (Outcome.UP, value.encode())


MISSING = [
    ("/login", "[BODY].gone", "the body has nothing at [BODY].gone"),
    ("/login", "[BODY].none", "[BODY].none is null"),
    ("/login", "[BODY].list", "[BODY].list is a list of 2: name one value of it"),
    ("/login", "[BODY].words", "[BODY].words is empty"),
    ("/login", "[HEADERS].set-cookie", "[HEADERS].set-cookie is a list of 2: name one value of it"),
    ("/login", HttpCapture(of="[BODY].id", matches="x"), "its expression finds nothing in [BODY].id"),
    ("/login", HttpCapture(of="[BODY].id", matches="4(x?)"), "[BODY].id is empty"),
    ("/long", "[BODY]", "it has 9,000 characters, and 8,192 are the most"),
    ("/echo", "[BODY]", "[BODY] is empty"),
]


@pytest.mark.parametrize(("path", "capture", "said"), MISSING)
def test_a_value_that_is_missing_has_its_own_reason(bench, prober, shop, path, capture, said):
    seen = run(
        bench, prober, shop, {"id": "login", "url": path, "capture": {"v": capture}}, {"url": "/{{v}}"}
    )

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CAPTURE_FAILED)
    assert seen.detail == f"step login: v cannot be captured: {said}"
    assert len(shop.heard) == 1


UNFIT = [
    ({"url": "/{{v}}/x"}, "[BODY].dots", "the value of v is made of dots alone"),
    ({"url": "/", "headers": {"X-Id": "{{v}}"}}, "[BODY].lines", "the value of v holds a line end"),
    ({"url": "/", "bearer": "{{v}}"}, "[BODY].lines", "the value of v holds a line end"),
    ({"url": "/", "headers": {"Cookie": "a={{v}}"}}, "[HEADERS].set-cookie[0]", "the value of v holds a character that no cookie"),
    ({"url": "/", "bearer": "{{v}}"}, "[HEADERS].set-cookie[0]", "with its captured values it cannot be requested: bearer: holds a blank"),
]  # fmt: skip


@pytest.mark.parametrize(("use", "capture", "said"), UNFIT)
def test_a_value_that_would_change_more_than_its_place_is_not_sent(bench, prober, shop, use, capture, said):
    seen = run(bench, prober, shop, {"url": "/login", "capture": {"v": capture}}, {"id": "use", **use})

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CAPTURE_FAILED)
    assert seen.detail.startswith(f"step use: {said}")
    assert [heard.path for heard in shop.heard] == ["/login"]


FAILING = [
    ({"url": "/status/503"}, Reason.UNEXPECTED_ANSWER, "step pay: HTTP 503"),
    (
        {"url": "/pay", "expect": ["[STATUS] == 201"]},
        Reason.CONDITION_FAILED,
        "step pay: [STATUS] (200) == 201",
    ),
    ({"url": "/loop"}, Reason.TOO_MANY_REDIRECTS, "step pay: more than 10 redirects"),
    ({"url": "/early_close"}, Reason.TRUNCATED, "step pay: "),
    ({"url": "/reset_in_body"}, Reason.CONNECTION_RESET, "step pay: "),
    ({"url": "/two_lengths"}, Reason.PROTOCOL_ERROR, "step pay: Invalid Content-Length"),
    ({"url": "/endless", "expect": ["[BODY] == x"]}, Reason.BODY_TOO_LARGE, "step pay: "),
]


@pytest.mark.parametrize(("step", "reason", "said"), FAILING)
def test_the_first_failed_step_is_named_and_only_what_always_runs_follows(
    bench, prober, shop, step, reason, said
):
    after = (
        {"url": "/ship"},
        {"id": "out", "url": "/logout?{{id}}", "always": True},
        {"url": "/status/500", "always": True},
    )
    seen = run(bench, prober, shop, LOGIN, {"id": "pay", **step}, *after)

    paths = [heard.path for heard in shop.heard]
    assert (seen.outcome, seen.reason) == (Outcome.DOWN, reason)
    assert seen.detail.startswith(said)
    assert "/ship" not in paths
    assert paths[-2:] == ["/logout?4711", "/status/500"]


def test_a_step_that_always_runs_is_left_out_where_its_value_was_never_captured(bench, prober, shop):
    first = {**LOGIN, "url": "/status/401"}
    seen = run(
        bench,
        prober,
        shop,
        first,
        {"url": "/out/{{token}}", "always": True},
        {"url": "/last", "always": True},
    )

    assert seen.detail == "step login: HTTP 401"
    assert [heard.path for heard in shop.heard] == ["/status/401", "/last"]


def test_a_failure_of_a_step_that_always_runs_is_one(bench, prober, shop):
    seen = run(bench, prober, shop, LOGIN, {"id": "out", "url": "/status/500", "always": True})

    assert (seen.outcome, seen.detail) == (Outcome.DOWN, "step out: HTTP 500")


def test_a_step_that_says_nothing_leaves_time_for_the_logout(bench, prober, shop):
    hanging = {"id": "pay", "url": "/nothing"}
    steps = (LOGIN, hanging, {"url": "/logout", "always": True})
    seen = outlasting(
        lambda within_ms: run(bench, prober, shop, *steps, timeout_ms=within_ms),
        lambda seen: "step pay" in seen.detail and shop.heard[-1].path == "/logout",
        400,
    )

    assert (seen.outcome, seen.reason) == (Outcome.TIMED_OUT, Reason.TIMED_OUT)
    assert seen.detail == "step pay: the deadline passed before the first byte"
    assert shop.heard[-1].path == "/logout"


@pytest.mark.parametrize("path", ["/nothing", "/drip_head", "/drip_body"])
def test_one_deadline_ends_all_steps(bench, prober, shop, path):
    steps = (LOGIN, {"id": "pay", "url": path}, {"url": "/ship"})
    seen = outlasting(
        lambda within_ms: run(bench, prober, shop, *steps, timeout_ms=within_ms),
        lambda seen: "step pay" in seen.detail and shop.heard[-1].path == path,
        300,
    )

    assert (seen.outcome, seen.reason) == (Outcome.TIMED_OUT, Reason.TIMED_OUT)
    assert seen.detail.startswith("step pay: the deadline passed")
    assert shop.heard[-1].path == path


def test_the_times_of_the_steps_are_figures_and_add_up(bench, prober, shop):
    seen = run(bench, prober, shop, LOGIN, {"id": "pay", "url": "/pay"})

    times = {each.name: each.value for each in seen.measurements}
    assert [*times] == ["step.login", "step.pay"]
    assert sum(times.values()) == pytest.approx(seen.response_time_ns / 1_000_000)
    assert 0 < seen.phases.connect_ns < seen.response_time_ns


def test_a_run_that_left_a_step_out_has_no_response_time(bench, prober, shop):
    early = run(bench, prober, shop, LOGIN, {"url": "/status/500"}, {"url": "/ship"})
    late = run(bench, prober, shop, LOGIN, {"url": "/ship"}, {"url": "/status/500"})
    cut = run(bench, prober, shop, LOGIN, {"url": "/nothing"}, {"url": "/ship"}, timeout_ms=200)

    assert (early.response_time_ns, early.phases, len(early.measurements)) == (None, None, 2)
    assert late.response_time_ns > 0
    assert cut.response_time_ns > 150 * 1_000_000


def judged(seen, *conditions):
    expectation = Expectation([compile_condition(text) for text in conditions])
    return expectation.judge(AttemptId("t", 1, 1), BEGAN, seen), expectation.results(seen)


def test_the_conditions_of_the_target_judge_the_last_answer(bench, prober, shop):
    last = {"url": "/status/404", "expect": ["[STATUS] == 404"]}
    seen = run(bench, prober, shop, LOGIN, last)

    assert (seen.status, seen.outcome) == (404, Outcome.UP)
    assert judged(seen)[0].outcome is Outcome.UP
    assert judged(seen, "[STATUS] == 200")[0].failed == ("[STATUS] (404) == 200",)


def test_a_step_that_is_slow_and_nothing_else_says_by_how_much(bench, prober, shop):
    slow = run(bench, prober, shop, {"url": "/a", "expect": ["[RESPONSE_TIME] < 0.001"]})
    wrong = run(bench, prober, shop, {"url": "/a", "expect": ["[RESPONSE_TIME] < 0.001", "[STATUS] == 201"]})

    assert 0 < judged(slow)[0].slow_by_ns < slow.response_time_ns
    assert judged(wrong)[0].slow_by_ns is UNSET


def test_a_captured_value_is_shown_nowhere_unless_that_is_asked(bench, prober, shop):
    capture = {"token": "[BODY].token", "trace": HttpCapture(of="[HEADERS].x-trace", shown=True)}
    body = '{"token": "{{token}}", "trace": "{{trace}}-long"}'
    echo = {"url": "/echo", "method": "POST", "headers": {"Content-Type": "application/json"}, "body": body}
    seen = run(bench, prober, shop, {"url": "/login", "capture": capture}, echo)
    sample, (result,) = judged(seen, "[BODY].token == x")

    assert TOKEN not in repr((sample, result))
    assert sample.failed == (result.shown,) == ("[BODY].token (***) == x",)
    assert sample.body == '{"token": "***", "trace": "t-77-long"}'


def test_a_value_of_a_failed_step_is_not_shown_either(bench, prober, shop):
    seen = run(bench, prober, shop, {**LOGIN, "expect": ["[BODY].token == x"]})
    sample, _ = judged(seen)

    assert sample.detail == "step login: [BODY].token (***) == x"
    assert sample.body.startswith('{"token": "***"')


def test_denied_addresses_are_denied_to_each_step(bench, shop):
    prober = StepsProber(HttpProber(bench.transport, deny_private_addresses=True))
    seen = run(bench, prober, shop, LOGIN)

    assert (seen.reason, seen.detail[:12]) == (Reason.ADDRESS_REFUSED, "step login: ")
    assert shop.heard == []


def test_a_cancelled_attempt_ends_in_the_middle(bench, prober, shop):
    shop.gone.clear()
    probe = steps_at(shop, LOGIN, {"url": "/nothing"}, {"url": "/logout", "always": True})
    started = prober.start(bench.request(probe), lambda seen: pytest.fail(str(seen)))
    bench.until(lambda: len(shop.heard) == 2)
    assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
    bench.turn()
    assert shop.gone.wait(20)
    assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
    assert shop.heard[-1].path == "/nothing"


def test_failures_leave_no_descriptor(bench, prober, shop, descriptors):
    run(bench, prober, shop, LOGIN, {"url": "/early_close"})
    before = descriptors()
    gone = {**LOGIN, "capture": {"token": "[BODY].gone"}}
    for _ in range(60):
        for steps in (
            [gone],
            [LOGIN, {"url": "/early_close"}],
            [LOGIN, {"url": "/two_lengths"}],
            [{"url": "/status/500"}],
        ):
            run(bench, prober, shop, *steps)

    assert descriptors() <= before + 2
