"""The specifications of steps and of registrations: their problems, and everything that is shown of them."""

import pytest
import trustme
from watchkeeper import (
    Configuration,
    DialogueStep,
    DigestAuth,
    DomainRegistration,
    HeaderRule,
    Http,
    HttpCapture,
    HttpStep,
    HttpSteps,
    Target,
    Tcp,
    Threshold,
    Tls,
)
from watchkeeper.adapters.configuration import loading
from watchkeeper.adapters.masking import secrets_of
from watchkeeper.domain.specification.probes.web.filling import filled
from watchkeeper.domain.validation.doubts import doubts
from watchkeeper.domain.validation.partial import judged_target
from watchkeeper.launcher.configure.redacting import Redaction
from watchkeeper.web.pages.watched.target import what_is_checked

BROKEN = HeaderRule(header="A", matches="(")
DIGEST = DigestAuth(user="u", password="p")  # noqa: S106
LOGIN = {"id": "login", "url": "https://shop.example/login", "capture": {"token": "[BODY].token"}}


def problems_of(target):
    return [str(each) for each in judged_target(target, channels=())[1]]


def of_steps(*steps, **fields):
    probe = HttpSteps(steps=[HttpStep(**{"url": "https://shop.example/", **step}) for step in steps])
    return Target(id="a", http_steps=probe, **fields)


def of_domain(**fields):
    how = {
        "every": "24h",
        **{key: fields.pop(key) for key in ("every", "retry_every", "expect", "rules") if key in fields},
    }
    return Target(id="a", domain=DomainRegistration(**{"name": "shop.example", **fields}), **how)


def second(**fields):
    return of_steps(LOGIN, {"id": "b", **fields})


