"""Routes, windows, maintenance, dependencies and flapping with one fault each: its place, and the sentence that people read."""

import re
from datetime import UTC, datetime

import msgspec
import pytest
from watchkeeper import (
    Call,
    Channel,
    ConfigurationError,
    Dependency,
    Flapping,
    Http,
    Log,
    Maintenance,
    Route,
    Runtime,
    Target,
)
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.units import NS_PER_S

CHANNELS = "channels: [{{id: ops, log: {{}}}}, {{id: boss, log: {{}}}}]\n"
NIGHTS = "windows: [{{id: nights, cron: '0 22 * * *', length: 9h}}]\n"
TARGETS = "targets: [{{id: a, group: shop, http: {{url: 'http://h/'}}}}]\n"
ROUTE = CHANNELS + NIGHTS + "routes: [{{to: [ops], {}}}]\n" + TARGETS
ROUTES = CHANNELS + NIGHTS + "routes: {}\n" + TARGETS
WINDOW = CHANNELS + "windows: [{{id: w, {}}}]\n" + TARGETS
MAINTENANCE = CHANNELS + "maintenance: [{{id: m, match: [group=shop]{}}}]\n" + TARGETS
CHANNEL = "channels: [{{id: ops, log: {{}}, {}}}]\n" + TARGETS
DEPENDENT = (
    "targets:\n- {{id: a, http: {{url: 'http://h/'}}, {}}}\n- {{id: b, http: {{url: 'http://h/'}}, {}}}\n"
)
FLAPPING = "targets: [{{id: a, http: {{url: 'http://h/'}}, flapping: {}}}]\n"
WAYS = "write cron and length for one that comes again, from and until for one that happens once"

