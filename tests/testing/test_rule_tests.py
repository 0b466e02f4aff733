"""Rule tests: courses of events in virtual time, and what is said of those that differ from what is expected."""

import pytest
from watchkeeper.domain.units import NS_PER_DAY
from watchkeeper.testing import rule_cases
from watchkeeper.testing.ruletests.report import as_document, difference_lines

SHOP = """\
config:
  runtime: {notify: []}
  channels: [{id: ops, log: {}}, {id: boss, log: {}}]
  windows: [{id: nights, cron: "0 22 * * *", length: 9h}]
  maintenance: [{id: patch, match: [target=cart], from: "2026-01-01T05:00:00Z", until: "2026-01-01T06:00:00Z"}]
  routes:
    - {id: shop, match: [group=shop], to: [ops], group_by: [group], group_wait: 30s, group_interval: 1m,
       escalate: [{after: 15m, to: [boss]}], remind_every: 1h}
    - {id: rest, to: [ops]}
  targets:
    - {id: gateway, tcp: {host: 192.0.2.1, port: 1}}
    - {id: shop, group: shop, http: {url: "http://shop.example/"}, expect: ["[STATUS] == 200"]}
    - {id: cart, group: shop, http: {url: "http://cart.example/"}}
    - id: search
      http: {url: "http://search.example/"}
      depends_on: [gateway]
      rules: [{id: slow, kind: threshold, value: 500, severity: warning}]
    - {id: queue, call: {name: depth}, rules: [{id: long, kind: threshold, measure: depth, value: 100}]}
"""
JOBS = """\
config:
  channels: [{id: ops, log: {}}]
  targets: [{id: backup, every: 1h, heartbeat: {grace: 5m}, notify: [ops]}]
"""


@pytest.fixture
def ran(tmp_path):
    """Runs the test that these lines are, and returns its result."""

    def run(lines, config=SHOP):
        file = tmp_path / "shop.rules.yaml"
        body = "\n".join(f"    {line}" for line in lines.splitlines())
        file.write_text(f"{config}tests:\n  - name: course\n{body}\n")
        (case,) = rule_cases(file)
        return case.run()

    return run


def differences(result):
    assert not result.error, result.error
    return [(each.what, each.expected, each.seen) for each in result.mismatches]


def test_an_outage_with_grouping_and_a_silence_is_told_as_expected(ran):
    result = ran("""\
series: {shop: 1x9 0x20 1x10, cart: 1x9 0x20 1x10}
acts: [{at: 1m, silence: cart, for: 9m}]
expect:
  - {at: 4m, open: [], notices: {}}
  - {at: 7m30s, open: [shop/down critical, cart/down], notices: {ops: [{opened: [shop/down]}]}}
  - {at: 14m, notices: {ops: [{changed: [cart/down]}]}}
  - {at: 30m, open: [], notices: {ops: ["2 of shop: group=shop resolved"]}, status: {shop: up, cart: up}}""")
    assert differences(result) == []
    assert result.passed


def test_escalation_and_reminders_come_to_their_channels_in_time(ran):
    result = ran("""\
series: {shop: 0x300}
expect:
  - {at: 10m, notices: {ops: ["1 of shop: group=shop opened"]}}
  - {at: 20m, notices: {boss: [{opened: [shop/down]}]}}
  - {at: 80m, notices: {ops: ["1 of shop: group=shop reminder"], boss: ["1 of shop: group=shop reminder"]}}""")
    assert differences(result) == []


def test_an_acknowledgement_stops_escalation_and_is_shown(ran):
    result = ran("""\
series: {shop: 0x300}
acts: [{at: 5m, acknowledge: shop/down, by: otto, for: 30m}]
expect:
  - {at: 4m, notices: {ops: [{opened: [shop/down]}]}}
  - {at: 20m, open: [shop/down critical acknowledged], notices: {ops: [{changed: [shop/down]}]}}
  - {at: 40m, open: [shop/down critical]}""")
    assert differences(result) == []


def test_maintenance_and_a_start_in_it_hold_notices_back(ran):
    result = ran("""\
start: "2026-01-01T05:10:00Z"
series: {cart: 0x200}
expect:
  - {at: 49m, open: [cart/down], notices: {}}
  - {at: "2026-01-01T06:01:00Z", notices: {ops: [{opened: [cart/down]}], boss: [{opened: [cart/down]}]}}""")
    assert differences(result) == []


def test_a_child_of_a_parent_that_is_down_is_told_when_it_is_well(ran):
    result = ran("""\
series:
  gateway: 0x20 1x100
  search: {response_time: 900x80 100x10}
expect:
  - {at: 9m, open: [gateway/down, search/slow warning], notices: {ops: [gateway/down opened]}}
  - {at: 30m, open: [search/slow], notices: {ops: [gateway/down resolved, search/slow opened]}}
  - {at: 60m, open: [], notices: {ops: [search/slow resolved]}}""")
    assert differences(result) == []


