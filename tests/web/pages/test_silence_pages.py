"""The page of the silences and the form for a new one, with its preview, as a browser without scripts uses them."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from asking import signed_in
from browsing import Browser
from watchkeeper import Heartbeat, Maintenance, Runtime, Target
from watchkeeper.web import limits
from watchkeeper.web.pages.acting.silence_form import SilenceForm, scope_of_form


@pytest.fixture
def person(runtime, url):
    """A browser that has signed in as an operator."""
    return Browser(url, signed_in(url, runtime.login_link(role="operator", name="anna")))


def test_a_page_without_silences_says_what_one_is_for(person):
    page = person.open("/silences")
    assert "Nothing is silenced." in page.text
    assert "watchkeeper silence 'shop*' --for 2h" in page.text
    assert "None." in page.text


def test_a_silence_is_filled_in_previewed_and_begun(person, runtime, incident):
    form = person.open("/silences/new?target=shop&next=/silences")
    shown = person.press(form, "Preview", reason="deploy & test", length="4h")
    assert shown.path.startswith("/silences/new?")
    assert "proof" not in shown.path
    assert "It mutes 1 target and holds back 1 open incident until" in shown.text
    assert ("reason", "deploy & test") in shown.form("Silence").fields
    assert ("length", "4h") in shown.form("Silence").fields
    assert runtime.status().silences == ()
    page = person.press(shown, "Silence")
    assert (page.path, "Silenced: it ends by itself." in page.text) == ("/silences", True)
    assert "One silence is in force." in page.text
    assert "deploy & test · by anna since" in page.text
    assert "mutes 1 target" in page.text
    (silence,) = runtime.status().silences
    assert (silence.target, silence.by, silence.reason) == ("shop", "anna", "deploy & test")
    assert 14_300 < (silence.until_ns - silence.created_at_ns) / 10**9 <= 14_400


def test_pressing_twice_makes_one_silence(person, runtime):
    form = person.open("/silences/new?target=shop")
    person.press(form, "Silence")
    person.press(form, "Silence")
    assert len(runtime.status().silences) == 1


def test_matchers_of_every_operator_are_taken(person, runtime):
    form = person.open("/silences/new")
    fields = {
        "name": ["group", "team", "severity", "rule", ""],
        "operator": ["=~", "!=", "=", "!~", "="],
        "value": ["shop/.*", 'pay "ments"', "critical", "slow", ""],
    }
    shown = person.press(form, "Preview", **fields)
    assert "It mutes 1 target" in shown.text
    assert len([name for name, _ in shown.form("Silence").fields if name == "name"]) == 5
    person.press(shown, "Silence")
    (silence,) = runtime.status().silences
    assert silence.match == ("group=~shop/.*", 'team!=pay "ments"', "severity=critical", "rule!~slow")


def test_the_silence_of_an_incident_is_that_of_its_rule(person, incident):
    form = person.open(f"/silences/new?incident={incident.id}")
    fields = form.form("Silence").fields
    assert ("target", "shop") in fields
    assert ("name", "rule") in fields
    assert ("value", incident.rule) in fields
    assert "1 open incident" in form.text
    assert person.open("/silences/new?incident=inc_0").status == 404


@pytest.mark.parametrize(
    ("fields", "wrong", "words"),
    [
        ({"target": "shpo"}, "target", "did you mean"),
        ({"target": " "}, "target", "* stands for every target"),
        ({"target": "shop", "end": "soon"}, "end", "or a moment such as 2026-11-30"),
        ({"target": "shop", "end": "2020-01-01"}, "end", "a second or more after now"),
        ({"target": "shop", "end": "999999h"}, "end", "100 years"),
        ({"name": ["team", "group"], "operator": ["=", "=~"], "value": ["x", "("]}, "matcher-1", "missing )"),
        ({"name": ["a=b"], "operator": ["="], "value": ["x"]}, "matcher-0", "no name"),
        ({"name": [""], "operator": ["="], "value": ["x"]}, "matcher-0", "is no matcher"),
        (
            {"name": ["severity"], "operator": ["="], "value": ["bad"]},
            "matcher-0",
            "no rule has the severity",
        ),
        ({"target": "shop", "reason": "x" * 300}, "reason", "256"),
    ],
)
def test_a_wrong_field_keeps_what_was_typed_and_says_what_is_wrong_beside_it(
    person, runtime, fields, wrong, words
):
    form = person.open("/silences/new")
    for button in ("Preview", "Silence"):
        page = person.press(form, button, **{"reason": "deploy", **fields})
        assert page.status == 400
        assert f'id="{wrong}-fault"' in page.html
        assert 'aria-invalid="true"' in page.html
        assert words in page.text
        assert page.html.count(" autofocus") == 1
        assert "<title>Not silenced: New silence" in page.html
        kept = page.form("Silence").fields
        for name, value in {"reason": "deploy", **fields}.items():
            for each in [value] if isinstance(value, str) else value:
                assert (name, each) in kept
    assert runtime.status().silences == ()


def test_an_end_is_a_time_of_the_reader(person, runtime):
    form = person.open("/silences/new?target=shop&tz=Asia/Kolkata")
    assert "A length or a time in Asia/Kolkata" in form.text
    person.press(form, "Silence", end="2099-01-01 05:30")
    assert runtime.status().silences[0].until_ns == 4_070_908_800 * 10**9


def test_an_ended_silence_stays_for_a_while_with_what_it_held_back(person, runtime):
    runtime.silence("shop", "1h", id="s", by="jo", reason="move")
    runtime.status()
    runtime.heartbeat("shop", ok=False, detail="no stock")
    runtime.status()
    held = f"held back: shop {runtime.incidents(open_only=True)[0].rule}"
    assert held in person.open("/silences").text
    runtime.unsilence("s", by="anna")
    page = person.open("/silences").text
    assert "Nothing is silenced." in page
    ended = page.partition("Ended in the last 7 days")[2]
    assert "by anna" in ended
    assert "move · by jo" in ended
    assert held in ended


def test_a_record_in_memory_says_that_ended_silences_are_not_kept():
    with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())]) as runtime:
        url = runtime.serve("127.0.0.1:0")
        runtime.silence("shop", "1h")
        assert "Ended silences are not kept" in Browser(url).open("/silences").text


def test_words_of_clients_stay_text(person, runtime):
    nasty = "<script>alert(1)</script>\N{RIGHT-TO-LEFT OVERRIDE}"
    runtime.silence("shop", "1h", by=nasty, reason=nasty)
    page = person.open(f"/silences/new?target={quote(nasty)}")
    assert "<script>alert" not in page.html
    assert "&lt;script&gt;alert" in page.html
    assert "<script>alert" not in person.open("/silences").html


def test_a_form_of_the_most_matchers_fits_its_bound(person, runtime):
    form = person.open("/silences/new?target=shop")
    most = 16
    fields = {
        "name": ["team"] * most,
        "operator": ["=~"] * most,
        "value": [f"{'s' * 200}|sales|{at}" for at in range(most)],
    }
    assert "Silenced" in person.press(form, "Silence", **fields).text
    assert len(runtime.status().silences[0].match) == most
    too_many = {"name": ["team"] * 17, "operator": ["="] * 17, "value": [str(at) for at in range(17)]}
    refused = person.press(form, "Silence", **too_many)
    assert refused.status == 400


def test_a_matcher_without_its_value_compares_with_the_empty_text():
    form = SilenceForm(name=("team",), operator=("=",), value=("",))
    assert scope_of_form(form) == (None, ('team=""',))
    assert scope_of_form(SilenceForm(target=" shop ")) == ("shop", ())
    assert limits.MATCHER_ROWS_MIN >= 1


def test_of_very_many_silences_those_that_end_first_are_shown(person, runtime):
    for number in range(limits.SILENCES_SHOWN_MAX + 3):
        runtime.silence("shop", f"{number + 60}s", id=f"s{number}")
    page = person.open("/silences")
    assert "203 silences are in force." in page.text
    assert "and 3 more, which end later" in page.text
    assert "/silences/s199/end" in page.html
    assert "/silences/s200/end" not in page.html


def test_planned_maintenance_is_listed_with_its_end_or_its_next_beginning():
    hour = (datetime.now(UTC).hour + 12) % 24
    daily = Maintenance(id="patch-day", match=["group=shop"], cron=f"0 {hour} * * *", length="2h")
    always = Maintenance(
        id="move", match=["target=~.*"], from_="2020-01-01T00:00:00Z", until="2199-01-01T00:00:00Z"
    )
    over = Maintenance(
        id="done", match=["group=shop"], from_="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z"
    )
    targets = [
        Target(id="shop", group="shop", heartbeat=Heartbeat()),
        Target(id="mail", heartbeat=Heartbeat()),
    ]
    with Runtime(targets=targets, maintenance=[daily, always, over]) as runtime:
        url = runtime.serve("127.0.0.1:0", anonymous="viewer")
        text = Browser(url).open("/silences").text
    assert "Planned maintenance" in text
    assert text.index("move target=~.* in force until") < text.index("patch-day group=shop")
    assert "2 targets" in text
    assert "done" not in text
