"""The second book on commits: lawful traffic passes in silence, and each breach is named by its invariant."""

import pytest
from audited import (
    ACKNOWLEDGED,
    CHANGED,
    DEAD,
    DELIVERED,
    NOTICE,
    OPENED,
    PENDING,
    RESOLVED,
    UNTOLD,
    Book,
    silence,
)
from msgspec.structs import replace
from records import delivery_of, digest_of_steps, notice_of, opened, then
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import NoticeReason, make_notice
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.specification.rule import Severity


@pytest.fixture
def book():
    return Book()


# Steps of incidents.


def test_a_whole_life_is_lawful(book):
    assert book.tell(OPENED) == []
    again = then(ACKNOWLEDGED, TransitionKind.CHANGED)
    end = then(again, TransitionKind.RESOLVED)
    assert book.tell(ACKNOWLEDGED) == book.commit(again) == book.tell(end) == []
    assert book.durable.open_incidents() == []
    assert book.durable.told == {("inc_1", "ops"): 4}
    assert book.open() == []


STEPS = [
    ((CHANGED,), ["S2"]),
    ((replace(CHANGED, sequence=1),), ["S2"]),
    ((OPENED, RESOLVED), []),
    ((OPENED, RESOLVED, then(RESOLVED, TransitionKind.CHANGED)), ["S2"]),
    ((OPENED, replace(RESOLVED, sequence=3)), ["S2"]),
    ((OPENED, replace(OPENED, rule="other")), ["S2"]),
    ((OPENED, replace(CHANGED, change=TransitionKind.OPENED)), ["S2"]),
    ((OPENED, opened("inc_2")), ["S1"]),
    ((OPENED, opened("inc_2", rule="slow"), opened("inc_3", target="bank")), []),
    ((OPENED, RESOLVED, opened("inc_2")), []),
    ((OPENED, OPENED), []),
]


@pytest.mark.parametrize(("steps", "expected"), STEPS)
def test_each_step_is_legal_and_a_rule_has_one_open_incident(book, steps, expected):
    assert book.commit(*(replace(step, **UNTOLD) for step in steps)) == expected


def test_the_end_of_one_rival_leaves_the_other_open(book):
    rival = opened("inc_2", **UNTOLD)
    assert book.commit(replace(OPENED, **UNTOLD), rival) == ["S1"]
    book.commit(replace(RESOLVED, **UNTOLD))
    assert book.durable.open_incidents() == [rival.incident]
    book.commit(then(rival, TransitionKind.RESOLVED))
    assert book.durable.open_incidents() == []


@pytest.mark.parametrize(
    ("opened_s", "acknowledged_s", "resolved_s", "expected"),
    [
        (1, None, None, []),
        (1, 1, 1, []),
        (1, 2, 3, []),
        (2, 1, None, ["S20"]),
        (1, 3, 2, ["S20"]),
        (2, None, 1, ["S20"]),
    ],
)
def test_the_times_of_a_step_are_in_order(book, opened_s, acknowledged_s, resolved_s, expected):
    said = {"opened_at_ns": opened_s, "acknowledged_at_ns": acknowledged_s, "resolved_at_ns": resolved_s}
    assert book.commit(replace(OPENED, **UNTOLD, **said)) == expected


# Notices.


def test_a_batch_that_is_repeated_is_no_news(book):
    batch = {"notices": (NOTICE,), "deliveries": (delivery_of(NOTICE, PENDING),)}
    assert book.commit(OPENED, **batch) == book.commit(OPENED, **batch) == []
    assert book.durable.lives == {"inc_1": [OPENED.incident]}
    assert book.commit(CHANGED) == book.commit(OPENED, CHANGED) == []
    assert book.durable.lives == {"inc_1": [OPENED.incident, CHANGED.incident]}
    news = book.durable.apply(Batch(transitions=(OPENED,), notices=(NOTICE,)))
    assert (news.transitions, news.notices, news.rivals) == ([], [], [])


