"""Refusals as pages: each says what happened, whether anything was changed, and what to do next."""

import pytest
from asgi import exchanged
from asking import TOKENS, Asking, signed_in
from browsing import Browser
from watchkeeper import Heartbeat, Runtime, Target
from watchkeeper.web import limits
from watchkeeper.web.pages.errors import ADVICE, TITLES

WRONG = {"token": "wk_x"}
HTML = "text/html,*/*;q=0.8"


@pytest.fixture
def strict(runtime):
    """A door at which a request without a token or a session has no role."""
    return runtime.serve("127.0.0.1:0", anonymous="none")


@pytest.fixture
def person(runtime, strict):
    """A browser that has signed in as an operator."""
    return Browser(strict, signed_in(strict, runtime.login_link(role="operator", name="anna")))


def links_of(page):
    return {
        words
        for words in ("Back", "Incidents", "Overview", "Sign in", "Sign in as another")
        if f">{words}</a>" in page.main
    }


@pytest.mark.parametrize(
    ("path", "status", "title", "links"),
    [
        ("/no/such", 404, "There is nothing here", {"Overview"}),
        ("/t/shopp", 404, "There is nothing here", {"Overview"}),
        ("/g/shopp", 404, "There is nothing here", {"Overview"}),
        ("/silences?tz=Nowhere", 400, "That was not understood", {"Overview"}),
        ("/silences?tz=UTC&tz=UTC", 400, "That was not understood", {"Overview"}),
        ("/t/shop/pause", 405, "That cannot be done with this page", {"Overview"}),
        ("/" + "x" * 17_000, 431, "The address is too long", {"Overview"}),
    ],
)
def test_a_page_that_cannot_be_shown_says_so_and_leads_on(person, path, status, title, links):
    page = person.open(path)
    assert page.status == status
    assert page.text.count(title) >= 1
    assert ADVICE[status] in page.text
    assert links_of(page) == links
    # A request with so long a header is not read any further.
    assert ("Overview Incidents Silences" in page.text) is (status != 431)


@pytest.mark.parametrize("path", ["/i/inc_0", "/i/inc_0.txt", "/i/inc_0/acknowledge"])
def test_an_incident_that_there_is_not_leads_to_the_list_of_incidents(person, path):
    proof = person.open("/silences/new").form("Silence").buttons["Silence"]["value"]
    page = person.send(path, {"proof": proof}) if path.endswith("acknowledge") else person.open(path)
    assert (page.status, links_of(page)) == (404, {"Incidents", "Overview"})
    assert "No incident has the id 'inc_0': the list of incidents has those that are kept." in page.text
    assert "/api/" not in page.text


def test_a_login_link_that_there_is_not_leads_to_the_form(strict):
    page = Browser(strict).open("/login/none")
    assert (page.status, links_of(page)) == (404, {"Sign in", "Overview"})
    assert "Ask for another link" in page.text


def test_a_stranger_learns_no_more_of_the_site_from_a_page_that_there_is_not(strict):
    page = Browser(strict).open("/no/such")
    assert (page.status, "Incidents" in page.text) == (404, False)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/incidents?state=x", "state choose one of open, resolved"),
        ("/?days=31", "days choose one of 30, 90"),
        ("/?days=x", "days choose one of 30, 90"),
        ("/t/shop?span=5y", "span choose one of 1h, 1y, 24h, 30d, 7d, 90d"),
    ],
)
def test_a_wrong_parameter_of_a_page_is_named_as_its_address_has_it_with_what_may_stand_there(
    person, path, said
):
    assert said in person.open(path).text


@pytest.mark.parametrize("path", ["/public/nope", "/public/nope/badge/nope.svg", "/public/nope/feed.atom"])
def test_a_public_page_that_there_is_not_says_what_to_do(strict, path):
    page = Browser(strict).open(path)
    assert (page.status, page.text.count("There is nothing here.")) == (404, 1)
    assert "The address may be mistyped" in page.text
    assert "watchkeeper" not in page.text


