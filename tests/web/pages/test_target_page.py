"""The page of a target: its state in a sentence, its past in charts and figures, and how far its rules are."""

import re
from html import unescape

import msgspec
import pytest
from asking import Asking
from markup import faults_of, page_of
from msgspec.structs import replace
from records import sample_at
from watchkeeper import Composite, Heartbeat, Http, KOfN, Nagios, Runtime, Slo, Target, Threshold
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.domain.conditions.condition import compile_condition
from watchkeeper.domain.conditions.judgement import failures
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.units import NS_PER_MINUTE, NS_PER_MS
from watchkeeper.web.pages.watched.conditions_view import condition_rows
from watchkeeper.web.pages.watched.past_view import speed_limits
from watchkeeper.web.pages.watched.target import rule_text, what_is_checked
from watchkeeper.web.pages.words import instant

SPANS = ("1h", "24h", "7d", "30d", "90d", "1y")


def text_of(page):
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)))


def test_the_page_begins_with_the_state_and_its_incident(reader, incident_ids):
    page = page_of(reader, "/t/payments-api")
    assert re.search(r'<em class="down">payments api is down</em>\s*for <time', page)
    assert f"/i/{incident_ids[-1]}" in page
    assert "1 down · payments api is down · watchkeeper" in page


def test_the_page_has_uptimes_days_rules_and_schedule(reader):
    said = text_of(page_of(reader, "/t/payments-api"))
    assert "24 h 7 d 30 d 90 d 1 y" in said
    assert "of 2 good in a row" in said
    assert "breaks when > 300 ms" in said
    assert "missed ticks" in said
    assert "team billing" in said
    assert "https://wiki.example/payments" in said


@pytest.mark.parametrize("span", SPANS)
def test_every_span_has_its_charts_and_the_same_in_figures(reader, span):
    page = page_of(reader, f"/t/payments-api?span={span}")
    assert faults_of(page) == []
    assert 'class="chart strip"' in page
    assert 'class="chart latency"' in page
    assert "The same in figures" in page
    assert f'<a href="?span={span}" aria-current="true">' in page
    assert "down" in re.search(r"<figcaption>(.*?)</figcaption>", page)[1]


@pytest.mark.parametrize("span", SPANS)
def test_the_axis_of_a_span_says_whose_times_it_has(reader, span):
    page = page_of(reader, f"/t/payments-api?span={span}&tz=Asia/Kolkata")
    said = "times in Asia/Kolkata" if span in ("1h", "24h") else "days in UTC"
    assert f'<span class="right">{said}</span>' in page


def test_a_span_that_is_none_is_refused(reader):
    answer = reader.ask("GET", "/t/payments-api?span=2h", accept="text/html")
    assert answer.status == 400


def test_a_target_that_is_not_watched_is_not_found(reader):
    answer = reader.ask("GET", "/t/payments", accept="text/html")
    assert answer.status == 404
    assert b"payments-api" in answer.body


def test_words_of_targets_and_answers_stay_text(seeded, reader):
    seeded.check_now("evil")
    for path in ("/t/evil", "/t/payments-api", "/incidents"):
        page = page_of(reader, path)
        assert faults_of(page) == []
        assert "<script>alert" not in page
        assert "</script><script>" not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(2)" in page_of(reader, "/t/evil")


def test_a_viewer_has_no_button_that_acts(reader, otto):
    assert "/pause" not in page_of(reader, "/t/payments-api")
    page = page_of(otto, "/t/payments-api")
    for action in ("/t/payments-api/pause", "/t/payments-api/check"):
        assert f'action="{action}"' in page
    assert "/silences/new?target=payments-api" in page


def test_the_buttons_of_a_target_do_what_they_say(seeded, browser):
    page = browser.press(browser.open("/t/payments-api"), "Check now")
    assert page.status == 200
    page = browser.press(page, "Pause checks")
    assert "payments api is paused" in page.text
    page = browser.press(page, "Resume checks")
    assert not seeded.status()["payments-api"].paused
    assert "Pause checks" in page.buttons


def test_a_heartbeat_that_never_came_says_how_it_may(reader):
    page = page_of(reader, "/t/backup")
    assert "watchkeeper job backup -- COMMAND" in page
    assert "with a grace of 1h" in page
    assert "missed ticks" not in page
    assert 'class="chart latency"' not in page


