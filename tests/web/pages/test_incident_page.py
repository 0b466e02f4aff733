"""The pages of incidents: what happened, who knows of it, and the list that leads there."""

import re
from html import unescape

import pytest
from asking import Asking
from markup import faults_of, page_of
from records import delivery_of, notice_of, opened, then
from watchkeeper import Heartbeat, Runtime, Target
from watchkeeper.domain.incidents.delivery_try import DeliveryTry, TryResult
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import BlindInterval, Outgoing, Silence
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from watchkeeper.host.access.incident_past import IncidentPast, span_around
from watchkeeper.host.access.target_past import RAW_SAMPLES_MAX
from watchkeeper.web import limits
from watchkeeper.web.pages.incidents.story import ordinal, story_of

NOTHING = IncidentPast((), (), (), (), (), (), (), (0, 0), (), ())


def said_by(page):
    """The lines of what happened."""
    lines = re.search(r'<ol class="log">(.*?)</ol>', page, re.DOTALL)[1].split("</li>")
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", line)).strip() for line in lines[:-1]]


def test_an_open_incident_says_since_when_and_who_knows(reader, incident_ids):
    page = page_of(reader, f"/i/{incident_ids[-1]}")
    assert faults_of(page) == []
    assert '<em class="down">payments api is down</em> since <time' in page
    assert "it is not acknowledged" in page
    assert "ops" in page


def test_an_incident_tells_what_happened_in_the_order_of_time(reader, incident_ids):
    lines = said_by(page_of(reader, f"/i/{incident_ids[0]}"))
    heads = (
        "First sign",
        "Incident opened",
        "ops told",
        "mail told",
        "Seen by anna: rolling back",
    )
    places = [next(at for at, line in enumerate(lines) if head in line) for head in heads]
    assert places == sorted(places)
    assert any("Resolved after 5 h 00: good answers again" in line for line in lines)
    assert any("told that it is over" in line for line in lines)


def test_a_resolved_incident_offers_no_act(otto, incident_ids):
    page = page_of(otto, f"/i/{incident_ids[0]}")
    assert "payments api was down for 5 h 00" in page
    assert "/acknowledge" not in page


def test_an_open_incident_is_acknowledged_by_its_button_and_says_so(seeded, otto, incident_ids):
    name = incident_ids[-1]
    page = page_of(otto, f"/i/{name}")
    proof = re.search(r'name="proof" value="([^"]+)"', page)[1]
    assert f'action="/i/{name}/acknowledge"' in page
    assert otto.form(f"/i/{name}/acknowledge", {"proof": proof, "next": f"/i/{name}"}).status == 303
    page = page_of(otto, f"/i/{name}")
    assert "seen by otto" in page
    assert f'action="/i/{name}/unacknowledge"' in page
    assert any("Seen by otto" in line for line in said_by(page))


def test_the_buttons_of_an_incident_do_what_they_say(seeded, browser, incident_ids):
    page = browser.open(f"/i/{incident_ids[-1]}")
    page = browser.press(page, "Silence 1 h")
    assert page.status == 200
    assert "Silenced until" in page.text
    (silence,) = seeded.status().silences
    assert (silence.target, silence.match, silence.by) == ("payments-api", ("rule=down",), "otto")
    page = browser.press(browser.press(page, "Acknowledge"), "Pause checks")
    assert "seen by otto" in page.text
    assert seeded.status()["payments-api"].paused


def test_a_notice_that_was_given_up_is_sent_again_by_its_button(seeded, browser, incident_ids):
    page = browser.open(f"/i/{incident_ids[1]}")
    assert "resolved given up" in page.text
    assert "refused it for good: HTTP 410: this address is gone" in page.text
    page = browser.press(page, "Send again")
    assert page.status == 200
    assert "The notice is on its way again." in page.text


