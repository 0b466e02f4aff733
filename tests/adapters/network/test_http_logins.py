"""Logins of the `http` probe that take more than one header: digest authentication, and tokens of OAuth 2.0."""

import json

import pytest
from hostile.server import HostileServer
from hostile.visit import Visit
from login_servers import DigestServer, TokenServer
from proxy_server import ProxyServer
from watchkeeper.adapters.http.exchange import HttpAnswer
from watchkeeper.adapters.http.tokens import AccessToken, token_of
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.limits import DIGEST_ROUNDS_MAX, TOKEN_BYTES_MAX, TOKEN_KEPT_NS, TOKEN_UNSTATED_NS
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.http.access import DigestAuth, Proxy
from watchkeeper.domain.specification.probe import Http, OAuth2, Tls
from watchkeeper.domain.units import NS_PER_S

USER, PASSWORD = "watch:keeper", "open-sesame%"
CLIENT, SECRET = "watch keeper", "canary/secret+1"
TIMEOUT_MS = 400
UP, DOWN, LATE = Outcome.UP, Outcome.DOWN, Outcome.TIMED_OUT


@pytest.fixture
def prober(bench):
    prober = HttpProber(bench.transport)
    yield prober
    prober.close()


# Digest.


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_password_is_proved_and_never_sent(bench, prober, algorithm, method):
    with DigestServer("watch", PASSWORD, algorithm) as server:
        login = DigestAuth(user="watch", password=PASSWORD)
        spec = Http(
            url=server.url("/door"), method=method, body="x" if method == "POST" else None, digest_auth=login
        )
        seen = [bench.run(prober, spec).seen for _ in range(2)]

    assert [(each.outcome, each.status, each.body) for each in seen] == [(UP, 200, b"come in")] * 2
    assert len(server.heard) >= 3, "each attempt has a connection of its own; a nonce may be used again"
    assert PASSWORD not in str(server.heard) + repr(spec) + repr(login)
    if method == "POST":
        assert server.heard[-1].body == b"x"


def test_a_wrong_password_is_an_answer_of_401(bench, prober):
    with DigestServer("watch", PASSWORD) as server:
        login = DigestAuth(user="watch", password="barley")  # noqa: S106  # of the test's own server
        seen = bench.run(prober, Http(url=server.url("/door"), digest_auth=login)).seen

    assert (seen.outcome, seen.status, seen.body) == (UP, 401, b"who is there?")


def test_a_digest_does_not_go_to_another_origin(bench, prober):
    with DigestServer("watch", PASSWORD) as away, HostileServer() as home:
        login = DigestAuth(user="watch", password=PASSWORD)
        spec = Http(url=home.url(f"/redirect/302?{away.url('/door')}"), digest_auth=login)
        seen = bench.run(prober, spec).seen

    assert (seen.status, [heard.header("authorization") for heard in away.heard]) == (401, [None])


def test_a_server_that_asks_again_and_again_is_left(bench, prober):
    def insist(visit):
        visit.answer("401 Unauthorized", ['WWW-Authenticate: Digest realm="r", nonce="n", stale=true'])

    with HostileServer({"door": insist}) as server:
        login = DigestAuth(user="watch", password=PASSWORD)
        seen = bench.run(prober, Http(url=server.url("/door"), digest_auth=login)).seen

    assert (seen.outcome, seen.reason) == (DOWN, Reason.PROTOCOL_ERROR)
    assert seen.detail == "the server asks for the digest again and again"
    assert len(server.heard) == DIGEST_ROUNDS_MAX + 1


def test_the_header_of_a_challenge_says_nothing_of_the_body_behind_it(bench, prober):
    def challenge(visit):
        if dict(visit.headers).get("Authorization"):
            visit.answer(headers=["Content-Type: text/plain; charset=utf-16"], body="hé".encode("utf-16-le"))
        else:
            wants = 'WWW-Authenticate: Digest realm="r", nonce="n"'
            visit.answer("401 Unauthorized", [wants, "Content-Encoding: gzip"], b"no")

    with HostileServer({"door": challenge}) as server:
        login = DigestAuth(user="watch", password=PASSWORD)
        seen = bench.run(prober, Http(url=server.url("/door"), digest_auth=login)).seen

    assert (seen.status, seen.body_coding) == (200, None)


