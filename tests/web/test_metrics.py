"""`/metrics`: its formats, its labels, and the collector for a host's own registry."""

import asyncio
import gzip
import json
import threading
from types import SimpleNamespace

import pytest
import watchkeeper
from asgi import exchanged
from asking import TOKENS, Asking
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from records import sample_at
from watchkeeper import Heartbeat, Runtime, Target, Web, WebMetrics
from watchkeeper.domain.incidents.told import ChannelBacklog
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.read_model.figures import Figures
from watchkeeper.domain.read_model.metrics import PartMetrics, TargetMetrics
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.host.access.metrics import MetricsSource, ScrapedFigures
from watchkeeper.web import limits
from watchkeeper.web.application import application
from watchkeeper.web.authority import Authority
from watchkeeper.web.metrics.collector import RuntimeCollector
from watchkeeper.web.metrics.exposition import Exposition
from watchkeeper.web.metrics.families import FAMILIES
from watchkeeper.web.metrics.family import Scrape
from watchkeeper.web.metrics.scrapes import Scrapes
from watchkeeper.web.sessions import Sessions
from watchkeeper.web.table import Services

TEXT = "text/plain;version=0.0.4"
OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
HOSTILE = (
    'say "hi"',
    "back\\slash",
    "two\nlines",
    "\\n",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "\x1b[31mred",
    "x" * 128,
    "\ud800",
    "",
    "schön ☃",
    "},{\r",
)


def samples_of(families):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def parsed(text, accept=TEXT):
    """The value of each series, by its name and labels."""
    parse = parse_text if accept == TEXT else parse_open_metrics
    return samples_of(parse(text))


def scraped(asking, accept=TEXT, **headers):
    answer = asking.ask("GET", "/metrics", accept=accept, **headers)
    assert answer.status == 200, answer
    return parsed(answer.body.decode(), accept)


def labels_of(found, name):
    return [dict(labels) for series, labels in found if series == name]


# The text.


def figures_with(names):
    """The figures of a runtime whose targets, groups, channels and parts have these names."""
    counted = Figures()
    counted.keep_backlogs(ChannelBacklog(name, 1, 1_500_000_000, 2) for name in names)
    for name in names:
        counted.enrol(None, name, "http").take(sample_at(0, latency_ns=7))
    targets = tuple(
        TargetMetrics(
            id=name,
            group=name[::-1],
            status=Status.DOWN,
            attempts=((Outcome.UP, 3), (Outcome.TIMED_OUT, 1)),
            answered=3,
            response_ns=1_234_567,
            sampled_at_ns=1_767_268_800_123_456_789,
            certificate_ends_ns=None,
            missed=2,
        )
        for name in names
    )
    parts = tuple(PartMetrics(part=name, queued=1, is_healthy=False) for name in names)
    runtime = counted.read(0, targets, (), parts)
    return ScrapedFigures("active", runtime, {"database": 4_096}, {("/api/v1/status", 2): 7}, 3)


def text_of(figures, accept):
    return b"".join(Exposition(accept).slices(Scrape.of(figures))).decode()


def collector_of(figures):
    return RuntimeCollector(SimpleNamespace(read_calmly=lambda targets: figures), lambda: True)


def own(found):
    """Those that a collector has, too."""
    return {key: value for key, value in found.items() if key[0].startswith("watchkeeper_")}


@pytest.mark.parametrize("accept", [TEXT, OPEN_METRICS])
@given(names=st.lists(st.one_of(st.sampled_from(HOSTILE), st.text()), unique=True, max_size=4))
def test_a_text_says_what_the_library_would_say_whatever_the_names(accept, names):
    # Those that are one text once they are in UTF-8.
    names = list({name.encode("utf-8", "replace"): name for name in names}.values())
    figures = figures_with(names)
    expected = samples_of(collector_of(figures).collect())
    assert own(parsed(text_of(figures, accept), accept)) == expected
    registry = CollectorRegistry()
    registry.register(collector_of(figures))
    assert own(parsed(generate_latest(registry).decode())) == expected


def test_the_text_of_each_format_begins_and_ends_as_it_must():
    figures = figures_with(["shop"])
    text, open_metrics = text_of(figures, TEXT), text_of(figures, OPEN_METRICS)
    assert "# TYPE watchkeeper_target_attempts_total counter\n" in text
    assert "# TYPE watchkeeper_target_attempts counter\n" in open_metrics
    assert (text.count("# EOF"), open_metrics.endswith("\n# EOF\n")) == (0, True)
    assert "process_resident_memory_bytes" in text


