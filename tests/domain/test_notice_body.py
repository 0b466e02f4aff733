import json

import msgspec
import pytest
from msgspec import UNSET
from records import digest_of_steps, opened, then
from watchkeeper.domain.incidents.incident import Incident, TransitionKind
from watchkeeper.domain.incidents.notice import NoticeReason, make_notice
from watchkeeper.domain.incidents.notice_body import notice_body
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S

OPENED_NS = 1_767_225_600 * NS_PER_S


def transition(**fields) -> Incident:
    given = {
        "id": "inc_1",
        "sequence": 1,
        "change": TransitionKind.OPENED,
        "target": "shop",
        "rule": "down",
        "severity": Severity.CRITICAL,
        "at_ns": OPENED_NS + 2 * NS_PER_S,
        "opened_at_ns": OPENED_NS,
        "reason": "timed_out",
        "cause": "timed_out: the deadline passed",
        "latest": "timed_out: no answer",
        "explanation": "timed_out: the deadline passed",
        "evidence": (4, 5, 6),
    }
    return Incident(**{**given, **fields})


def notice(transition, change=None, reason=NoticeReason.TRANSITION):
    return make_notice(transition, "ops", change or transition.change, OPENED_NS + 3 * NS_PER_S, reason)


def test_an_opened_notice_reads_as_documented():
    one = notice(transition())

    assert json.loads(notice_body(one)) == {
        "id": one.key,
        "type": "incident.opened",
        "sequence": 1,
        "timestamp": "2026-01-01T00:00:02.000Z",
        "reason": "transition",
        "incident": {
            "id": "inc_1",
            "target": "shop",
            "rule": "down",
            "severity": "critical",
            "status": "open",
            "opened_at": "2026-01-01T00:00:00.000Z",
            "acknowledged_at": None,
            "acknowledged_by": None,
            "resolved_at": None,
            "note": None,
            "lasted": None,
            "cause": "timed_out: the deadline passed",
            "latest": "timed_out: no answer",
            "reason": "timed_out",
            "explanation": "timed_out: the deadline passed",
            "evidence": [4, 5, 6],
        },
    }


def test_a_notice_carries_the_texts_about_its_target():
    about = TargetMetadata(group="shop/api", labels=(("team", "payments"),), runbook="https://wiki/down")
    plain, described = (json.loads(notice_body(notice(transition(about=each)))) for each in (UNSET, about))

    assert "about" not in plain["incident"]
    assert described["incident"].pop("about") == {
        "group": "shop/api",
        "labels": {"team": "payments"},
        "runbook": "https://wiki/down",
    }
    assert described == plain


def test_a_resolved_notice_carries_the_whole_story():
    resolved = transition(
        sequence=3,
        change=TransitionKind.RESOLVED,
        acknowledged_at_ns=OPENED_NS + 5 * NS_PER_S,
        acknowledged_by="ann",
        note="restarting it",
        resolved_at_ns=OPENED_NS + 9 * NS_PER_S + 250 * NS_PER_MS,
        reason="recovered",
    )
    document = json.loads(notice_body(notice(resolved, reason=NoticeReason.CATCH_UP)))

    assert (document["type"], document["sequence"], document["reason"]) == (
        "incident.resolved",
        3,
        "catch_up",
    )
    assert document["incident"]["status"] == "resolved"
    assert document["incident"]["acknowledged_at"] == "2026-01-01T00:00:05.000Z"
    assert document["incident"]["acknowledged_by"] == "ann"
    assert (document["incident"]["note"], document["incident"]["lasted"]) == ("restarting it", "9.25s")
    assert document["incident"]["resolved_at"] == "2026-01-01T00:00:09.250Z"


def test_the_same_notice_always_makes_the_same_bytes():
    assert notice_body(notice(transition())) == notice_body(notice(transition()))


@pytest.mark.parametrize(
    "text", ['"}{{7*7}}', "a\r\nb\x00", "\ud800", "\u202eevil", "@everyone <b>"], ids=ascii
)
def test_hostile_names_stay_inert_in_valid_json(text):
    body = notice_body(notice(transition(target=text, explanation=text)))
    shown = json.loads(body)["incident"]["target"]

    assert shown == text.encode("utf-8", "replace").decode()
    assert b"\n" not in body


def test_a_moment_outside_the_calendar_cannot_be_written():
    with pytest.raises(ValueError, match=r"calendar|year"):
        notice_body(notice(transition(opened_at_ns=10**20 * NS_PER_S)))


def digest(count=2, reminder=0):
    steps = [
        opened(
            f"inc_{number:03}",
            target=f"t{number}",
            severity=Severity.CRITICAL if number == count - 1 else Severity.WARNING,
        )
        for number in range(count)
    ]
    return digest_of_steps(*steps, reminder=reminder)


def test_a_digest_reads_as_documented():
    step, end = opened(), then(opened("inc_2", target="mail"), TransitionKind.RESOLVED)
    one = digest_of_steps(step, end)
    document = json.loads(notice_body(one))
    assert (document["id"], document["type"], document["timestamp"]) == (
        one.key,
        "digest.opened",
        "2026-01-01T12:00:02.000Z",
    )
    assert document["incident"]["id"] == "inc_1", "the lead"
    assert document["digest"] == {
        "id": one.thread_id,
        "route": "shop",
        "labels": {"group": "shop"},
        "opened": 1,
        "ended": 1,
        "open": 1,
        "members": [
            {
                "id": "inc_1",
                "sequence": 1,
                "change": "opened",
                "target": "shop",
                "rule": "down",
                "severity": "critical",
                "at": "2026-01-01T12:00:00.000Z",
                "opened_at": "2026-01-01T11:59:59.000Z",
                "acknowledged": False,
                "cause": "timed_out: no answer",
            },
            {
                "id": "inc_2",
                "sequence": 2,
                "change": "resolved",
                "target": "mail",
                "rule": "down",
                "severity": "critical",
                "at": "2026-01-01T12:00:01.000Z",
                "opened_at": "2026-01-01T11:59:59.000Z",
                "acknowledged": False,
                "cause": "timed_out: no answer",
            },
        ],
        "members_left_out": 0,
        "others": [],
        "others_left_out": 0,
    }


def test_a_body_names_the_first_fifty_members_and_counts_the_rest():
    document = json.loads(notice_body(digest(5_000)))["digest"]
    assert (document["opened"], len(document["members"]), document["members_left_out"]) == (5_000, 50, 4_950)
    assert document["members"][0]["severity"] == "critical"
    assert len(notice_body(digest(5_000))) < 32 * 1024


def test_the_body_of_a_digest_stays_the_same_to_the_byte_through_the_record():
    one = digest(60)
    again = msgspec.json.decode(msgspec.json.encode(one), type=type(one))
    assert notice_body(again) == notice_body(one)


def test_a_reminder_says_its_number_and_has_a_type_of_its_own():
    step = opened()
    said = make_notice(step.incident, "ops", step.change, step.at_ns + NS_PER_S, NoticeReason.REMINDER, 3)
    document = json.loads(notice_body(said))
    assert (document["type"], document["reason"], document["reminder"]) == (
        "incident.reminder",
        "reminder",
        3,
    )
    assert document["timestamp"] == "2026-01-01T12:00:01.000Z"
    assert json.loads(notice_body(digest(reminder=2)))["type"] == "digest.reminder"
    assert "reminder" not in json.loads(notice_body(digest()))
