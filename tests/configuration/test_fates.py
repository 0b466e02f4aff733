"""Conditions that no answer changes are refused with what to write, and no other ones are."""

import pytest
from watchkeeper.domain.specification.probe import Call, Exec, Http, Tcp
from watchkeeper.domain.specification.rule import Threshold
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.validation.partial import judged_target

PAGE = {"http": Http(url="https://h/")}
HEAD = {"http": Http(url="https://h/", method="HEAD")}
PORT = {"tcp": Tcp(host="h", port=1)}
ASKED = {"tcp": Tcp(host="h", port=1, send="PING\n")}
CALL = {"call": Call(name="f")}
PROGRAM = {"exec": Exec(argv=("ls",))}


def problems(probe, *expect):
    target = Target(id="a", expect=expect, **probe)
    return [str(each) for each in judged_target(target, channels=(), allow_exec=True)[1]]


MEANINGLESS = [
    (PAGE, "[STATUS] == OK", "can never hold: a status is a number from 100 to 999"),
    (PAGE, "[STATUS] != OK", "can never fail: a status is a number from 100 to 999"),
    (PAGE, "[STATUS] == 100-999", "can never fail"),
    (PAGE, "[STATUS] != any(1xx, 200-999)", "can never hold"),
    (PAGE, "[status] == 200..299", "write [status] == 200-299"),
    (PAGE, "[STATUS] == 200, 204", "write [STATUS] == any(200, 204)"),
    (PAGE, "[STATUS] == 200 or 204", "write [STATUS] == any(200, 204)"),
    (PAGE, '[STATUS] == "200"', "there are no quotes here: write 200"),
    (PAGE, "[STATUS] == any(200, 20xx)", "20xx in any() is never met"),
    (PAGE, "[CERTIFICATE].chain_expiration == soon", "can never hold"),
    (PAGE, "[STATUS] == any(OK, UP)", "can never hold"),
    (PAGE, "[STATUS] == pat(7)", "can never hold"),
    (PAGE, "[STATUS] == pat(*)", "can never fail"),
    (PAGE, "[STATUS] == 1000", "can never hold"),
    (PAGE, "99 >= [STATUS]", "can never hold"),
    (PAGE, "OK == [STATUS]", "can never hold"),
    (PAGE, "yes != [CONNECTED]", "can never fail"),
    (PAGE, "[STATUS] < 1000", "can never fail"),
    (
        PAGE,
        "[RESPONSE_TIME] < 0",
        "can never hold: a response time is a number of milliseconds, never below 0",
    ),
    (PAGE, "[RESPONSE_TIME] >= 0", "can never fail"),
    (PAGE, "[RESPONSE_TIME] == fast", "can never hold"),
    (PAGE, "[IP] == localhost", "can never hold: it is an address such as"),
    (PAGE, "[IP] == any(127.0.0.1, localhost)", "localhost in any() is never met"),
    (PAGE, "[IP] == 127.0.0.01", "can never hold"),
    (PAGE, "[IP] == ::ffff:7f00:1", "can never hold"),
    (PAGE, "[CONNECTED] == yes", "can never hold: it is true or false"),
    (PAGE, "has([BODY].a) == True", "can never hold: it is true or false"),
    (PAGE, "has([BODY].a) == any(true, false)", "can never fail"),
    (PAGE, "len([BODY]) == two", "can never hold: a length is a whole number from 0 on"),
    (PAGE, "len([BODY]) >= 0", "can never fail"),
    (PAGE, "len([BODY].a) == 2.5", "can never hold"),
    (PAGE, "[CERTIFICATE_EXPIRATION] == soon", "can never hold"),
    (PAGE, "status == 200", "compares two constants, so no answer changes it: did you mean [STATUS]?"),
    (PAGE, "body.ok == true", "did you mean [BODY]?"),
    (PAGE, "200 == 200", "compares two constants, so no answer changes it: name a placeholder"),
    (PAGE, "5 > 3", "compares two constants"),
    (PAGE, "x == pat(x*)", "compares two constants"),
    (HEAD, "[BODY] == ok", "an answer to HEAD has no body"),
    (PORT, "[BODY] == ok", "write send or expect under tcp"),
    (CALL, "[STATUS] == OK", "can never hold"),
    (PROGRAM, "len([BODY]) < 0", "can never hold"),
]


@pytest.mark.parametrize(("probe", "condition", "said"), MEANINGLESS)
def test_a_condition_that_no_answer_changes_is_refused(probe, condition, said):
    (problem,) = problems(probe, condition)
    assert problem.startswith("expect[0]: ")
    assert said in problem


MEANT = [
    (PAGE, "[STATUS] == 999"),
    (PAGE, "[STATUS] == pat(2??)"),
    (PAGE, "[STATUS] == 2xx"),
    (PAGE, "[STATUS] != 400-599"),
    (PAGE, "[STATUS] == any(2xx, 301)"),
    (PAGE, "[STATUS] == matches(^[23])"),
    (PAGE, "len([HEADERS].set-cookie) >= 1"),
    (PAGE, "[HEADERS].server == 2xx"),
    (PAGE, "[STATUS] == 0xC8"),
    (PAGE, "[STATUS] > 100"),
    (PAGE, "[STATUS] <= 998"),
    (PAGE, "[RESPONSE_TIME] <= 0"),
    (PAGE, "[RESPONSE_TIME] < 300ms"),
    (PAGE, "[RESPONSE_TIME] == pat(1*)"),
    (PAGE, "[RESPONSE_TIME] == 0.5"),
    (PAGE, "[IP] == any(::1, 127.0.0.1)"),
    (PAGE, "[IP] != 192.0.2.1"),
    (PAGE, "[IP] == pat(10.*)"),
    (PAGE, "[CONNECTED] == true"),
    (PAGE, "has([BODY].a) != true"),
    (PAGE, "len([BODY]) > 0"),
    (PAGE, "len([BODY]) == 0"),
    (PAGE, "len([BODY].a) >= 0"),
    (PAGE, "0 <= len([BODY].a)"),
    (PAGE, "true == [CONNECTED]"),
    (PAGE, "false != has([BODY].a)"),
    (PAGE, "127.0.0.1 == [IP]"),
    (PAGE, "[IP] == ::ffff:127.0.0.1"),
    (PAGE, "200 == [STATUS]"),
    (PAGE, "[CERTIFICATE_EXPIRATION] > -1h"),
    (PAGE, "[STATUS] == [BODY].status"),
    (PAGE, "[BODY].a > 1e300"),
    (PAGE, "[BODY] == pat(*)"),
    (ASKED, "[BODY] == PONG"),
    (CALL, "[STATUS] == 1"),
    (CALL, "[IP] == localhost"),
    (PROGRAM, "[BODY] == pat(OK*)"),
]


