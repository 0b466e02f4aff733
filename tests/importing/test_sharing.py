"""Values that targets share stand once in the result, and each target means what it did."""

import json
from pathlib import Path

import yaml
from bringing import brought
from watchkeeper.adapters.importing.imported import Imported
from watchkeeper.adapters.importing.proving import proven
from watchkeeper.adapters.importing.source import PeerFile


def endpoints(*conditions_of, **more):
    """A file of Gatus with an endpoint for each list of conditions."""
    listed = [
        {"name": f"e{number}", "url": "https://a.example", "interval": "5m", "conditions": conditions}
        for number, conditions in enumerate(conditions_of)
    ]
    return json.dumps({"endpoints": listed, **more}, indent=1)


def data_of(made):
    return yaml.safe_load(made.text)


def test_values_of_most_targets_are_defaults():
    usual = ["[STATUS] == 200"]
    made, whole = brought("gatus", endpoints(usual, usual, ["[STATUS] == 404"], usual))
    data = data_of(made)
    assert data["defaults"] == {"every": "5m", "timeout": "10s", "expect": usual}
    assert [each.get("expect") for each in data["targets"]] == [None, None, ["[STATUS] == 404"], None]
    assert {(each.every, each.timeout) for each in whole.targets} == {("5m", "10s")}
    assert [each.expect for each in whole.targets] == [
        (text,) for text in (*usual, *usual, "[STATUS] == 404", *usual)
    ]


def test_two_targets_keep_their_values():
    usual = ["[STATUS] == 200"]
    assert "defaults" not in data_of(brought("gatus", endpoints(usual, usual))[0])


def test_a_target_without_channels_has_none_by_default():
    alerts = {"alerts": [{"type": "slack"}]}
    listed = [
        {"name": f"e{number}", "url": "https://a.example", "conditions": ["[STATUS] == 200"]}
        | (alerts if number else {})
        for number in range(5)
    ]
    made, whole = brought("gatus", json.dumps({"endpoints": listed}))
    assert data_of(made)["defaults"]["notify"] == ["slack"]
    assert [each.notify for each in whole.targets] == [(), *[("slack",)] * 4]


def test_groups_of_alike_targets_use_templates():
    listed = [
        {
            "name": f"e{number}",
            "group": "shop" if number % 2 else "office",
            "url": "https://a.example",
            "interval": "5m" if number % 2 else "1h",
            "conditions": ["[STATUS] == 200", "[RESPONSE_TIME] < 900"]
            if number % 2
            else ["[STATUS] == any(200, 301)"],
        }
        for number in range(10)
    ]
    made, whole = brought("gatus", json.dumps({"endpoints": listed}))
    data = data_of(made)
    assert len(data["templates"]) == 1
    using = [each for each in data["targets"] if "use" in each]
    assert len(using) == 5
    assert all(each.keys() == {"id", "use", "name", "http"} for each in using)
    assert [(each.group, each.every) for each in whole.targets[:2]] == [("office", "1h"), ("shop", "5m")]


def test_shared_values_leave_out_what_would_mean_something_else():
    external = [
        {"name": f"x{number}", "token": "0123456789abcdef" + str(number), "heartbeat": {"interval": "5m"}}
        for number in range(4)
    ]
    made, whole = brought("gatus", endpoints(["[STATUS] == 200"], **{"external-endpoints": external}))
    assert [each.timeout for each in whole.targets] == ["10s", *["5s"] * 4]
    assert data_of(made)["defaults"] == {"every": "5m"}


def test_a_key_that_only_holds_anchors_is_not_listed():
    text = """
usual: &usual {interval: 5m, conditions: ["[STATUS] == 200"]}
unused: {interval: 5m}
endpoints:
  - {name: a, url: "https://a.example", <<: *usual}
"""
    made, whole = brought("gatus", text)
    assert [note.key for note in made.notes] == ["unused"]
    assert whole.targets[0].every == "5m"