BROKEN_NOTICES = [
    ((replace(NOTICE, key="msg_other"),), ["S6"]),
    ((NOTICE, NOTICE), ["S6"]),
    ((NOTICE, notice_of(OPENED, "boss")), []),
    ((NOTICE, replace(NOTICE, key="msg_other")), ["S6", "S6"]),
    ((NOTICE, notice_of(CHANGED)), ["S4"]),
    ((NOTICE, notice_of(opened("inc_2"))), ["S4"]),
    ((notice_of(replace(OPENED, reason="other")),), ["S4"]),
]


@pytest.mark.parametrize(("notices", "expected"), BROKEN_NOTICES)
def test_a_notice_is_about_a_recorded_step_under_its_own_key(book, notices, expected):
    assert book.commit(OPENED, notices=notices) == expected


OTHER = opened("inc_2", target="mail")
BOTH = digest_of_steps(OPENED, OTHER)
BROKEN_DIGESTS = [
    (BOTH, []),
    (replace(BOTH, key="msg_other"), ["S6"]),
    (digest_of_steps(OPENED, OTHER, OTHER), ["S6", "S6"]),
    (digest_of_steps(OPENED, OTHER, opened("inc_3", target="bank")), ["S4"]),
    (digest_of_steps(OPENED, then(OTHER, TransitionKind.RESOLVED, sequence=1)), ["S4"]),
    (digest_of_steps(OPENED, OTHER, reminder=1), ["S4", "S4"]),
]


@pytest.mark.parametrize(("digest", "expected"), BROKEN_DIGESTS)
def test_a_digest_tells_recorded_steps_each_once_under_its_own_key(book, digest, expected):
    assert book.commit(OPENED, OTHER, notices=(digest,)) == expected


def test_every_member_of_a_delivered_digest_counts_as_told(book):
    book.commit(OPENED, OTHER, notices=(BOTH,))
    book.receivers["ops"].apply(BOTH)
    assert book.commit(deliveries=(delivery_of(BOTH, DELIVERED),)) == []
    assert book.durable.told == {("inc_1", "ops"): 1, ("inc_2", "ops"): 1}
    assert book.commit(RESOLVED) == [], "its end waits for the next digest"


def test_a_given_up_digest_counts_for_every_member_and_a_reminder_for_none(book):
    book.commit(OPENED, OTHER, notices=(BOTH,))
    book.commit(deliveries=(delivery_of(BOTH, DEAD),))
    assert set(book.durable.given_up) == {("inc_1", "ops"), ("inc_2", "ops")}
    another = type(book)()
    another.tell(OPENED)
    again = make_notice(OPENED.incident, "ops", OPENED.change, OPENED.at_ns, NoticeReason.REMINDER, 1)
    assert another.commit(notices=(again,), deliveries=(delivery_of(again, DEAD),)) == []
    assert another.durable.given_up == {}


@pytest.mark.parametrize("after", [ACKNOWLEDGED, RESOLVED])
def test_a_reminder_of_what_somebody_has_seen_or_of_what_is_over_is_complained_of(book, after):
    book.tell(OPENED)
    book.tell(after)
    late = make_notice(after.incident, "ops", after.change, after.at_ns, NoticeReason.REMINDER, 1)
    assert book.commit(notices=(late,)) == ["S4"]


def test_a_silence_is_held_against_every_member_of_a_digest(book):
    muted = silence("mail", target="mail")
    book.rules.muted(muted)
    book.commit(OPENED, OTHER, silences=(muted,))
    assert book.commit(notices=(BOTH,)) == ["S22"]


def test_a_draft_is_recorded_and_announced_to_nobody(book):
    draft = replace(OPENED, draft=True)
    assert book.commit(draft) == []
    assert Book().commit(draft, notices=(notice_of(draft),)) == ["S4"]


