"""Announcements: told by operators, kept by the record, ended by command or by themselves."""

import pytest
from watchkeeper import AnnouncementKind, Http, Record, Runtime, Target, UnknownName, UsageError
from watchkeeper.domain.incidents.announcement import announcement_id
from watchkeeper.domain.limits import ANNOUNCEMENT_CHARACTERS_MAX, ANNOUNCEMENT_TITLE_MAX, ANNOUNCEMENTS_MAX
from watchkeeper.testing import World

SHOP = Target(id="shop", every="1h", http=Http(url="http://127.0.0.1:9/"))
LATER = "2030-01-01T00:00:00Z"


@pytest.fixture
def world():
    return World([SHOP])


def shown(world):
    return world.status().announcements


def test_an_announcement_stands_until_it_is_ended(world):
    name = world.announce("Payments are slow", "We look into it.", kind="outage", by="ada")
    (made,) = shown(world)
    assert (made.id, made.title, made.text, made.by) == (name, "Payments are slow", "We look into it.", "ada")
    assert made.kind is AnnouncementKind.OUTAGE
    world.end_announcement(name, by="bob")
    assert shown(world) == ()


def test_the_same_title_again_changes_the_announcement_and_keeps_its_beginning(world):
    first = world.announce("Payments are slow", by="ada")
    (made,) = shown(world)
    world.run("5m")
    again = world.announce("Payments are slow", "The cause is found.", by="bob")
    (changed,) = shown(world)
    assert (first, changed.created_at_ns, changed.text) == (again, made.created_at_ns, "The cause is found.")
    assert changed.updated_at_ns - made.created_at_ns == 300 * 10**9


def test_an_announcement_with_a_length_ends_by_itself(world):
    world.announce("A move", kind="maintenance", until="10m")
    world.run("9m")
    assert len(shown(world)) == 1
    world.run("2m")
    assert shown(world) == ()


def test_the_length_of_a_maintenance_counts_from_its_start(world):
    world.announce("A move", kind="maintenance", start="2029-12-31T23:00:00Z", until="1h")
    (made,) = shown(world)
    assert made.until.isoformat() == "2030-01-01T00:00:00+00:00"


@pytest.mark.parametrize("way", ["restart", "crash"])
def test_an_announcement_outlives_its_process(world, way):
    world.announce("A move", kind="maintenance", until=LATER, pages=["shop"])
    before = shown(world)
    world.run("1s")
    getattr(world, way)("10s")
    assert shown(world) == before
    world.end_announcement(before[0].id)
    getattr(world, way)("10s")
    assert shown(world) == ()


WRONG = {
    "a title": ({"title": " \n "}, "an announcement has a title"),
    "kinds": ({"kind": "party"}, "'party' is no kind of announcement: notice, outage, maintenance are"),
    "an id": ({"id": "a/b"}, "'a/b' is no id of an announcement"),
    "an id that no address has": ({"id": "."}, "'.' is no id of an announcement"),
    "a page": ({"pages": ["a/b"]}, "'a/b' is no id of a page"),
    "many pages": ({"pages": [str(number) for number in range(40)]}, "at most 32 pages"),
    "an end": ({"kind": "maintenance"}, "a maintenance has an end"),
    "a start": ({"start": LATER}, "a maintenance alone has a start"),
    "the past": ({"until": "2020-01-01T00:00:00Z"}, "2020-01-01T00:00:00Z has passed"),
    "order": (
        {"kind": "maintenance", "start": LATER, "until": "2029-01-01T00:00:00Z"},
        "comes before the start",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_announcement_that_makes_no_sense_is_refused(world, wrong):
    said, why = WRONG[wrong]
    with pytest.raises(UsageError, match=why):
        world.announce(**{"title": "A move", **said})
    assert shown(world) == ()


def test_hostile_words_are_bounded_and_have_no_control_character(world):
    world.announce("A\x1b[31m\u202e move" + "x" * 10_000, "one\r\n\x00two\n\nthree" + "y" * 10_000)
    (made,) = shown(world)
    assert (len(made.title), len(made.text)) == (ANNOUNCEMENT_TITLE_MAX, ANNOUNCEMENT_CHARACTERS_MAX)
    assert made.title.isprintable()
    assert made.text.startswith("one\n\\x00two\n\nthree")


def test_an_unknown_announcement_is_refused_with_those_that_stand():
    with Runtime(targets=[SHOP]) as runtime:
        runtime.announce("Payments are slow", id="pay")
        with pytest.raises(
            UnknownName, match=r"no announcement in force has the id 'x'; in force: pay \(Payments"
        ):
            runtime.end_announcement("x")
        runtime.end_announcement("pay")
        with pytest.raises(UnknownName, match="in force: none"):
            runtime.end_announcement("pay")


def test_announcements_that_stand_are_bounded():
    with Runtime(targets=[SHOP]) as runtime:
        for number in range(ANNOUNCEMENTS_MAX):
            runtime.announce(f"Number {number}")
        with pytest.raises(UsageError, match=f"{ANNOUNCEMENTS_MAX} announcements stand: end one"):
            runtime.announce("One more")
        runtime.announce("Number 0", "It may still be changed.")
        runtime.end_announcement(announcement_id("Number 1"))
        runtime.announce("One more")
        assert len(runtime.status().announcements) == ANNOUNCEMENTS_MAX


def test_the_record_keeps_announcements_that_are_over(tmp_path):
    store = tmp_path / "watch.db"
    with Runtime(targets=[SHOP], store=store) as runtime:
        runtime.end_announcement(runtime.announce("Payments are slow", id="pay"), by="bob")
        runtime.announce("Payments are slow again", id="pay")
    found = Record(store).announcements()
    assert [(each.title, each.ended_by) for each in found] == [
        ("Payments are slow", "bob"),
        ("Payments are slow again", ""),
    ]
