"""Signing in with a browser: the form, sessions, links that are used once, and forms of other sites."""

import re
from pathlib import Path

import pytest
from asking import TOKENS, Asking, cookie_in, signed_in, tokens
from browsing import Browser
from logged import messages
from streams import Listening
from watchkeeper import Heartbeat, Runtime, Target, Token, Web
from watchkeeper.web import limits
from watchkeeper.web.limits import FORM_BYTES_MAX, FORM_FIELDS_MAX
from watchkeeper.web.origin import relative_target

SHOP = Target(id="shop", heartbeat=Heartbeat())


@pytest.fixture
def strict(runtime):
    """A door at which a request without a token or a session has no role."""
    return runtime.serve("127.0.0.1:0", anonymous="none")


@pytest.fixture
def session(strict):
    """A browser that has signed in as an operator."""
    answer = Asking(strict).form("/login", {"token": TOKENS["operator"]})
    assert answer.status == 303
    return Asking(strict, cookie=cookie_in(answer))


def test_a_token_opens_a_session_that_acts_with_its_role_and_name(session):
    assert session.get("/status").status == 200
    silence = session.put("/silences/s", {"length": "1h"}, sec_fetch_site="same-origin").json
    assert silence["by"] == "a-operator"
    assert session.get("/tokens").status == 403


def test_the_cookie_is_kept_from_scripts_and_other_sites(strict):
    header = Asking(strict).form("/login", {"token": TOKENS["viewer"]}).headers["set-cookie"]
    assert re.fullmatch(r"wk-[0-9a-f]{12}=[\w-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax", header)


PROXY = {"host": "watch.example", "x_forwarded_for": "203.0.113.1", "x_forwarded_proto": "https"}


@pytest.fixture
def behind(store):
    """A door behind a proxy with TLS."""
    tokens_ = [Token(**token) for token in tokens()]
    web = Web(listen="127.0.0.1:0", tokens=tokens_, trusted_proxies=["127.0.0.1"])
    with Runtime(targets=[SHOP], web=web) as runtime:
        yield Asking(runtime.login_link().partition("/login")[0])


def test_the_cookie_behind_tls_is_of_this_host_and_of_encrypted_connections_alone(behind):
    header = behind.form("/login", {"token": TOKENS["viewer"]}, **PROXY).headers["set-cookie"]
    assert header.startswith("__Host-wk-")
    assert header.endswith("; HttpOnly; SameSite=Lax; Secure")
    cookie = header.partition(";")[0]
    assert behind.get("/status", cookie=cookie, **PROXY).status == 200
    # The name of an encrypted connection's cookie is unknown on another.
    assert behind.get("/status", cookie=cookie, host="watch.example").status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "watch.example"},
        {"x_forwarded_for": "203.0.113.1"},
        {"x_forwarded_proto": "https", "host": "watch.example"},
        {"forwarded": "for=127.0.0.1;proto=https"},
    ],
)
def test_signing_in_over_plain_http_from_elsewhere_is_refused_before_a_token_is_asked_for(strict, headers):
    for answer in (
        Asking(strict).ask("GET", "/login", **headers),
        Asking(strict).form("/login", {"token": TOKENS["viewer"]}, **headers),
    ):
        assert answer.status == 403
        assert answer.json["detail"].startswith("signing in needs HTTPS")
        assert "set-cookie" not in answer.headers


