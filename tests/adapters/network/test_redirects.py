import pytest
from hostile.server import HostileServer
from watchkeeper.adapters.http.destination import destination_of
from watchkeeper.adapters.http.exchange import HttpAnswer, HttpShape
from watchkeeper.adapters.http.redirects import Hop, next_hop
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import BasicAuth, Http, Tls

SECRETS = {"X-Api-Key": "canary", "Cookie": "canary", "Proxy-Authorization": "canary", "Accept": "text/plain"}

BASIC = BasicAuth(user="canary", password="canary")  # noqa: S106 - made to be looked for


@pytest.fixture
def prober(bench):
    return HttpProber(bench.transport)


@pytest.fixture
def servers():
    with HostileServer() as home, HostileServer() as away:
        yield home, away


def test_a_redirect_is_followed_and_its_time_is_counted(bench, prober, servers):
    home, _ = servers
    seen = bench.run(prober, Http(url=home.url("/redirect/302?/healthy"))).seen

    assert (seen.status, seen.body, seen.outcome) == (200, b"ok", Outcome.UP)
    assert [heard.path for heard in home.heard] == ["/redirect/302?/healthy", "/healthy"]
    parts = seen.phases
    assert parts.connect_ns + parts.first_byte_ns + parts.transfer_ns == seen.response_time_ns


def test_a_redirect_to_where_nobody_answers_has_no_answer(bench, prober, servers):
    home, away = servers
    away.close()
    seen = bench.run(prober, Http(url=home.url(f"/redirect/302?{away.url()}"))).seen

    assert (seen.reason, len(home.heard)) == (Reason.CONNECTION_REFUSED, 1)
    assert seen.phases.connect_ns > 0
    assert (seen.phases.first_byte_ns, seen.phases.transfer_ns) == (None, None)


def test_a_redirect_is_an_answer_where_none_is_followed(bench, prober, servers):
    home, _ = servers
    seen = bench.run(prober, Http(url=home.url("/redirect/302?/healthy"), follow_redirects=False)).seen

    assert (seen.status, seen.outcome, len(home.heard)) == (302, Outcome.UP, 1)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_no_more_redirects_than_allowed_are_followed(bench, prober, servers, most):
    home, _ = servers
    seen = bench.run(prober, Http(url=home.url("/loop"), redirects_max=most)).seen

    assert (seen.reason, len(home.heard)) == (Reason.TOO_MANY_REDIRECTS, most + 1)


@pytest.mark.parametrize("credentials", [{"bearer": "canary"}, {"basic_auth": BASIC}])
def test_no_secret_reaches_another_origin(bench, prober, servers, credentials):
    home, away = servers
    spec = Http(url=home.url(f"/redirect/302?{away.url()}"), headers=SECRETS, **credentials)
    seen = bench.run(prober, spec).seen

    assert seen.status == 200
    assert home.heard[0].header("x-api-key") == "canary"
    assert home.heard[0].header("authorization") is not None
    assert "canary" not in str(away.heard)
    assert away.heard[0].header("authorization") is None
    assert away.heard[0].header("accept") == "text/plain"


def test_secrets_do_not_come_back_after_a_detour(bench, prober, servers):
    home, away = servers
    back = away.url(f"/redirect/302?{home.url()}")
    bench.run(prober, Http(url=home.url(f"/redirect/302?{back}"), headers=SECRETS))

    assert [heard.header("x-api-key") for heard in home.heard] == ["canary", None]


def test_secrets_stay_within_their_own_origin(bench, prober, servers):
    home, _ = servers
    bench.run(prober, Http(url=home.url("/redirect/302?/healthy"), bearer="t"))

    assert [heard.header("authorization") for heard in home.heard] == ["Bearer t"] * 2


@pytest.mark.parametrize(
    ("status", "methods"),
    [(301, "POST GET"), (302, "POST GET"), (303, "POST GET"), (307, "POST POST"), (308, "POST POST")],
)
def test_a_post_becomes_what_its_redirect_says(bench, prober, servers, status, methods):
    home, _ = servers
    bench.run(prober, Http(url=home.url(f"/redirect/{status}?/healthy"), method="POST", body="form"))

    assert [heard.method for heard in home.heard] == methods.split()
    assert [heard.body for heard in home.heard] == [b"form", b"form" if methods == "POST POST" else b""]


def test_a_body_is_not_sent_to_another_origin(bench, prober, servers):
    home, away = servers
    seen = bench.run(
        prober, Http(url=home.url(f"/redirect/307?{away.url()}"), method="POST", body="form")
    ).seen

    assert seen.reason is Reason.REDIRECT_REFUSED
    assert away.heard == []


def test_credentials_in_a_redirect_are_not_used(bench, prober, servers):
    home, away = servers
    bench.run(prober, Http(url=home.url(f"/redirect/302?http://u:p@127.0.0.1:{away.port}/")))

    assert [heard.header("authorization") for heard in away.heard] == [None] * len(away.heard)


def test_one_deadline_bounds_all_redirects(bench, prober, servers):
    home, _ = servers
    ended = bench.run(prober, Http(url=home.url("/redirect/302?/nothing")), 1_500)

    assert (ended.seen.outcome, ended.seen.reason) == (Outcome.TIMED_OUT, Reason.TIMED_OUT)
    assert ended.took_ms >= 1_499


