"""Configurations made in Python are judged by the same rules as files."""

from math import inf, nan

import pytest
from watchkeeper.domain.specification.channel import CallChannel, Channel, Log, Webhook
from watchkeeper.domain.specification.configuration import Configuration, Retention, RuntimeOptions
from watchkeeper.domain.specification.probe import BasicAuth, Call, Exec, Heartbeat, Http, Tcp, Tls
from watchkeeper.domain.specification.rule import Consecutive, Mode, NoData, RuleState, Threshold
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.validation.partial import judged, judged_target

HTTP = Http(url="http://h/")
PASSWORD = "p"  # noqa: S105  # it opens nothing
SECRET = "whsec_!"  # noqa: S105  # it signs nothing


def problems_of(configuration):
    return judged(configuration)[1]


def problems_of_target(target, **surroundings):
    return judged_target(target, **surroundings)[1]


def target(**fields):
    return Target(**({"id": "a", "http": HTTP} | fields))


def probed(**probe):
    return Target(id="a", **probe)


def ruled(**fields):
    return target(rules=(Threshold(**({"id": "r", "value": 100} | fields)),))


def test_a_valid_configuration_has_no_problems():
    configuration = Configuration(
        channels=(Channel(id="ops", log=Log()),),
        targets=(
            target(notify=("ops",)),
            Target(id="b", every="1s", tcp=Tcp(host="::1", port=1)),
            Target(id="c", every="10s", heartbeat=Heartbeat(grace="1h")),
            Target(id="e", call=Call(name="f"), expect=("[STATUS] == 1",)),
            target(
                id="d",
                every="5s",
                expect=["[CERTIFICATE_EXPIRATION] > 48h"],
                http=Http(url="https://h:8443/x?y#z"),
            ),
        ),
    )
    assert problems_of(configuration) == ()


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"store": ""}, "runtime.store"),
        ({"store": "a\0b"}, "runtime.store"),
        ({"retention": Retention(samples="61d")}, "runtime.retention.samples"),
        ({"retention": Retention(history="1s")}, "runtime.retention.history"),
    ],
)
def test_a_runtime_that_would_lose_its_record_is_refused(options, place):
    (problem,) = problems_of(Configuration(runtime=RuntimeOptions(**options)))
    assert str(problem).startswith(f"{place}: ")