def test_figures_and_statuses_of_series_are_judged_by_rules_and_conditions(ran):
    result = ran("""\
series:
  queue: {depth: 10+10x13 0x3}
  shop: {status: 200x3 503x8 200}
expect:
  - {at: 6m, open: [queue/long, shop/down]}
  - {at: 30m, open: []}""")
    assert differences(result) == []


def test_missing_values_are_silence_and_no_fault_of_the_runtime(ran):
    result = ran("""\
series: {shop: 1x3 _x59 stale 1x4}
expect:
  - {at: 11m, open: []}
  - {at: 30m, open: [shop/silent warning], status: {shop: degraded}}
  - {at: 40m, open: []}""")
    assert differences(result) == []


def test_a_target_that_reports_by_itself_does_so_by_its_values(ran):
    result = ran(
        """\
series: {backup: 1 1 0 _ 1x3}
acts: [{at: 6h30m, heartbeat: backup, failed: true}]
expect:
  - {at: 119m, open: [], notices: {}}
  - {at: 121m, open: [backup/missed], notices: {ops: [backup/missed opened]}}
  - {at: 4h1m, open: [], notices: {ops: [backup/missed resolved]}}
  - {at: 6h31m, open: [backup/missed], notices: {ops: [backup/missed opened]}}""",
        JOBS,
    )
    assert differences(result) == []


NEW_KINDS = """\
config:
  channels: [{id: ops, log: {}}]
  defaults: {notify: [ops]}
  targets:
    - {id: a, http: {url: "http://a.example/"}, warn: ["[RESPONSE_TIME] < 300"], expect: ["[STATUS] == 2xx"]}
    - {id: b, http: {url: "http://b.example/"}, default_rules: false, rules: [{id: off, kind: consecutive, state: draft}]}
    - {id: both, composite: {worst_of: [a, b]}, default_rules: false, rules: [{id: some, kind: k_of_n, bad: 2, of: 4}]}
    - {id: gone, upside_down: true, tcp: {host: 192.0.2.1, port: 9}}
"""


def test_warnings_composites_and_targets_that_must_fail_are_played(ran):
    result = ran(
        """\
series:
  a: {response_time: 100x9 400x9 100x99, status: 200}
  b: 1x29 0x9 1x9
  gone: 0x29 1x9 0x9
expect:
  - {at: 8m, open: [a/warn warning], notices: {ops: [a/warn opened]}, status: {a: degraded}}
  - {at: 14m, open: [], notices: {ops: [a/warn resolved]}, status: {a: up, gone: up}}
  - {at: 19m, open: [b/off, both/some, gone/down]}""",
        NEW_KINDS,
    )
    assert differences(result) == []


def test_a_target_that_must_fail_and_has_no_series_is_well(ran):
    result = ran("expect: [{at: 1h, open: [], notices: {}, status: {gone: up, both: up}}]", NEW_KINDS)
    assert differences(result) == []


NIGHTLY = """\
config:
  channels: [{id: ops, log: {}}]
  targets: [{id: dump, heartbeat: {schedule: "0 3 * * *", zone: Europe/Berlin, grace: 1h}, notify: [ops]}]
"""


def test_a_target_with_a_schedule_reports_at_its_moments(ran):
    result = ran(
        """\
start: "2026-01-01T00:00:00Z"
series: {dump: 1 _ 1}
expect:
  - {at: "2026-01-02T02:59:00Z", notices: {}}
  - {at: "2026-01-02T03:01:00Z", open: [dump/missed], notices: {ops: [dump/missed opened]}}
  - {at: "2026-01-03T02:01:00Z", open: [], notices: {ops: [dump/missed resolved]}}""",
        NIGHTLY,
    )
    assert differences(result) == []


def test_scripts_of_targets_and_receivers_are_played(ran):
    result = ran("""\
scripts: {gateway: "ok 5m, down 10m, ok"}
channels: {ops: "status 503 1h, ok"}
expect:
  - {at: 30m, notices: {}}
  - {at: 2h, open: [], notices: {ops: [gateway/down opened, gateway/down resolved]}}""")
    assert differences(result) == []


def test_the_process_may_restart_and_go_on(ran):
    result = ran("""\
series: {gateway: 0x40 1x20}
acts: [{at: 5m, restart: 1m}]
expect:
  - {at: 4m, notices: {ops: [gateway/down opened]}}
  - {at: 15m, open: [gateway/down], notices: {}}
  - {at: 30m, notices: {ops: [gateway/down resolved]}}""")
    assert differences(result) == []


