"""Commands by forms: the operations of the API, for a session whose page sent them, and back with what stands now."""

import logging
from urllib.parse import quote

import apsw
import pytest
from asking import TOKENS, Asking, cookie_in, signed_in
from browsing import Browser
from watchkeeper.web.limits import FORM_BYTES_MAX


@pytest.fixture
def strict(runtime):
    """A door at which a request without a token or a session has no role."""
    return runtime.serve("127.0.0.1:0", anonymous="none")


def browser_as(runtime, url, role):
    return Browser(url, signed_in(url, runtime.login_link(role=role, name=f"an-{role}")))


@pytest.fixture
def person(runtime, strict):
    """A browser that has signed in as an operator."""
    return browser_as(runtime, strict, "operator")


def proof_of(browser):
    """The proof that stands in the forms of this browser."""
    return browser.open("/silences/new").form("Silence").buttons["Silence"]["value"]


def sent(browser, path, **fields):
    """Sends the form of an act from the page of the silences; shows the page that follows."""
    return browser.send(path, {"proof": proof_of(browser), "next": "/silences", **fields})


def test_a_target_is_paused_and_resumed_and_the_page_says_so_once(person, runtime):
    page = sent(person, "/t/shop/pause")
    assert (page.path, page.status) == ("/silences", 200)
    assert "Paused: no check starts until it is resumed." in page.text
    assert runtime.status()["shop"].paused
    assert "Paused:" not in person.open("/silences").text
    assert "Resumed: checks start again." in sent(person, "/t/shop/resume").text
    assert not runtime.status()["shop"].paused


def test_a_target_is_checked_at_once(person, runtime, site_that_fails):
    runtime.check("queue", every="1h")(lambda: 3)
    assert "Checked just now." in sent(person, "/t/queue/check").text
    assert runtime.status()["queue"].samples >= 1


def test_an_incident_is_acknowledged_with_a_note_and_an_end_and_this_is_withdrawn(person, runtime, incident):
    fields = {"note": " rolling back ", "until": "2h"}
    page = sent(person, f"/i/{incident.id}/acknowledge", **fields)
    assert "Acknowledged: the channels hear of the end only." in page.text
    (seen,) = runtime.incidents(open_only=True)
    assert (seen.acknowledged_by, seen.note) == ("an-operator", "rolling back")
    assert seen.acknowledged_until_ns - seen.acknowledged_at_ns > 7_100 * 10**9
    assert "The acknowledgement is withdrawn" in sent(person, f"/i/{incident.id}/unacknowledge").text
    assert runtime.incidents(open_only=True)[0].acknowledged_by is None
    assert "there was nothing to withdraw" in sent(person, f"/i/{incident.id}/unacknowledge").text


def test_an_acknowledgement_until_its_severity_rises_is_ticked_and_unticked(person, runtime, incident):
    way = f"/i/{incident.id}/acknowledge"
    assert " checked>" not in person.open(f"/i/{incident.id}").answer.body.decode()
    page = sent(person, way, asks_worse="1", until_worse="1")
    assert runtime.incidents(open_only=True)[0].acknowledged_until_worse
    assert "checked> Only until its severity rises" in person.open(f"/i/{incident.id}").answer.body.decode()
    assert page.status == 200
    sent(person, way, note="looking")
    assert runtime.incidents(open_only=True)[0].acknowledged_until_worse, "the plain button does not ask"
    sent(person, way, asks_worse="1")
    assert not runtime.incidents(open_only=True)[0].acknowledged_until_worse


def test_an_end_is_read_in_the_time_zone_of_its_reader(person, runtime, incident):
    person.open("/silences?tz=Asia/Kolkata")
    sent(person, f"/i/{incident.id}/acknowledge", until="2099-01-01 05:30")
    (seen,) = runtime.incidents(open_only=True)
    assert seen.acknowledged_until.isoformat() == "2099-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "until", ["soon", "-1h", "2020-01-01", "2099-13-01", "99999999h", "9999-12-31", "0001-01-01"]
)
def test_an_end_that_is_none_is_refused_by_a_page(person, runtime, incident, until):
    page = sent(person, f"/i/{incident.id}/acknowledge", until=until)
    assert page.status in {400, 409}
    assert "Overview" in page.text
    assert runtime.incidents(open_only=True)[0].acknowledged_by is None


def test_an_acknowledgement_of_another_person_stays(person, runtime, incident):
    runtime.acknowledge(incident.id, by="anna")
    page = sent(person, f"/i/{incident.id}/acknowledge")
    assert "Another person had acknowledged it before you" in page.text
    assert runtime.incidents(open_only=True)[0].acknowledged_by == "anna"


def test_a_silence_is_ended_by_its_button_and_pressing_it_again_does_no_harm(person, runtime):
    runtime.silence("shop", "1h", id="of a program", by="deploy-bot")
    page = person.open("/silences")
    assert "The silence has ended" in person.press(page, "End now").text
    assert runtime.status().silences == ()
    assert "That silence had ended before." in person.press(page, "End now").text


def test_a_channel_is_tested(person):
    assert "The receiver has taken the test message." in sent(person, "/channels/ops/test").text
    assert "The receiver has not taken the test message" in sent(person, "/channels/deaf/test").text