TARGETS = [
    (
        probed(tcp=Tcp(host="::1", port=1, address_family="ipv4")),
        "tcp.address_family",
        "is ipv4, but the host is an ipv6 address",
    ),
    (
        target(http=Http(url="http://127.0.0.1/", address_family="ipv6")),
        "http.address_family",
        "is ipv6, but the host is an ipv4 address",
    ),
    (
        target(expect=["[STATUS] == 200"], http=None, tcp=Tcp(host="h", port=1)),
        "expect[0]",
        "gives no [STATUS]",
    ),
    (
        probed(heartbeat=Heartbeat(), expect=("[STATUS] == 200",)),
        "expect[0]",
        "gives no [STATUS]: it gives [RUN_TIME]",
    ),
    (target(http=Http(url="http://h/", method="DELET")), "http.method", "did you mean DELETE"),
    (target(http=Http(url="http://h/", method="CONNECT")), "http.method", "is no known method"),
    (target(every="367d"), "every", "out of range"),
    (target(timeout="2h", every="3h"), "timeout", "out of range"),
    (target(every="1s", timeout="3s"), "timeout", "longer than every 1s"),
    (target(every="1s", retry_every="3s"), "retry_every", "longer than every 1s"),
    (target(notify=("ops", "ops")), "notify[1]", "stands twice"),
    (target(notify=("opz",)), "notify[0]", "did you mean ops"),
    (target(expect=("nonsense",)), "expect[0]", "character"),
    (target(expect=("[DOMAIN_EXPIRATION] > 48h",)), "expect[0]", "gives no [DOMAIN_EXPIRATION]"),
    (
        target(
            http=Http(url="http://h/", follow_redirects=False), expect=("[CERTIFICATE_EXPIRATION] > 48h",)
        ),
        "expect[0]",
        "no certificate without https",
    ),
    (
        target(http=Http(url="http://h/", body_bytes_max=0), expect=("[BODY] == ok",)),
        "expect[0]",
        "raise body_bytes_max",
    ),
    (target(rules=(Consecutive(id="r"), NoData(id="r"))), "rules[1].id", "stands twice"),
    (
        target(rules=(Consecutive(id="r", keep_firing_for="400d"),)),
        "rules[0].keep_firing_for",
        "out of range",
    ),
    (target(rules=(Consecutive(id="r", for_="400d"),)), "rules[0].for", "out of range"),
    (target(rules=(NoData(id="r", after="30s"),)), "rules[0].after", "would always fire"),
    (
        Target(id="job", heartbeat=Heartbeat(), rules=(NoData(id="r", policy="ok"),)),
        "rules[0].policy",
        "would call a silent job well",
    ),
    (ruled(value=nan), "rules[0].value", "no finite number"),
    (ruled(value=inf), "rules[0].value", "no finite number"),
    (ruled(value=5_000), "rules[0].value", "can never be true"),
    (ruled(value=-1), "rules[0].value", "is always true"),
    (ruled(measure="status", operator="==", value=1_000), "rules[0].value", "can never be true"),
    (ruled(measure="status", operator="==", value=200.5), "rules[0].value", "no status is 200.5"),
    (ruled(measure="status", operator="!=", value=-1), "rules[0].value", "is always true"),
    (ruled(measure="cpu"), "rules[0].measure", "is not measured by 'cpu'"),
    (ruled(mode=Mode.RATE_OF_CHANGE, window=1), "rules[0].window", "needs two samples"),
    (ruled(mode=Mode.RATE_OF_CHANGE, window="30s"), "rules[0].window", "holds one sample at most"),
    (
        target(every="10ms", timeout="10ms", rules=(Threshold(id="r", value=5, window="1h"),)),
        "rules[0].window",
        "would hold 360,000 samples",
    ),
    (probed(call=Call(name=" ")), "call.name", "is empty"),
    (probed(heartbeat=Heartbeat(grace="400d")), "heartbeat.grace", "out of range"),
    (probed(exec=Exec(argv=("ls",))), "exec", "set allow_exec to true"),
    (probed(tcp=Tcp(host="http://h", port=1)), "tcp.host", "is a URL"),
    (probed(tcp=Tcp(host="h/x", port=1)), "tcp.host", "is a URL"),
    (probed(tcp=Tcp(host="[h]", port=1)), "tcp.host", "brackets"),
    (probed(tcp=Tcp(host="h x", port=1)), "tcp.host", "holds a blank"),
    (probed(tcp=Tcp(host="", port=1)), "tcp.host", "is empty"),
    (probed(tcp=Tcp(host="ü" * 70, port=1)), "tcp.host", "is no name: a part of it"),
    (probed(tcp=Tcp(host="shop..example", port=1)), "tcp.host", "is no name: a part of it"),
    (probed(tcp=Tcp(host="a\u200b\ufffd.test", port=1)), "tcp.host", "is no international name"),
    (probed(tcp=Tcp(host="h", port=1, expect="")), "tcp.expect", "is in every answer"),
]


@pytest.mark.parametrize(("faulty", "where", "said"), TARGETS, ids=range(len(TARGETS)))
def test_an_invalid_target_is_reported_with_place_and_reason(faulty, where, said):
    (problem,) = problems_of_target(faulty, channels=["ops"])
    assert str(problem).startswith(f"{where}: ")
    assert said in problem.text


def login(**fields):
    return target(http=Http(url="https://h/", **fields))


CERTIFICATE = ("[CERTIFICATE_EXPIRATION] > 48h",)
ACCEPTED = [
    login(bearer="a"),
    login(basic_auth=BasicAuth(user="u", password=PASSWORD)),
    login(tls=Tls(certificate_file="c")),
    login(tls=Tls(certificate_file="c", key_file="k")),
    login(tls=Tls(ca_file="c")),
    login(tls=Tls(verify=False)),
    login(tls=Tls(server_name="h")),
    login(headers={"A": "x\ty", "B": "z"}),
    probed(tcp=Tcp(host="::1", port=1, address_family="ipv6")),
    probed(tcp=Tcp(host="127.0.0.1", port=1, address_family="ipv4")),
    probed(tcp=Tcp(host="h", port=1, address_family="ipv4")),
    probed(tcp=Tcp(host="h", port=1, expect="x")),
    probed(exec=Exec(argv=("ls", ""), environment={"_A1": ""})),
    # A certificate may come by a redirect, and is asked for where it comes.
    target(http=Http(url="http://h/"), expect=CERTIFICATE),
    target(http=Http(url="HTTPS://h/", follow_redirects=False), expect=CERTIFICATE),
    target(http=Http(url="http://h/", follow_redirects=False), expect=("[STATUS] == 200",)),
    # Times that just fit.
    target(every="3s", timeout="3s", retry_every="3s"),
    Target(id="a", every="1s", timeout="3s", heartbeat=Heartbeat()),
    target(rules=(NoData(id="r", after="31s"),)),
    target(every="10ms", timeout="10ms", rules=(Threshold(id="r", value=5, window="1000s"),)),
    ruled(mode=Mode.RATE_OF_CHANGE, window=2),
    ruled(mode=Mode.RATE_OF_CHANGE, window="31s"),
    ruled(mode=Mode.RATE_OF_CHANGE, window="31s", value=-9_000),
    # Values that a figure can have.
    ruled(value=0),
    ruled(measure="status", operator=">", value=0),
    ruled(measure="status", operator="==", value=201),
    ruled(measure="status", operator="==", value=999),
    ruled(measure="status", operator=">", value=200.5),
    ruled(measure="certificate_expiration", operator="<", value=-1),
    Target(id="a", heartbeat=Heartbeat(), rules=(Threshold(id="r", value=9_000),)),
    Target(id="a", call=Call(name="f"), rules=(Threshold(id="r", measure="queue", value=-1),)),
]