STEPS = [
    (of_steps(LOGIN, LOGIN), "http_steps.steps[1].id: the id 'login' stands twice"),
    (second(url="ftp://h/"), "http_steps.steps[1].url: has the scheme 'ftp'"),
    (second(url="https://h/{{tokn}}"), "http_steps.steps[1].url: no earlier step captures 'tokn', did you mean token (captured until here: token)"),
    (of_steps({**LOGIN, "body": "{{token}}"}), "http_steps.steps[0].body: no earlier step captures 'token' (captured until here: none)"),
    (second(url="https://{{token}}/"), "http_steps.steps[1].url: a captured value stands before the path"),
    (second(url="https://h{{token}}"), "http_steps.steps[1].url: a captured value stands before the path"),
    (second(url="{{token}}"), "http_steps.steps[1].url: a captured value stands before the path"),
    (second(url="https://h?{{token}}", tls=Tls(server_name="{{token}}")), "http_steps.steps[1].tls: no captured value is put in here"),
    (second(connection="reuse"), "http_steps.steps[1].connection: each step connects anew"),
    (second(bearer="{{token}}", method="FETCH"), "http_steps.steps[1].method: 'FETCH' is no known method"),
    (second(versions=["1.1", "1.1"]), "http_steps.steps[1].versions: holds a version twice"),
    (second(header_rules=[BROKEN]), "http_steps.steps[1].header_rules[0].matches: the pattern '('"),
    (second(resolver="192.0.2.53"), "http_steps.steps[1].resolver: is no address of a name server"),
    (second(bearer="b", digest_auth=DIGEST), "http_steps.steps[1].digest_auth: bearer and digest_auth are given"),
    (second(expect=["[RUN_TIME] < 1s"]), "http_steps.steps[1].expect[0]: a probe of http gives no [RUN_TIME]"),
    (second(expect=["[STATUS] =="]), "http_steps.steps[1].expect[0]: "),
    (second(method="HEAD", expect=["[BODY] == x"]), "http_steps.steps[1].expect[0]: an answer to HEAD has no body"),
    (second(method="HEAD", capture={"x": "[BODY].x"}), "http_steps.steps[1].capture.x: an answer to HEAD has no body"),
    (second(capture={"x": "token"}), "http_steps.steps[1].capture.x: write a placeholder"),
    (second(capture={"x": "[BODY]..x"}), "http_steps.steps[1].capture.x: the path has an empty name"),
    (second(capture={"x": "[RUN_TIME]"}), "http_steps.steps[1].capture.x: an answer of HTTP gives no [RUN_TIME]"),
    (second(capture={"x": HttpCapture(of="[BODY]", matches="(")}), "http_steps.steps[1].capture.x.matches: the pattern '('"),
    (
        second(url="http://h/", follow_redirects=False, capture={"x": "[CERTIFICATE].issuer"}),
        "http_steps.steps[1].capture.x: there is no certificate without https",
    ),
    (
        of_steps(LOGIN, rules=[Threshold(id="slow", measure="step.pay", value=1)]),
        "rules[0].measure: a target of http_steps is not measured by 'step.pay'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("target", "said"), STEPS)
def test_a_fault_of_a_step_is_said_with_its_place(target, said):
    (problem,) = problems_of(target)
    assert problem.startswith(said)


def test_a_measure_is_named_once_where_another_is_unknown():
    (problem,) = problems_of(of_steps(LOGIN, rules=[Threshold(id="slow", measure="step.pay", value=1)]))
    assert problem.count("availability") == 1


def test_a_place_that_no_captured_value_fills_is_doubted():
    use = {
        "id": "use",
        "url": "http://h/{{ token }}",
        "headers": {"X": "{{login.token}}"},
        "body": "{{a b}} {{a-b}} {{}}",
    }
    dialogue = [DialogueStep(expect="(?P<x>a)"), DialogueStep(send="{{x}} {{x[0]}}")]
    targets = (of_steps(LOGIN, use), Target(id="b", tcp=Tcp(host="h", port=1, dialogue=dialogue)))
    said = [str(each) for each in doubts(Configuration(targets=targets), 0)][1:]

    assert [line.partition(" is sent")[0] for line in said] == [
        "targets[0].http_steps.steps[1].headers.X: '{{login.token}}'",
        "targets[0].http_steps.steps[1].body: '{{a-b}}'",
        "targets[1].tcp.dialogue[1].send: '{{x[0]}}'",
    ]


def test_steps_that_pass_values_on_have_no_problem():
    use = {
        "id": "use",
        "url": "https://shop.example:8443/{{token}}?x={{ token }}#{{token}}",
        "method": "POST",
        "headers": {"X-A": "{{token}}"},
        "bearer": "{{token}}",
        "body": "{{token}} {{ not a name }} {x}",
        "expect": ["[STATUS] == 201", "[BODY].ok == true"],
        "capture": {"token": "[HEADERS].x-next", "issuer": "[CERTIFICATE].issuer"},
    }
    rules = [
        Threshold(id="slow", measure="step.use", value="500ms"),
        Threshold(id="all", measure="response_time", value="2s"),
    ]
    target = of_steps(
        LOGIN,
        use,
        expect=["[BODY].id == 7", "[HTTP_VERSION] == 2", "[CERTIFICATE_EXPIRATION] > 48h"],
        rules=rules,
    )

    assert problems_of(target) == []


REGISTRATIONS = [
    (of_domain(name="shop"), "domain.name: is no domain of a registry"),
    (of_domain(name="192.0.2.1"), "domain.name: is no domain of a registry"),
    (of_domain(name="https://shop.example/"), "domain.name: is a URL: write the domain alone"),
    (of_domain(name="a..b"), "domain.name: is no name"),
    (of_domain(name="2001:db8::1"), "domain.name: is no domain of a registry"),
    (of_domain(rdap_server="rdap.example"), "domain.rdap_server: is no absolute URL"),
    (of_domain(rdap_server="https://rdap.example/?a=b"), "domain.rdap_server: holds a query or a fragment"),
    (of_domain(tls=Tls(verify=False, ca_file="f")), "domain.tls.ca_file: has no effect"),
    (of_domain(every="59m"), "every: 59m is too often for the servers of registries"),
    (of_domain(retry_every="5m"), "retry_every: 5m is too often for the servers of registries"),
    (of_domain(expect=["[CERTIFICATE].issuer == x"]), "expect[0]: a probe of domain gives no [CERTIFICATE]"),
    (
        of_domain(rules=[Threshold(id="a", measure="certificate_expiration", value=1)]),
        "rules[0].measure: a target of domain is not",
    ),
]


@pytest.mark.parametrize(("target", "said"), REGISTRATIONS)
def test_a_fault_of_a_registration_is_said_with_its_place(target, said):
    (problem,) = problems_of(target)
    assert problem.startswith(said)


def test_a_registration_that_is_asked_for_without_a_cadence_is_refused_with_what_to_write():
    (problem,) = problems_of(Target(id="a", domain=DomainRegistration(name="shop.example")))
    assert problem == (
        "every: 30s is too often for the servers of registries, which refuse such clients: write every: 1h or more, such as 24h"
    )


def test_a_registration_has_no_problem_with_what_it_gives():
    rules = [Threshold(id="ends", measure="registration_expiration", operator="<", value="30d")]
    expect = ["[DOMAIN_EXPIRATION] > 720h", "[BODY].status[0] == active", "[STATUS] == 200"]

    assert problems_of(of_domain(name="straße.example.", expect=expect, rules=rules, every="1h")) == []


def test_the_page_says_what_is_checked():
    steps = of_steps(LOGIN, {"id": "use"})
    named, listed = of_domain(rdap_server="https://rdap.example/v1"), of_domain()

    assert what_is_checked(steps) == "2 HTTP steps from shop.example on: login, use"
    assert what_is_checked(named) == "registration of shop.example at rdap.example"
    assert what_is_checked(listed) == "registration of shop.example"


def test_secrets_of_steps_are_masked_and_names_of_captured_values_are_not():
    steps = of_steps(
        {**LOGIN, "bearer": "hunter2-hunter2"}, {"id": "b", "headers": {"Authorization": "Bearer {{token}}"}}
    )
    found = {*secrets_of([steps])}

    assert "hunter2-hunter2" in found
    assert not [secret for secret in found if "{{" in secret]
    assert "hunter2" not in repr(steps)


FILE = """
targets:
  - id: order
    every: 1m
    http_steps:
      steps:
        - {id: login, url: "https://h/login", tls: {ca_file: ca.pem}, capture: {token: "[BODY].token", id: {of: "[STATUS]", shown: true}}}
        - {id: use, url: "https://h/{{id}}", headers: {Authorization: "Bearer {{token}}"}, always: true}
"""


def test_a_file_of_steps_is_read_with_its_files_and_shown_without_its_secrets(tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    found = loading.examine(FILE, {}, folder=tmp_path, name="watch.yaml").configuration
    (missing,) = loading.examine(
        FILE.replace("ca.pem", "gone.pem"), {}, folder=tmp_path, name="watch.yaml"
    ).faults

    first, use = found.targets[0].http_steps.steps
    assert first.tls.ca_file == str(tmp_path / "ca.pem")
    assert missing.problem.path == ("targets", 0, "http_steps", "steps", 0, "tls", "ca_file")
    assert first.captures == (
        ("id", HttpCapture(of="[STATUS]", shown=True)),
        ("token", HttpCapture(of="[BODY].token")),
    )
    assert use.always
    shown = Redaction([])(("http_steps", "steps", 0), {"capture": {"token": "[BODY].token"}, "bearer": "x"})
    assert shown == {"capture": {"token": "[BODY].token"}, "bearer": "***"}


# Values in texts.


def body_with(value, **request):
    return filled(Http(url="https://h/", **request), {"v": value}).body


BODIES = [
    ({"body": '{"a": "{{v}}"}'}, '{"a": "x\\"}, {\\n&<="}'),
    (
        {"body": "a={{v}}", "headers": {"content-type": "application/x-www-form-urlencoded"}},
        "a=x%22%7D%2C%20%7B%0A%26%3C%3D",
    ),
    (
        {"body": "<a>{{v}}</a>", "headers": {"Content-Type": "text/xml; charset=utf-8"}},
        "<a>x&quot;}, {\n&amp;&lt;=</a>",
    ),
    (
        {"body": "a {{v}} {{ v }} {{v }", "headers": {"Content-Type": "text/plain"}},
        'a x"}, {\n&<= x"}, {\n&<= {{v }',
    ),
    ({"body": "{{v}}"}, 'x"}, {\n&<='),
]


@pytest.mark.parametrize(("request_", "body"), BODIES)
def test_a_value_stays_one_value_in_a_body(request_, body):
    assert body_with('x"}, {\n&<=', **request_) == body


def test_a_request_without_a_name_of_a_value_is_the_very_same():
    request = Http(url="https://h/", headers={"X-A": "{b}"}, body="{{ a b }}")
    assert filled(request, {"a": "x"}) is request