FAULTS = [
    # Routes.
    (ROUTE, "to: [opz]", "3:22: routes[0].to: this key stands twice here: keep one (the first is in line 3)"),
    (ROUTES, "[{to: [opz]}]", "3:16: routes[0].to[0]: there is no channel 'opz', did you mean ops (known: boss, ops)"),
    (ROUTES, "[{to: [ops, ops]}]", "3:21: routes[0].to[1]: the channel 'ops' stands twice: keep one"),
    (ROUTES, "[{to: ops}]", "3:15: routes[0].to: expected a list, got a text: put it in brackets, [like, this]"),
    (ROUTES, "[{to: []}]", "3:15: routes[0].to: has 0 entries: it needs at least 1"),
    (ROUTES, "[{match: [group=shop]}]", "3:10: routes[0]: has no to: it needs a list"),
    (
        ROUTE,
        "match: [group]",
        "3:30: routes[0].match[0]: 'group' is no matcher: write a name, an operator (= != =~ !~) and a value, as in group=shop",
    ),
    (
        ROUTE,
        "match: ['severity=bad']",
        "3:30: routes[0].match[0]: the matcher 'severity=bad' is wrong: no rule has the severity 'bad', only info, warning, critical",
    ),
    (
        ROUTE,
        "repeat_interval: 4h",
        "3:22: routes[0].repeat_interval: unknown key, did you mean remind_every",
    ),
    (
        ROUTES,
        "[{receiver: ops}]",
        "3:11: routes[0].receiver: unknown key, did you mean to",
    ),
    (ROUTE, "group_by: [a, a]", "3:36: routes[0].group_by[1]: 'a' stands twice: keep one"),
    (ROUTE, "group_wait: 2h", "3:34: routes[0].group_wait: 2h is out of range: write 0s to 1h"),
    (ROUTE, "group_interval: 500ms", "3:38: routes[0].group_interval: 500ms is out of range: write 1s to 24h"),
    (ROUTE, "remind_every: 1s", "3:36: routes[0].remind_every: 1s is out of range: write 1m to 720h"),
    (
        ROUTE,
        "group_by: [group], remind_every: 4m",
        "3:55: routes[0].remind_every: 4m is shorter than group_interval, 5m: write 5m or more",
    ),
    (ROUTE, "quiet: [night]", "3:30: routes[0].quiet[0]: there is no window 'night', did you mean nights (known: nights)"),
    (ROUTE, "quiet: [nights, nights]", "3:38: routes[0].quiet[1]: the window 'nights' stands twice: keep one"),
    (ROUTE, "escalate: [{after: 15m, to: []}]", "3:50: routes[0].escalate[0].to: has 0 entries: it needs at least 1"),
    (ROUTE, "escalate: [{to: [boss]}]", "3:33: routes[0].escalate[0]: has no after: it needs a duration such as 30s"),
    (
        ROUTE,
        "escalate: [{after: 0s, to: [boss]}]",
        "3:41: routes[0].escalate[0].after: 0s is out of range: write 1s to 720h",
    ),
    (
        ROUTE,
        "escalate: [{after: 15m, to: [ops]}]",
        "3:51: routes[0].escalate[0].to[0]: this route has told 'ops' by then: name another channel or remove it",
    ),
    (
        ROUTE,
        "escalate: [{after: 15m, to: [boss]}, {after: 20m, to: [boss]}]",
        "3:77: routes[0].escalate[1].to[0]: this route has told 'boss' by then: name another channel or remove it",
    ),
    (
        ROUTES,
        "[{to: [ops], escalate: [{after: 1h, to: [boss]}, {after: 1h, to: [x]}]}]".replace("[x]", "[opz]"),
        (
            "3:66: routes[0].escalate[1].after: 1h is not later than the step before it, 1h: write the steps in order",
            "3:75: routes[0].escalate[1].to[0]: there is no channel 'opz', did you mean ops (known: boss, ops)",
        ),
    ),
    (
        ROUTES,
        "[{id: x, match: [group=shop], to: [ops]}, {id: x, to: [boss]}]",
        "3:56: routes[1].id: the id 'x' stands twice, first at routes[0]: rename one",
    ),
    (
        ROUTES,
        "[{to: [ops]}, {match: [group=shop], to: [boss]}]",
        ("3:23: routes[1]: is never reached: routes[0] matches everything and ends there: move this one before it, or write"
        " continue: true there"),
    ),
    (
        ROUTES,
        "[{match: ['group = shop'], to: [ops]}, {match: [severity=info, group=shop], to: [boss]}]",
        ("3:48: routes[1]: is never reached: routes[0] matches all that this one does and ends there: move this one before it,"
        " or write continue: true there"),
    ),
    # Windows.
    (WINDOW, "cron: '0 22 * *', length: 9h", "2:25: windows[0].cron: '0 22 * *' is no cron schedule: write minute, hour, day of the month, month and day of the week, like 0 22 * * MON-FRI"),
    (WINDOW, "cron: '0 25 * * *', length: 9h", "2:25: windows[0].cron: '0 25 * * *' is no cron schedule: it has a bad hour"),
    (WINDOW, "cron: '0 0 31 2 *', length: 9h", "2:25: windows[0].cron: '0 0 31 2 *' never comes: no day fits all of its fields"),
    (WINDOW, "cron: '0 22 * * *', length: 30s", "2:47: windows[0].length: 30s is out of range: write 1m to 8784h"),
    (
        WINDOW,
        "cron: '0 22 * * MON-FRI', length: 25h",
        "2:53: windows[0].length: 25h is longer than the time between two starts, 24h: write 24h or less",
    ),
    (
        WINDOW,
        "cron: '*/50 * * * *', length: 11m",
        "2:49: windows[0].length: 11m is longer than the time between two starts, 10m: write 10m or less",
    ),
    (
        WINDOW,
        "cron: '0 22 * * *', length: 9h, zone: Europe/Berln",
        "2:57: windows[0].zone: there is no time zone 'Europe/Berln', did you mean Europe/Berlin",
    ),
    (WINDOW, "cron: '0 22 * * *', length: 9h, zone: '../etc'", "2:57: windows[0].zone: '../etc' is no time zone: write its name, like Europe/Berlin or UTC"),
    # Maintenance.
    (MAINTENANCE, "", f"2:15: maintenance[0]: has no time: {WAYS}"),
    (MAINTENANCE, ", cron: '0 3 * * *'", f"2:15: maintenance[0]: has cron but no length: {WAYS}"),
    (MAINTENANCE, ", until: '2026-12-24T20:00:00Z'", f"2:15: maintenance[0]: has until but no from: {WAYS}"),
    (
        MAINTENANCE,
        ", cron: '0 3 * * *', length: 1h, until: '2026-12-24T20:00:00Z'",
        f"2:15: maintenance[0]: has cron and length and until: {WAYS}",
    ),
    (
        MAINTENANCE,
        ", from: '2026-12-24T20:00:00Z', until: '2026-12-24T20:00:00Z'",
        "2:81: maintenance[0].until: 2026-12-24T20:00:00Z is not after 2026-12-24T20:00:00Z: write a later moment",
    ),
    (
        MAINTENANCE,
        ", from: '2026-03-29T02:30', until: '2026-03-29T04:00', zone: Europe/Berlin",
        ("2:50: maintenance[0].from: 2026-03-29T02:30 does not exist in Europe/Berlin, where clocks are set forward: the first"
        " moment after it is 2026-03-29T03:00:00+02:00"),
    ),
    (
        MAINTENANCE,
        ", from: '2026-10-25T00:30', until: '2026-10-25T02:30', zone: Europe/Berlin",
        ("2:77: maintenance[0].until: 2026-10-25T02:30 comes twice in Europe/Berlin, where clocks are set back: write"
        " 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"),
    ),
    (
        MAINTENANCE,
        ", from: '2026-12-24T20:00:00', until: '2026-12-25T20:00:00Z'",
        ("2:50: maintenance[0].from: '2026-12-24T20:00:00' names no UTC offset: write it like 2026-01-31T12:30:00Z, or name"
        " the zone of this local time under zone"),
    ),
    (
        MAINTENANCE,
        ", from: '2026-12-24T20:00:00Z', until: '2026-12-25T20:00:00Z', zone: UTC",
        ("2:111: maintenance[0].zone: UTC has no effect: from and until say their offset from UTC; remove it, or write them"
        " without one"),
    ),
    (MAINTENANCE, ", from: tomorrow, until: '2026-12-25T20:00:00Z'", "2:50: maintenance[0].from: 'tomorrow' is no moment: write it like 2026-12-24T20:00:00Z"),
    (MAINTENANCE, ", from: '2026-13-24T20:00:00Z', until: '2026-12-25T20:00:00Z'", "2:50: maintenance[0].from: '2026-13-24T20:00:00Z' is no moment: write it like 2026-01-31T12:30:00Z"),
    # Channels.
    (CHANNEL, "after: 40d", "1:38: channels[0].after: 40d is out of range: write 0s to 720h"),
    (CHANNEL, "rate: 0/1m", "1:37: channels[0].rate: 0/1m lets nothing through: write a number from 1 on, like 10/1m"),
    (CHANNEL, "rate: 10/2d", "1:37: channels[0].rate: 2d is out of range: write 1s to 24h"),
    (CHANNEL, "rate: 10/1m1m", "1:37: channels[0].rate: '1m1m' is no duration: units go from large to small, each once; write it like 500ms, 1m30s, 48h or 7d"),
    (CHANNEL, "rate: ten", "1:37: channels[0].rate: 'ten' is no rate: write a number, a slash and a length of time, like 10/1m"),
    # Dependencies.
    (DEPENDENT, ("depends_on: [bb]", ""), "2:50: targets[0].depends_on[0]: there is no target 'bb', did you mean b"),
    (DEPENDENT, ("depends_on: {targets: [c]}", ""), "2:60: targets[0].depends_on.targets[0]: there is no target 'c'"),
    (DEPENDENT, ("depends_on: [a]", ""), "2:50: targets[0].depends_on[0]: a target cannot depend on itself: remove it"),
    (DEPENDENT, ("depends_on: [b, b]", ""), "2:53: targets[0].depends_on[1]: the target 'b' stands twice: keep one"),
    (DEPENDENT, ("depends_on: b", ""), "2:49: targets[0].depends_on: expected a list of texts or a mapping with targets, at_least, got a text: put it in brackets, [like, this]"),
    (DEPENDENT, ("depends_on: []", ""), "2:49: targets[0].depends_on: has 0 entries: it needs at least 1"),
    (
        DEPENDENT,
        ("depends_on: {targets: [b], at_least: 2}", ""),
        "2:74: targets[0].depends_on.at_least: 2 of 1 can never be well: write 1 or less",
    ),
    (
        DEPENDENT,
        ("depends_on: [b]", "depends_on: [a]"),
        "2:49: targets[0].depends_on: depends on itself in a circle, a -> b -> a: remove one of these dependencies",
    ),
    # Flapping.
    (FLAPPING, "no", "1:55: targets[0].flapping: expected a mapping with method, opened_max, window, low, high or true or false, got a text: write false"),
    (FLAPPING, "{opened_max: 1}", "1:68: targets[0].flapping.opened_max: 1 is out of range: it may be 2 to 100"),
    (FLAPPING, "{window: 2d}", "1:64: targets[0].flapping.window: 2d is out of range: write 1m to 24h"),
    (FLAPPING, "{method: nagos}", "1:64: targets[0].flapping.method: 'nagos' is not one of icinga, nagios, transitions, did you mean nagios"),
    (
        FLAPPING,
        "{low: 5}",
        "1:61: targets[0].flapping.low: has no effect with the method transitions: nagios and icinga have it; remove it",
    ),
    (
        FLAPPING,
        "{method: nagios, window: 2h}",
        "1:80: targets[0].flapping.window: has no effect with the method nagios: only transitions has it; remove it",
    ),
    (FLAPPING, "{method: icinga, high: 130}", "1:78: targets[0].flapping.high: 130 is no share in percent: write 0 to 100"),
    (
        FLAPPING,
        "{method: nagios, low: 50}",
        "1:77: targets[0].flapping.low: flapping would end at 50 and begin at 30: write a low that is below high",
    ),
    ("{}", "defaults: {flapping: {window: 1s}}", "1:31: defaults.flapping.window: 1s is out of range: write 1m to 24h"),
]  # fmt: skip