# Tokens.


@pytest.fixture
def shop():
    with TokenServer(CLIENT, SECRET) as server:
        yield server


def wanting(server, token_url=None, path="/shop", **fields):
    said = {"client_id": CLIENT, "client_secret": SECRET, **fields}
    return Http(url=server.url(path), oauth2=OAuth2(token_url=token_url or server.token_url, **said))


@pytest.mark.parametrize("authentication", ["basic", "body"])
def test_one_token_serves_many_attempts(bench, prober, shop, authentication):
    spec = wanting(
        shop, authentication=authentication, scopes=["read", "list"], parameters={"audience": "shop"}
    )
    seen = [bench.run(prober, spec).seen for _ in range(3)]

    assert [(each.outcome, each.status) for each in seen] == [(UP, 200)] * 3
    assert (shop.asked("token"), shop.asked("shop")) == (1, 3)
    (fields,) = shop.fields
    assert fields["grant_type"] == "client_credentials"
    assert (fields["scope"], fields["audience"]) == ("read list", "shop")
    assert ("client_secret" in fields) is (authentication == "body")


def test_targets_with_equal_credentials_share_a_token(bench, prober, shop):
    for path in ("/shop", "/shop?page=2"):
        assert bench.run(prober, wanting(shop, path=path)).seen.status == 200
    bench.run(prober, wanting(shop, scopes=["other"]))

    assert shop.asked("token") == 2


def test_attempts_at_the_same_time_wait_for_one_request(bench, prober, shop):
    answers = [bench.loop.create_future() for _ in range(20)]
    for answer in answers:
        prober.start(bench.request(wanting(shop)), answer.set_result)
    seen = [bench.wait(answer) for answer in answers]

    assert {each.status for each in seen} == {200}
    assert (shop.asked("token"), shop.asked("shop")) == (1, 20)


def test_a_token_that_is_refused_is_asked_for_once_anew(bench, prober, shop):
    bench.run(prober, wanting(shop))
    shop.revoke()
    renewed = bench.run(prober, wanting(shop)).seen

    assert (renewed.status, shop.asked("token"), shop.asked("shop")) == (200, 2, 3)


def test_a_fresh_token_that_is_refused_is_the_answer(bench, prober, shop):
    with HostileServer({"shop": lambda visit: visit.answer("401 Unauthorized")}) as strict:
        spec = wanting(strict, shop.token_url)
        statuses = [bench.run(prober, spec).seen.status for _ in range(2)]

        assert (statuses, shop.asked("token"), len(strict.heard)) == ([401, 401], 2, 3)


def test_many_that_are_refused_at_once_ask_for_one_token(bench, prober, shop):
    bench.run(prober, wanting(shop))
    shop.revoke()
    answers = [bench.loop.create_future() for _ in range(8)]
    for answer in answers:
        prober.start(bench.request(wanting(shop)), answer.set_result)

    assert {bench.wait(answer).status for answer in answers} == {200}
    assert shop.asked("token") == 2


def test_a_connection_is_kept_for_requests_with_a_token(bench, prober, shop):
    spec = Http(url=shop.url("/shop"), oauth2=wanting(shop).oauth2, connection="reuse")
    seen = [bench.run(prober, spec).seen for _ in range(3)]

    assert [(each.status, each.reused_connection) for each in seen] == [
        (200, False),
        (200, True),
        (200, True),
    ]


def test_a_closed_prober_tells_nobody_of_a_token(bench, shop):
    within_ms, before = 200, 1
    with HostileServer({"token": Visit.wait_for_client_to_leave}) as server:
        while before:  # a busy machine may come to it after the deadline
            prober, told = HttpProber(bench.transport), []
            prober.start(bench.request(wanting(shop, server.url("/token")), within_ms), told.append)
            assert bench.when(server.arrived)
            before = len(told)
            prober.close()
            bench.run(HttpProber(bench.transport), Http(url=server.url("/nothing")), within_ms)
            within_ms *= 2

    assert told == []