def test_a_wrong_token_shows_the_form_again_and_counts(strict, caplog):
    answer = Asking(strict).form("/login", {"token": "wk_<b>", "next": "/x"})
    assert (answer.status, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert answer.headers["www-authenticate"] == 'Bearer realm="watchkeeper"'
    assert b"This token is unknown." in answer.body
    assert b'value="/x"' in answer.body
    assert b"wk_" not in answer.body
    assert messages(caplog) == ["An unknown token was sent from 127.0.0.1"]


def test_tries_to_sign_in_are_five_a_minute_for_an_address(strict):
    statuses = [Asking(strict).form("/login", {"token": "wk_x"}).status for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    right = Asking(strict).form("/login", {"token": TOKENS["viewer"]})
    assert (right.status, right.headers["retry-after"]) == (429, "60")


def test_sessions_of_one_token_begin_five_times_a_minute_from_all_addresses(behind):
    def opened(number):
        headers = {**PROXY, "x_forwarded_for": f"203.0.113.{number}"}
        return behind.form("/login", {"token": TOKENS["viewer"]}, **headers).status

    assert [opened(number) for number in range(7)] == [303] * 5 + [429] * 2


def test_a_session_ends_after_its_time(monkeypatch, strict):
    monkeypatch.setattr(limits, "SESSION_WITHIN_S", 0)
    cookie = cookie_in(Asking(strict).form("/login", {"token": TOKENS["viewer"]}))
    assert Asking(strict, cookie=cookie).get("/status").status == 401


def test_a_session_is_closed_by_the_button_of_its_own_page_alone(strict, session):
    page = session.ask("GET", "/login").body.decode()
    (proof,) = re.findall(r'name="proof" value="([^"]+)"', page)
    assert session.form("/logout", {}).status == 403
    assert session.form("/logout", {"proof": "x"}).status == 403
    assert session.form("/logout", {"proof": proof}, sec_fetch_site="cross-site").status == 403
    assert session.get("/status").status == 200
    out = session.form("/logout", {"proof": proof})
    assert (out.status, "Max-Age=0" in out.headers["set-cookie"]) == (303, True)
    assert session.get("/status").status == 401


def test_signing_in_again_ends_the_former_session_of_the_browser(session):
    again = session.form("/login", {"token": TOKENS["viewer"]})
    assert again.status == 303
    assert session.get("/status").status == 401


@pytest.mark.parametrize(("name", "most"), [("SESSIONS_MAX", 2), ("SESSIONS_PER_AUTHOR_MAX", 2)])
def test_a_session_too_many_takes_the_place_of_the_oldest(monkeypatch, runtime, strict, name, most):
    monkeypatch.setattr(limits, name, most)
    cookies = [signed_in(strict, runtime.login_link()) for _ in range(3)]
    assert [Asking(strict, cookie=cookie).get("/status").status for cookie in cookies] == [401, 200, 200]


FOREIGN = [
    {},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "none"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},
    {"origin": "http://[", "sec_fetch_site": ""},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_command_by_a_session_must_come_from_a_page_of_this_origin(session, runtime, headers):
    assert session.put("/targets/shop/pause", **headers).status == 403
    assert session.delete("/silences/none", **headers).status == 403
    assert [target.paused for target in runtime.status().targets] == [False, False]


def test_a_page_of_this_origin_may_command_by_its_session(strict, session):
    host = strict.removeprefix("http://")
    assert session.put("/targets/shop/pause", origin=strict, host=host).status == 200
    assert session.delete("/targets/shop/pause", sec_fetch_site="same-origin").status == 200


def test_a_page_of_another_site_neither_reads_nor_listens_by_a_session(strict, session):
    for headers in ({"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}):
        assert session.get("/status", **headers).status == 401
        refused = session.ask("HEAD", "/api/v1/events", **headers)
        assert refused.status == 401
        assert "access-control-allow-origin" not in refused.headers
    assert session.get("/status", sec_fetch_site="cross-site", sec_fetch_mode="navigate").status == 200


def test_a_form_of_another_site_signs_nobody_in(strict):
    for headers in (
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "", "origin": "https://evil.example"},
    ):
        assert Asking(strict).form("/login", {"token": TOKENS["viewer"]}, **headers).status == 403


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [("/api/v1/status?a=b#c", "/api/v1/status?a=b#c"), ("", "/"), ("//evil.example", "/"),
     ("/\\evil.example", "/"), ("https://evil.example", "/"), ("javascript:alert(1)", "/"),
     ("/\t/evil.example", "/"), ("/a\r\nSet-Cookie: x=y", "/"), ("evil.example", "/"),
     ("/" + "x" * 4_096, "/"), ("/\x00", "/"), ("/é", "/")],
)  # fmt: skip
def test_a_browser_is_led_to_a_path_of_this_site_alone(strict, target, leads_to):
    answer = Asking(strict).form("/login", {"token": TOKENS["viewer"], "next": target})
    assert (answer.status, answer.headers["location"]) == (303, leads_to)
    assert relative_target(target) == (leads_to if leads_to != "/" else None)


def test_the_form_holds_a_word_of_the_client_as_text(strict):
    page = Asking(strict).ask("GET", "/login?next=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E").body
    assert b"<script" not in page
    assert b'value="/&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in page


def test_the_page_needs_nothing_but_its_style_sheet(strict):
    answer = Asking(strict).ask("GET", "/login")
    page = answer.body.decode()
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<style|style=|<script|onload|https?://", page)
    (sheet,) = re.findall(r'rel="stylesheet" href="([^"]+)"', page)
    style = Asking(strict).ask("GET", sheet)
    assert (style.status, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in style.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    ["/static", "/static/", "/static/x/watch.css", "/static/../login.py", "/static/%2e%2e/login.py", "/static/x/%2e%2e%2flogin.py",
     "/static/x/..%2f..%2fauthority.py", "/static/x/watch.css%00", "/static/x//etc/passwd"],
)  # fmt: skip
def test_no_other_file_is_served(strict, path):
    assert Asking(strict).ask("GET", path, range="bytes=0-0,1-1").status == 404


def test_the_socket_and_a_host_that_says_who_asks_have_no_form(control, runtime):
    assert control.ask("GET", "/login").status == 404
    assert control.form("/login", {"token": TOKENS["admin"]}).status == 404


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"token=a&token=b", "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (
            b"&".join(b"f%d=1" % number for number in range(FORM_FIELDS_MAX + 1)),
            "application/x-www-form-urlencoded",
            400,
        ),
        (b"token=" + b"x" * FORM_BYTES_MAX, "application/x-www-form-urlencoded", 413),
        (b'{"token": "x"}', "application/json", 415),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b", 415),
        (b"token=%ED%A0%80%00", "application/x-www-form-urlencoded", 401),
    ],
)
def test_a_form_of_another_kind_is_refused(strict, body, content_type, status):
    assert Asking(strict).ask("POST", "/login", body, content_type=content_type).status == status