@pytest.mark.parametrize(("probe", "condition"), MEANT)
def test_a_condition_that_an_answer_decides_is_accepted(probe, condition):
    assert problems(probe, condition) == []


CONTRADICTORY = [
    ("[STATUS] == 200", "[STATUS] == 404"),
    ("[STATUS] >= 300", "[status] < 300"),
    ("[STATUS] == pat(2*)", "[STATUS] > 300"),
    ("[RESPONSE_TIME] > 300", "[RESPONSE_TIME] < 300ms"),
    ("len([BODY]) > 2", "len([BODY]) < 3"),
    ("has([BODY].a) == true", "has([BODY].a) == false"),
    ("[BODY].a == up", "[BODY].a == any(ok, fine)"),
    ("[BODY].a == up", "[BODY].a != up"),
    ("[BODY].a > 5", "[BODY].a <= 5"),
    ("[CONNECTED] == true", "[CONNECTED] == false"),
    ("up == [BODY].a", "[BODY].a == down"),
    ("[HEADERS].vary == Accept", "[HEADERS].vary != Accept"),
    ("[HEADERS].vary[0] == Accept", "[HEADERS].vary[0] == Origin"),
    ("[CERTIFICATE].names[0] == shop.example", "[CERTIFICATE].names[0] == a.example"),
]


@pytest.mark.parametrize("pair", CONTRADICTORY)
def test_two_conditions_that_contradict_each_other_are_refused(pair):
    assert problems(PAGE, pair[0], "[BODY] == pat(*ok*)", pair[1]) == [
        f"expect[2]: contradicts {pair[0]}: no answer meets all of them"
    ]


AGREEING = [
    ("[STATUS] >= 200", "[STATUS] < 300", "[STATUS] != 204"),
    ("[RESPONSE_TIME] > 1", "[RESPONSE_TIME] < 2"),
    ("[BODY].a != x", "[BODY].a != y"),
    ("[BODY].a == 16", "[BODY].a == 0x10"),
    ("[BODY].a == 16", "[BODY].a == pat(0x*)"),
    ("[BODY].a == any(x, y)", "[BODY].a == any(y, z)"),
    ("[BODY].a == 1", "[BODY].A == 2"),
    ("[BODY].a == 5m", "[BODY].a > 3s"),
    ("[CERTIFICATE_EXPIRATION] > 1d", "[CERTIFICATE_EXPIRATION] < 400d"),
    ("[IP] != 192.0.2.1", "[IP] != 192.0.2.2"),
    ("up == [BODY].a", "[BODY].a != down"),
    ("[CERTIFICATE].names == shop.example", "[CERTIFICATE].names == *.shop.example"),
    ("[HEADERS].vary == Accept", "[HEADERS].vary == Origin", "[HEADERS].vary != Cookie"),
    ("a=1 == [HEADERS].set-cookie", "[HEADERS].set-cookie == b=2"),
    ("0x10 == [BODY].a", "16 == [BODY].a"),
]


@pytest.mark.parametrize("conditions", AGREEING)
def test_conditions_that_one_answer_meets_are_accepted(conditions):
    assert problems(PAGE, *conditions) == []


PLAIN = Http(url="http://h/", follow_redirects=False)
EXPIRY = Threshold(id="r", measure="certificate_expiration", operator="<", value=86_400_000)
SLOW = Threshold(id="r", value=3_000)
BLIND_RULES = [
    ({"http": PLAIN, "rules": (EXPIRY,)}, "there is no certificate without https"),
    (
        {"http": PLAIN, "rules": (Threshold(id="r", measure="tls", value=9),)},
        "there is no handshake without https",
    ),
    ({**PAGE, "every": "2s", "rules": (SLOW,)}, "response_time is at most 2000 ms (the timeout is 2s)"),
]
SEEING_RULES = [
    {"http": Http(url="http://h/"), "rules": (EXPIRY,)},
    {**PAGE, "every": "4s", "rules": (SLOW,)},
    {**PAGE, "every": "2s", "max_age": "1s", "rules": (SLOW,)},
    {"http": PLAIN, "rules": (Threshold(id="r", measure="tls", value=9, state="retired"),)},
]


@pytest.mark.parametrize(("fields", "said"), BLIND_RULES)
def test_a_rule_that_nothing_seen_can_break_is_refused(fields, said):
    (problem,) = judged_target(Target(id="a", **fields), channels=(), allow_exec=True)[1]
    assert said in str(problem)


@pytest.mark.parametrize("fields", SEEING_RULES)
def test_a_rule_that_may_be_broken_is_accepted(fields):
    assert judged_target(Target(id="a", **fields), channels=(), allow_exec=True)[1] == ()