def test_a_heartbeat_shows_its_last_reports(seeded, reader):
    assert reader.ask("POST", "/ping/key-of-the-backup-0001/start?rid=7").status == 200
    said = b"disk full\n</pre><script>alert(3)</script>\x1b[31m"
    assert reader.ask("POST", "/ping/key-of-the-backup-0001/3?rid=7", said).status == 200
    while "down" not in (page := page_of(reader, "/t/backup")).partition("Last reports")[2]:
        seeded.status()
    assert faults_of(page) == []
    shown = text_of(page)
    assert "over the API: fail, exit status 3, took 0 s, run 7" in shown
    assert r"</pre><script>alert(3)</script>\x1b[31m" in shown
    assert "<script>alert(3)" not in page


def test_a_record_in_memory_says_how_to_keep_a_past():
    with Runtime(targets=[Target(id="backup", heartbeat=Heartbeat(), every="1h")]) as runtime:
        page = page_of(Asking(runtime.serve("127.0.0.1:0", anonymous="viewer")), "/t/backup")
    assert "set runtime.store to a file" in page


def test_a_paused_target_offers_to_resume(seeded, otto):
    seeded.pause("payments-api", by="otto")
    seeded.status()
    page = page_of(otto, "/t/payments-api")
    assert "payments api is paused" in page
    assert 'action="/t/payments-api/resume"' in page
    assert 'action="/t/payments-api/check"' not in page


def test_the_query_and_the_user_of_a_url_are_not_shown():
    site = Target(id="shop", http=Http(url="https://shop.example:8443/health?key=secret"))
    assert what_is_checked(site) == "GET https://shop.example:8443/health?…"


def test_rules_say_what_opens_their_incident():
    down, silent = Target(id="shop", http=Http(url="http://shop.example/")).judged_rules
    assert rule_text(down) == "opens after 3 bad in a row, resolves after 2 good"
    assert rule_text(silent) == "opens when samples are missing"


def test_the_rule_of_warnings_says_that_it_counts_degraded_answers():
    warn = next(rule for rule in WATCHED.judged_rules if rule.id == "warn")
    assert rule_text(warn) == "opens after 2 degraded in a row, resolves after 2 good"
    assert rule_text(KOfN(id="a", bad=2, of=3, on="warning")).startswith("opens when 2 of 3 are degraded,")


SAID = [
    (KOfN(id="r", bad=3, of=5), "opens when 3 of 5 are bad, resolves after 2 good"),
    (
        KOfN(id="r", bad=1, of=2, on="degraded"),
        "opens when 1 of 2 are bad or degraded, resolves after 2 good",
    ),
    (Nagios(id="r", max_check_attempts=4), "hard after 4 bad in a row, resolves after one good"),
    (Threshold(id="r", value=500, recover=300), "threshold of response_time, resolves at 300"),
    (
        Slo(objective="99.9%").rules[0],
        "opens when the error budget of 99.9% over 30d is spent too fast, by 1h and 5m or 6h and 30m",
    ),
]


@pytest.mark.parametrize(("rule", "said"), SAID)
def test_each_kind_of_rule_says_what_opens_its_incident(rule, said):
    assert rule_text(rule) == said


def test_a_composite_target_names_its_members():
    worst, some = Composite(worst_of=("eu", "us")), Composite(targets=("eu", "us"), at_least=1)
    assert what_is_checked(Target(id="w", composite=worst)) == "worst of eu, us"
    assert what_is_checked(Target(id="w", composite=some)) == "at least 1 of eu, us"


def test_limits_of_the_response_time_are_those_of_rules_and_conditions():
    slow = Threshold(id="slow", value=300, window="5m", aggregate="p95")
    size = Threshold(id="size", measure="bytes", value=300)
    site = Target(
        id="shop",
        http=Http(url="http://shop.example/"),
        rules=[slow, size],
        expect=["[RESPONSE_TIME] < 500", "[STATUS] == 200", "[RESPONSE_TIME] > 1"],
    )
    warned = msgspec.structs.replace(site, warn=("[RESPONSE_TIME] <= 400",))
    assert [limit.value_ms for limit in speed_limits(warned)] == [300.0, 500.0, 400.0]
    found = [(limit.value_ms, limit.label) for limit in speed_limits(site)]
    assert found == [(300.0, "slow: p95 > 300 ms"), (500.0, "[RESPONSE_TIME] < 500")]


# Conditions.

