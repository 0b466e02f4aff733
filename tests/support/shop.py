"""A shop to look at: its targets, a server that answers for some of them, and a past of forty days with open incidents."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from seeded_store import Outage, seed
from watchkeeper import CallChannel, Channel, Consecutive, Heartbeat, Http, PublicPage, Target, Threshold
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

DAYS = 40
TOLD = ("oncall", "ops-chat", "mail")
SHOP = {
    "storefront": ("storefront", "Shop", "Shop"),
    "checkout": ("checkout", "Shop", "Checkout"),
    "cart-api": ("cart api", "Shop", "Checkout"),
    "search": ("search", "Shop", "Search"),
    "recommendations": ("recommendations", "Shop", ""),
    "payments-api": ("payments api", "Payments", "Payments"),
    "fraud-check": ("fraud check", "Payments", ""),
    "nightly-backup": ("nightly backup", "Back office", ""),
    "sms-provider": ("sms provider", "Back office", "Text messages"),
}
"""The name, the group and the name for everybody of each target."""
REPORTS = {"checkout", "fraud-check", "nightly-backup"}
"""These report for themselves; the others are asked over HTTP."""
OUTAGES = (
    Outage("payments-api", 33 * NS_PER_DAY, 5 * NS_PER_HOUR),
    Outage("payments-api", 19 * NS_PER_DAY, 95 * NS_PER_MINUTE),
    Outage("payments-api", 3 * NS_PER_DAY, 26 * NS_PER_MINUTE),
    Outage("payments-api", 38 * NS_PER_MINUTE, 38 * NS_PER_MINUTE, is_open=True),
    Outage("checkout", 19 * NS_PER_DAY, 85 * NS_PER_MINUTE),
    Outage("cart-api", 19 * NS_PER_DAY, 80 * NS_PER_MINUTE, Severity.WARNING, rule="slow"),
    Outage("storefront", 28 * NS_PER_DAY, 30 * NS_PER_MINUTE, Severity.WARNING, rule="slow"),
    Outage("search", 2 * NS_PER_DAY, 9 * NS_PER_HOUR, Severity.WARNING, rule="slow"),
    Outage("search", 130 * NS_PER_MINUTE, 130 * NS_PER_MINUTE, Severity.WARNING, rule="slow", is_open=True),
    Outage("nightly-backup", 11 * NS_PER_DAY, 3 * NS_PER_HOUR),
    Outage("sms-provider", 24 * NS_PER_DAY, 4 * NS_PER_HOUR, Severity.WARNING, rule="slow"),
)
SLOW_S = 0.35
"""How long the search takes: longer than the rule on slow answers allows."""
ANNOUNCED = ("Card payments fail", "Our acquirer answers with errors. Orders are kept and paid later.")
PAGE = PublicPage(id="shop", title="The shop")


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/search":
            threading.Event().wait(SLOW_S)
        self.send_response(503 if self.path == "/payments-api" else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def answering() -> Iterator[str]:
    """Serves what the shop's targets ask for, and yields its address: payments fail, the search is slow."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


DOWN = Consecutive(id="down", after=1, recover=1)
SLOW = Threshold(
    id="slow",
    measure="response_time",
    operator=">",
    value=300,
    window=50,
    aggregate="p95",
    severity="warning",
)


def watched(id_: str, **more: Any) -> Target:
    """A target that is down at the first bad sample and reports for itself, if `more` does not say otherwise."""
    fields = {"notify": TOLD, "rules": [DOWN], **more}
    if "http" not in fields:
        fields |= {"heartbeat": Heartbeat(), "every": "1h"}
    return Target(id=id_, default_rules=False, **fields)


def channels() -> list[Channel]:
    return [Channel(id=name, call=CallChannel(name="told")) for name in TOLD]


def targets(url: str) -> Iterator[Target]:
    """Yields the targets; those that do not report ask at an address."""
    for id_, (name, group, public) in SHOP.items():
        said: dict[str, Any] = {"name": name, "group": group, "labels": {"team": group.lower()}}
        if public:
            said["public"] = public
        if id_ not in REPORTS:
            said |= {"http": Http(url=f"{url}/{id_}"), "every": "1m", "timeout": "30s"}
            said |= {"expect": ["[STATUS] == 200"], "rules": [DOWN, SLOW]}
        yield watched(id_, **said)


def fill(store: str) -> None:
    """Writes the past."""
    seed(
        store,
        time.time_ns(),
        tuple(SHOP),
        days=DAYS,
        every_ns=30 * NS_PER_MINUTE,
        outages=OUTAGES,
        recent=(NS_PER_DAY, 2 * NS_PER_MINUTE),
        notify=TOLD,
    )


def begin(runtime: Any, wait: Callable[[Callable[[], bool]], None]) -> None:
    """Lets each target of a runtime that was started say how it is now; `wait` returns once a function is true."""
    for id_ in SHOP:
        if id_ in REPORTS:
            runtime.heartbeat(id_)
        else:
            runtime.check_now(id_)
    runtime.announce(*ANNOUNCED, kind="outage", pages=PAGE.id, by="anna")
    wait(lambda: all(runtime.attempts(id_) for id_ in SHOP if id_ not in REPORTS))