def test_no_series_stands_twice_and_each_family_has_one_heading():
    lines = text_of(figures_with(["shop", "mail"]), TEXT).splitlines()
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    headings = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(series) == len(set(series))
    assert len(headings) == len(set(headings))


def test_no_label_holds_what_is_not_bounded():
    allowed = {
        *("target", "group", "kind", "phase", "outcome", "channel", "severity", "change", "part", "result"),
        *("version", "python", "cause", "file", "route", "status_class", "role", "state", "location"),
    }
    assert {label for family in FAMILIES for label in family.labels} == allowed


# The route.


def test_a_viewer_scrapes_targets_incidents_and_channels(viewer, runtime, incident):
    found = scraped(viewer)
    shop = (("group", "shop/front"), ("target", "shop"))
    assert found["watchkeeper_target_status", shop] == 2
    assert found["watchkeeper_target_attempts_total", (shop[0], ("outcome", "down"), shop[1])] == 1
    assert found["watchkeeper_incidents_open", (("severity", incident.severity.value),)] == 1
    assert found["watchkeeper_notices_dead", (("channel", "ops"),)] == 0
    assert found["watchkeeper_role", (("role", "active"),)] == 1
    assert found["watchkeeper_part_healthy", (("part", "store"),)] == 1
    assert found["watchkeeper_store_bytes", (("file", "database"),)] > 0
    assert labels_of(found, "watchkeeper_build_info")[0]["version"] == watchkeeper.__version__


def test_a_stranger_gets_no_metrics(runtime):
    url = runtime.serve("127.0.0.1:0", anonymous="none")
    assert Asking(url).ask("GET", "/metrics").status == 401


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (OPEN_METRICS, "application/openmetrics-text; version=1.0.0"),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(viewer, accept, kind):
    answer = viewer.ask("GET", "/metrics", accept=accept)
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_client_that_unpacks_gets_a_packed_text(viewer, monkeypatch):
    monkeypatch.setattr(limits, "SCRAPE_FRESH_NS", 10**18)
    packed = viewer.ask("GET", "/metrics", accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == viewer.ask("GET", "/metrics").body


def test_scrapes_within_a_second_share_a_text(viewer, monkeypatch):
    monkeypatch.setattr(limits, "SCRAPE_FRESH_NS", 10**18)
    first = viewer.ask("GET", "/metrics").body
    viewer.get("/status")
    assert viewer.ask("GET", "/metrics").body == first
    assert viewer.ask("GET", "/metrics", accept=OPEN_METRICS).body != first


def test_requests_are_counted_by_the_path_of_their_route(viewer, monkeypatch):
    monkeypatch.setattr(limits, "SCRAPE_FRESH_NS", 0)
    viewer.get("/targets/shop")
    viewer.get("/targets/nowhere")
    viewer.ask("GET", "/no/such/<path>")
    viewer.put("/targets/shop/pause")
    found = scraped(viewer)

    def requests(route, status_class):
        return found["watchkeeper_http_requests_total", (("route", route), ("status_class", status_class))]

    assert requests("/api/v1/targets/{target}", "2xx") == 1
    assert requests("/api/v1/targets/{target}", "4xx") == 1
    assert requests("/api/v1/targets/{target}/pause", "4xx") == 1
    assert requests("(none)", "4xx") == 1


def test_a_removed_target_is_gone_from_the_next_scrape(viewer, runtime, monkeypatch):
    monkeypatch.setattr(limits, "SCRAPE_FRESH_NS", 0)
    runtime.track(Target(id="later", heartbeat=Heartbeat(), every="1h"))
    runtime.status()
    assert {labels["target"] for labels in labels_of(scraped(viewer), "watchkeeper_target_status")} == {
        "backup",
        "shop",
        "later",
    }
    runtime.untrack("later")
    runtime.status()
    assert "later" not in viewer.ask("GET", "/metrics").body.decode()


@pytest.mark.parametrize("given", [True, False])
def test_targets_have_series_of_their_own_unless_the_configuration_says_no(given):
    web = Web(listen="127.0.0.1:0", metrics=WebMetrics(targets=given))
    targets = [Target(id="shop", heartbeat=Heartbeat(), group="front", every="1h")]
    with Runtime(targets=targets, web=web) as runtime:
        found = scraped(Asking(runtime.serve("127.0.0.1:0", anonymous="viewer")))
        collected = samples_of(runtime.collector().collect())
        asked_for = samples_of(runtime.collector(targets=True).collect())
    assert bool(labels_of(found, "watchkeeper_target_status")) is given
    assert ("watchkeeper_in_flight", ()) in found
    assert bool(labels_of(collected, "watchkeeper_target_status")) is given
    assert labels_of(asked_for, "watchkeeper_target_status")


def test_an_open_event_stream_is_counted(url, viewer, monkeypatch):
    monkeypatch.setattr(limits, "SCRAPE_FRESH_NS", 0)
    assert scraped(viewer)["watchkeeper_sse_clients", ()] == 0
    connection = viewer.connection()
    connection.request("GET", "/api/v1/events", headers={"authorization": f"Bearer {TOKENS['viewer']}"})
    connection.getresponse()
    assert scraped(viewer)["watchkeeper_sse_clients", ()] == 1
    connection.close()


def test_a_runtime_that_is_stopped_tells_its_role_alone():
    runtime = Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())])
    status, _, body = exchanged(runtime.asgi(lambda _: ("me", "viewer")), "GET", "/metrics", {})
    found = parsed(body.decode())
    assert (status, found["watchkeeper_role", (("role", "stopped"),)]) == (200, 1)
    assert not labels_of(found, "watchkeeper_target_status")