def test_a_delivery_has_a_notice_that_its_receiver_has_applied(book):
    assert book.commit(deliveries=(delivery_of(NOTICE, PENDING),)) == ["S4"]
    assert book.commit(OPENED, notices=(NOTICE,), deliveries=(delivery_of(NOTICE, DEAD),)) == []
    assert book.commit(deliveries=(delivery_of(NOTICE, DELIVERED),)) == ["S8"]
    assert Book().tell(OPENED) == []


# Announcements that are due.

DUE = [
    ("an opening", (), OPENED, ["S4"]),
    ("a change before any delivery", (), CHANGED, ["S4"]),
    ("a change after one", (OPENED,), CHANGED, ["S4"]),
    ("an acknowledgement after one", (OPENED,), ACKNOWLEDGED, ["S4"]),
    ("an acknowledgement before any", (), ACKNOWLEDGED, []),
    ("an end after one", (OPENED,), RESOLVED, ["S4"]),
    ("an end before any", (), RESOLVED, []),
    ("a change after an acknowledgement", (OPENED, ACKNOWLEDGED), then(ACKNOWLEDGED, TransitionKind.CHANGED), []),
    ("an end after an acknowledgement", (OPENED, ACKNOWLEDGED), then(ACKNOWLEDGED, TransitionKind.RESOLVED), ["S4"]),
]  # fmt: skip


@pytest.mark.parametrize(("told", "step", "expected"), [row[1:] for row in DUE], ids=[row[0] for row in DUE])
def test_a_step_that_a_channel_is_due_for_has_a_notice(book, told, step, expected):
    for earlier in told:
        assert book.tell(earlier) == []
    if not told and step is not OPENED:
        book.commit(replace(OPENED, **UNTOLD))
    assert book.commit(step) == expected


def test_only_the_last_step_of_a_batch_is_announced(book):
    assert book.commit(OPENED, CHANGED) == ["S4"]
    assert book.commit(then(CHANGED, TransitionKind.RESOLVED)) == []


@pytest.mark.parametrize(
    ("floor", "severity", "expected"),
    [
        (Severity.WARNING, Severity.INFO, []),
        (Severity.WARNING, Severity.WARNING, ["S4"]),
        (Severity.WARNING, Severity.CRITICAL, ["S4"]),
        (None, Severity.INFO, ["S4"]),
    ],
)
def test_a_mild_incident_is_due_to_no_channel_with_a_higher_floor(book, floor, severity, expected):
    book.rules.floors = {"ops": floor} if floor else {}
    assert book.commit(replace(OPENED, severity=severity)) == expected


def test_a_channel_that_knows_an_incident_is_told_of_its_milder_end(book):
    book.rules.floors = {"ops": Severity.CRITICAL}
    book.tell(OPENED)
    assert book.commit(replace(RESOLVED, severity=Severity.INFO)) == ["S4"]


def test_each_channel_of_a_step_is_looked_at(book):
    step = replace(OPENED, notify=("gone", "ops", "boss"))
    assert book.commit(step, notices=(notice_of(step),)) == ["S4"]
    other = replace(step, id="inc_2", rule="slow")
    assert book.commit(other, notices=(notice_of(other), notice_of(other, "boss"))) == []


def test_a_notice_under_way_excuses_the_next_of_its_incident_and_channel_alone(book):
    assert book.commit(OPENED, notices=(NOTICE,)) == []
    assert book.commit(CHANGED) == []
    assert book.commit(opened("inc_2", rule="slow")) == ["S4"]
    assert book.commit(then(CHANGED, TransitionKind.CHANGED, notify=("ops", "boss"))) == ["S4"]


def test_a_notice_that_ends_in_the_batch_of_a_step_excuses_it(book):
    book.commit(OPENED, notices=(NOTICE,))
    assert book.commit(CHANGED, deliveries=(delivery_of(NOTICE, DEAD),)) == []
    assert book.commit(then(CHANGED, TransitionKind.CHANGED)) == ["S4"]