def test_a_redirect_with_broken_framing_is_not_followed(bench, prober):
    def smuggle(visit):
        visit.send(
            b"HTTP/1.1 302 Found\r\nLocation: /healthy\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )

    with HostileServer({"smuggle": smuggle}) as server:
        seen = bench.run(prober, Http(url=server.url("/smuggle"))).seen

    assert (seen.reason, len(server.heard)) == (Reason.PROTOCOL_ERROR, 1)


def test_cancelling_ends_the_hop_that_is_under_way(bench, prober, servers):
    home, away = servers
    attempt = prober.start(bench.request(Http(url=home.url(f"/redirect/302?{away.url('/nothing')}"))), print)
    assert bench.when(away.arrived)
    attempt.cancel()

    assert away.gone.wait(20)


def test_https_does_not_lead_to_http_when_addresses_matter():
    before = Hop(HttpShape(deny_private_addresses=True), destination_of("https://a.example/"))
    answer = HttpAnswer(status=302, redirect_url="http://a.example/")
    step = next_hop(before, frozenset({before.destination.origin}), answer)

    assert step[:2] == (Outcome.DOWN, Reason.REDIRECT_REFUSED)


def signing_in(visit):
    """Sends a client without the cookie to the page that sets it, and that one back."""
    name = visit.path.partition("?")[0]
    cookies = dict(visit.headers).get("Cookie", "")
    if name == "/login":
        visit.answer("302 Found", ["Set-Cookie: session=1; Path=/; HttpOnly", "Location: /shop"])
    elif "session=1" in cookies:
        visit.answer(body=cookies.encode())
    else:
        visit.answer("302 Found", ["Set-Cookie: seen=yes", "Location: /login"])


PAGES = {"shop": signing_in, "login": signing_in}


def test_a_cookie_that_a_redirect_sets_is_sent_on(bench, prober):
    with HostileServer(PAGES) as server:
        bodies = [bench.run(prober, Http(url=server.url("/shop"))).seen.body for _ in range(2)]
        heard = [request.header("cookie") for request in server.heard]

    assert [sorted(body.split(b"; ")) for body in bodies] == [[b"seen=yes", b"session=1"]] * 2
    assert heard[0] is heard[3] is None, "an attempt begins without the cookies of another"


def test_a_cookie_that_is_configured_is_sent_beside_those_of_a_redirect(bench, prober):
    with HostileServer(PAGES) as server:
        seen = bench.run(prober, Http(url=server.url("/shop"), headers={"Cookie": "mine=2"})).seen
        heard = [[value for name, value in request.headers if name == "Cookie"] for request in server.heard]

    assert "mine=2" in seen.body.decode()
    assert [len(cookies) for cookies in heard] == [1, 1, 1]


def test_a_cookie_does_not_go_to_another_host(bench, prober):
    def leave(visit):
        visit.answer("302 Found", ["Set-Cookie: session=canary", f"Location: {away.url('/healthy')}"])

    with HostileServer({"leave": leave}) as home, HostileServer(host="127.0.0.2") as away:
        assert bench.run(prober, Http(url=home.url("/leave"))).seen.status == 200
        assert away.heard[0].header("cookie") is None


def test_cookies_without_end_do_not_grow_a_request(bench, prober):
    def flood(visit):
        lines = [f"Set-Cookie: c{number}={'x' * 900}" for number in range(60)]
        visit.answer("302 Found", [*lines, "Location: /flood"])

    with HostileServer({"flood": flood}) as server:
        seen = bench.run(prober, Http(url=server.url("/flood"))).seen
        lengths = [len(request.header("cookie") or "") for request in server.heard]

    assert seen.reason is Reason.TOO_MANY_REDIRECTS
    assert max(lengths) < 9_000


def test_ten_redirects_are_followed_where_nothing_else_is_said(bench, prober, servers):
    home, _ = servers
    seen = bench.run(prober, Http(url=home.url("/loop"))).seen

    assert (seen.reason, len(home.heard)) == (Reason.TOO_MANY_REDIRECTS, 11)


@pytest.mark.parametrize("detour", [False, True])
def test_the_name_to_prove_holds_for_a_redirect_to_the_targets_own_host(bench, prober, authority, detour):
    def home(visit):
        visit.answer("302 Found", [f"Location: {own.url('/healthy')}"])

    def away(visit):
        visit.answer("302 Found", [f"Location: {own.url('/home')}"])

    with authority.server("shop.test") as own, HostileServer({"away": away}) as other:
        own.answers |= {
            "home": home,
            "leave": lambda visit: visit.answer("302 Found", [f"Location: {other.url('/away')}"]),
        }
        tls = Tls(ca_file=authority.file, server_name="shop.test")
        seen = bench.run(prober, Http(url=own.url("/leave" if detour else "/home"), tls=tls)).seen

        assert (seen.outcome, seen.status, seen.detail) == (Outcome.UP, 200, "")
        assert {request.header("host") for request in own.heard} == {f"127.0.0.1:{own.port}"}