@pytest.mark.parametrize("sound", ACCEPTED, ids=range(len(ACCEPTED)))
def test_a_target_that_only_just_means_something_is_accepted(sound):
    assert problems_of_target(sound, channels=(), allow_exec=True) == ()


@pytest.mark.parametrize("secret", [None, "x", "whsec_MfKQ", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_a_secret_of_either_form_is_accepted(secret):
    channel = Channel(id="c", webhook=Webhook(url="http://h/", secret=secret))
    assert problems_of(Configuration(channels=(channel,))) == ()


URLS = {
    "h": "no absolute URL",
    "/path": "no absolute URL",
    "http:/h": "no absolute URL",
    "file:///etc/passwd": "'file'",
    "gopher://h/": "'gopher'",
    "javascript://h": "'javascript'",
    "http://": "names no host",
    f"http://{'ü' * 70}/": "has a host that is no name",
    "http://ä..b/": "has a host that is no name",
    "http:///path": "names no host",
    "http://:80/": "names no host",
    "http://user@h/": "basic_auth",
    "http://user:pw@h/": "basic_auth",
    "http://h:/": "port",
    "http://h:0/": "port",
    "http://h:65536/": "port",
    "http://h:٣/": "cannot be read",
    "http://h:1:2/": "cannot be read",
    "http://::1/": "cannot be read",
    "http://[::1/": "cannot be read",
    "http://h /": "blank",
    "http://h/\r\nHost: evil": "line end",
    "http://h/\0": "control character",
    "http://h:000080/": "port",
    "http://h/" + "a" * 8_184: "8,193 characters",
}


@pytest.mark.parametrize(("url", "said"), URLS.items(), ids=range(len(URLS)))
def test_urls_that_lead_nowhere_good_are_refused(url, said):
    (problem,) = problems_of_target(probed(http=Http(url=url)), channels=())
    assert problem.path == ("http", "url")
    assert said in problem.text


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "HTTPS://H/",
        "http://[::1]:8080/",
        "http://1.2.3.4:1/?a=b@c",
        "http://bücher.example/",
        "http://h/#@",
        "http://h:65535/",
        "http://h/" + "a" * 8_183,
    ],
    ids=range(8),
)
def test_urls_of_any_usual_form_are_accepted(url):
    assert problems_of_target(probed(http=Http(url=url)), channels=()) == ()


REQUESTS = [
    (Http(url="http://h/", headers={"A B": "x"}), 'headers["A B"]', "no header name"),
    (Http(url="http://h/", headers={"A": "x\r\nB: y"}), "headers.A", "line end"),
    (Http(url="http://h/", headers={"Content-Length": "5"}), "headers.Content-Length", "leave it out"),
    (Http(url="http://h/", headers={"A": "x", "a": "y"}), "headers.a", "another spelling"),
    (Http(url="http://h/", bearer="a\nb"), "bearer", "line end"),
    (Http(url="http://h/", bearer=""), "bearer", "is empty"),
    (
        Http(url="http://h/", bearer="a", basic_auth=BasicAuth(user="u", password=PASSWORD)),
        "bearer",
        "keep one",
    ),
    (Http(url="http://h/", basic_auth=BasicAuth(user="u:v", password=PASSWORD)), "basic_auth.user", "colon"),
    (
        Http(url="http://h/", basic_auth=BasicAuth(user="u", password=PASSWORD + "\n")),
        "basic_auth.password",
        "line end",
    ),
    (
        Http(url="http://h/", basic_auth=BasicAuth(user="u\0", password=PASSWORD)),
        "basic_auth.user",
        "control",
    ),
    (Http(url="http://h/", tls=Tls(key_file="k")), "tls.key_file", "without certificate_file"),
    (
        Http(url="http://h/", tls=Tls(key_password=PASSWORD)),
        "tls.key_password",
        "without certificate_file",
    ),
    (Http(url="http://h/", tls=Tls(verify=False, ca_file="c")), "tls.ca_file", "no effect"),
    (Http(url="http://h/", tls=Tls(server_name="h:1")), "tls.server_name", "port"),
]


