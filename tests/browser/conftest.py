"""A browser, and the site of a shop with a past of forty days and an open incident."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property

import pytest
from asking import tokens
from browsing import Browser
from chromium import Visitor, chromium
from seeded_store import Outage, seed
from watchkeeper import CallChannel, Channel, Consecutive, Heartbeat, PublicPage, Runtime, Target, Token, Web
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

DAYS = 40
TOLD = ("oncall", "ops-chat", "mail")
SHOP = {
    "storefront": ("storefront", "Shop"),
    "checkout": ("checkout", "Shop"),
    "cart-api": ("cart api", "Shop"),
    "search": ("search", "Shop"),
    "recommendations": ("recommendations", "Shop"),
    "payments-api": ("payments api", "Payments"),
    "fraud-check": ("fraud check", "Payments"),
    "nightly-backup": ("nightly backup", "Back office"),
    "sms-provider": ("sms provider", "Back office"),
}
OUTAGES = (
    Outage("payments-api", 33 * NS_PER_DAY, 5 * NS_PER_HOUR),
    Outage("payments-api", 19 * NS_PER_DAY, 9 * NS_PER_MINUTE),
    Outage("payments-api", 3 * NS_PER_DAY, 26 * NS_PER_MINUTE),
    Outage("payments-api", 38 * NS_PER_MINUTE, 38 * NS_PER_MINUTE, is_open=True),
    Outage("checkout", 19 * NS_PER_DAY, 25 * NS_PER_MINUTE),
    Outage("cart-api", 19 * NS_PER_DAY, 20 * NS_PER_MINUTE, Severity.WARNING, rule="slow"),
    Outage("storefront", 28 * NS_PER_DAY, 30 * NS_PER_MINUTE, Severity.WARNING, rule="slow"),
    Outage("search", 30 * NS_PER_HOUR, 28 * NS_PER_HOUR, Severity.WARNING, rule="slow"),
    Outage("nightly-backup", 11 * NS_PER_DAY, 2 * NS_PER_HOUR),
    Outage("sms-provider", 24 * NS_PER_DAY, 90 * NS_PER_MINUTE, Severity.WARNING, rule="slow"),
)


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
def running(**options):
    """Runs a runtime with a page."""
    pages = [PublicPage(id="shop", title="The shop")]
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


def watched(id_, **more):
    """A target that reports for itself, so that its state is what the test says."""
    rules = [
        Consecutive(id="down", after=1, recover=1),
        Consecutive(id="slow", after=50, severity="warning", on="degraded"),
    ]
    fields = {"notify": TOLD, **more}
    return Target(id=id_, heartbeat=Heartbeat(), every="1h", rules=rules, default_rules=False, **fields)


@pytest.fixture(scope="session")
def runtime(tmp_path_factory):
    store = str(tmp_path_factory.mktemp("site") / "watch.db")
    seed(
        store,
        time.time_ns(),
        tuple(SHOP),
        days=DAYS,
        every_ns=15 * NS_PER_MINUTE,
        outages=OUTAGES,
        notify=TOLD,
    )
    targets = [
        watched(id_, name=name, group=group, labels={"team": group.lower()}, public=name)
        for id_, (name, group) in SHOP.items()
    ]
    channels = [Channel(id=name, call=CallChannel(name="told")) for name in TOLD]
    with running(targets=targets, channels=channels, store=store, callables={"told": lambda _: None}) as made:
        for target in SHOP:
            failed = target == "payments-api"
            made.heartbeat(target, ok=not failed, detail="503 from the acquirer" if failed else "")
        made.announce("Payments are slow", "We look into it.", kind="outage", by="anna")
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


@pytest.fixture
def incident(runtime):
    """The open incident of the shop, which nobody has acknowledged."""
    found = runtime.incidents(open_only=True)[0]
    if found.acknowledged_at_ns is not None:
        runtime.unacknowledge(found.id, "the test")
    return found