def test_a_viewer_has_no_button_but_the_text(reader, incident_ids):
    page = page_of(reader, f"/i/{incident_ids[-1]}")
    assert "/acknowledge" not in page
    assert f'href="/i/{incident_ids[-1]}.txt"' in page


def test_an_incident_is_text_to_paste_with_its_zone(reader, incident_ids):
    answer = reader.ask("GET", f"/i/{incident_ids[0]}.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = answer.body.decode().splitlines()
    assert re.match(r"payments api was down from .* UTC to .* UTC \(5 h 00\)", lines[0])
    assert lines[1] == "target payments-api, rule down, critical"
    assert lines[-1] == f"id {incident_ids[0]}"
    assert any("ops told" in line for line in lines)


def test_an_incident_that_is_not_there_is_not_found(reader):
    for path in ("/i/inc_0", "/i/inc_0.txt"):
        assert reader.ask("GET", path, accept="text/html").status == 404


# The list.


def test_the_list_has_the_open_ones_and_the_resolved_ones(reader, incident_ids):
    every = page_of(reader, "/incidents")
    assert faults_of(every) == []
    assert all(name in every for name in incident_ids)
    open_, resolved = (page_of(reader, f"/incidents?state={state}") for state in ("open", "resolved"))
    assert incident_ids[-1] in open_
    assert incident_ids[0] not in open_
    assert incident_ids[0] in resolved
    assert incident_ids[-1] not in resolved


def test_the_list_of_one_target_leads_back_to_all(reader, incident_ids):
    page = page_of(reader, "/incidents?target=payments-api")
    assert incident_ids[0] in page
    assert "Show those of every target" in page
    assert "One incident is open." in page
    other = page_of(reader, "/incidents?target=backup")
    assert incident_ids[0] not in other
    assert "No incident is open." in other


def test_the_list_goes_on_behind_an_incident(reader, incident_ids):
    page = page_of(reader, f"/incidents?before={incident_ids[1]}")
    assert incident_ids[0] in page
    assert incident_ids[2] not in page


@pytest.fixture
def calm():
    with Runtime(targets=[Target(id="backup", heartbeat=Heartbeat(), every="1h")]) as runtime:
        yield runtime


def test_an_empty_list_says_what_an_incident_is(calm):
    asking = Asking(calm.serve("127.0.0.1:0", anonymous="viewer"))
    assert "No incident is open." in page_of(asking, "/incidents")
    assert "An incident opens when a rule of a target is broken" in page_of(asking, "/incidents")


def test_an_incident_without_a_file_is_shown_without_its_record(calm):
    calm.heartbeat("backup", ok=False, detail="no space")
    (incident,) = calm.incidents(open_only=True)
    page = page_of(Asking(calm.serve("127.0.0.1:0", anonymous="viewer")), f"/i/{incident.id}")
    assert "set runtime.store to a file" in page
    assert "no space" in page
    assert incident.id in page_of(Asking(calm.serve("127.0.0.1:0", anonymous="viewer")), "/incidents")


def test_the_list_goes_on_behind_an_incident_without_a_file_too(monkeypatch):
    monkeypatch.setattr(limits, "INCIDENTS_PART_MAX", 2)
    names = [f"job-{number}" for number in range(5)]
    with Runtime(targets=[Target(id=name, heartbeat=Heartbeat(), every="1h") for name in names]) as runtime:
        for name in names:
            runtime.heartbeat(name, ok=False)
        reader = Asking(runtime.serve("127.0.0.1:0", anonymous="viewer"))
        address, shown = "/incidents", []
        while address:
            page = page_of(reader, address)
            shown += re.findall(r"<b>(job-\d)</b>", page)
            more = re.search(r'<p id="more"><a class="button" href="([^"]+)"', page)
            address = f"/incidents{unescape(more[1])}" if more and len(shown) < 9 else ""
    assert sorted(shown) == names


# The story.


def tried(notice, result, attempt=1, detail="", took_ns=NS_PER_S):
    at_ns = notice.created_at_ns + attempt * NS_PER_S
    return DeliveryTry(
        key=notice.key,
        attempt=attempt,
        channel=notice.channel,
        at_ns=at_ns,
        took_ns=took_ns,
        result=result,
        detail=detail,
    )


def titles(past, silences=(), incident=None):
    incident = incident or past.steps[-1].incident
    events = story_of(incident, past, silences, past.steps[-1].at_ns + NS_PER_HOUR)
    return [f"{event.title}{event.text}" for event in events]


def test_every_try_is_told_with_its_answer():
    step = opened()
    notice = notice_of(step)
    tries = (
        tried(notice, TryResult.FAILED, 1, "HTTP 503"),
        tried(notice, TryResult.UNKNOWN, 2, took_ns=None),
        tried(notice, TryResult.REFUSED, 3, "HTTP 404"),
        tried(notice, TryResult.ACCEPTED, 4, "HTTP 200"),
    )
    outgoing = Outgoing(notice, delivery_of(notice, DeliveryState.DELIVERED))
    past = NOTHING._replace(steps=(step,), notices=(outgoing,), tries=tries)
    assert titles(past)[2:] == [
        "ops: HTTP 503 in 1.0 s; it is tried again",
        "ops: no answer yet; it may have arrived, and a further try has the same key",
        "ops refused it for good: HTTP 404 in 1.0 s",
        "ops told: HTTP 200 in 1.0 s",
    ]


def test_a_notice_that_was_given_up_is_told():
    step = opened()
    notice = notice_of(step)
    dead = Outgoing(notice, delivery_of(notice, DeliveryState.DEAD, 9, "HTTP 500"))
    assert "ops was not told: given up after 9 tries" in titles(
        NOTHING._replace(steps=(step,), notices=(dead,))
    )


def test_blindness_and_silences_are_told():
    step = opened()
    blind = BlindInterval(step.at_ns, step.at_ns + 12 * NS_PER_MINUTE, "suspended")
    silence = Silence(id="s", target="shop", until_ns=step.at_ns + NS_PER_HOUR, by="jo", reason="deploy")
    said = titles(NOTHING._replace(steps=(step,), blind=(blind,)), [silence])
    assert "Not seen for 12 min: suspended" in said
    assert "Silenced by jo: deploy" in said


def test_a_change_is_told_by_its_reason():
    step = opened()
    changed = then(
        step, TransitionKind.CHANGED, reason="acknowledgement_ended", explanation="its time is over"
    )
    assert "The acknowledgement ended by itself" in titles(NOTHING._replace(steps=(step, changed)))


def test_numbers_of_tries_are_ordinals():
    found = [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111)]
    assert found == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th"]


def test_the_span_around_an_incident_is_an_hour_to_a_day_wider():
    step = opened()
    ended = then(
        step, TransitionKind.RESOLVED, resolved_at_ns=step.opened_at_ns + 10 * NS_PER_MINUTE
    ).incident
    now_ns = step.opened_at_ns + 90 * NS_PER_DAY
    since_ns, until_ns = span_around(ended, 30 * NS_PER_S, now_ns)
    assert (until_ns - since_ns) == 2 * NS_PER_HOUR + 10 * NS_PER_MINUTE
    since_ns, until_ns = span_around(step.incident, 30 * NS_PER_S, now_ns)
    assert (until_ns, now_ns - since_ns) == (now_ns, 91 * NS_PER_DAY)


def test_the_span_around_an_incident_is_shorter_at_a_fast_cadence():
    step = opened()
    ended = then(step, TransitionKind.RESOLVED, resolved_at_ns=step.opened_at_ns + NS_PER_S).incident
    since_ns, until_ns = span_around(ended, NS_PER_S // 2, step.opened_at_ns + NS_PER_DAY)
    assert until_ns - since_ns == RAW_SAMPLES_MAX // 2 * (NS_PER_S // 2) + NS_PER_S
