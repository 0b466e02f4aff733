"""Routing: tables of routes, incidents and the channels that are told of them."""

import pytest
from records import opened
from watchkeeper import Channel, Configuration, Escalation, Http, Log, Route, Target
from watchkeeper.domain.specification.metadata import NO_METADATA, TargetMetadata
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.suppression.router import Router
from watchkeeper.domain.units import NS_PER_MINUTE, NS_PER_S

CHANNELS = [
    Channel(id="ops", log=Log()),
    Channel(id="boss", log=Log(), after="15m"),
    Channel(id="dev", log=Log()),
    Channel(id="all", log=Log()),
]
SHOP = TargetMetadata(group="shop/api", labels=(("region", "eu"), ("team", "payments")))


def router(*routes, channels=CHANNELS):
    targets = [Target(id="gateway", http=Http(url="http://gateway.example/"))]
    return Router(Configuration(channels=channels, routes=routes, targets=targets))


def told(given, metadata=NO_METADATA, **fields):
    return given.recipients(opened(**{"notify": (), **fields}).incident, metadata)


def names(*given, **fields):
    return [recipient.channel for recipient in told(*given, **fields)]


# The matching route.


@pytest.mark.parametrize(
    ("match", "is_met"),
    [
        ([], True),
        (["target=shop"], True),
        (["target=~sh.*"], True),
        (["target!=shop"], False),
        (["target!~sh.*"], False),
        (["group=shop/api"], True),
        (["group=~shop.*"], True),
        (["group=shop"], False),
        (["team=payments"], True),
        (["team=payments", "region=us"], False),
        (["team!=payments"], False),
        (["missing="], True),
        (["rule=down"], True),
        (["rule=~slow|late"], False),
        (["severity=critical"], True),
        (["severity=~info|warning"], False),
    ],
)
def test_a_route_has_the_incidents_that_all_of_its_matchers_accept(match, is_met):
    routes = router(Route(match=match, to=["ops"]), Route(to=["all"]))
    assert names(routes, SHOP) == (["ops"] if is_met else ["all"])


@pytest.mark.parametrize(
    ("severity", "channels"),
    [(Severity.CRITICAL, ["ops"]), (Severity.WARNING, ["dev"]), (Severity.INFO, [])],
)
def test_the_first_route_that_matches_has_the_incident(severity, channels):
    routes = router(
        Route(match=["severity=critical"], to=["ops"]),
        Route(match=["severity=~critical|warning"], to=["dev"]),
    )
    assert names(routes, severity=severity) == channels


@pytest.mark.parametrize(
    ("goes_on", "channels"),
    [
        ((False, False), ["ops"]),
        ((True, False), ["ops", "dev"]),
        ((True, True), ["ops", "dev", "all"]),
        ((False, True), ["ops"]),
    ],
)
def test_a_route_that_continues_leaves_the_incident_to_the_next_ones_too(goes_on, channels):
    first, second = goes_on
    routes = router(
        Route(match=["target=shop"], to=["ops"], continue_=first),
        Route(match=["target=other"], to=["boss"]),
        Route(match=["target=shop"], to=["dev"], continue_=second),
        Route(to=["all"]),
    )
    assert names(routes) == channels


def test_a_route_that_does_not_match_ends_nothing():
    assert names(router(Route(match=["target=other"], to=["ops"]), Route(to=["all"]))) == ["all"]


def test_an_incident_that_no_route_matches_is_told_nobody():
    assert names(router(Route(match=["target=other"], to=["ops"]))) == []
    assert names(router()) == []


# The channels that the target names.


def test_the_channels_of_a_target_take_the_place_of_every_route():
    (recipient, later) = told(router(Route(to=["all"], group_by=["group"])), SHOP, notify=("dev", "boss"))
    assert (recipient.channel, recipient.route, recipient.group, recipient.after_ns) == ("dev", "", None, 0)
    assert (later.channel, later.after_ns, later.remind_every_ns) == ("boss", 15 * NS_PER_MINUTE, None)


