"""The agenda of planned maintenance: in force first, then what comes next."""

import pytest
from records import NOON
from watchkeeper.domain.specification.matcher import Subject
from watchkeeper.domain.specification.routing import Maintenance
from watchkeeper.domain.suppression.agenda import agenda_of

DAILY = Maintenance(id="daily", match=["target=shop"], cron="0 13 * * *", length="2h")
NOW = Maintenance(id="now", match=["group=db"], from_="2026-01-01T11:00:00Z", until="2026-01-01T18:00:00Z")
SOON = Maintenance(id="soon", match=["group=db"], from_="2026-01-01T12:30:00Z", until="2026-01-01T12:40:00Z")
OVER = Maintenance(id="over", match=["group=db"], from_="2025-12-31T11:00:00Z", until="2025-12-31T12:00:00Z")


def test_maintenance_in_force_comes_first_and_one_that_is_over_is_left_out():
    spans = agenda_of((DAILY, OVER, SOON, NOW), NOON.wall_ns)
    assert [(span.id, span.is_now) for span in spans] == [("now", True), ("soon", False), ("daily", False)]
    assert [None if span.since is None else f"{span.since:%H:%M}" for span in spans] == [
        None,
        "12:30",
        "13:00",
    ]
    assert [f"{span.until:%H:%M}" for span in spans] == ["18:00", "12:40", "15:00"]


@pytest.mark.parametrize(("target", "is_selected"), [("shop", True), ("mail", False)])
def test_an_agenda_says_what_each_selects(target, is_selected):
    (span,) = agenda_of((DAILY,), NOON.wall_ns)
    assert span.selection().accepts(Subject(target)) is is_selected
    assert span.to_dict()["until"] == "2026-01-01T15:00:00.000Z"