class Silent:
    """A runtime that watches and does not answer."""

    role = "active"

    def shard_counts(self):
        return None

    async def answer(self, *_):
        raise TimeoutError("no answer in time")


def test_a_runtime_that_does_not_answer_is_no_scrape():
    source = MetricsSource(Silent(), lambda: None)
    operations = SimpleNamespace(
        metrics=source,
        monotonic_ns=lambda: 0,
        configuration=lambda: SimpleNamespace(web=None),
        stands_by=False,
    )
    nothing = Services(*[None] * len(Services._fields))
    services = nothing._replace(operations=operations, scrapes=Scrapes(operations))
    authority = Authority(Sessions(), tuple, lambda _: ("me", "viewer"))
    status, _, body = exchanged(application(services, authority, lambda: None), "GET", "/metrics", {})
    assert (status, json.loads(body)["detail"]) == (503, "no answer in time")


def test_a_runtime_that_does_not_answer_leaves_a_registry_whole():
    found = samples_of(RuntimeCollector(MetricsSource(Silent(), lambda: None), lambda: True).collect())
    assert found["watchkeeper_role", (("role", "active"),)] == 1
    assert not labels_of(found, "watchkeeper_lateness_seconds_count")


# A host's own registry.


def test_a_host_registers_the_collector_once_and_without_a_question():
    runtime = Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())])
    registry = CollectorRegistry()
    registry.register(runtime.collector())
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(runtime.collector())
    assert "watchkeeper_role" in generate_latest(registry).decode()
    with runtime:
        text = generate_latest(registry).decode()
    assert 'watchkeeper_target_status{group="",target="shop"} 3.0' in text
    assert "process_" not in text


def test_a_host_that_writes_its_metrics_on_its_event_loop_has_them(runtime):
    async def written():
        return generate_latest(registry).decode()

    registry = CollectorRegistry()
    registry.register(runtime.collector())
    assert "watchkeeper_target_status" in asyncio.run(written())


class Idle:
    """A runtime that answers with nothing."""

    role = "active"

    def shard_counts(self):
        return None

    async def answer(self, *_):
        return figures_with([]).runtime


def test_a_look_at_the_store_that_hangs_leaves_its_size_out_of_later_scrapes(tmp_path):
    asked, held = threading.Event(), threading.Event()

    def store():
        asked.set()
        assert held.wait(20)
        return str(path)

    path = tmp_path / "watch.db"
    path.write_bytes(b"1234")
    source = MetricsSource(Idle(), store)
    hanging = threading.Thread(target=source.read, kwargs={"targets": True})
    hanging.start()
    try:
        assert asked.wait(20)
        assert source.read(targets=True).file_bytes == {}
    finally:
        held.set()
        hanging.join()
    assert source.read(targets=True).file_bytes == {"database": 4}