def test_pauses_checks_and_drills_are_acts(ran):
    result = ran("""\
series: {gateway: 1x9 0x100}
acts:
  - {at: 1m, pause: gateway}
  - {at: 10m, resume: gateway}
  - {at: 10m, check_now: gateway}
  - {at: 40m, drill: rest, for: 5m}
expect:
  - {at: 9m, status: {gateway: paused}, open: [], notices: {}}
  - {at: 20m, open: [gateway/down], notices: {ops: [gateway/down opened]}}
  - {at: 50m, notices: {ops: [watchkeeper/drill opened, watchkeeper/drill resolved]}}""")
    assert differences(result) == []


def test_a_reload_takes_over_targets_routes_and_channels(ran, tmp_path):
    (tmp_path / "new.yaml").write_text(
        "channels: [{id: ops, log: {}}, {id: night, log: {}}]\n"
        "routes: [{id: all, to: [night]}]\n"
        "targets: [{id: gateway, tcp: {host: 192.0.2.1, port: 1}, rules: [{id: down, kind: consecutive, after: 1}]}]\n"
    )
    result = ran("""\
series: {gateway: 1x9 0x2 1x9 0x50}
acts: [{at: 9m, reload: new.yaml}]
expect:
  - {at: 8m, notices: {ops: [gateway/down opened, gateway/down resolved]}}
  - {at: 12m, open: [gateway/down], notices: {night: [gateway/down opened]}}""")
    assert differences(result) == []


def test_a_reload_of_targets_alone_restarts_nothing(ran, tmp_path):
    (tmp_path / "new.yaml").write_text(
        "runtime: {notify: []}\nchannels: [{id: ops, log: {}}]\n"
        "targets: [{id: gateway, tcp: {host: 192.0.2.1, port: 1}, notify: [ops]}]\n"
    )
    config = (
        "config: {runtime: {notify: []}, channels: [{id: ops, log: {}}], targets: ["
        "{id: gateway, tcp: {host: 192.0.2.1, port: 1}}, {id: gone, tcp: {host: 192.0.2.1, port: 2}, notify: [ops]}]}\n"
    )
    lines = """\
series: {gateway: 0x20, gone: 0x20}
acts: [{at: 5m, reload: new.yaml}]
expect:
  - {at: 4m, open: [gateway/down, gone/down], notices: {ops: [gone/down opened]}}
  - {at: 8m, open: [gateway/down], notices: {ops: [gone/down resolved]}}"""
    result = ran(lines, config)
    assert [seen for _, _, seen in differences(result)] == []


def test_every_difference_is_told_with_its_place_and_why_a_notice_waits(ran):
    result = ran("""\
series: {cart: 0x60}
acts: [{at: 1m, silence: "*", until: 20m, id: all}]
expect:
  - {at: 10m, open: [shop/down], notices: {ops: [cart/down opened]}, status: {cart: up}}""")
    lines = [line.removeprefix(f"{result.planned.file}") for line in difference_lines(result)]
    assert lines == [
        ":24:9: 10m (2026-01-01T00:10:00.000Z), open incidents",
        "  expected  shop/down",
        "  seen      cart/down critical since 00:00:19.343",
        ":24:9: 10m (2026-01-01T00:10:00.000Z), ops",
        "  expected  cart/down opened",
        "  seen      nothing",
        "            cart/down waits: silence all until 00:20:00",
        ":24:9: 10m (2026-01-01T00:10:00.000Z), status of cart",
        "  expected  up",
        "  seen      down",
    ]
    document = as_document([result])
    assert (document["passed"], document["failed"]) == (0, 1)
    assert document["tests"][0]["differences"][1]["waits"] == ["cart/down waits: silence all until 00:20:00"]


def test_an_unexpected_notice_is_a_difference_also_of_a_channel_that_is_not_named(ran):
    result = ran("series: {gateway: 0x9}\nexpect: [{at: 5m, notices: {boss: []}}]")
    ((what, expected, seen),) = differences(result)
    assert (what, expected) == ("ops", ())
    assert seen[0].startswith("gateway/down opened at 00:01:")


def test_an_act_that_cannot_be_done_ends_its_test_with_the_reason(ran):
    result = ran("acts: [{at: 5m, acknowledge: shop/down}]\nexpect: [{at: 10m, open: []}]")
    assert (
        result.error == "after 5m: shop/down is not open, so that it cannot be acknowledged; open are: none"
    )
    assert not result.passed
    assert [*difference_lines(result)] == [f"{result.planned.file}: {result.error}"]


def test_an_act_after_the_last_expectation_is_not_run(ran):
    result = ran("acts: [{at: 2h, acknowledge: shop/down}]\nexpect: [{at: 1h, open: []}]")
    assert result.passed
    assert result.planned.acts == ()


def test_hours_of_a_course_take_a_moment(ran):
    result = ran("series: {backup: 1x719}\nexpect: [{at: 3d, open: []}, {at: 1d, open: []}]", JOBS)
    assert result.passed
    assert [each.at_ns for each in result.planned.expectations] == [NS_PER_DAY, 3 * NS_PER_DAY]
