"""The frame of every page: who may see it, its theme and zone, its files, and refusals as pages."""

import gzip
import re

import pytest
from asking import TOKENS, Asking, cookie_in, signed_in
from browsing import Browser
from markup import HTML, faults_of, page_of
from watchkeeper.web import limits
from watchkeeper.web.pages.environment import environment
from watchkeeper.web.pages.static_files import static_files


@pytest.fixture
def strict(runtime):
    """A door at which a request without a token or a session has no role."""
    return runtime.serve("127.0.0.1:0", anonymous="none")


@pytest.fixture
def person(strict, runtime):
    """A browser that has signed in as an operator."""
    return Asking(strict, cookie=signed_in(strict, runtime.login_link(role="operator")))


def test_a_browser_without_a_session_is_led_to_sign_in_and_from_there_to_its_page(strict):
    answer = Asking(strict).ask("GET", "/?q=shop&tz=UTC", **HTML)
    assert (answer.status, answer.headers["location"]) == (303, "/login?next=/%3Fq%3Dshop%26tz%3DUTC")
    form = page_of(Asking(strict), answer.headers["location"])
    assert 'name="next" value="/?q=shop&amp;tz=UTC"' in form
    signed = Asking(strict).form("/login", {"token": TOKENS["viewer"], "next": "/?q=shop&tz=UTC"})
    assert signed.headers["location"] == "/?q=shop&tz=UTC"


def test_a_program_without_a_token_gets_a_problem_document_from_a_page(strict):
    answer = Asking(strict).ask("GET", "/")
    assert (answer.status, answer.json["status"]) == (401, 401)


def test_a_page_for_nobody_shows_nothing_of_what_is_watched(strict, incident):
    for path in ("/login", "/no/such/page", "/login/none"):
        page = page_of(Asking(strict), path, 200 if path == "/login" else 404)
        assert "shop" not in page
        assert "Incidents" not in page
        assert "down" not in re.sub(r"<link[^>]+>", "", page)


def test_the_title_begins_with_the_number_down_and_the_icon_shows_it(person, incident):
    page = page_of(person, "/")
    assert "<title>1 down · " in page
    assert re.search(r'<link rel="icon"[^>]+/down\.svg">', page)
    assert "Incidents <b>1</b>" in page


def test_a_refusal_of_a_page_is_a_page_and_of_the_api_a_problem_document(person):
    answer = person.ask("GET", "/no/such", **HTML)
    assert answer.status == 404
    assert b"There is no such page." in answer.body
    refused = person.ask("GET", "/api/v1/no/such", **HTML)
    assert (refused.status, refused.headers["content-type"]) == (404, "application/problem+json")
    assert person.ask("GET", "/ping/none", **HTML).body == person.ask("GET", "/ping/none").body


def test_a_refused_form_is_a_page(person):
    answer = person.ask("POST", "/theme", b"{}", content_type="application/json", **HTML)
    assert answer.status == 415
    assert b"Send `Content-Type: application/x-www-form-urlencoded`." in answer.body


def test_the_theme_is_kept_by_a_cookie_and_leads_back(strict, person):
    chosen = person.form("/theme", {"theme": "dark", "next": "/?q=x"})
    assert (chosen.status, chosen.headers["location"]) == (303, "/?q=x")
    dark = Asking(strict, cookie=f"{person.cookie}; {cookie_in(chosen)}")
    assert '<html lang="en" data-theme="dark">' in page_of(dark, "/")
    assert '<html lang="en">' in page_of(person, "/")


@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({"theme": "dark", "next": "//evil.example"}, {}, 303),
        ({"theme": "blue"}, {}, 400),
        ({"theme": "dark"}, {"sec_fetch_site": "cross-site"}, 403),
    ],
)
def test_a_theme_is_one_of_two_and_leads_nowhere_else(strict, fields, headers, status):
    answer = Asking(strict).form("/theme", fields, **headers)
    assert answer.status == status
    assert answer.headers.get("location", "/") == "/"


def test_a_zone_is_shown_once_and_kept(strict, person):
    page = person.ask("GET", "/?tz=Asia/Kolkata", **HTML)
    assert b"times in Asia/Kolkata" in page.body
    kept = Asking(strict, cookie=f"{person.cookie}; {cookie_in(page)}")
    assert "times in Asia/Kolkata" in page_of(kept, "/")
    assert "times in UTC" in page_of(kept, "/?tz=UTC")


@pytest.mark.parametrize("typed", ["utc", "%20UTC%20", "Asia/Kolkata%20", "asia/kolkata"])
def test_a_zone_may_be_typed_in_small_letters_and_with_blanks(person, typed):
    assert f"times in {'UTC' if 'k' not in typed else 'Asia/Kolkata'}" in page_of(person, f"/?tz={typed}")


def test_a_zone_of_two_words_may_be_typed_as_people_write_it(person):
    assert "times in America/New_York" in page_of(person, "/?tz=america/new%20york")


