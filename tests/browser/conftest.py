"""A browser, and the site of a shop with a past of forty days and open incidents."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property

import pytest
import shop
from asking import tokens
from browsing import Browser
from chromium import Visitor, chromium
from watchkeeper import Runtime, Token, Web

WITHIN_S = 60


class Aside:
    """A runtime whose methods run on another thread: Playwright keeps an event loop in this one, on which nothing may block."""

    def __init__(self, runtime, pool):
        self._runtime = runtime
        self._pool = pool
        self._sessions = {}

    @cached_property
    def url(self):
        return self.login_link().partition("/login/")[0]

    def signed_in(self, role):
        """The cookies of somebody who has signed in with a link. Sessions begin a few times a minute, so there is one for each role."""
        if role not in self._sessions:
            self._sessions[role] = self._sign_in(role)
        return self._sessions[role]

    def _sign_in(self, role):
        browser = Browser(self.url)
        page = browser.open(self.login_link(role=role, name=f"a-{role}").removeprefix(self.url))
        browser.press(page, "Sign in")
        kept = {
            "domain": "127.0.0.1",
            "path": "/",
            "expires": -1,
            "httpOnly": True,
            "secure": False,
            "sameSite": "Lax",
        }
        return {
            "cookies": [{"name": name, "value": value, **kept} for name, value in browser.cookies.items()],
            "origins": [],
        }

    def __getattr__(self, name):
        method = getattr(self._runtime, name)
        return lambda *args, **kwargs: self._pool.submit(method, *args, **kwargs).result(WITHIN_S)


@contextmanager
def running(*, pages=(), **options):
    """Runs a runtime with a page."""
    web = Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()], pages=pages)
    with ThreadPoolExecutor(1) as pool:
        aside = Aside(Runtime(web=web, **options), pool)
        aside.start()
        try:
            yield aside
        finally:
            aside.stop()


def pytest_collection_modifyitems(items):
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.needs("chromium"))


def wait_for(state):
    """Returns once a function is true."""
    until = time.monotonic() + WITHIN_S
    while not state():
        assert time.monotonic() < until, "the state did not come"
        threading.Event().wait(0.1)


@pytest.fixture(scope="session")
def runtime(tmp_path_factory):
    store = str(tmp_path_factory.mktemp("site") / "watch.db")
    shop.fill(store)
    options = {"channels": shop.channels(), "store": store, "callables": {"told": lambda _: None}}
    with (
        shop.answering() as url,
        running(targets=list(shop.targets(url)), pages=[shop.PAGE], **options) as made,
    ):
        shop.begin(made, wait_for)
        yield made


@pytest.fixture(scope="module")
def browser():
    """One for each file: the event loop of Playwright ends with it, and is in no other test's way."""
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser, runtime):
    """Makes people with a browser; at the end none of their pages has said or asked for anything that it should not."""
    people = []

    def begin(role=None, of=runtime, **options):
        person = Visitor(browser, of.url, storage_state=of.signed_in(role) if role else None, **options)
        people.append(person)
        return person

    yield begin
    faults = [fault for person in people for fault in person.faults]
    for person in people:
        person.close()
    assert faults == []


def outage_of(runtime):
    """The open incident of the payments."""
    return next(each for each in runtime.incidents(open_only=True) if each.target == "payments-api")


@pytest.fixture
def incident(runtime):
    """The open incident of the payments, which nobody has acknowledged."""
    found = outage_of(runtime)
    if found.acknowledged_at_ns is not None:
        runtime.unacknowledge(found.id, "the test")
    return found
