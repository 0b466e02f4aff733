"""The page of announcements and its form, as a browser without scripts uses them."""

import pytest
from asking import Asking, signed_in, tokens
from browsing import Browser
from watchkeeper import Heartbeat, PublicPage, Runtime, Target, Token, Web
from watchkeeper.web import limits

PAGES = [PublicPage(id="shop", title="The shop"), PublicPage(id="mail", title="Mail & more")]


@pytest.fixture
def runtime(store):
    web = Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()], pages=PAGES)
    target = Target(id="shop", heartbeat=Heartbeat(), every="1h", public="Shop")
    with Runtime(targets=[target], store=store, web=web) as made:
        yield made


@pytest.fixture
def person(runtime, url):
    """A browser that has signed in as an operator."""
    return Browser(url, signed_in(url, runtime.login_link(role="operator", name="anna")))


def test_an_announcement_is_made_shown_to_readers_and_ended(person, runtime, url):
    form = person.open("/announcements")
    assert "Nothing is announced." in form.text
    page = person.press(form, "Announce", title="Slow <b>", text="One\r\n\r\nTwo", kind="outage", on="shop")
    assert (page.path, page.status) == ("/announcements", 200)
    assert "Announced: it stands on the public pages." in page.text
    (made,) = runtime.status().announcements
    assert (made.title, made.text, made.kind.value) == ("Slow <b>", "One\n\nTwo", "outage")
    assert (made.pages, made.by, made.until_ns) == (("shop",), "anna", None)
    shown = Asking(url).ask("GET", "/public/shop").body.decode()
    assert "Slow &lt;b&gt;" in shown
    assert "anna" not in shown
    assert "Slow" not in Asking(url).ask("GET", "/public/mail").body.decode()
    ended = person.press(page, "End now")
    assert "The announcement has ended." in ended.text
    assert runtime.status().announcements == ()
    assert "ended by anna" in ended.text


def test_a_maintenance_has_a_start_and_an_end_in_the_zone_of_its_reader(person, runtime):
    form = person.open("/announcements?tz=Europe/Vienna")
    person.press(form, "Announce", title="Move", kind="maintenance", start="2099-01-01 01:00", end="2h")
    (made,) = runtime.status().announcements
    assert (made.starts_at.isoformat(), made.until.isoformat()) == (
        "2099-01-01T00:00:00+00:00",
        "2099-01-01T02:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"title": " "}, "An announcement has a title."),
        ({"kind": "maintenance"}, "A maintenance has an end"),
        ({"start": "2h", "kind": "maintenance", "end": "2h"}, "A start is a moment"),
        ({"start": "2099-01-01 01:00"}, "A maintenance alone has a start"),
        ({"end": "soon"}, "'soon' is no duration"),
        ({"end": "2020-01-01 00:00"}, "has passed"),
        ({"title": "x" * 300}, "length <= 200"),
    ],
)
def test_a_form_that_makes_no_sense_is_shown_again_as_it_was_filled_in(person, runtime, fields, says):
    page = person.press(
        person.open("/announcements"), "Announce", **{"title": "Move", "text": "Kept", **fields}
    )
    assert 400 <= page.status < 500
    assert says.lower() in page.text.lower()
    assert ">Kept</textarea>" in page.html
    assert runtime.status().announcements == ()


def test_a_long_text_of_another_script_fits_into_the_form(person, runtime):
    text = "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 4_000
    page = person.press(person.open("/announcements"), "Announce", title="Move", text=text)
    assert page.status == 200
    assert len(runtime.status().announcements[0].text) == 4_000
    assert limits.ANNOUNCEMENT_BYTES_MAX > 4_000 * 12


def test_a_viewer_sees_announcements_and_no_form(runtime, url):
    runtime.announce("Move", id="move")
    viewer = Browser(url, signed_in(url, runtime.login_link(role="viewer")))
    page = viewer.open("/announcements")
    assert "One announcement stands." in page.text
    assert "New announcement" not in page.text
    assert "End now" not in page.text


def test_a_site_without_public_pages_says_how_to_make_one():
    with Runtime(web=Web(listen="127.0.0.1:0")) as runtime:
        page = Browser(runtime.serve("127.0.0.1:0"), "").open("/announcements")
        assert "There is no public page" in page.text
        assert "Announcements" not in Browser(runtime.serve("127.0.0.1:0"), "").open("/silences").text
