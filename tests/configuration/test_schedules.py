"""Schedules of heartbeats in a configuration: what is refused, with its place, and what is doubted."""

import pytest
from watchkeeper import Heartbeat, Target
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.validation.doubts import doubts
from watchkeeper.domain.validation.partial import judged_target

NOW_NS = 1_767_225_600_000_000_000
WHOLE = """
channels: [{id: ops, log: {}}]
defaults: {every: 1m, retry_every: 45s}
targets:
- id: job
  heartbeat: {HEARTBEAT}
  notify: [ops]
"""


def document(heartbeat, rest=""):
    return WHOLE.replace("{HEARTBEAT}", heartbeat) + rest


def read(text, folder):
    return parse_configuration(text, {}, name="w.yaml", folder=folder)


@pytest.mark.parametrize(
    ("heartbeat", "rest", "problem"),
    [
        ("{schedule: 0 3 * *}", "", "6:25: targets[0].heartbeat.schedule: '0 3 * *' is no schedule"),
        ("{schedule: '@daily'}", "", "'@daily' is no schedule: write daily"),
        ("{schedule: 61 3 * * *}", "", "heartbeat.schedule: '61 3 * * *' is no cron schedule: it has a bad minute"),
        ("{schedule: '*-*-* 25:00'}", "", "is no schedule (bad hour): write cron's five fields"),
        ("{schedule: daily, zone: Europe/Berlim}", "", "heartbeat.zone: there is no time zone 'Europe/Berlim', did you mean"),
        ("{zone: Europe/Berlin}", "", "heartbeat.zone: is the time zone of a schedule, and there is none"),
        ("{schedule: daily}", "  every: 30s", "targets[0].every: stands beside a schedule, which takes its place"),
        ("{schedule: daily}", "  every: 24h", "targets[0].every: stands beside a schedule, which takes its place"),
        ("{run_max: 10ms}", "", "heartbeat.run_max: 10ms is out of range"),
        ("{schedule: 0 9 * * MON-FRI}", "  rules: [{id: quiet, kind: no_data, after: 70h}]",
         "rules[0].after: would always fire: samples come every 72h"),
    ],
)  # fmt: skip
def test_a_schedule_that_means_nothing_is_refused_at_its_place(heartbeat, rest, problem, tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        read(document(heartbeat, rest), tmp_path)
    assert problem in "\n".join(caught.value.problems)


def test_a_target_with_a_schedule_takes_no_cadence_of_the_defaults(tmp_path):
    (target,) = read(document("{schedule: 0 3 * * *, grace: 1h}"), tmp_path).targets
    assert target.every_ns == 24 * 3_600_000_000_000


def test_a_target_made_in_python_has_a_schedule_or_a_cadence():
    job = Target(id="job", every="24h", heartbeat=Heartbeat(schedule="daily"))
    _, (problem,) = judged_target(job, channels=())
    assert str(problem).startswith("every: stands beside a schedule")


@pytest.mark.parametrize(
    ("heartbeat", "doubt"),
    [
        ("{schedule: 0 0 30 2 *, grace: 1h}", "0 0 30 2 * never comes again, so no report is ever missed"),
        ("{schedule: '2020-01-01 03:00', grace: 1h}", "never comes again"),
        ("{schedule: daily}", "a report is missed at the very moment at which the job starts"),
        ("{schedule: hourly, grace: 2h}", "is as long as the longest time between two reports, 1h"),
    ],
)
def test_a_schedule_that_tells_nothing_is_doubted(heartbeat, doubt, tmp_path):
    found = doubts(read(document(heartbeat), tmp_path), NOW_NS)
    assert [doubt in each.text for each in found] == [True]


def test_a_schedule_with_its_grace_is_not_doubted(tmp_path):
    assert not list(doubts(read(document("{schedule: 0 3 * * *, grace: 1h}"), tmp_path), NOW_NS))
