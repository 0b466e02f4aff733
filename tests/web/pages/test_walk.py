"""The walk of a person at night, without scripts: find, open, acknowledge, silence, pause, resume, and look at what was done."""

import pytest
from asking import signed_in
from browsing import Browser


@pytest.fixture
def person(runtime, url):
    """A browser that has signed in as an operator."""
    return Browser(url, signed_in(url, runtime.login_link(role="operator", name="anna")))


def test_an_incident_is_acknowledged_from_the_overview(person, runtime, incident):
    overview = person.open("/")
    page = person.press(overview, "Acknowledge")
    assert page.path == "/"
    assert "Acknowledged: the channels hear of the end only." in page.text
    assert runtime.incidents(open_only=True)[0].acknowledged_by == "anna"
    assert "Acknowledge" not in page.buttons


def test_an_incident_is_acknowledged_with_a_note_which_its_author_changes(person, runtime, incident):
    page = person.open(f"/i/{incident.id}")
    page = person.press(page, "Acknowledge with this", note="rolling back", until="2h")
    assert page.path == f"/i/{incident.id}"
    assert "rolling back" in page.text
    page = person.press(page, "Change", note="rolled back")
    assert runtime.incidents(open_only=True)[0].note == "rolled back"
    page = person.press(page, "Withdraw acknowledgement")
    assert "The acknowledgement is withdrawn" in page.text
    runtime.acknowledge(incident.id, by="jo")
    assert "Change the note" not in person.open(f"/i/{incident.id}").text


def test_a_silence_that_began_at_an_incident_or_a_target_leads_back_to_it(person, runtime, incident):
    form = person.open(f"/silences/new?incident={incident.id}")
    assert person.press(form, "Silence").path == f"/i/{incident.id}"
    form = person.open("/silences/new?target=shop")
    shown = person.press(form, "Preview", length="8h")
    assert person.press(shown, "Silence").path == "/t/shop"
    assert len(runtime.status()["shop"].silences) == 2


def test_a_silence_of_an_hour_is_begun_by_one_button(person, runtime, incident):
    page = person.press(person.open(f"/i/{incident.id}"), "Silence 1 h")
    assert page.path == f"/i/{incident.id}"
    assert "Silenced: it ends by itself." in page.text
    (silence,) = runtime.status().silences
    assert (silence.target, silence.by) == ("shop", "anna")


def test_checks_are_paused_and_resumed_at_their_target(person, runtime):
    page = person.press(person.open("/t/shop"), "Pause checks")
    assert (page.path, "Paused:" in page.text) == ("/t/shop", True)
    page = person.press(page, "Resume checks")
    assert "Resumed: checks start again." in page.text
    assert not runtime.status()["shop"].paused


def test_a_target_whose_name_has_a_space_is_led_back_to(person, runtime):
    runtime.check("nightly job", every="1h")(lambda: 3)
    page = person.press(person.open("/t/nightly%20job"), "Check now")
    assert (page.path, "Checked just now." in page.text) == ("/t/nightly%20job", True)


def test_a_viewer_has_no_button_on_any_page(runtime, url, incident):
    viewer = Browser(url)
    for path in ("/", "/t/shop", f"/i/{incident.id}", "/incidents", "/silences", "/self"):
        page = viewer.open(path)
        assert (page.status, set(page.buttons) - {"Dark", "Light", "Show", "Find"}) == (200, set()), path