SITE = Target(
    id="shop",
    http=Http(url="http://shop.example/"),
    expect=["[STATUS] == 200", "[RESPONSE_TIME] < 300", "[BODY].status == UP"],
)


def test_conditions_that_hold_show_what_a_sample_keeps_of_them():
    rows = condition_rows(SITE, sample_at(0))
    assert [(row.holds, row.shown) for row in rows] == [
        (True, "[STATUS] (200) == 200"),
        (True, "[RESPONSE_TIME] (5) < 300"),
        (True, ""),
    ]


def test_conditions_that_failed_show_what_they_saw():
    failed = ("[STATUS] (503) == 200", "[BODY].status (overloaded) == UP")
    sample = sample_at(0, outcome=Outcome.DOWN, reason=Reason.CONDITION_FAILED, status=503, failed=failed)
    rows = condition_rows(SITE, sample)
    assert [row.holds for row in rows] == [False, True, False]
    assert [rows[0].shown, rows[2].shown] == list(failed)


def test_conditions_are_not_asked_where_the_probe_itself_found_a_fault():
    at_a_step = sample_at(
        0, outcome=Outcome.DOWN, reason=Reason.CONDITION_FAILED, detail="step login: [STATUS] (500) == 201"
    )
    assert [row.holds for row in condition_rows(SITE, at_a_step)] == [None, None, None]
    must_fail = sample_at(0, outcome=Outcome.DOWN, reason=Reason.UNEXPECTED_ANSWER)
    assert [row.holds for row in condition_rows(replace(SITE, upside_down=True), must_fail)] == [
        True,
        True,
        True,
    ]


def test_conditions_are_not_asked_where_there_was_no_answer():
    refused = sample_at(0, outcome=Outcome.DOWN, reason=Reason.CONNECTION_REFUSED, latency_ns=None)
    for sample in (None, refused, sample_at(0, outcome=Outcome.TIMED_OUT)):
        assert [row.holds for row in condition_rows(SITE, sample)] == [None, None, None]


@pytest.mark.parametrize(
    "text",
    [
        "[BODY].status == UP",
        "[BODY].a == [BODY].b",
        "200 == [STATUS]",
        "[RESPONSE_TIME] < [BODY].most",
        "len([BODY].a) > 0",
    ],
)
def test_a_condition_that_failed_is_found_however_its_failure_is_told(text):
    seen = Observation(connected=True, status=500, response_time_ns=9 * NS_PER_MS, body=b"<html>")
    failed = failures([compile_condition(text)], seen)
    target = replace(SITE, expect=(text, "[STATUS] < 501"))
    sample = sample_at(0, outcome=Outcome.DOWN, reason=Reason.CONDITION_FAILED, status=500, failed=failed)
    first, second = condition_rows(target, sample)
    assert (first.holds, first.shown) == (False, failed[0])
    assert second.holds is True


def test_nothing_is_said_of_conditions_behind_the_last_failure_that_is_kept():
    texts = tuple(f"[BODY].{name} == 1" for name in "abcdefghij")
    target = replace(SITE, expect=("[STATUS] == 200", *texts))
    failed = tuple(f"[BODY].{name} (2) == 1" for name in "abcdefgh")
    sample = sample_at(0, outcome=Outcome.DOWN, reason=Reason.CONDITION_FAILED, failed=failed)
    rows = condition_rows(target, sample)
    assert [row.holds for row in rows] == [True, *[False] * 8, None, None]
    assert rows[-1].shown == "not known: of one answer 8 failures are kept"


def test_a_failure_that_is_of_no_condition_is_shown_all_the_same():
    sample = sample_at(
        0, outcome=Outcome.DOWN, reason=Reason.CONDITION_FAILED, failed=("[IP] (10.0.0.1) == ::1",)
    )
    assert condition_rows(SITE, sample)[-1][:3] == ("[IP] (10.0.0.1) == ::1", False, "[IP] (10.0.0.1) == ::1")


WATCHED = Target(
    id="shop",
    http=Http(url="http://shop.example/"),
    expect=["[STATUS] == 2xx", "[RESPONSE_TIME] < 1000"],
    warn=["[RESPONSE_TIME] < 300", "[HEADERS].server == nginx"],
)
SLOW = ("[RESPONSE_TIME] (512) < 300",)