def refusal(document, folder):
    with pytest.raises(ConfigurationError) as refused:
        parse_configuration(document, {}, name="w.yaml", folder=folder)
    return refused.value.problems


@pytest.mark.parametrize(("around", "fault", "lines"), FAULTS, ids=range(len(FAULTS)))
def test_one_fault_is_answered_at_its_place(around, fault, lines, tmp_path):
    filled = around.format(*((fault,) if isinstance(fault, str) else fault))
    expected = (lines,) if isinstance(lines, str) else lines
    assert refusal(filled, tmp_path) == tuple(f"w.yaml:{line}" for line in expected)


def test_a_part_that_cannot_be_read_raises_no_further_doubt_about_others(tmp_path):
    document = """\
channels: [{id: ops, log: {}}, {id: boss, log: {}}]
windows: [{id: [nights], cron: daily, length: long}]
routes:
- {id: a, match: 5, to: [ops], quiet: [nights], escalate: [{after: soon, to: [boss]}, {after: 1m, to: [ops]}]}
- {to: [boss]}
maintenance: [{id: m, match: [group=shop], cron: daily, length: 9h}]
targets:
- {id: a, http: {url: 'http://h/'}, depends_on: [b]}
- {id: [b], http: {url: 'http://h/'}, depends_on: {targets: [a], at_least: two}}
"""
    assert refusal(document, tmp_path) == (
        "w.yaml:2:16: windows[0].id: expected a text, got a list",
        (
            "w.yaml:2:32: windows[0].cron: 'daily' is no cron schedule: write minute, hour, day of the month, month and day of the"
            " week, like 0 22 * * MON-FRI"
        ),
        "w.yaml:2:47: windows[0].length: 'long' is no duration: write it like 500ms, 1m30s, 48h or 7d",
        "w.yaml:4:18: routes[0].match: expected a list, got a number: put it in brackets, [like, this]",
        "w.yaml:4:68: routes[0].escalate[0].after: 'soon' is no duration: write it like 500ms, 1m30s, 48h or 7d",
        "w.yaml:4:104: routes[0].escalate[1].to[0]: this route has told 'ops' by then: name another channel or remove it",
        (
            "w.yaml:6:50: maintenance[0].cron: 'daily' is no cron schedule: write minute, hour, day of the month, month and day of"
            " the week, like 0 22 * * MON-FRI"
        ),
        "w.yaml:9:8: targets[1].id: expected a text, got a list",
        "w.yaml:9:76: targets[1].depends_on.at_least: expected a whole number, got a text",
    )


