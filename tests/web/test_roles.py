"""The matrix of roles: each route, in each state of a token, is open to exactly those whom the table names."""

import re
from urllib.parse import urlencode

import pytest
from asking import TOKENS, Asking, signed_in
from logged import messages
from watchkeeper import Role, UsageError
from watchkeeper.web import limits
from watchkeeper.web.application import application
from watchkeeper.web.authority import Authority
from watchkeeper.web.pages.routes import PAGES
from watchkeeper.web.public.routes import PUBLIC
from watchkeeper.web.resources.routes import ROUTES
from watchkeeper.web.sessions import Sessions
from watchkeeper.web.table import ApiRoute, Unlocked

STATES = ("none", "unknown", "revoked", "expired session", *TOKENS, "session", "socket")
"""Every state in which a request may come: without a right, with the right of a token or a session, and by the socket."""
VALUES = {
    "target": "shop",
    "group": "shop/front",
    "incident": "inc_0",
    "attempt": "1-1",
    "silence": "s1",
    "announcement": "a1",
    "page": "shop",
    "channel": "ops",
    "key": "msg_0",
    "signal": "fail",
    "token": "t1",
    "secret": "0",
    "digest": "0",
    "name": "0",
}


@pytest.fixture
def askers(monkeypatch, runtime, store):
    """A client for each state; without the bound of five unknown tokens, which is tested below."""
    monkeypatch.setattr(limits, "FAILED_LOGINS_MAX", 10**9)
    monkeypatch.setattr(limits, "BURST_MAX", 10**9)
    url = runtime.serve("127.0.0.1:0", anonymous="none")
    admin = Asking(url, TOKENS["admin"])
    revoked = admin.put("/tokens/gone", {"role": "admin"}).json["token"]
    assert admin.delete("/tokens/gone").status == 200
    session = signed_in(url, runtime.login_link(role="operator"))
    monkeypatch.setattr(limits, "SESSION_WITHIN_S", 0)
    expired = signed_in(url, runtime.login_link(role="admin"))
    return {
        "none": Asking(url),
        "unknown": Asking(url, "wk_unknown"),
        "revoked": Asking(url, revoked),
        "expired session": Asking(url, cookie=expired),
        "session": Asking(url, cookie=session),
        "socket": Asking(store),
        **{role: Asking(url, token) for role, token in TOKENS.items()},
    }


def path_of(route):
    return re.sub(r"\{(\w+)(?::path)?\}", lambda found: VALUES[found[1]], route.path)


def form_of(asking):
    """The form of an act, with the proof that stands in the pages of a session."""
    found = re.search(r'name="proof" value="([^"]+)"', asking.ask("GET", "/silences/new").body.decode())
    return urlencode({"proof": found[1]} if found else {}).encode()


def asked(asking, route):
    body = b"{}" if route.body is not None else None
    headers = {"content_type": "application/json"} if body else {}
    if route.is_page and route.method == "POST":
        body, headers = form_of(asking), {"content_type": "application/x-www-form-urlencoded"}
    method = "HEAD" if route.operation == "events" else route.method
    return asking.ask(method, path_of(route), body, sec_fetch_site="same-origin", **headers)


RIGHTS = {**{role: Role(role) for role in TOKENS}, "session": Role.OPERATOR, "socket": Role.ADMIN}


def expected(state, route):
    """The answer of a route in a state: refused for want of a token, for want of a role, or let through."""
    if isinstance(route.role, Unlocked):
        return "let through"
    if state not in RIGHTS:
        return 401
    return "let through" if RIGHTS[state].includes(route.role) else 403


def test_every_route_is_open_in_exactly_the_states_that_the_table_names(askers):
    assert askers.keys() == set(STATES)
    for route in (*ROUTES, *PUBLIC, *PAGES):
        for state, asking in askers.items():
            status = asked(asking, route).status
            found = status if status in {401, 403} else "let through"
            assert found == expected(state, route), f"{state} {route.method} {route.path}: {status}"
            assert status < 500, f"{state} {route.method} {route.path}: {status}"


def test_a_table_with_a_route_without_a_role_is_never_served():
    route = ApiRoute("GET", "/open", None, "Says something.", lambda call: None)
    with pytest.raises(UsageError, match="these routes state no role: GET /open"):
        application(None, Authority(Sessions(), tuple), lambda: None, (route,))


def test_a_viewer_who_asks_without_a_token_on_this_machine_sees_and_does_not_act(url):
    nobody = Asking(url)
    assert nobody.get("/status").status == 200
    refused = nobody.put("/targets/shop/pause")
    assert refused.status == 403
    assert refused.json["detail"] == "this needs the role operator: anonymous has viewer"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "watch.example"},
        {"host": "watch.example:8080"},
        {"host": "localhost.evil.example"},
        {"host": "[::1"},
        {"host": ""},
        {"x_forwarded_for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"x_real_ip": "127.0.0.1"},
        {"via": "1.1 proxy"},
        {"x_forwarded_proto": "https"},
        {"x_forwarded_server": "proxy"},
        {"cf_connecting_ip": "127.0.0.1"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
    ],
)
def test_a_request_that_a_proxy_or_another_page_may_have_sent_needs_a_token(url, headers):
    assert Asking(url).get("/status", **headers).status == 401
    assert Asking(url, TOKENS["viewer"]).get("/status", **headers).status == 200


def test_anonymous_viewer_opens_reading_to_everybody(runtime):
    url = runtime.serve("127.0.0.1:0", anonymous="viewer")
    assert Asking(url).get("/status", host="watch.example").status == 200
    assert Asking(url).put("/targets/shop/pause", host="watch.example").status == 403


@pytest.mark.parametrize(
    "header", ["Basic dTpw", "Bearer", "Bearer ", "wk_viewer", "Bearer wk_viewer, Bearer x"]
)
def test_a_malformed_token_is_refused_and_not_taken_for_none(url, header):
    answer = Asking(url).get("/status", authorization=header)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="watchkeeper"'


def test_unknown_tokens_of_one_address_are_not_even_compared_after_five(url, caplog):
    guesses = [Asking(url, f"wk_{number}").get("/status").status for number in range(7)]
    assert guesses == [401] * 5 + [429] * 2
    assert messages(caplog) == ["An unknown token was sent from 127.0.0.1"] * 5
    assert Asking(url, TOKENS["admin"]).get("/status").status == 429
    assert Asking(url).get("/status").status == 200


def test_more_requests_than_forty_at_once_are_refused_for_a_second(url):
    answers = [Asking(url, TOKENS["viewer"]).get("/targets/none") for _ in range(60)]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) > 5
    assert refused[0].headers["retry-after"] == "1"
    assert Asking(url, TOKENS["operator"]).get("/status").status == 200


def test_the_control_socket_gives_the_role_admin_without_a_token(control):
    assert control.get("/config").status == 200
    assert control.put("/targets/shop/pause").status == 200