@pytest.mark.parametrize(("http", "where", "said"), REQUESTS, ids=range(len(REQUESTS)))
def test_a_request_that_would_be_malformed_is_refused(http, where, said):
    (problem,) = problems_of_target(probed(http=http), channels=())
    assert str(problem).startswith(f"http.{where}: ")
    assert said in problem.text


CHANNELS = [
    (Channel(id="c", webhook=Webhook(url="ftp://h/")), "webhook.url", "'ftp'"),
    (Channel(id="c", webhook=Webhook(url="http://h/", secret="")), "webhook.secret", "is empty"),
    (Channel(id="c", webhook=Webhook(url="http://h/", secret=SECRET)), "webhook.secret", "no base64"),
    (Channel(id="c", webhook=Webhook(url="http://h/", secret=SECRET[:-1])), "webhook.secret", "no base64"),
    (
        Channel(id="c", webhook=Webhook(url="http://h/", headers={"Webhook-Id": "1"})),
        "webhook.headers.Webhook-Id",
        "leave it",
    ),
    (Channel(id="c", webhook=Webhook(url="http://h/", timeout="2h")), "webhook.timeout", "out of range"),
    (Channel(id="c", call=CallChannel(name="")), "call.name", "is empty"),
    (Channel(id="c", log=Log(), give_up_after="0s"), "give_up_after", "out of range"),
]


@pytest.mark.parametrize(("channel", "where", "said"), CHANNELS, ids=range(len(CHANNELS)))
def test_an_invalid_channel_is_reported_with_place_and_reason(channel, where, said):
    (problem,) = problems_of(Configuration(channels=(channel,)))
    assert str(problem).startswith(f"channels[0].{where}: ")
    assert said in problem.text


def test_ids_are_unique_over_the_whole_configuration():
    configuration = Configuration(
        channels=(Channel(id="ops", log=Log()), Channel(id="ops", log=Log())), targets=(target(), target())
    )
    assert [str(problem).split(":")[0] for problem in problems_of(configuration)] == [
        "channels[1].id",
        "targets[1].id",
    ]


def test_programs_run_only_where_the_configuration_lets_them():
    command = probed(exec=Exec(argv=("ls",)))
    assert problems_of(Configuration(targets=(command,)))
    assert not problems_of(Configuration(runtime=RuntimeOptions(allow_exec=True), targets=(command,)))


@pytest.mark.parametrize(
    ("command", "where"),
    [
        (Exec(argv=("ls", "a\0b")), "exec.argv[1]"),
        (Exec(argv=("",)), "exec.argv[0]"),
        (Exec(argv=("ls",), environment={"A=B": "c"}), 'exec.environment["A=B"]'),
        (Exec(argv=("ls",), environment={"A": "b\0"}), "exec.environment.A"),
    ],
)
def test_a_program_that_cannot_be_started_is_refused(command, where):
    (problem,) = problems_of_target(probed(exec=command), channels=(), allow_exec=True)
    assert str(problem).startswith(f"{where}: ")


@pytest.mark.parametrize("condition", ["[STATUS] == 0", "[CONNECTED] == true"])
def test_a_program_is_not_asked_for_what_it_never_reports(condition):
    command = probed(exec=Exec(argv=("ls",)), expect=(condition, "[BODY] == ok", "[RESPONSE_TIME] < 300"))
    (problem,) = problems_of_target(command, channels=(), allow_exec=True)
    assert str(problem).endswith("it gives [BODY], [RESPONSE_TIME]")


def test_a_retired_rule_may_be_what_no_other_may():
    retired = Threshold(id="r", value=9_000, state=RuleState.RETIRED)
    assert problems_of_target(target(rules=(retired,)), channels=()) == ()


def test_a_timeout_that_nobody_stated_may_outlast_the_cadence():
    assert problems_of_target(target(every="1s"), channels=()) == ()
