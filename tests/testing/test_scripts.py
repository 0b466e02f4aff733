"""The meaning of a script's words for a target's conditions, in a world and in `simulate`."""

import pytest
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.testing import World
from watchkeeper.testing.forecast import draw_course, run_course
from watchkeeper.testing.script import Script

OPENED, BOTH = ["shop/down opened"], ["shop/down opened", "shop/down resolved"]
HEALTH = ("[STATUS] == 200", "[BODY].status == ok")
CLOSED = ("[CONNECTED] == false",)
WORDS = [
    ("ok", (), []),
    ("ok", HEALTH, []),
    ("ok", ("[STATUS] == 201",), []),
    ("ok", ("[status] == 404", "has([BODY].error) == true"), []),
    ("ok", ("[CERTIFICATE_EXPIRATION] > 48h", "[RESPONSE_TIME] < 3"), []),
    ("ok", ("[IP] == 10.0.0.9", "len([BODY].items) > 3", "[BODY] == pat(pong*)"), []),
    ("ok", ("[BODY].wanted == [STATUS]",), []),
    ("ok", CLOSED, []),
    ("degraded 5m, ok", HEALTH, []),
    ("unknown 5m, ok", HEALTH, []),
    ("down 5m, ok", HEALTH, BOTH),
    ("hang 5m, ok", HEALTH, BOTH),
    ("status 503 5m, ok", HEALTH, BOTH),
    ("status 404 5m, ok", (), BOTH),
    ("status 201 5m, ok", HEALTH, BOTH),
    ("status 200", HEALTH, []),
    ("status 404", ("[STATUS] == 404",), []),
    ("status 503", ("[BODY].status == ok",), OPENED),
    ("slow 200ms 5m, ok", ("[RESPONSE_TIME] < 100", "[STATUS] == 201"), BOTH),
    ("slow 50ms", ("[RESPONSE_TIME] < 100", "[STATUS] == 201"), []),
    ('body {"status": "failing", "items": [1, 2]} 5m, body {"status": "ok"}', HEALTH, BOTH),
    ('body "po, ng" 5m, body "pong"', ("[BODY] == pong", "[STATUS] == 201"), BOTH),
    ("certificate 12h 5m, certificate 49h", ("[CERTIFICATE_EXPIRATION] > 48h",), BOTH),
    ("ok 5m, status 200 5m, down", CLOSED, BOTH),
    ("hang", CLOSED, []),
]
NEVER = [
    (("1 == 2",), "compares two constants"),
    (("[STATUS] == 200", "[status] == 201"), r"contradicts \[STATUS\] == 200"),
]


def shop(expect):
    rules = (Consecutive(id="down", after=2, recover=1),)
    http = Http(url="http://shop.example/")
    return Target(id="shop", every="10s", http=http, expect=expect, rules=rules, notify=("ops",))


@pytest.mark.parametrize(("script", "expect", "told"), WORDS)
def test_conditions_judge_what_a_script_says(script, expect, told):
    world = World([shop(expect)])
    world.script("shop", script)
    world.run("20m")
    assert world.delivered("ops") == told


def simulated(expect, script):
    configuration = Configuration(targets=(shop(expect),))
    return draw_course(configuration, seed=1, minutes=20, faults=(), scripts={"shop": script})


@pytest.mark.parametrize(("script", "expect", "told"), WORDS)
def test_no_script_breaks_an_invariant(script, expect, told):
    forecast = run_course(simulated(expect, script))
    assert forecast.broken == ""
    assert len(forecast.incidents) == bool(told)


@pytest.mark.parametrize(("first", "then"), [("degraded", "ok"), ("ok", "degraded")])
def test_each_word_is_judged_by_itself(first, then):
    world = World([shop(HEALTH)])
    world.script("shop", f"{first} 5m, {then}")
    world.run("3m")
    before = world.status().targets[0].sample
    world.run("7m")
    after = world.status().targets[0].sample
    assert {first: before.outcome, then: after.outcome} == {"ok": "up", "degraded": "degraded"}
    assert {first: before.status, then: after.status} == {"ok": 200, "degraded": None}


def test_a_status_that_was_not_reported_is_not_shown():
    world = World([shop(("[STATUS] == 201",))])
    world.run("1m")
    assert world.status().targets[0].sample.status is None


@pytest.mark.parametrize(("expect", "says"), NEVER)
def test_conditions_that_no_answer_meets_make_no_world(expect, says):
    with pytest.raises(ConfigurationError, match=says):
        World([shop(expect)])


def test_equal_numbers_written_otherwise_go_together():
    World([shop(("[STATUS] == 200", "[STATUS] == 200.0"))]).script("shop", "ok")


@pytest.mark.parametrize(
    "text", ['body {"a": 1m', "body", "body ok 5m", f"body {'[' * 100_000}", "body , ok"]
)
def test_a_body_that_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"body"):
        Script.parse(text)


def test_a_run_that_tells_how_far_it_is_is_the_same():
    course, heard = simulated(HEALTH, "ok 5m, down 5m, ok"), []
    assert run_course(course, heard.append) == run_course(course)
    assert heard == [minute * 60 * NS_PER_S for minute in range(1, 21)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ok 5m, status abc 5m, ok", "'status abc 5m' in 'ok 5m, status abc 5m, ok': 'abc' is no status"),
        ("status 99999999999999999999", "is no status: write it like `status 503`"),
        ("slow 5", "'slow 5' in 'slow 5': '5' has no unit"),
        ("ok 5", "'ok 5' in 'ok 5': '5' has no unit"),
        ("wonky 5m", "'wonky 5m' in 'wonky 5m': that is no behaviour; valid are ok, down"),
        ("ok 1m 2m", "needs exactly one length"),
    ],
)
def test_a_slip_in_a_script_is_shown_with_its_place(text, says):
    with pytest.raises(ValueError, match=r".") as caught:
        Script.parse(text)
    assert says in str(caught.value)
