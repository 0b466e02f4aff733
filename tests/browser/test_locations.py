"""Targets that several locations probe, on the list and on their page, as people see them."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from chromium import WIDTHS
from served_world import served
from watchkeeper import Agents, Consecutive, Http, Target, Web
from watchkeeper.testing import FakeRuntime

from tests.browser.test_sight import FINDINGS, PICTURES, SCHEMES

PLACES = ("fra", "iad", "syd")
SCRIPTS = {
    "storefront": "ok 1m, down from syd",
    "checkout": "ok 1m, down from fra iad",
    "search": "ok 1m, degraded from iad",
    "accounts": "ok 1m, hang from fra iad",
    "sign-in": "ok",
}


class Located:
    """The site of a shop that is probed from three locations, for anybody."""

    def __init__(self, url):
        self.url = url


def watched():
    """A runtime whose virtual time is that of the machine, for pages tell ages by it."""
    down = Consecutive(id="down", after=2, recover=1)
    targets = [
        Target(
            id=name,
            every="10s",
            http=Http(url="https://shop.example/"),
            group="Shop",
            rules=[down],
            locations=PLACES,
        )
        for name in SCRIPTS
    ]
    web = Web(listen="127.0.0.1:0", anonymous="viewer")
    made = FakeRuntime(targets=targets, agents=Agents(nats="nats://h", locations=PLACES), web=web)
    made.start()
    made.world.step_wall(time.time_ns() - made.world.now.wall_ns - 180 * 10**9)
    for name, script in SCRIPTS.items():
        made.world.script(name, script)
    made.world.run("3m")
    return made


@pytest.fixture(scope="module")
def located():
    # Playwright keeps an event loop in this thread, on which nothing may block.
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(watched).result()
        with served(pool.submit(made.asgi).result()) as url:
            yield Located(url)
        pool.submit(made.stop).result()


@pytest.mark.parametrize(
    ("name", "path"), [("locations", "/t/checkout"), ("locations-list", "/"), ("location", "/t/storefront")]
)
def test_a_page_of_locations_can_be_read_by_everyone(visit, located, name, path):
    PICTURES.mkdir(parents=True, exist_ok=True)
    person = visit(of=located)
    page = person.open(path)
    page.evaluate(AXE_SCRIPT)
    for size in WIDTHS.values():
        page.set_viewport_size(size)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(FINDINGS) == [], (size, scheme)
            page.screenshot(path=PICTURES / f"{name}-{size['width']}-{scheme}.png", full_page=True)
        assert person.wider_than_window() == []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_location_that_decides_nothing_is_in_sight_on_the_list(visit, located, width):
    page = visit(of=located, width=width).open("/")
    assert page.locator("[data-t=storefront] .apart").is_visible()
    assert page.locator("[data-t=storefront] .apart").inner_text() == "down from syd"
    assert page.locator("[data-t=sign-in] .apart").count() == 0
