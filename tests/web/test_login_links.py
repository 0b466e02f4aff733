"""Links that open one session of a browser: by a button, once, and for ten minutes."""

import logging

import pytest
from asking import Asking, signed_in
from watchkeeper import ConfigurationError, Heartbeat, Runtime, Target, UsageError
from watchkeeper.domain import limits

SHOP = Target(id="shop", heartbeat=Heartbeat())


def test_a_link_shows_a_button_and_works_once(runtime, caplog):
    link = runtime.login_link(role="operator", name="otto")
    url, _, secret = link.rpartition("/login/")
    for method in ("GET", "HEAD", "GET"):
        assert Asking(url).ask(method, f"/login/{secret}").status == 200
    page = Asking(url).ask("GET", f"/login/{secret}").body
    assert b"<b>otto</b>, operator, once" in page
    with caplog.at_level(logging.INFO):
        browser = Asking(url, cookie=signed_in(url, link))
    assert browser.put("/targets/shop/pause", sec_fetch_site="same-origin").status == 200
    again = Asking(url).form(f"/login/{secret}", {})
    assert (again.status, b"was used" in again.body) == (404, True)
    assert Asking(url).ask("GET", f"/login/{secret}").status == 404
    assert "otto signed in as operator from 127.0.0.1" in caplog.messages
    assert secret not in caplog.text


def test_a_link_is_valid_for_ten_minutes(monkeypatch, runtime):
    monkeypatch.setattr(limits, "LOGIN_LINK_VALID_NS", 0)
    url, _, secret = runtime.login_link().rpartition("/login/")
    assert Asking(url).ask("GET", f"/login/{secret}").status == 404
    assert Asking(url).form(f"/login/{secret}", {}).status == 404


def test_a_link_too_many_takes_the_place_of_the_oldest(monkeypatch, runtime):
    monkeypatch.setattr(limits, "LOGIN_LINKS_MAX", 2)
    links = [runtime.login_link() for _ in range(3)]
    statuses = [
        Asking(links[0].partition("/login")[0]).ask("GET", f"/login/{link.rpartition('/')[2]}").status
        for link in links
    ]
    assert statuses == [404, 200, 200]


def test_a_link_needs_a_door_and_a_name_that_a_token_could_have():
    with Runtime(targets=[SHOP]) as runtime:
        with pytest.raises(UsageError, match="nothing listens for a browser"):
            runtime.login_link()
        url = runtime.serve("127.0.0.1:0")
        assert runtime.login_link().startswith(f"{url}/login/")
        with pytest.raises(ConfigurationError, match="name"):
            runtime.login_link(name="")