def test_a_token_that_has_ended_is_not_sent_again(bench, prober):
    with TokenServer(CLIENT, SECRET, expires_in=0.000_001) as server:
        statuses = [bench.run(prober, wanting(server)).seen.status for _ in range(2)]

    assert (statuses, server.asked("token")) == ([200, 200], 2)


@pytest.mark.parametrize(
    ("said", "kept_ns"),
    [
        ({"expires_in": 3_600}, 3_570 * NS_PER_S),
        ({"expires_in": "60"}, 54 * NS_PER_S),
        ({}, TOKEN_UNSTATED_NS * 9 // 10),
        ({"expires_in": -1}, TOKEN_UNSTATED_NS * 9 // 10),
        ({"expires_in": "soon"}, TOKEN_UNSTATED_NS * 9 // 10),
        ({"expires_in": 1e308}, TOKEN_KEPT_NS - 30 * NS_PER_S),
        ({"token_type": "BEARER", "expires_in": 100}, 90 * NS_PER_S),
    ],
)
def test_a_token_is_kept_until_shortly_before_its_end(said, kept_ns):
    token = token_of(given({"access_token": "t", **said}), 5, secure=False)

    assert isinstance(token, AccessToken)
    assert token.until_ns in {kept_ns + 5, TOKEN_UNSTATED_NS - 30 * NS_PER_S + 5}
    assert "text" not in repr(token)


def given(document, status=200):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    header = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return HttpAnswer(status=status, header=header, body=body)


BAD = [
    ({}, 200, "has no access_token"),
    ({"access_token": "a\r\nX-Evil: 1"}, 200, "no header can hold"),
    ({"access_token": "ä"}, 200, "no header can hold"),
    ({"access_token": "x" * 20_000}, 200, "no header can hold"),
    ({"access_token": 7}, 200, "has no access_token"),
    ({"access_token": "t", "token_type": "mac"}, 200, "of a type other than bearer"),
    ({"access_token": "t", "token_type": 1}, 200, "of a type other than bearer"),
    (b"\xff\xfe", 200, "has no access_token"),
    (b"[" * 5_000, 200, "has no access_token"),
    (b"[]", 200, "has no access_token"),
    ({"error": "invalid_client"}, 400, "answers 400 (invalid_client)"),
    ({"error": "a\nb"}, 400, "answers 400"),
    ({"access_token": "t"}, 201, "answers 201"),
    (b"", 302, "answers 302"),
]


@pytest.mark.parametrize(("document", "status", "said"), BAD)
def test_an_answer_without_a_usable_token_says_why(document, status, said):
    outcome, reason, detail = token_of(given(document, status), 0, secure=False)

    assert (outcome, reason) == (DOWN, Reason.TOKEN_FAILED)
    assert detail.startswith("no token: ")
    assert said in detail
    assert detail.isprintable()


HOSTILE = {
    "silent": (Visit.wait_for_client_to_leave, LATE, "no token came within 50 % of the time that was left"),
    "early": (lambda visit: None, DOWN, "truncated"),
    "reset": (Visit.reset, DOWN, "connection_reset"),
    "garbage": (lambda visit: visit.send(b"SSH-2.0-x\r\n"), DOWN, "protocol_error"),
    "large": (lambda visit: visit.answer(body=b"[" * (TOKEN_BYTES_MAX + 1)), DOWN, "is longer than"),
    "endless": (
        lambda visit: (visit.send(b"HTTP/1.1 200 OK\r\n\r\n"), visit.pour(b"x" * 65_536, 10**6)),
        DOWN,
        "is longer",
    ),
    "redirect": (lambda visit: visit.answer("302 Found", ["Location: /token2"]), DOWN, "answers 302"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_server_of_tokens_ends_in_its_share_of_the_time(bench, prober, shop, name):
    answer, outcome, said = HOSTILE[name]
    with HostileServer({"token": answer}) as server:
        within_ms = TIMEOUT_MS if outcome is LATE else 20_000
        ended = bench.run(prober, wanting(shop, server.url("/token")), within_ms)
        while ended.took_ms >= within_ms and within_ms < 20_000:  # a busy machine comes late to the share
            within_ms *= 2
            ended = bench.run(prober, wanting(shop, server.url("/token")), within_ms)

    assert (ended.seen.outcome, ended.seen.reason, shop.heard) == (outcome, Reason.TOKEN_FAILED, [])
    assert said in ended.seen.detail
    assert (ended.seen.connected, ended.seen.status, ended.seen.body) == (False, None, b"")
    if outcome is LATE:
        assert within_ms / 2 - 1 <= ended.took_ms < within_ms


def test_a_wrong_secret_is_told_in_the_servers_word_and_shown_nowhere(bench, prober, shop):
    spec = wanting(shop, client_secret="canary-of-another")  # noqa: S106  # of the test's own server
    seen = bench.run(prober, spec).seen

    assert seen.detail == "no token: its server answers 401 (invalid_client)"
    assert "canary" not in str(seen) + repr(spec) + repr(spec.oauth2)


def test_a_token_that_the_target_repeats_is_not_shown(bench, prober, shop):
    seen = bench.run(prober, wanting(shop)).seen

    assert seen.body == b"hello Bearer ***"
    assert shop.given[0] not in str(seen)
    assert b"X-Said: Bearer ***" in seen.header


def test_a_token_does_not_go_to_another_origin(bench, prober, shop):
    with HostileServer() as away:
        shop.answers["shop"] = lambda visit: visit.answer("302 Found", [f"Location: {away.url()}"])
        seen = bench.run(prober, wanting(shop)).seen

        assert (seen.status, away.heard[0].header("authorization")) == (200, None)


def test_the_certificate_of_the_tokens_server_is_judged_by_its_own_settings(bench, prober, shop, authority):
    with authority.server() as server:
        server.answers["token"] = shop.answers["token"]
        good = bench.run(prober, wanting(shop, server.url("/token"), tls=Tls(ca_file=authority.file))).seen
        unknown = bench.run(prober, wanting(shop, server.url("/token"))).seen

    assert (good.status, unknown.reason) == (200, Reason.TOKEN_FAILED)
    assert "certificate_invalid" in unknown.detail


def test_a_token_is_asked_for_through_the_proxy_of_its_target(bench, prober, shop):
    with ProxyServer() as proxy:
        spec = Http(url=shop.url("/shop"), oauth2=wanting(shop).oauth2, proxy=Proxy(url=proxy.url()))
        assert bench.run(prober, spec).seen.status == 200
        assert len(proxy.asked) == 2


def test_a_private_address_gives_no_token(bench, shop):
    prober = HttpProber(bench.transport, deny_private_addresses=True)
    spec = Http(url="http://192.88.98.1/", oauth2=wanting(shop).oauth2)
    seen = bench.run(prober, spec).seen

    assert (seen.outcome, seen.reason, shop.heard) == (DOWN, Reason.TOKEN_FAILED, [])
    assert seen.detail == "no token: address_refused: 127.0.0.1 is not a public address: refused"


def test_cancelling_leaves_a_request_that_others_wait_for(bench, prober, shop):
    with HostileServer({"token": Visit.wait_for_client_to_leave}) as server:
        spec = wanting(shop, server.url("/token"))
        first, second = (prober.start(bench.request(spec), print) for _ in range(2))
        assert bench.when(server.arrived)
        assert first.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert not server.gone.is_set()
        assert second.cancel() is CancelOutcome.WITHOUT_EFFECT
        assert server.gone.wait(20)
        assert len(server.heard) == 1


def test_no_descriptor_is_left_after_many_failures_to_get_a_token(bench, prober, shop, descriptors):
    spec = wanting(shop, client_secret="barley")  # noqa: S106  # of the test's own server
    bench.run(prober, spec)
    before = descriptors()
    for _ in range(200):
        assert bench.run(prober, spec).seen.reason is Reason.TOKEN_FAILED

    assert descriptors() <= before + 1