def test_a_notice_that_was_never_given_up_is_not_sent_again(person):
    assert "That notice cannot be sent again" in sent(person, "/notices/msg_0/redrive").text


def test_a_command_leads_to_the_page_of_its_object_where_no_page_is_named(strict):
    answer = Asking(strict, TOKENS["operator"]).form("/t/shop/pause", {})
    assert (answer.status, answer.headers["location"]) == (303, "/t/shop")
    for foreign in ("//evil.example", "https://evil.example/", "/\\evil.example"):
        answer = Asking(strict, TOKENS["operator"]).form("/t/shop/pause", {"next": foreign})
        assert answer.headers["location"] == "/t/shop"


def test_each_command_is_a_line_of_the_log_with_its_author(person, caplog):
    with caplog.at_level(logging.INFO, logger="watchkeeper.web.audit"):
        sent(person, "/t/shop/pause")
    assert "POST /t/shop/pause by an-operator from 127.0.0.1: 303" in caplog.messages


def test_a_command_that_cannot_be_written_yet_is_not_said_to_be_done(person, store):
    """Another program holds the database, as a backup tool may."""
    proof = proof_of(person)
    other = apsw.Connection(store)
    other.set_busy_timeout(5_000)  # the runtime may be in the middle of a commit
    other.execute("BEGIN IMMEDIATE")
    try:
        page = person.send("/t/shop/pause", {"proof": proof, "next": "/silences"})
        assert "It is not in the store yet: look again in a moment." in page.text
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.parametrize(
    "said", ["<b>.1.{now}", "owned.1.{now}", "paused.1.0", "paused.1.9999999999", "paused.1.x", "paused", ""]
)
def test_a_message_that_no_form_has_left_is_not_shown(person, runtime, said):
    (session,) = person.cookies
    person.cookies[f"{session}-said"] = said.format(now=runtime.status().at_ns // 10**9)
    assert 'class="done"' not in person.open("/silences").html


def test_a_script_that_reads_a_page_leaves_its_message_to_the_person(person, strict):
    """The page is read anew by its script when something changes."""
    session = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    fields = {"proof": proof_of(person), "next": "/silences"}
    left = cookie_in(Asking(strict, cookie=session).form("/t/shop/pause", fields))
    both = Asking(strict, cookie=f"{session}; {left}")
    by_script = both.ask(
        "GET", "/silences", accept="text/html", sec_fetch_mode="cors", sec_fetch_site="same-origin"
    )
    assert (b"Paused:" in by_script.body, "set-cookie" in by_script.headers) == (False, False)
    assert b"Paused:" in both.ask("GET", "/silences", accept="text/html", sec_fetch_mode="navigate").body


# Authority.


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"proof": "x"}, {}),
        ({"proof": "right"}, {"sec_fetch_site": "cross-site"}),
        ({"proof": "right"}, {"sec_fetch_site": "same-site"}),
        ({"proof": "right"}, {"sec_fetch_site": "", "origin": "https://evil.example"}),
        ({"proof": "right"}, {"sec_fetch_site": "", "origin": "null"}),
    ],
)
def test_a_form_that_no_page_of_this_session_sent_commands_nothing(person, runtime, fields, headers):
    if fields.get("proof") == "right":
        fields = {"proof": proof_of(person)}
    page = person.send("/t/shop/pause", fields, **headers)
    assert page.status == 403
    assert not runtime.status()["shop"].paused


def test_the_proof_of_one_session_opens_no_other(person, runtime, strict):
    other = browser_as(runtime, strict, "admin")
    assert person.send("/t/shop/pause", {"proof": proof_of(other)}).status == 403
    assert not runtime.status()["shop"].paused


def test_a_viewer_sees_no_button_and_commands_nothing(runtime, strict):
    runtime.silence("shop", "1h", id="s")
    viewer = browser_as(runtime, strict, "viewer")
    page = viewer.open("/silences")
    assert (page.status, "End now" in page.buttons, "New silence" in page.text) == (200, False, False)
    refused = viewer.open("/silences/new")
    assert refused.status == 403
    assert "an-viewer has viewer" in refused.text
    assert viewer.send("/silences/s/end", {"proof": "x"}).status == 403
    assert len(runtime.status().silences) == 1


def test_a_browser_without_a_session_is_led_to_the_form_for_a_token(strict, runtime):
    stranger = Browser(strict)
    page = stranger.send("/t/shop/pause", {"next": "/silences"}, referer=f"{strict}/silences?tz=UTC")
    assert page.path == f"/login?next={quote('/silences?tz=UTC', safe='/')}"
    assert "Sign in" in page.buttons
    assert not runtime.status()["shop"].paused


def test_a_large_form_is_refused_by_a_page(person):
    page = person.send("/t/shop/pause", {"proof": "x" * FORM_BYTES_MAX})
    assert page.status == 413
    assert f"A form may have {FORM_BYTES_MAX:,} bytes." in page.text


def test_a_form_with_a_field_too_much_is_refused(person):
    assert sent(person, "/t/shop/pause", by="mallory").status == 400
    assert person.send("/t/shop/pause", [("proof", "x"), ("proof", "y")]).status == 400


def test_an_unknown_target_is_a_page_that_says_so(person):
    page = sent(person, "/t/shpo/pause")
    assert page.status == 404
    assert "did you mean" in page.text