def test_a_channel_that_a_target_names_twice_is_told_once():
    assert names(router(), notify=("dev", "dev", "ops")) == ["dev", "ops"]


# The settings of a route.


def test_a_route_says_how_its_channels_are_told():
    route = Route(
        id="shop", to=["ops"], group_wait="10s", group_interval="3m", remind_every="4h", quiet=["nights"]
    )
    (recipient,) = told(router(route))
    assert (recipient.route, recipient.group, recipient.quiet) == ("shop", None, ("nights",))
    assert (recipient.group_wait_ns, recipient.group_interval_ns) == (10 * NS_PER_S, 3 * NS_PER_MINUTE)
    assert recipient.remind_every_ns == 240 * NS_PER_MINUTE
    assert (recipient.after_ns, recipient.is_escalation) == (0, False)


def test_a_route_without_an_id_is_named_by_its_place():
    (recipient,) = told(router(Route(match=["target=other"], to=["ops"]), Route(to=["all"])))
    assert recipient.route == "routes[1]"


def test_a_group_has_the_texts_of_its_names():
    route = Route(to=["ops"], group_by=["group", "team", "missing", "rule", "severity", "target"])
    (recipient,) = told(router(route), SHOP)
    pairs = (("group", "shop/api"), ("team", "payments"), ("missing", ""))
    assert recipient.group == (*pairs, ("rule", "down"), ("severity", "critical"), ("target", "shop"))


def test_two_routes_group_one_incident_each_in_its_own_way():
    routes = router(
        Route(to=["ops"], group_by=["group"], continue_=True), Route(to=["dev"], group_by=["team"])
    )
    assert [recipient.group for recipient in told(routes, SHOP)] == [
        (("group", "shop/api"),),
        (("team", "payments"),),
    ]


# Steps.


def test_the_channels_of_steps_follow_with_their_delay():
    route = Route(
        to=["ops"], escalate=[Escalation(after="5m", to=["dev"]), Escalation(after="1h", to=["boss", "all"])]
    )
    recipients = told(router(route))
    assert [(each.channel, each.after_ns // NS_PER_MINUTE, each.is_escalation) for each in recipients] == [
        ("ops", 0, False),
        ("dev", 5, True),
        ("boss", 60, True),
        ("all", 60, True),
    ]


def test_a_step_waits_as_long_as_its_channel_at_least():
    route = Route(to=["ops"], escalate=[Escalation(after="5m", to=["boss"])])
    (_, boss) = told(router(route))
    assert boss.after_ns == 15 * NS_PER_MINUTE


def test_a_channel_that_a_later_route_names_is_told_at_once():
    routes = router(
        Route(id="a", to=["ops"], escalate=[Escalation(after="1h", to=["dev"])], continue_=True),
        Route(id="b", to=["dev"]),
    )
    assert [(each.channel, each.route, each.after_ns) for each in told(routes)] == [
        ("ops", "a", 0),
        ("dev", "b", 0),
    ]


def test_a_channel_of_several_steps_is_told_at_the_earliest():
    routes = router(
        Route(id="a", to=["ops"], escalate=[Escalation(after="1h", to=["all"])], continue_=True),
        Route(id="b", to=["dev"], escalate=[Escalation(after="5m", to=["all"])]),
    )
    (*_, last) = told(routes)
    assert (last.channel, last.route, last.after_ns) == ("all", "b", 5 * NS_PER_MINUTE)


def test_a_channel_keeps_its_first_route():
    routes = router(Route(id="a", to=["ops"], remind_every="1h", continue_=True), Route(id="b", to=["ops"]))
    (recipient,) = told(routes)
    assert (recipient.route, recipient.remind_every_ns) == ("a", 60 * NS_PER_MINUTE)


def test_the_steps_of_a_route_are_grouped_as_its_channels_are():
    route = Route(to=["ops"], group_by=["group"], escalate=[Escalation(after="5m", to=["dev"])])
    assert [recipient.group for recipient in told(router(route), SHOP)] == [(("group", "shop/api"),)] * 2