def test_a_warning_stands_beside_the_conditions_that_hold():
    sample = sample_at(0, outcome=Outcome.DEGRADED, reason=Reason.CONDITION_FAILED, failed=SLOW)
    rows = condition_rows(WATCHED, sample)
    assert [(row.holds, row.warns) for row in rows] == [
        (True, False),
        (True, False),
        (False, True),
        (True, True),
    ]
    assert rows[2].shown == SLOW[0]


def test_warnings_are_not_asked_of_a_target_that_is_down():
    failed = ("[RESPONSE_TIME] (1500) < 1000",)
    sample = sample_at(0, outcome=Outcome.DOWN, reason=Reason.CONDITION_FAILED, failed=failed)
    assert [row.holds for row in condition_rows(WATCHED, sample)] == [True, False, None, None]
    assert [row.holds for row in condition_rows(WATCHED, None)] == [None] * 4


# Attempts.


def test_an_attempt_has_a_page_with_what_it_saw(seeded, reader):
    seeded.check_now("payments-api")
    record = judged(seeded)
    by_time = f"/t/payments-api/a/{instant(record.started.wall_ns)}"
    assert f'href="{by_time}"' in page_of(reader, "/t/payments-api")
    for address in (by_time, f"/t/payments-api/a/{record.attempt.epoch}-{record.attempt.number}"):
        page = page_of(reader, address)
        assert faults_of(page) == []
        assert "no stock" in page
        assert "late by" in page


def judged(runtime):
    """The newest attempt of the target whose sample is judged."""
    while (sample := runtime.status()["payments-api"].sample) is None:
        pass
    return next(each for each in runtime.attempts("payments-api") if each.attempt.number == sample.attempt)


def test_the_evidence_of_an_incident_leads_to_its_attempt_for_as_long_as_it_is_kept(reader, incident_ids):
    """The incident began before this process: its attempts are none of the newest."""
    ways = re.findall(r'href="(/t/payments-api/a/[^"]+)"', page_of(reader, f"/i/{incident_ids[-1]}"))
    assert len(ways) == 2
    for way in ways:
        page = page_of(reader, way)
        assert faults_of(page) == []
        assert "overloaded" in page
        assert "first byte" in page
        assert "late by" not in page
        assert "what bad answers held for 90d" in page


def test_an_attempt_of_the_past_leads_to_those_beside_it(past, seeded, reader):
    """Good attempts of the hour before now are a minute apart; of each its figures are kept."""
    now_ns = seeded.status().at_ns
    span = now_ns - 58 * NS_PER_MINUTE, now_ns - 45 * NS_PER_MINUTE
    samples = StoreReader(past[0]).samples("payments-api", *span)
    former, middle, later = (instant(each.at_ns) for each in samples[2:5])
    page = page_of(reader, f"/t/payments-api/a/{middle}")
    assert faults_of(page) == []
    assert "Of a good answer nothing but its figures is kept." in page
    assert f'<a href="/t/payments-api/a/{former}">← before</a>' in page
    assert f'<a href="/t/payments-api/a/{later}">after →</a>' in page


@pytest.mark.parametrize(
    "name",
    ["1-999999", "nope", "2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"],
)
def test_an_attempt_that_is_gone_says_what_is_kept_and_for_how_long(reader, name):
    answer = reader.ask("GET", f"/t/payments-api/a/{name}", accept="text/html")
    assert answer.status == 404
    said = unescape(answer.body.decode())
    assert "times all of the last 30d; what bad answers held is kept for 90d" in said
    assert '<a class="button first" href="/t/payments-api">Target</a>' in said


def test_an_attempt_without_a_store_says_that_nothing_is_kept():
    with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat(), every="1h")]) as runtime:
        reader = Asking(runtime.serve("127.0.0.1:0", anonymous="viewer"))
        answer = reader.ask("GET", "/t/shop/a/2026-01-02T03:04:05Z", accept="text/html")
    assert answer.status == 404
    assert b"without a store, the newest 8 attempts of each target are known" in answer.body


def test_the_page_says_of_which_answers_it_shows_the_phases(reader):
    assert "The phases of the last answer and of bad answers" in page_of(reader, "/t/payments-api?span=7d")


def test_a_composite_target_has_a_page_with_its_members_and_its_objective(seeded, reader):
    whole = Target(id="whole", composite=Composite(worst_of=("payments-api",)), slo=Slo(objective="99%"))
    seeded.track(whole)
    page = text_of(page_of(reader, "/t/whole"))
    assert "worst of payments-api" in page
    assert "within 5s" not in page
    assert "opens when the error budget of 99% over 30d is spent too fast" in page
