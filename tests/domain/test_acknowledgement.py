"""Acknowledgements: the steps that they make, and the ends that are due."""

import msgspec
import pytest
from records import NOON, opened, then
from watchkeeper.domain.incidents.acknowledgement import (
    ENDED,
    WITHDRAWN,
    AcknowledgementEnds,
    acknowledged,
    outgrown,
    unacknowledged,
)
from watchkeeper.domain.incidents.incident import Incident, TransitionKind
from watchkeeper.domain.incidents.notice import LastDelivered, due_change, make_notice
from watchkeeper.domain.incidents.notice import NoticeReason as Reason
from watchkeeper.domain.incidents.notice_body import notice_document
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.time.moment import NS_PER_S

OPENED = opened().incident
AT_NS = NOON.wall_ns + 10 * NS_PER_S
UNTIL_NS = AT_NS + 3_600 * NS_PER_S


def seen(incident=OPENED, by="ann", note="", until_ns=None, at_ns=AT_NS):
    return acknowledged(incident, by, note, until_ns, at_ns)


def told(step):
    return LastDelivered(incident_id=step.id, channel="ops", sequence=step.sequence, change=step.change)


def test_an_acknowledgement_says_by_whom_with_which_note_and_until_when():
    step = seen(note="rolling back", until_ns=UNTIL_NS)
    assert step.may_follow(OPENED)
    assert (step.acknowledged_at_ns, step.acknowledged_by) == (AT_NS, "ann")
    assert (step.note, step.acknowledged_until_ns) == ("rolling back", UNTIL_NS)
    assert step.explanation == "acknowledged by ann until 2026-01-01T13:00:10.000Z (rolling back)"


def test_the_same_person_may_change_note_and_end_and_another_changes_nothing():
    first = seen().incident
    assert seen(first, at_ns=AT_NS + 1) is None
    assert seen(first, by="bob", note="mine") is None
    changed = seen(first, note="fixed", until_ns=UNTIL_NS, at_ns=AT_NS + 1)
    assert changed.may_follow(first)
    assert (changed.acknowledged_at_ns, changed.at_ns) == (AT_NS, AT_NS + 1)
    assert (changed.note, changed.acknowledged_until_ns) == ("fixed", UNTIL_NS)
    for said, note, until_ns in (
        ({"note": "x"}, "x", UNTIL_NS),
        ({"until_ns": UNTIL_NS + 1}, "fixed", UNTIL_NS + 1),
    ):
        merged = seen(changed.incident, **said)
        assert (merged.note, merged.acknowledged_until_ns) == (note, until_ns)
    assert seen(changed.incident) is None


def test_an_acknowledgement_whose_end_has_passed_is_none():
    assert seen(until_ns=AT_NS) is None


def test_an_incident_is_unseen_after_the_end_or_the_withdrawal():
    held = seen(note="rolling back", until_ns=UNTIL_NS).incident
    for step, reason, says in (
        (unacknowledged(held, UNTIL_NS), ENDED, "the acknowledgement of ann has ended"),
        (unacknowledged(held, AT_NS, "bob"), WITHDRAWN, "bob has withdrawn the acknowledgement of ann"),
    ):
        assert step.may_follow(held)
        assert (step.change, step.reason, step.explanation) == (TransitionKind.CHANGED, reason, says)
        assert (step.acknowledged_at_ns, step.acknowledged_by, step.note) == (None, None, "")
        assert step.acknowledged_until_ns is None


def test_nothing_is_withdrawn_twice_and_nothing_ends_before_its_time():
    assert unacknowledged(OPENED, AT_NS, "ann") is None
    assert unacknowledged(seen().incident, UNTIL_NS) is None
    assert unacknowledged(seen(until_ns=UNTIL_NS).incident, UNTIL_NS - 1) is None


