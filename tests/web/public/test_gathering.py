"""The value of a public page: made of targets that have a name for everybody, of their incidents and of announcements."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from watchkeeper import Announcement, Heartbeat, PublicPage, Severity, Status, Target
from watchkeeper.domain.read_model.days import DayRun, DayState, FleetDays, IncidentSpan, TargetDays
from watchkeeper.domain.read_model.histogram import Percentiles
from watchkeeper.domain.read_model.status import RuntimeStatus, TargetStatus
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_MINUTE
from watchkeeper.host.access.public_past import PublicPast
from watchkeeper.web.limits import PUBLIC_PAST_MAX
from watchkeeper.web.public.gathering import view_of
from watchkeeper.web.public.value import PublicView
from watchkeeper.web.public.words import headline, incident_span, past_days

NOON = datetime(2026, 11, 29, 12, 0, 30, tzinfo=UTC)
NOON_NS = int(NOON.timestamp()) * 10**9
TODAY = NOON_NS // NS_PER_DAY
PAGE = PublicPage(id="shop", title="The shop")
CALM = TargetDays((), 1.0)


def target(name, public):
    return Target(id=name, heartbeat=Heartbeat(), every="1h", public=public)


def status(**statuses):
    rows = tuple(
        TargetStatus(
            id=name,
            kind="heartbeat",
            status=Status(value),
            since_ns=NOON_NS - 38 * NS_PER_MINUTE,
            raw=Status(value),
            paused=value == "paused",
            sample=None,
            attempt=None,
            samples=1,
            missed=0,
        )
        for name, value in statuses.items()
    )
    return RuntimeStatus(
        at_ns=NOON_NS,
        targets=rows,
        incidents=(),
        silences=(),
        problems=(),
        blind=(),
        lateness=Percentiles(0, 0, 0, 0, 0),
        counters=(),
    )


def past(days=None, incidents=(), announcements=()):
    return PublicPast(FleetDays(TODAY - 89, TODAY + 1, days or {}, CALM), incidents, announcements)


def span(name, began_min, ended_min, *, critical=True, draft=False, target="a"):
    """An incident that began and ended so many minutes ago."""
    return IncidentSpan(
        name,
        target,
        Severity.CRITICAL if critical else Severity.WARNING,
        NOON_NS - began_min * NS_PER_MINUTE,
        None if ended_min is None else NOON_NS - ended_min * NS_PER_MINUTE,
        draft=draft,
    )


def view(targets, now, then=None):
    return view_of(PAGE, targets, now, then or past())


def test_targets_of_one_public_name_are_one_service_as_bad_as_the_worst():
    lost = TargetDays(
        (DayRun(TODAY - 3, 1, DayState.DOWN, 60 * 10**9), DayRun(TODAY - 2, 2, DayState.NO_DATA)), 0.9
    )
    slow = TargetDays(
        (DayRun(TODAY - 3, 1, DayState.DEGRADED, 90 * 10**9), DayRun(TODAY, 1, DayState.BLIND)), 0.8
    )
    made = view(
        [target("a", "Checkout"), target("b", "Checkout"), target("c", "Mail")],
        status(a="up", b="degraded", c="up"),
        past({"a": lost, "b": slow}),
    )
    checkout, mail = made.components
    assert (checkout.status, checkout.uptime) == (Status.DEGRADED, 0.8)
    assert [(each.state.value, each.lost_s) for each in checkout.days] == [("down", 60), ("blind", 0)]
    assert (mail.name, mail.days) == ("Mail", [])


def test_days_without_data_of_several_targets_are_one_run():
    new = TargetDays((DayRun(TODAY - 89, 80, DayState.NO_DATA),), 1.0)
    newer = TargetDays((DayRun(TODAY - 89, 85, DayState.NO_DATA),), 1.0)
    made = view(
        [target("a", "Checkout"), target("b", "Checkout")],
        status(a="up", b="up"),
        past({"a": new, "b": newer}),
    )
    (checkout,) = made.components
    assert [(each.state.value, each.count) for each in checkout.days] == [("no_data", 80)]


@pytest.mark.parametrize(
    ("names", "slugs"),
    [
        (["Mail", "mail!", "MAIL"], ["mail", "mail-2", "mail-3"]),
        (["Größe & Co", "--", "."], ["grösse-co", "service", "service-2"]),
        (["Mail 2", "Mail", "mail"], ["mail-2", "mail", "mail-3"]),
    ],
)
def test_a_badge_has_a_name_of_its_own(names, slugs):
    targets = [target(str(number), name) for number, name in enumerate(names)]
    assert [each.slug for each in view(targets, status()).components] == slugs


def test_incidents_of_one_service_that_overlap_are_one():
    spans = [span("1", 60, 40), span("2", 50, 30), span("3", 55, 35, critical=False), span("4", 20, 10)]
    made = view([target("a", "Checkout")], status(a="up"), past(incidents=spans))
    assert [(each.status.value, incident_span(each, NOON.date())) for each in made.past] == [
        ("down", "11:40 to 11:50 UTC, 10 min"),
        ("down", "11:00 to 11:30 UTC, 30 min"),
    ]


def test_incidents_that_begin_together_and_those_of_other_services_stay_apart():
    spans = [
        span("1", 60, None, target="b"),
        span("2", 60, 40),
        span("3", 60, 50),
        span("4", 70, 55, critical=False),
        span("5", 65, 62, critical=False),
        span("6", 45, 41, critical=False),
    ]
    targets = [target("a", "Checkout"), target("b", "Mail")]
    made = view(targets, status(a="up", b="down"), past(incidents=spans)).past
    assert [(each.name, each.status.value, incident_span(each, NOON.date())) for each in made] == [
        ("Checkout", "down", "11:00 to 11:20 UTC, 20 min"),
        ("Mail", "down", "since 11:00 UTC"),
        ("Checkout", "degraded", "10:50 to 11:05 UTC, 15 min"),
    ]


def test_an_incident_that_goes_on_has_no_end_whatever_else_has_ended():
    spans = [span("1", 60, None), span("2", 50, 30)]
    (one,) = view([target("a", "Checkout")], status(a="down"), past(incidents=spans)).past
    assert (one.ended_at, incident_span(one, NOON.date())) == (None, "since 11:00 UTC")


def test_drafts_other_targets_and_old_incidents_are_no_past():
    spans = [
        span("1", 60, 40, draft=True),
        span("2", 60, 40, target="b"),
        span("3", 60 * 24 * 40, 60 * 24 * 31),
    ]
    assert view([target("a", "Checkout")], status(a="up"), past(incidents=spans)).past == []


def test_the_past_is_bounded():
    spans = [span(str(number), 10 * number + 5, 10 * number) for number in range(1, 4 * PUBLIC_PAST_MAX)]
    made = view([target("a", "Checkout")], status(a="up"), past(incidents=spans))
    assert len(made.past) == PUBLIC_PAST_MAX
    assert made.past[0].began_at > made.past[-1].began_at


def announced(name, **fields):
    told = {"created_at_ns": NOON_NS - NS_PER_MINUTE, "updated_at_ns": NOON_NS - NS_PER_MINUTE}
    return Announcement(id=name, title=name, **{**told, **fields})


def test_announcements_of_other_pages_are_not_shown_and_outages_come_first():
    said = [
        announced("notice"),
        announced("outage", kind="outage"),
        announced("mail", pages=("mail",)),
        announced("ours", pages=("shop", "mail")),
        announced("over", until_ns=NOON_NS - 1),
        announced("long over", until_ns=NOON_NS - 40 * NS_PER_DAY),
    ]
    said = [msgspec.convert(msgspec.to_builtins(each), Announcement) for each in said]
    made = view([], status(), past(announcements=said))
    assert [each.title for each in made.announcements] == ["outage", "notice", "ours"]
    assert [each.title for each in made.past_announcements] == ["over"]


def test_the_value_is_the_same_after_a_way_as_json():
    spans = [span("1", 60, None), span("2", 5_000, 30, target="b")]
    made = view(
        [target("a", "Checkout"), target("b", "Mail")],
        status(a="down", b="up"),
        past({"a": TargetDays((DayRun(TODAY, 1, DayState.DOWN, 7),), None)}, spans, [announced("x")]),
    )
    assert msgspec.json.decode(msgspec.json.encode(made), type=PublicView) == made


def test_the_past_is_told_by_day_the_newest_first():
    spans = [span("1", 60, 40), span("2", 60 * 30, 60 * 29), span("3", 60 * 30, 60 * 28, critical=False)]
    made = view(
        [target("a", "Checkout")],
        status(a="up"),
        past(incidents=spans, announcements=[announced("x", until_ns=NOON_NS)]),
    )
    days = list(past_days(made))
    assert [(day.day, len(day.incidents), len(day.announcements)) for day in days] == [
        (NOON.date(), 1, 1),
        (NOON.date() - timedelta(days=1), 2, 0),
    ]


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ({}, ["Nothing is shown here yet."]),
        ({"a": "paused"}, ["Nothing is watched here."]),
        ({"a": "up"}, ["A is up."]),
        ({"a": "up", "b": "up", "c": "paused"}, ["All services are up."]),
        ({"a": "down"}, ["A is down."]),
        ({"a": "down", "b": "up", "c": "up"}, ["2 of 3 services are up.", "A is down."]),
        ({"a": "down", "b": "down", "c": "degraded"}, ["A and B are down.", "C is degraded."]),
        ({"a": "unknown", "b": "up"}, ["1 of 2 services are up.", "The state of A is not known."]),
        (dict.fromkeys("abcd", "down") | {"e": "up"}, ["1 of 5 services are up.", "4 services are down."]),
    ],
)
def test_the_first_sentences_say_how_many_are_up_and_which_are_not(statuses, said):
    targets = [target(name, name.upper()) for name in statuses]
    assert [each.text for each in headline(view(targets, status(**statuses)).components)] == said
