"""Requests through proxies: what is asked of them, what is looked up here, and their failures told apart from the target's."""

import pytest
from hostile.server import HostileServer
from ports import free_port
from proxy_server import ProxyServer
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.http.access import Proxy
from watchkeeper.domain.specification.probe import Http, Tls

LOGIN = ("watch", "open:sesame%41")
TIMEOUT_MS = 300
UP, DOWN, LATE = Outcome.UP, Outcome.DOWN, Outcome.TIMED_OUT


@pytest.fixture
def prober(bench):
    return HttpProber(bench.transport)


@pytest.fixture
def denying(bench):
    return HttpProber(bench.transport, deny_private_addresses=True)


@pytest.fixture
def plain():
    with HostileServer() as server:
        yield server


@pytest.fixture
def secure(authority):
    with authority.server("shop.test") as server:
        yield server


@pytest.fixture
def proxy():
    with ProxyServer(names={"shop.test": "127.0.0.1"}) as server:
        yield server


def through(proxy, scheme="http", **fields):
    return Proxy(url=proxy.url(scheme), **fields)


def place(server):
    scheme = server.url().partition("://")[0]
    return f"{scheme}://shop.test:{server.port}/healthy"


def test_a_plain_request_is_passed_on_by_a_proxy_that_looks_the_name_up(bench, prober, plain, proxy, names):
    seen = bench.run(prober, Http(url=place(plain), proxy=through(proxy))).seen

    assert (seen.outcome, seen.status, seen.ip, seen.connected) == (UP, 200, "127.0.0.1", True)
    assert [(asked.way, asked.host, asked.port) for asked in proxy.asked] == [
        ("plain", "shop.test", plain.port)
    ]
    assert plain.heard[0].header("host") == f"shop.test:{plain.port}"
    assert names.asked["shop.test"] == 0


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_a_secure_target_proves_itself_through_the_tunnel(
    bench, prober, secure, proxy, names, authority, scheme
):
    names.names["shop.test"] = ("127.0.0.1",)
    spec = Http(url=place(secure), proxy=through(proxy, scheme), tls=Tls(ca_file=authority.file))
    seen = bench.run(prober, spec).seen

    (asked,) = proxy.asked
    assert (seen.outcome, seen.status, seen.detail) == (UP, 200, "")
    assert "shop.test" in seen.certificate_names
    assert asked.host == ("127.0.0.1" if scheme == "socks5" else "shop.test")
    assert bool(names.asked["shop.test"]) is (scheme == "socks5")
    assert asked.port == secure.port


def test_the_certificate_of_the_target_is_judged_and_not_the_proxys(bench, prober, secure, proxy):
    seen = bench.run(prober, Http(url=place(secure), proxy=through(proxy))).seen

    assert (seen.outcome, seen.reason) == (DOWN, Reason.CERTIFICATE_INVALID)


def test_another_name_is_proved_through_a_proxy(bench, prober, secure, proxy, authority):
    tls = Tls(ca_file=authority.file, server_name="shop.test")
    seen = bench.run(prober, Http(url=secure.url(), proxy=through(proxy), tls=tls)).seen

    assert (seen.outcome, proxy.asked[0].host) == (UP, "127.0.0.1")


@pytest.mark.parametrize("secured", [True, False])
def test_a_proxy_of_https_proves_its_own_name(bench, prober, plain, secure, names, authority, secured):
    names.names["proxy.test"] = ("127.0.0.1",)
    context = authority.context("proxy.test")
    with ProxyServer(tls=context, names={"shop.test": "127.0.0.1"}) as proxy:
        url = proxy.url("https", "proxy.test")
        target = place(secure if secured else plain)
        tls = Tls(ca_file=authority.file)
        good = bench.run(prober, Http(url=target, proxy=Proxy(url=url, ca_file=authority.file), tls=tls)).seen
        unknown = bench.run(prober, Http(url=target, proxy=Proxy(url=url), tls=tls)).seen
        other = Proxy(url=proxy.url("https"), ca_file=authority.file)
        misnamed = bench.run(prober, Http(url=target, proxy=other, tls=tls)).seen

    assert (good.outcome, good.detail) == (UP, "")
    assert good.certificate_names == (("shop.test",) if secured else None)
    assert (unknown.outcome, unknown.reason) == (DOWN, Reason.PROXY_FAILED)
    assert (misnamed.reason, misnamed.certificate_names) == (Reason.PROXY_FAILED, None)
    assert unknown.detail.startswith("the proxy: ")


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_login_at_the_proxy_is_sent_as_it_is_written(bench, prober, secure, authority, scheme):
    with ProxyServer(login=LOGIN, names={"shop.test": "127.0.0.1"}) as proxy:
        fields = {"url": place(secure), "tls": Tls(ca_file=authority.file)}
        known = through(proxy, scheme, user=LOGIN[0], password=LOGIN[1])
        wrong = through(proxy, scheme, user=LOGIN[0], password="barley")  # noqa: S106  # of the test's own proxy
        seen = [
            bench.run(prober, Http(proxy=each, **fields)).seen
            for each in (known, wrong, through(proxy, scheme))
        ]

    assert [each.outcome for each in seen] == [UP, DOWN, DOWN]
    assert [each.reason for each in seen] == [Reason.OK, Reason.PROXY_REFUSED, Reason.PROXY_REFUSED]
    assert not any(each.connected for each in seen[1:])
    assert "sesame" not in str(seen) + repr(known)


