"""Public pages over HTTP: what they show, to whom, and that nothing else is in them."""

import json
import re
from itertools import chain
from xml.etree import ElementTree as ET

import pytest
from asgi import exchanged
from asking import Asking, tokens
from starlette.applications import Starlette
from starlette.routing import Mount
from watchkeeper import Channel, Heartbeat, Log, PublicPage, Runtime, Target, Token, Web
from watchkeeper.web import limits

DOCUMENTS = ("", "/feed.atom", "/status.json", "/badge/checkout.svg")
CANARY = "canary"
"""Stands in every text that no public page may show."""
HIDDEN = {
    "group": f"shop/{CANARY}",
    "name": f"{CANARY} name",
    "labels": {"team": f"{CANARY}-team"},
    "description": f"{CANARY} description",
    "link": f"https://{CANARY}.example/",
    "runbook": f"https://{CANARY}.example/runbook",
    "notify": [f"{CANARY}-channel"],
}


def target(part, **fields):
    return Target(
        id=f"{CANARY}-{part}", heartbeat=Heartbeat(key=f"{CANARY}-key-{part}-0001"), every="1h", **fields
    )


TARGETS = [
    target("one", public="Checkout", **HIDDEN),
    target("two", public="Search & <find>", **HIDDEN),
    target("three", **HIDDEN),
    target("four", public=f"{CANARY} of another page", notify=[f"{CANARY}-channel"]),
]
PAGES = [
    PublicPage(id="shop", title="The shop", match=[f"group=~shop/{CANARY}", f"team={CANARY}-team"]),
    PublicPage(id="other", title=f"{CANARY} title", match=[f"target={CANARY}-four"]),
]


@pytest.fixture
def runtime(store):
    web = Web(
        listen="127.0.0.1:0", anonymous="none", tokens=[Token(**token) for token in tokens()], pages=PAGES
    )
    channels = [Channel(id=f"{CANARY}-channel", log=Log())]
    with Runtime(targets=TARGETS, channels=channels, store=store, web=web) as made:
        for each in TARGETS:
            made.heartbeat(each.id)
        yield made


@pytest.fixture
def public(runtime):
    """Asks for a document of a page, as a stranger from anywhere."""
    stranger = Asking(runtime.serve("127.0.0.1:0", anonymous="none"))
    return lambda document="", page="shop", **headers: stranger.ask(
        "GET", f"/public/{page}{document}", **headers
    )


def assets_of(page):
    """The path of the static files that a page names."""
    return re.search(r'href="([^"]+)/watch\.css"', page)[1]


@pytest.mark.parametrize("page", ["shop", "nothing"])
def test_a_page_that_is_left_open_is_loaded_anew_each_minute(public, page):
    """By the browser itself without scripts, else by the script, which keeps what is being read."""
    shown = public(page=page, accept="text/html").body.decode()
    assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in shown
    assert f'<script src="{assets_of(shown)}/public.js" defer></script>' in shown


def test_a_stranger_reads_the_services_of_a_page_and_nothing_of_the_site(public):
    shown = public().body.decode()
    assert "All services are up." in shown
    assert "Search &amp; &lt;find&gt;" in shown
    assert [each["name"] for each in public("/status.json").json["components"]] == [
        "Checkout",
        "Search & <find>",
    ]
    assert re.findall(r"<script[^>]*>", shown) == [f'<script src="{assets_of(shown)}/public.js" defer>']
    assert "login" not in shown


