"""Every page: readable by everyone, as wide as its window, quiet in the console, and kept as a picture."""

from pathlib import Path
from typing import NamedTuple

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from chromium import WIDTHS
from shop import watched

from tests.browser.conftest import running

PICTURES = Path(__file__).parents[2] / "build" / "pictures"
SCHEMES = ("light", "dark")
HOSTILE = {
    "markup": "<script>alert(1)</script><b>&amp;\"'",
    "escapes": "\\x1b[31mred",
    "bidi": "\u202eevil\u2066 name",
    "long": "w" * 128,
}
FINDINGS = """
async () => (await axe.run({resultTypes: ["violations"]})).violations
    .map(each => [each.id, ...each.nodes.slice(0, 3).map(node => node.html)])
"""


class Sight(NamedTuple):
    """A page, and the eyes that see it."""

    path: str
    role: str | None = "operator"
    status: int = 200


PAGES = {
    "overview": Sight("/"),
    "all": Sight("/?view=all&days=90"),
    "groups": Sight("/?view=groups"),
    "group": Sight("/g/Shop"),
    "target": Sight("/t/payments-api?span=7d"),
    "target-hour": Sight("/t/storefront?span=1h"),
    "target-quarter": Sight("/t/payments-api?span=90d"),
    "attempt": Sight("{attempt}"),
    "incidents": Sight("/incidents"),
    "incident": Sight("/i/{incident.id}"),
    "silences": Sight("/silences"),
    "silence": Sight("/silences/new?target=search"),
    "announcements": Sight("/announcements"),
    "self": Sight("/self"),
    "login": Sight("/login", role=None),
    "public": Sight("/public/shop", role=None),
    "missing": Sight("/t/nothing", role="viewer", status=404),
    "public-missing": Sight("/public/nothing", role=None, status=404),
}


def address_of(sight, person, incident):
    """Returns the path of a page; that of an attempt is read where people find it."""
    if "{attempt}" not in sight.path:
        return sight.path.format(incident=incident)
    link = person.open("/t/payments-api").locator("table.attempts a").first
    return link.get_attribute("href")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_by_everyone_and_is_kept_as_a_picture(visit, incident, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    sight = PAGES[name]
    person = visit(sight.role)
    page = person.open(address_of(sight, person, incident), sight.status)
    page.evaluate(AXE_SCRIPT)
    for size in WIDTHS.values():
        page.set_viewport_size(size)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(FINDINGS) == [], (size, scheme)
            page.screenshot(path=PICTURES / f"{name}-{size['width']}-{scheme}.png", full_page=True)
        assert person.wider_than_window() == []
    assert person.violations() == []


def test_buttons_of_a_phone_are_large_enough_for_a_thumb(visit, incident):
    page = visit("operator", width="phone").open(f"/i/{incident.id}")
    sizes = page.evaluate(
        "() => [...document.querySelectorAll('main button, main a.button')].map(each => each.getBoundingClientRect().height)"
    )
    assert sizes
    assert min(size for size in sizes if size) >= 36


NARROW = {"width": 320, "height": 640}
ENDS = """
() => [...document.querySelectorAll(".days")].map(each => each.getBoundingClientRect().right)
"""


@pytest.mark.parametrize("path", ["/", "/?days=90", "/t/payments-api", "/public/shop"])
def test_today_is_in_sight_on_a_narrow_phone(visit, path):
    person = visit("viewer")
    person.page.set_viewport_size(NARROW)
    ends = person.open(path).evaluate(ENDS)
    assert ends
    assert max(ends) <= NARROW["width"] - 18
    assert person.wider_than_window() == []


def test_a_long_name_in_a_row_ends_with_an_ellipsis(visit, odd):
    page = visit("viewer", of=odd).open("/?view=all")
    link = page.get_by_role("link", name=HOSTILE["long"]).last
    assert link.evaluate(
        "each => [getComputedStyle(each).textOverflow, each.scrollWidth > each.clientWidth]"
    ) == ["ellipsis", True]


LABELS = """
kind => [...document.querySelectorAll(`.chart.${kind} text.value, .chart.${kind} text.tick`)]
    .map(each => each.getBoundingClientRect())
    .filter(each => each.height)
    .map(each => [each.height, each.left >= 0 && each.right <= innerWidth])
"""


@pytest.mark.parametrize("kind", ["latency", "strip", "phases"])
def test_the_axes_of_charts_can_be_read_on_a_phone(visit, kind):
    labels = visit("viewer", width="phone").open("/t/payments-api?span=7d").evaluate(LABELS, kind)
    assert len(labels) >= 3
    assert all(height >= 10 and is_inside for height, is_inside in labels)


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
        made.silence("odd-long", "1h", reason=HOSTILE["long"])
        yield made


def test_a_name_stays_text_and_makes_no_window_wider(visit, odd):
    person = visit("operator", of=odd)
    incidents = [f"/i/{each.id}" for each in odd.incidents(open_only=True)]
    assert len(incidents) == len(HOSTILE)
    lists = ("/", "/?view=groups", f"/g/{HOSTILE['long'][:100]}", "/incidents", "/silences", "/self")
    for path in (*lists, *(f"/t/odd-{key}" for key in HOSTILE), *incidents):
        page = person.open(path)
        for size in WIDTHS.values():
            page.set_viewport_size(size)
            assert person.wider_than_window() == [], (path, size)
        assert person.violations() == []
        assert page.locator("main script, main b:text-is('&\"')").count() == 0
    person.open("/t/odd-markup")
    assert HOSTILE["markup"] in person.page.inner_text("main")


def test_an_empty_site_says_what_to_do(visit, tmp_path):
    with running(store=str(tmp_path / "watch.db")) as empty:
        person = visit(of=empty)
        for path in ("/", "/incidents", "/silences"):
            assert "No" in person.open(path).inner_text("main")
        assert person.violations() == []


def test_the_phases_of_the_last_answer_are_shown_once(visit):
    page = visit("viewer").open("/t/payments-api")
    labels = page.locator(".chart.phases text:not(.value)").all_text_contents()
    said = page.locator("section:has(.phases) .figures small").all_text_contents()
    assert labels[0] == "last answer"
    assert said[0] not in said[1:]