def test_a_long_circle_is_named_whole_and_once(tmp_path):
    document = "targets:\n" + "".join(
        f"- {{id: t{at}, http: {{url: 'http://h/'}}, depends_on: [t{(at + 1) % 5}, gate]}}\n"
        for at in range(5)
    )
    assert refusal(document + "- {id: gate, http: {url: 'http://h/'}}\n", tmp_path) == (
        (
            "w.yaml:2:50: targets[0].depends_on: depends on itself in a circle, t0 -> t1 -> t2 -> t3 -> t4 -> t0: remove one of"
            " these dependencies"
        ),
    )


def test_a_chain_of_dependencies_as_long_as_the_configuration_is_no_circle():
    targets = [
        Target(id=f"t{at}", http=Http(url="http://h/"), **({"depends_on": [f"t{at - 1}"]} if at else {}))
        for at in range(5_000)
    ]
    Runtime(targets=targets).stop()


# Python.


def test_natural_values_of_python_are_kept_as_a_file_has_them():
    assert Route(to=["ops"], remind_every=7200, continue_=True).remind_every == "2h"
    assert Target(id="a", http=Http(url="http://h/"), depends_on=["b"]).dependency == Dependency(
        targets=["b"]
    )
    assert Target(id="a", http=Http(url="http://h/"), flapping=False).judged_flapping is None
    assert Target(id="a", http=Http(url="http://h/"), flapping=True).judged_flapping == Flapping()
    assert Dependency(targets=["b", "c"]).needed == 2
    assert Flapping(method="icinga").levels == (25.0, 30.0)
    assert Flapping(method="nagios", low=10).levels == (10.0, 30.0)
    assert Channel(id="ops", log=Log(), rate="10/1m").most_in == (10, 60_000_000_000)