def test_reminders_become_a_route_to_the_channels_of_the_target():
    alerts = [{"type": "slack", "minimum-reminder-interval": "1h"}]
    listed = [
        {"name": "a.b", "url": "https://a.example", "conditions": ["[STATUS] == 200"], "alerts": alerts},
        {
            "name": "c",
            "url": "https://a.example",
            "conditions": ["[STATUS] == 200"],
            "alerts": [{"type": "slack"}],
        },
    ]
    made, whole = brought("gatus", json.dumps({"endpoints": listed}))
    assert not made.notes
    assert [(each.match, each.to, each.remind_every) for each in whole.routes] == [
        (('target=~"a\\\\.b"',), ("slack",), "1h")
    ]
    assert [each.notify for each in whole.targets] == [(), ("slack",)]


def test_reminders_of_all_targets_need_no_matcher():
    monitors = [
        {
            "id": number,
            "name": f"m{number}",
            "type": "ping",
            "hostname": "h",
            "interval": 60,
            "resendInterval": 2,
            "notificationIDList": {"1": True},
        }
        for number in (1, 2)
    ]
    slack = {"type": "slack", "slackwebhookURL": "https://hooks.slack.com/services/a/b/c"}
    notification = {"id": 1, "name": "team", "config": json.dumps(slack)}
    made, whole = brought(
        "uptime-kuma", json.dumps({"monitorList": monitors, "notificationList": [notification]})
    )
    assert not made.notes
    (route,) = whole.routes
    assert (route.match, route.to, route.remind_every, route.group_interval) == ((), ("team",), "2m", "2m")


def test_a_time_that_no_reminder_has_is_listed_and_the_channels_stay():
    alerts = [{"type": "slack", "minimum-reminder-interval": "10s"}]
    listed = [{"name": "a", "url": "https://a.example", "conditions": ["[STATUS] == 200"], "alerts": alerts}]
    made, whole = brought("gatus", json.dumps({"endpoints": listed}))
    assert [note.key for note in made.notes] == ["endpoints[0].alerts[0].minimum-reminder-interval"]
    assert whole.targets[0].notify == ("slack",)
    assert not whole.routes


def test_many_reminded_targets_stand_in_several_matchers():
    alerts = [{"type": "slack", "minimum-reminder-interval": "1h"}]
    listed = [
        {"name": f"e.n.d.p.o.i.n.t {number}", "url": "https://a.example", "conditions": ["[STATUS] == 200"]}
        | ({"alerts": alerts} if number else {})
        for number in range(60)
    ]
    made, whole = brought("gatus", json.dumps({"endpoints": listed}))
    assert not made.notes
    assert len(whole.routes) > 1
    assert all(len(route.match[0]) <= 512 for route in whole.routes)


def test_a_value_that_one_target_cannot_refuse_is_no_default():
    monitors = [
        {
            "id": number,
            "name": f"m{number}",
            "type": "ping",
            "hostname": "h",
            "interval": 60,
            "retryInterval": retry,
        }
        for number, retry in enumerate([20, 20, 20, 60])
    ]
    made, whole = brought("uptime-kuma", json.dumps({"monitorList": monitors}))
    assert not made.notes
    assert [each.retry_every for each in whole.targets] == ["20s", "20s", "20s", None]
    assert data_of(made)["defaults"].keys() == {"every", "timeout", "rules"}


def test_targets_of_many_groups_share_a_template_without_their_groups():
    listed = [
        {
            "name": f"e{number}",
            "group": f"g{number % 12}",
            "url": "https://a.example",
            "interval": "5m" if number % 3 else "1h",
            "conditions": ["[STATUS] == 200", "[RESPONSE_TIME] < 900"] if number % 3 else ["[STATUS] == 404"],
        }
        for number in range(60)
    ]
    made, whole = brought("gatus", json.dumps({"endpoints": listed}))
    data = data_of(made)
    assert [*data["templates"]["shared-1"]] == ["every", "expect"]
    assert len({each.group for each in whole.targets}) == 12


def test_a_target_whose_route_is_refused_keeps_its_channels():
    file = PeerFile("{alerts: 1h}", "source", {})
    made = Imported()
    made.add("channels", {"id": "ops"}).data["log"] = {}
    target = made.add("targets", {"id": "a", "tcp": {"host": "h", "port": 1}, "notify": ["ops"]})
    made.remind(target, "1h", file.root, "alerts")
    made.write_reminders()
    made.sections["routes"][0].data["match"] = ["no matcher"]
    assert "notify:" in proven(made, file, Path("/"), "head")
    assert [note.key for note in made.lost] == ["routes"]