def test_a_login_that_a_proxy_wants_for_a_plain_request_is_no_answer_of_the_target(bench, prober, plain):
    with ProxyServer(login=LOGIN) as proxy:
        seen = bench.run(prober, Http(url=plain.url(), proxy=through(proxy))).seen

    assert (seen.outcome, seen.reason, plain.heard) == (DOWN, Reason.PROXY_REFUSED, [])
    assert seen.detail == "the proxy answers 407: it wants a login"


def test_headers_for_the_tunnel_go_to_the_proxy_alone(bench, prober, plain, secure, proxy, authority):
    tls = Tls(ca_file=authority.file)
    to = through(proxy, headers={"X-Zone": "blue"})
    bench.run(prober, Http(url=place(secure), proxy=to, tls=tls, headers={"X-Key": "7"}))
    bench.run(prober, Http(url=place(plain), proxy=to))

    tunnel, passed = proxy.asked
    assert (tunnel.header("x-zone"), tunnel.header("x-key"), tunnel.header("user-agent")) == (
        "blue",
        None,
        "watchkeeper",
    )
    assert passed.header("x-zone") is None
    assert (secure.heard[0].header("x-zone"), secure.heard[0].header("x-key")) == (None, "7")


EXCEPTIONS = [
    ("127.0.0.1", ("127.0.0.0/8",), True),
    ("127.0.0.1", ("127.0.0.1",), True),
    ("127.0.0.1", ("10.0.0.0/8", ".test"), False),
    ("shop.test", (".test",), True),
    ("shop.test", ("SHOP.test",), True),
    ("shop.test", (".shop.test", "test"), False),
]


@pytest.mark.parametrize(("host", "exceptions", "direct"), EXCEPTIONS)
def test_exceptions_are_reached_without_the_proxy(
    bench, prober, plain, proxy, names, host, exceptions, direct
):
    names.names["shop.test"] = ("127.0.0.1",)
    url = f"http://{host}:{plain.port}/healthy"
    seen = bench.run(prober, Http(url=url, proxy=through(proxy, exceptions=exceptions))).seen

    assert (seen.outcome, proxy.asked == []) == (UP, direct)


def test_each_redirect_goes_its_own_way(bench, prober, plain, proxy, names):
    names.names["near.test"] = ("127.0.0.1",)
    near = f"http://near.test:{plain.port}"
    far = f"http://shop.test:{plain.port}"
    spec = Http(
        url=f"{far}/redirect/302?{near}/redirect/302?{far}/healthy",
        proxy=through(proxy, exceptions=[".test"]),
        headers={"Accept": "*/*"},
    )
    names.names["shop.test"] = ("127.0.0.1",)
    direct = bench.run(prober, spec).seen
    spec = Http(
        url=f"{far}/redirect/302?{near}/redirect/302?{far}/healthy",
        proxy=through(proxy, exceptions=["near.test"]),
    )
    mixed = bench.run(prober, spec).seen

    assert (direct.outcome, mixed.outcome) == (UP, UP)
    assert [asked.host for asked in proxy.asked] == ["shop.test", "shop.test"]


def test_an_exception_and_the_proxy_share_a_handle(bench, prober, plain, proxy):
    to = through(proxy, exceptions=["127.0.0.1"])
    urls = [place(plain), plain.url(), place(plain), plain.url()]
    seen = [bench.run(prober, Http(url=url, proxy=to)).seen for url in urls]

    assert [each.outcome for each in seen] == [UP] * 4
    assert len(proxy.asked) == 2


def test_a_connection_is_kept_through_a_proxy(bench, prober, secure, proxy, authority):
    spec = Http(url=place(secure), proxy=through(proxy), tls=Tls(ca_file=authority.file), connection="reuse")
    seen = [bench.run(prober, spec).seen for _ in range(3)]

    assert [each.reused_connection for each in seen] == [False, True, True]
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
def test_a_proxy_and_a_target_may_have_addresses_of_ipv6(bench, prober, authority, scheme):
    context = authority.context("::1")
    with (
        HostileServer(host="::1") as server,
        ProxyServer(host="::1", tls=context if scheme == "https" else None) as proxy,
    ):
        authorities = {"ca_file": authority.file} if scheme == "https" else {}
        seen = bench.run(prober, Http(url=server.url(), proxy=through(proxy, scheme, **authorities))).seen

    assert (seen.outcome, seen.detail, seen.ip) == (UP, "", "::1")
    assert proxy.asked[0].host == "::1"


