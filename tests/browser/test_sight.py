"""Every page: readable by everyone, as wide as its window, quiet in the console, and kept as a picture."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import WIDTHS

from tests.browser.conftest import running, watched

PICTURES = Path(__file__).parents[2] / "build" / "pictures"
HOSTILE = {
    "markup": "<script>alert(1)</script><b>&amp;\"'",
    "escapes": "\\x1b[31mred",
    "bidi": "\u202eevil\u2066 name",
    "long": "w" * 128,
}
PAGES = {
    "overview": "/",
    "all": "/?view=all&days=90",
    "group": "/g/Shop",
    "target": "/t/payments-api?span=7d",
    "target-hour": "/t/storefront?span=1h",
    "target-quarter": "/t/payments-api?span=90d",
    "incidents": "/incidents",
    "incident": "/i/{incident}",
    "silences": "/silences",
    "silence": "/silences/new?target=search",
    "self": "/self",
    "announcements": "/announcements",
    "public": "/public/shop",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_by_everyone_and_is_kept_as_a_picture(visit, incident, name, width, scheme):
    person = visit("operator", width=width, color_scheme=scheme)
    page = person.open(PAGES[name].format(incident=incident.id))
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []
    assert not person.is_wider_than_its_window()
    assert person.violations() == []
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}-{WIDTHS[width]['width']}-{scheme}.png", full_page=True)


def test_buttons_of_a_phone_are_large_enough_for_a_thumb(visit, incident):
    page = visit("operator", width="phone").open(f"/i/{incident.id}")
    sizes = page.evaluate(
        "() => [...document.querySelectorAll('main button, main a.button')].map(each => each.getBoundingClientRect().height)"
    )
    assert sizes
    assert min(size for size in sizes if size) >= 36


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A runtime whose targets have names that are made of markup, escapes and directions, or are long."""
    targets = [
        watched(f"odd-{key}", notify=(), name=name, group=name[:100], labels={"note": name}, description=name)
        for key, name in HOSTILE.items()
    ]
    with running(targets=targets, store=str(tmp_path_factory.mktemp("odd") / "watch.db")) as made:
        for key, name in HOSTILE.items():
            made.heartbeat(f"odd-{key}", ok=False, detail=name)
        yield made


@pytest.mark.parametrize("width", WIDTHS)
def test_a_name_stays_text_and_makes_no_window_wider(visit, odd, width):
    person = visit("operator", of=odd, width=width)
    incidents = [f"/i/{each.id}" for each in odd.incidents(open_only=True)]
    for path in ("/", "/incidents", *(f"/t/odd-{key}" for key in HOSTILE), *incidents):
        page = person.open(path)
        assert not person.is_wider_than_its_window(), path
        assert person.violations() == []
        assert page.locator("main script, main b:text-is('&\"')").count() == 0
    person.open("/t/odd-markup")
    assert HOSTILE["markup"] in page.inner_text("main") or HOSTILE["markup"] in person.page.inner_text("main")


def test_an_empty_site_says_what_to_do(visit, tmp_path):
    with running(store=str(tmp_path / "watch.db")) as empty:
        person = visit(of=empty)
        for path in ("/", "/incidents", "/silences"):
            assert "No" in person.open(path).inner_text("main")
        assert person.violations() == []