def test_a_channel_is_told_once_that_nobody_has_it_any_more():
    first = seen()
    over = unacknowledged(first.incident, AT_NS, "ann")
    assert due_change(over.incident, told(first)) is TransitionKind.CHANGED
    assert due_change(over.incident, told(over)) is None
    assert due_change(over.incident, None) is TransitionKind.OPENED


def test_bytes_and_documents_without_an_end_are_those_of_before():
    assert b"until" not in msgspec.json.encode(seen())
    made = make_notice(
        seen(until_ns=UNTIL_NS).incident, "ops", TransitionKind.ACKNOWLEDGED, AT_NS, Reason.TRANSITION
    )
    assert notice_document(made)["incident"]["acknowledged_until"] == "2026-01-01T13:00:10.000Z"
    assert seen().acknowledged_until is None
    bare = make_notice(seen().incident, "ops", TransitionKind.ACKNOWLEDGED, AT_NS, Reason.TRANSITION)
    assert "acknowledged_until" not in notice_document(bare)["incident"]


def test_ends_are_due_once_in_their_order():
    ends = AcknowledgementEnds()
    later = msgspec.structs.replace(seen(until_ns=UNTIL_NS + 5).incident, id="inc_2")
    assert ends.next_ns is None
    assert all(ends.follow(incident) for incident in (later, seen(until_ns=UNTIL_NS).incident))
    assert ends.next_ns == UNTIL_NS
    assert ends.take_due(UNTIL_NS - 1) == ()
    assert ends.take_due(UNTIL_NS) == ("inc_1",)
    assert (ends.next_ns, ends.take_due(UNTIL_NS)) == (UNTIL_NS + 5, ())


def test_the_end_of_a_resolved_incident_or_of_a_withdrawn_acknowledgement_is_forgotten():
    ends, held = AcknowledgementEnds(), seen(until_ns=UNTIL_NS)
    for after in (then(held, TransitionKind.RESOLVED), unacknowledged(held.incident, AT_NS, "ann")):
        assert ends.follow(held.incident)
        assert not ends.follow(after.incident)
        assert ends.next_ns is None


def test_the_moment_of_an_end_is_read_in_utc():
    incident: Incident = seen(until_ns=UNTIL_NS).incident
    assert incident.acknowledged_until.isoformat() == "2026-01-01T13:00:10+00:00"
    assert incident.to_dict()["acknowledged_until"] == "2026-01-01T13:00:10.000Z"


def test_an_acknowledgement_may_hold_until_the_severity_rises():
    step = acknowledged(OPENED, "ann", "", UNTIL_NS, AT_NS, until_worse=True)
    assert step.explanation == ("acknowledged by ann until 2026-01-01T13:00:10.000Z or its severity rises")
    assert step.acknowledged_until_worse
    again = acknowledged(step.incident, "ann", "", None, AT_NS + 1)
    assert again is None, "a repeat that leaves it out changes nothing"
    sticky = acknowledged(step.incident, "ann", "", None, AT_NS + 1, until_worse=False)
    assert (sticky.acknowledged_until_worse, sticky.acknowledged_until_ns) == (False, UNTIL_NS)


@pytest.mark.parametrize(
    ("held", "severity", "ends"),
    [
        (True, Severity.CRITICAL, True),
        (True, Severity.WARNING, False),
        (True, Severity.INFO, False),
        (False, Severity.CRITICAL, False),
    ],
)
def test_only_a_higher_severity_ends_an_acknowledgement_that_holds_until_then(held, severity, ends):
    warned = opened(severity=Severity.WARNING).incident
    seen_ = acknowledged(warned, "ann", "", None, AT_NS, until_worse=held).incident
    assert bool(outgrown(seen_, severity)) is ends


def test_an_acknowledgement_of_an_earlier_version_keeps_its_bytes():
    body = msgspec.json.encode(seen().incident)
    assert b"worse" not in body
    assert not msgspec.json.decode(body, type=Incident).acknowledged_until_worse