def test_a_form_that_is_refused_leads_back_to_its_page(person, strict, runtime, incident):
    runtime.heartbeat("shop")
    runtime.status()
    proof = person.open("/silences/new").form("Silence").buttons["Silence"]["value"]
    page = person.send(
        f"/i/{incident.id}/acknowledge", {"proof": proof}, referer=f"{strict}/incidents?state=open"
    )
    assert (page.status, links_of(page)) == (409, {"Back", "Overview"})
    assert "Nothing was changed." in page.text
    assert "is resolved" in page.text
    assert 'href="/incidents?state=open"' in page.html


def test_a_viewer_is_offered_to_sign_in_as_another(runtime, strict):
    viewer = Browser(strict, signed_in(strict, runtime.login_link(role="viewer")))
    page = viewer.open("/silences/new?target=shop")
    assert "This needs the role operator: " in page.text
    assert (page.status, links_of(page)) == (403, {"Overview", "Sign in as another"})
    assert 'href="/login?next=/silences/new%3Ftarget%3Dshop"' in page.html
    form = viewer.open("/login?next=/silences/new%3Ftarget%3Dshop")
    assert "Sign in as another" in form.text
    signed = viewer.press(form, "Sign in", token=TOKENS["operator"])
    assert (signed.path, signed.status) == ("/silences/new?target=shop", 200)


def test_a_button_pressed_after_the_end_of_a_session_leads_to_sign_in_and_back(runtime, url):
    """On the machine itself a browser without a session is a viewer."""
    person = Browser(url, signed_in(url, runtime.login_link(role="operator")))
    page = person.open("/t/shop")
    person.cookies.clear()
    refused = person.press(page, "Pause checks", referer=f"{url}/t/shop?span=7d")
    assert (refused.status, links_of(refused)) == (403, {"Back", "Overview", "Sign in"})
    assert 'href="/login?next=/t/shop%3Fspan%3D7d"' in refused.html
    assert not runtime.status()["shop"].paused


def test_too_many_requests_are_a_page_that_says_how_long_to_wait(strict):
    browser = Browser(strict)
    for _ in range(limits.LOGINS_MAX):
        page = browser.press(browser.open("/login"), "Sign in", **WRONG)
        assert page.status == 401
    page = browser.press(browser.open("/login"), "Sign in", **WRONG)
    assert (page.status, page.answer.headers["retry-after"]) == (429, "60")
    assert "Too many tries to sign in: wait a minute." in page.text


def test_a_flood_of_pages_is_refused_by_a_page(runtime, monkeypatch):
    monkeypatch.setattr(limits, "BURST_MAX", 3)
    monkeypatch.setattr(limits, "RATE_PER_S", 0.001)
    url = runtime.serve("127.0.0.1:0", anonymous="none")
    person = Browser(url, signed_in(url, runtime.login_link()))
    refused = [person.open("/silences") for _ in range(4)][-1]
    assert (refused.status, refused.answer.headers["retry-after"]) == (429, "1")
    assert "Too many requests." in refused.text
    assert "Wait a second, then load the page again." in refused.text


def test_a_runtime_that_is_stopped_is_a_page_that_says_so():
    with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())]) as runtime:
        app = runtime.asgi(lambda scope: ("anna", "operator"))
    status, said, body = exchanged(app, "GET", "/silences", {"host": "localhost", "accept": HTML})
    assert (status, said["content-type"]) == (503, "text/html; charset=utf-8")
    assert b"The runtime does not answer." in body
    assert b"Load the page again in a moment." in body


def test_every_refusal_has_a_title_and_a_next_step():
    assert TITLES.keys() - {401} == ADVICE.keys()


def test_a_program_gets_no_page(strict):
    for path in ("/silences", "/no/such"):
        refused = Asking(strict, TOKENS["viewer"]).ask("GET", f"{path}?tz=x")
        assert refused.headers["content-type"] == "application/problem+json"