def test_the_form_of_the_zone_keeps_the_other_choices_of_its_page(strict, runtime, incident):
    browser = Browser(strict, signed_in(strict, runtime.login_link(role="operator")))
    for path in ("/t/shop?span=7d", "/incidents?state=open&target=shop", "/silences/new?target=shop"):
        shown = browser.press(browser.open(f"{path}&tz=UTC"), "Show", tz="Asia/Kolkata")
        assert (shown.status, shown.path) == (200, f"{path}&tz=Asia%2FKolkata")
        assert "times in Asia/Kolkata" in shown.text


def test_the_form_of_the_zone_on_a_refused_form_leads_to_a_page(person):
    refused = person.form("/t/none/pause", {}, **HTML)
    assert (refused.status, b'<form method="get" action="/">' in refused.body) == (403, True)


@pytest.mark.parametrize("zone", ["Nowhere", "../../etc/passwd", "/etc/localtime", "x" * 200, "\x00"])
def test_a_zone_that_is_none_is_refused_by_a_page(strict, person, zone):
    answer = person.ask("GET", f"/?tz={zone.replace(chr(0), '%00')}", **HTML)
    assert answer.status == 400
    assert b"there is no time zone" in answer.body.lower()
    assert "set-cookie" not in answer.headers
    stale = Asking(strict, cookie=f"{person.cookie}; wk-zone=Nowhere; wk-theme=blue")
    assert "times in UTC" in page_of(stale, "/")


def test_every_file_of_a_page_is_there_and_kept_for_good(person):
    page = page_of(person, "/")
    names = set(re.findall(r'(?:href|src|data-worker)="(/static/[^"]+)"', page))
    style = person.ask("GET", next(name for name in names if name.endswith(".css")))
    folder = next(iter(names)).rpartition("/")[0]
    names |= {f"{folder}/{name}" for name in re.findall(r"url\(([^)]+)\)", style.body.decode())}
    assert len(names) >= 6
    for name in names:
        answer = person.ask("GET", name)
        assert (answer.status, answer.headers["cache-control"]) == (
            200,
            "public, max-age=31536000, immutable",
        )
    assert person.ask("GET", "/favicon.ico").headers["content-type"] == "image/svg+xml"


def test_a_page_is_well_formed_and_needs_no_inline_script_or_style(person, strict, incident):
    for asking, path, status in (
        (person, "/", 200),
        (person, "/g/shop", 200),
        (person, "/login", 200),
        (person, "/none", 404),
        (Asking(strict), "/login", 200),
    ):
        page = page_of(asking, path, status)
        assert faults_of(page) == [], path
        assert not re.search(r"<style|<script>|javascript:|https?://", page), path


def test_wrong_markup_is_found():
    assert faults_of("<p><b>x</p></b>") == ["p closes another one", "b closes another one"]
    assert faults_of("<table><tr><th>a<td>b<tr><td>c</table>") == []
    assert faults_of('<p style="x" onclick="y" id="a"><i id="a"></i>') == [
        "p style",
        "p onclick",
        "id a stands twice",
        "p is open",
    ]


def test_every_template_compiles():
    names = environment().list_templates()
    assert {"base.html", "parts.html", "error.html"} <= set(names)
    for name in names:
        environment().get_template(name)


PACKS = {**HTML, "accept_encoding": "br, gzip;q=0.8"}


def test_a_page_is_packed_for_a_browser_that_asks_by_itself(person):
    plain = person.ask("GET", "/login", **HTML)
    assert "content-encoding" not in plain.headers
    for site in ("none", "same-origin"):
        answer = person.ask("GET", "/login", sec_fetch_site=site, **PACKS)
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding, Authorization, Cookie"
        assert len(answer.body) < len(plain.body) / 2
        assert b"Signed in" in gzip.decompress(answer.body)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": ""},
        {},
        {"sec_fetch_site": "none", "accept_encoding": "br, identity"},
    ],
)
def test_a_page_is_not_packed_where_another_site_may_have_asked(person, headers):
    answer = person.ask("GET", "/login?next=/guess", **{**PACKS, **headers})
    assert (answer.status, "content-encoding" in answer.headers) == (200, False)


def test_a_long_page_is_packed_as_well(monkeypatch, person):
    monkeypatch.setattr(limits, "PACKED_APART_BYTES_MIN", 0)
    answer = person.ask("GET", "/", sec_fetch_site="none", **PACKS)
    assert b"</html>" in gzip.decompress(answer.body)


def test_a_page_hears_of_the_same_kinds_by_itself_and_by_the_stream_of_all_tabs():
    kinds = [
        re.search(rb"\[(\"status\"[^]]*)\]", static_files().content[name])[1]
        for name in ("live.js", "live-worker.js")
    ]
    assert kinds[0] == kinds[1]


def test_the_scripts_are_short_and_make_no_markup_of_texts():
    scripts = {name: text for name, text in static_files().content.items() if name.endswith(".js")}
    assert len(scripts["live.js"].splitlines()) <= 150
    for name, text in scripts.items():
        assert not re.search(
            rb"innerHTML|insertAdjacent|document\.write|eval\(|Function\(|https?://", text
        ), name