def troubled(runtime):
    """A page with everything on it, and the canary in everything that it may not show."""
    runtime.heartbeat(f"{CANARY}-one", ok=False, detail=f"{CANARY} detail")
    runtime.heartbeat(f"{CANARY}-three", ok=False, detail=f"{CANARY} detail")
    runtime.heartbeat(f"{CANARY}-four", ok=False, detail=f"{CANARY} detail")
    for incident in runtime.incidents(open_only=True):
        runtime.acknowledge(incident.id, f"{CANARY} operator", f"{CANARY} note")
    runtime.silence("*", "1h", by=f"{CANARY} operator", reason=f"{CANARY} reason", match="team!=x")
    runtime.announce(
        "Payments are slow", "We look into it.", kind="outage", by=f"{CANARY} operator", id=CANARY
    )
    runtime.announce(f"{CANARY} for others", pages="other")
    runtime.end_announcement(runtime.announce("It was a test", by=CANARY), by=f"{CANARY} operator")
    return [incident.id for incident in runtime.incidents()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_document_holds_anything_that_was_not_opted_in(runtime, public, document):
    ids = troubled(runtime)
    answer = public(document)
    assert answer.status == 200
    said = answer.body.decode() + repr(answer.headers)
    assert CANARY not in said
    assert [each for each in ids if each in said] == []
    assert "Checkout" in said


def test_an_outage_and_what_operators_say_of_it_stand_on_the_page(runtime, public):
    troubled(runtime)
    shown = public().body.decode()
    assert "Checkout is down." in shown
    assert "Payments are slow" in shown
    assert "It was a test" in shown
    assert "Checkout is down" in public("/feed.atom").body.decode()
    assert b">down</text>" in public("/badge/checkout.svg").body


def test_a_document_that_a_reader_has_is_not_sent_again(public):
    for document in DOCUMENTS:
        answer = public(document)
        again = public(document, if_none_match=answer.headers["etag"])
        # The minute of a page may have passed between the two.
        assert (again.status, again.body) == (304, b"") or again.headers["etag"] != answer.headers["etag"]


def test_other_pages_may_show_a_badge_and_proxies_may_keep_it(public):
    for document in DOCUMENTS:
        headers = public(document).headers
        assert headers["cache-control"] == f"public, max-age={limits.PUBLIC_CACHED_S}"
        assert headers["cross-origin-resource-policy"] == "cross-origin"
        assert "set-cookie" not in headers


@pytest.mark.parametrize("document", ["", "/feed.atom", "/status.json", "/badge/checkout.svg"])
def test_an_unknown_page_is_not_found_and_shows_no_way_into_the_site(public, document):
    answer = public(document, page="shpo", accept="text/html")
    assert answer.status == 404
    assert CANARY not in answer.body.decode()
    assert "login" not in answer.body.decode()
    assert public(document, page="shpo").json["detail"] == "no public page has this address"


def test_an_unknown_badge_is_not_found(public):
    for name in ("search", CANARY, f"{CANARY}-one", "..%2f..%2fwatch", "%00"):
        assert public(f"/badge/{name}.svg").status == 404
    assert public("/badge/search-find.svg").status == 200


def test_a_page_is_for_reading_alone(runtime, public):
    stranger = Asking(runtime.serve("127.0.0.1:0", anonymous="none"))
    assert stranger.ask("POST", "/public/shop").status == 405
    assert stranger.ask("HEAD", "/public/shop").status == 200
    assert stranger.ask("GET", "/public").status == 404


def test_a_stranger_that_asks_too_often_is_put_off(monkeypatch, runtime):
    monkeypatch.setattr(limits, "RATE_PER_S", 0)
    monkeypatch.setattr(limits, "BURST_MAX", 3)
    stranger = Asking(runtime.serve("127.0.0.1:0", anonymous="none"))
    statuses = [stranger.ask("GET", f"/public/shop{each}").status for each in DOCUMENTS]
    assert statuses == [200, 200, 200, 429]


def test_the_feed_is_a_document_of_atom(runtime, public):
    runtime.announce("A <b>\x1b[31m & \ufffe title", "<script>\x00\ud800</script>")
    answer = public("/feed.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ET.fromstring(answer.body)  # noqa: S314  # made here
    atom = "{http://www.w3.org/2005/Atom}"
    assert feed.tag == f"{atom}feed"
    for entry in feed.findall(f"{atom}entry"):
        for name in ("id", "title", "updated", "content"):
            assert entry.findtext(f"{atom}{name}")
    ids = [element.text for element in chain(feed.iter(f"{atom}id"))]
    assert len(set(ids)) == len(ids)


def test_hostile_names_and_words_stay_text(runtime, store):
    hostile = "<img src=x onerror=alert(1)>\u202e\ufffe" + "&" * 20
    targets = [Target(id="t", heartbeat=Heartbeat(), every="1h", public=hostile)]
    web = Web(listen="127.0.0.1:0", pages=[PublicPage(id="p", title=hostile)])
    with Runtime(targets=targets, web=web) as made:
        stranger = Asking(made.serve("127.0.0.1:0"))
        made.announce(hostile, hostile)
        shown = stranger.ask("GET", "/public/p").body.decode()
        assert "<img" not in shown
        ET.fromstring(stranger.ask("GET", "/public/p/feed.atom").body)  # noqa: S314  # made here
        slug = stranger.ask("GET", "/public/p/status.json").json["components"][0]["slug"]
        badge = stranger.ask("GET", f"/public/p/badge/{slug}.svg").body
        ET.fromstring(badge)  # noqa: S314  # made here
        assert b"<img" not in badge


def test_a_page_without_a_record_and_one_without_services_say_so():
    web = Web(listen="127.0.0.1:0", pages=[PublicPage(id="p", title="Nothing", match=["group=none"])])
    with Runtime(web=web) as made:
        stranger = Asking(made.serve("127.0.0.1:0"))
        shown = stranger.ask("GET", "/public/p")
        assert shown.status == 200
        assert "Nothing is shown here yet." in shown.body.decode()
        json.loads(stranger.ask("GET", "/public/p/status.json").body)


def test_a_runtime_that_does_not_answer_says_no_more_than_that(runtime):
    app = runtime.asgi()
    runtime.stop()
    for document in DOCUMENTS:
        status, headers, body = exchanged(app, "GET", f"/public/shop{document}", {"accept": "text/html"})
        assert (status, headers["retry-after"]) == (503, "2")
        assert "cannot be read just now" in body.decode()
        assert CANARY not in body.decode()
        assert "login" not in body.decode()


def test_links_of_a_page_stay_below_the_mount_point(runtime):
    mounted = Starlette(routes=[Mount("/status", runtime.asgi())])
    status, _, body = exchanged(mounted, "GET", "/status/public/shop", {})
    links = re.findall(r'(?:href|src)="([^"]*)"', body.decode())
    assert status == 200
    assert len(links) > 5
    for link in links:
        assert link.startswith(("/status/", "#")), link
        if not link.startswith("#"):
            assert exchanged(mounted, "GET", link, {})[0] == 200, link