def test_a_moment_may_be_a_datetime():
    began = datetime(2026, 12, 24, 20, tzinfo=UTC)
    local = datetime(2026, 12, 24, 23)  # noqa: DTZ001  # the time of the zone
    maintenance = Maintenance(id="m", match=["group=shop"], from_=began, until=local, zone="Europe/Berlin")
    assert (maintenance.from_, maintenance.until) == ("2026-12-24T20:00:00+00:00", "2026-12-24T23:00:00")
    assert (
        maintenance.calendar().in_force(round(began.timestamp()) * NS_PER_S)
        == round(began.timestamp() + 7_200) * NS_PER_S
    )


def test_a_datetime_is_no_text_where_no_moment_stands():
    with pytest.raises(ConfigurationError, match="id: expected a text"):
        Channel(id=datetime(2026, 12, 24, tzinfo=UTC), log=Log())


def test_a_runtime_refuses_routes_without_a_channel():
    target = Target(id="a", http=Http(url="http://h/"))
    runtime = Runtime(targets=[target], routes=[Route(to=["ops"])])
    with pytest.raises(ConfigurationError, match=re.escape("routes[0].to[0]: there is no channel 'ops'")):
        runtime.start()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"depends_on": ["b"]}, "depends_on[0]: there is no target 'b'"),
        ({"depends_on": ["a", "new"]}, "depends_on[1]: a target cannot depend on itself"),
        ({"depends_on": {"targets": ["a"], "at_least": 2}}, "depends_on.at_least: 2 of 1 can never be well"),
    ],
)
def test_a_tracked_target_depends_on_watched_ones(target, said):
    plain = {"id": "new", "http": {"url": "http://h/"}, **target}
    with Runtime(targets=[Target(id="a", call=Call(name="f"))], callables={"f": lambda: None}) as runtime:
        with pytest.raises(ConfigurationError, match=re.escape(said)):
            runtime.track(msgspec.convert(plain, Target))
        runtime.track(Target(id="new", http=Http(url="http://h/"), paused=True, depends_on=["a"]))
        with pytest.raises(
            ConfigurationError, match=re.escape("depends_on: depends on itself in a circle, a -> new -> a")
        ):
            runtime.track(Target(id="a", call=Call(name="f"), depends_on=["new"]))


def test_a_maintenance_whose_times_cannot_be_read_is_not_said_to_have_none(tmp_path):
    lines = refusal(MAINTENANCE.format(", cron: '0 3 * *', length: 7200"), tmp_path)
    assert [line.partition(": maintenance[0].")[2].partition(":")[0] for line in lines] == ["cron", "length"]