def test_a_proxy_of_the_environment_is_not_used(bench, prober, plain, proxy, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "no_proxy"):
        monkeypatch.setenv(name, "*" if name == "no_proxy" else proxy.url())
    direct = bench.run(prober, Http(url=plain.url())).seen
    through_it = bench.run(prober, Http(url=place(plain), proxy=through(proxy))).seen

    assert (direct.outcome, through_it.outcome, len(proxy.asked)) == (UP, UP, 1)


# Failures.


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_target_that_the_proxy_cannot_reach_is_the_targets_fault(bench, prober, proxy, scheme):
    seen = bench.run(prober, Http(url=f"https://127.0.0.1:{free_port()}/", proxy=through(proxy, scheme))).seen

    expected = Reason.UNREACHABLE if scheme == "http" else Reason.CONNECTION_REFUSED
    assert (seen.outcome, seen.reason, seen.connected) == (DOWN, expected, False)
    assert "the proxy" in seen.detail


@pytest.mark.parametrize(
    ("refusal", "reply", "reason"),
    [
        ("403 Forbidden", 2, Reason.PROXY_REFUSED),
        ("503 Busy", 4, Reason.UNREACHABLE),
        ("400 Bad Request", 1, Reason.PROXY_REFUSED),
        ("504 Late", 3, Reason.UNREACHABLE),
    ],
)
def test_a_refusal_of_the_proxy_says_of_what_it_is(bench, prober, proxy, refusal, reply, reason):
    proxy.refusal, proxy.reply = refusal, reply
    for scheme in ("http", "socks5h"):
        seen = bench.run(prober, Http(url="https://shop.test:9/", proxy=through(proxy, scheme))).seen
        assert (seen.outcome, seen.reason, seen.connected, seen.certificate_names) == (
            DOWN,
            reason,
            False,
            None,
        )


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
@pytest.mark.parametrize("target", ["http://shop.test/", "https://shop.test/"])
def test_a_proxy_that_is_not_there_is_no_refusal_of_the_target(bench, prober, names, scheme, target):
    names.names["shop.test"] = ("127.0.0.1",)
    nobody = Http(url=target, proxy=Proxy(url=f"{scheme}://127.0.0.1:{free_port()}"))
    unknown = Http(url=target, proxy=Proxy(url=f"{scheme}://proxy.test:3128"))
    refused, nameless = bench.run(prober, nobody).seen, bench.run(prober, unknown).seen

    assert (refused.outcome, refused.reason, refused.connected) == (DOWN, Reason.PROXY_FAILED, False)
    assert (nameless.outcome, nameless.reason) == (DOWN, Reason.PROXY_FAILED)
    assert nameless.detail.startswith("the proxy: could not resolve proxy.test")


def test_a_target_that_socks5_looks_up_here_and_that_does_not_exist_has_the_usual_reason(
    bench, prober, proxy
):
    seen = bench.run(prober, Http(url="https://gone.test/", proxy=through(proxy, "socks5"))).seen

    assert (seen.outcome, seen.reason, proxy.asked) == (DOWN, Reason.DNS_FAILED, [])


def test_a_target_that_hangs_behind_a_proxy_is_itself_late(bench, prober, plain, proxy):
    url = f"http://shop.test:{plain.port}/nothing"
    for scheme in ("http", "socks5h"):
        ended = bench.run(prober, Http(url=url, proxy=through(proxy, scheme)), TIMEOUT_MS)
        assert (ended.seen.outcome, ended.seen.reason) == (LATE, Reason.TIMED_OUT)
        assert ended.took_ms >= TIMEOUT_MS - 1


# Private addresses.


def test_a_private_address_of_a_proxy_is_refused(bench, denying, proxy, names):
    names.names["proxy.test"] = ("127.0.0.1",)
    for host in ("127.0.0.1", "proxy.test"):
        seen = bench.run(
            denying, Http(url="http://shop.example/", proxy=Proxy(url=f"http://{host}:{proxy.port}"))
        ).seen
        assert (seen.outcome, seen.reason, proxy.asked) == (DOWN, Reason.ADDRESS_REFUSED, [])
        assert seen.detail == "the proxy: 127.0.0.1 is not a public address: refused"


def test_a_proxy_is_not_asked_for_a_private_address_that_is_known_here(bench, denying, names):
    names.names |= {"inner.test": ("10.0.0.7",), "proxy.test": ("192.88.98.1",)}
    for url, scheme in (
        ("http://10.0.0.7/", "http"),
        ("https://10.0.0.7/", "socks5h"),
        ("http://inner.test/", "socks5"),
    ):
        seen = bench.run(denying, Http(url=url, proxy=Proxy(url=f"{scheme}://proxy.test:3128"))).seen
        assert (seen.outcome, seen.reason) == (DOWN, Reason.ADDRESS_REFUSED)
        assert seen.detail == "10.0.0.7 is not a public address: refused"