def test_no_page_is_part_of_the_document_of_the_api(viewer):
    assert not [path for path in viewer.get("/openapi.json").json["paths"] if "log" in Path(path).parts]


def test_a_session_listens_to_the_events_until_it_signs_out(strict, session):
    cookie = session.cookie
    page = session.ask("GET", "/login").body.decode()
    (proof,) = re.findall(r'name="proof" value="([^"]+)"', page)
    with Listening(strict, token=None, cookie=cookie) as stream:
        stream.first("reset")
        session.form("/logout", {"proof": proof})
        assert list(stream.events()) == []


class Forgetful(Browser):
    """A browser that keeps no cookies."""

    def _ask(self, *asked, **headers):
        self.cookies.clear()
        return super()._ask(*asked, **headers)


def test_a_browser_without_cookies_is_told_that_they_are_needed(strict, runtime):
    for browser, status in ((Browser(strict), 200), (Forgetful(strict), 403)):
        page = browser.press(browser.open("/login?next=/silences"), "Sign in", token=TOKENS["viewer"])
        assert (page.status, "allow cookies for this site" in page.text) == (status, status == 403)
    link = runtime.login_link(role="operator", name="otto").rpartition("/login")[2]
    page = Forgetful(strict).press(Forgetful(strict).open(f"/login{link}"), "Sign in")
    assert (page.status, "allow cookies for this site" in page.text) == (403, True)
    # The link is not used up by that.
    kept = Browser(strict)
    assert "otto" in kept.press(kept.open(f"/login{link}"), "Sign in").text
