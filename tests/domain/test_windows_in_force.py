"""Maintenance and quiet windows: what they hold, and how they follow the wall clock."""

import pytest
from records import NOON, opened
from watchkeeper.domain.incidents.delivery_plan import HoldKind
from watchkeeper.domain.specification.matcher import Selection, Subject, parsed
from watchkeeper.domain.suppression.maintenance_book import MaintenanceBook, PlannedWork
from watchkeeper.domain.suppression.quiet_book import QuietBook
from watchkeeper.domain.time.calendar import RecurringWindow, SingleWindow
from watchkeeper.domain.time.moment import NS_PER_S

HOUR_NS = 3_600 * NS_PER_S
SHOP, MAIL = Subject("shop"), Subject("mail")


def hour(number):
    return NOON.shifted(int(number * HOUR_NS))


def span(first, last):
    return SingleWindow(hour(first).wall_ns, hour(last).wall_ns)


def work(name, first, last, match=("target=shop",)):
    return PlannedWork(name, Selection(parsed(match)), span(first, last))


def test_maintenance_holds_what_it_selects_from_its_start_to_its_end():
    book = MaintenanceBook([work("patch-day", 1, 3)])
    assert book.hold(SHOP, hour(0.999)) is None
    hold = book.hold(SHOP, hour(1))
    assert (hold.kind, hold.name, hold.until_ns) == (HoldKind.MAINTENANCE, "patch-day", hour(3).wall_ns)
    assert book.hold(MAIL, hour(2)) is None
    assert book.hold(SHOP, hour(3)) is None


def test_of_maintenance_that_overlaps_the_one_that_ends_last_is_named():
    book = MaintenanceBook([work("first", 1, 3), work("second", 2, 4)])
    named = [book.hold(SHOP, hour(at)).name for at in (1, 2, 3)]
    assert named == ["first", "second", "second"]
    assert book.hold(SHOP, hour(4)) is None


def test_the_next_change_is_a_start_or_an_end():
    book = MaintenanceBook([work("first", 1, 3), work("second", 2, 4)])
    changes, at = [], hour(0).wall_ns
    while (at := book.next_change_ns(NOON.shifted(at - NOON.wall_ns))) is not None:
        changes.append((at - NOON.wall_ns) // HOUR_NS)
    assert changes == [1, 2, 3, 4]


def test_maintenance_by_group_needs_the_texts_of_targets():
    assert not MaintenanceBook([work("a", 1, 2)]).needs_metadata
    assert MaintenanceBook([work("a", 1, 2, match=("group=shop",))]).needs_metadata


def test_a_quiet_window_holds_the_routes_that_name_it():
    book = QuietBook({"nights": span(1, 9), "lunch": span(2, 3)})
    hold = book.hold(("lunch", "nights", "none"), hour(2))
    assert (hold.kind, hold.name, hold.until_ns) == (HoldKind.QUIET, "nights", hour(9).wall_ns)
    assert book.hold(("lunch",), hour(3)) is None
    assert book.hold((), hour(2)) is None
    assert book.next_change_ns(hour(2)) == hour(3).wall_ns


@pytest.mark.parametrize("walk", [(0, 2, 0, 2), (4, 2, 4)])
def test_a_wall_clock_that_is_set_is_followed_both_ways(walk):
    book = MaintenanceBook([PlannedWork("lunch", Selection(()), RecurringWindow("0 13 * * *", 2 * HOUR_NS))])
    held = [book.hold(SHOP, hour(at)) is not None for at in walk]
    assert held == [at == 2 for at in walk]


def test_an_incident_is_selected_by_its_severity():
    book = MaintenanceBook([work("calm", 0, 1, match=("severity=warning",))])
    incident = opened().incident
    assert book.hold(Subject(incident.target, severity="critical"), NOON) is None
    assert book.hold(Subject(incident.target, severity="warning"), NOON) is not None
