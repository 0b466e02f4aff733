"""The words of notices, and templates of them."""

import pytest
from msgspec.structs import replace
from records import NOON, notice_of, opened, then
from watchkeeper.domain.incidents.digest import Grouping, digest_of, member_of
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import NoticeReason, make_digest, make_notice
from watchkeeper.domain.incidents.trials.channel_test import notice_of_test
from watchkeeper.domain.limits import NOTICE_LINE_CHARACTERS_MAX, NOTICE_TITLE_CHARACTERS_MAX
from watchkeeper.domain.messages.notice_text import notice_text
from watchkeeper.domain.messages.template import PLACEHOLDERS, Template, values_of
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.time.moment import NS_PER_S

ABOUT = TargetMetadata(name="The shop", group="shop/api", runbook="https://wiki.example/down")
PLAIN = opened()
DESCRIBED = opened(about=ABOUT)
HOSTILE = "a\nb\x1b[31m\u202e<!channel> @everyone {key} \udc80"
PLACE = "shop/down, since 2026-01-01 11:59:59 UTC"
PLACE_OF_GROUP = "shop/down, group shop/api, since 2026-01-01 11:59:59 UTC"
ACKNOWLEDGED = then(
    DESCRIBED,
    TransitionKind.ACKNOWLEDGED,
    acknowledged_by="ann",
    acknowledged_at_ns=NOON.wall_ns,
    note="rolling back",
    reason="acknowledged",
    explanation="acknowledged by ann",
)
ENDED = then(DESCRIBED, TransitionKind.RESOLVED, reason="recovered", explanation="ok")
CASES = {
    "opened": (PLAIN, "[critical] shop: down", ("timed_out: no answer", PLACE)),
    "opened, described": (
        DESCRIBED,
        "[critical] The shop: down",
        ("timed_out: no answer", PLACE_OF_GROUP, "runbook https://wiki.example/down"),
    ),
    "changed": (
        then(DESCRIBED, TransitionKind.CHANGED, explanation="status 503", latest="status 503"),
        "[changed, critical] The shop: down",
        ("status 503: status 503", PLACE_OF_GROUP, "runbook https://wiki.example/down"),
    ),
    "acknowledged": (
        ACKNOWLEDGED,
        "[acknowledged] The shop: down",
        (
            "acknowledged by ann: timed_out: no answer",
            PLACE_OF_GROUP,
            "runbook https://wiki.example/down",
        ),
    ),
    "changed while acknowledged": (
        then(ACKNOWLEDGED, TransitionKind.CHANGED, explanation="status 503"),
        "[changed, critical] The shop: down",
        (
            "status 503: timed_out: no answer",
            PLACE_OF_GROUP,
            "runbook https://wiki.example/down, acknowledged by ann: rolling back",
        ),
    ),
    "resolved": (
        ENDED,
        "[resolved] The shop: down",
        ("recovered after 2s: timed_out: no answer", PLACE_OF_GROUP),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_notice_reads_as_documented(case):
    transition, title, lines = CASES[case]
    text = notice_text(notice_of(transition), "https://watch.example/")
    assert (text.title, text.lines) == (title, lines)
    assert text.link == "https://watch.example/i/inc_1"
    assert text.whole == "\n".join((title, *lines, text.link))


def test_each_notice_of_an_incident_has_the_same_subject():
    assert len({notice_text(notice_of(step)).subject for step in (DESCRIBED, ACKNOWLEDGED, ENDED)}) == 1


def test_a_notice_without_an_address_of_the_page_has_no_link():
    text = notice_text(notice_of(PLAIN))
    assert text.link == ""
    assert text.whole == "\n".join((text.title, *text.lines))


def test_a_late_notice_says_how_late_it_is_told():
    late_ns = NOON.wall_ns + 3_600 * NS_PER_S
    assert notice_text(notice_of(PLAIN), now_wall_ns=late_ns).lines[1] == f"{PLACE}, told 1h late"
    assert notice_text(notice_of(PLAIN), now_wall_ns=NOON.wall_ns).lines[1] == PLACE


def test_a_test_of_a_channel_says_that_nothing_is_wrong():
    text = notice_text(notice_of_test("ops", "ann", (1, 1), NOON.wall_ns), "https://watch.example")
    assert text.title == "[test] channel ops"
    assert text.lines == ("this is a test of the channel ops, asked for by ann: nothing is wrong",)
    assert text.link == "https://watch.example"


def test_a_hostile_text_adds_no_line_and_no_control_character():
    about = TargetMetadata(name=HOSTILE, group=HOSTILE, runbook=HOSTILE)
    step = opened(about=about, explanation=HOSTILE, rule=HOSTILE, acknowledged_by=HOSTILE, note=HOSTILE)
    for word in notice_text(notice_of(step)).whole.split("\n"):
        assert word.isprintable()
    assert len(notice_text(notice_of(step)).whole.split("\n")) == 4


def test_a_long_text_is_cut_and_a_long_runbook_left_out():
    about = TargetMetadata(name="n" * 1_000, runbook="https://wiki.example/" + "r" * 1_000)
    text = notice_text(notice_of(opened(about=about, explanation="e" * 5_000, cause="e" * 5_000)))
    assert len(text.subject) == NOTICE_TITLE_CHARACTERS_MAX
    assert len(text.lines[0]) == NOTICE_LINE_CHARACTERS_MAX
    assert len(text.lines) == 2


# Digests and reminders.


def digest(count, ended=0, others=0, reminder=0, name="api"):
    steps = [opened(f"inc_{number:03}", f"{name}-{number:03}") for number in range(count + others)]
    kinds = [TransitionKind.RESOLVED] * ended + [TransitionKind.OPENED] * (count - ended)
    told = [
        then(step, kind, reason="recovered") if kind is TransitionKind.RESOLVED else step
        for step, kind in zip(steps, kinds, strict=False)
    ]
    return digest_about(told, steps[count:], reminder)


def digest_about(told, standing=(), reminder=0):
    members = [member_of(step, step.change) for step in told]
    others = [member_of(step, TransitionKind.OPENED) for step in standing]
    made = digest_of(Grouping("shop", (("group", "api"),)), members, others)
    lead = next(step.incident for step in told if step.incident_id == made.members[0].incident_id)
    change = TransitionKind.OPENED if made.open_count else TransitionKind.RESOLVED
    return make_digest(made, lead, "ops", change, NOON.wall_ns, reminder)


def test_a_digest_counts_and_names_its_members_and_says_what_was_found_first():
    text = notice_text(digest(3, ended=1, others=2), "https://watch.example")
    assert text.title == "[critical, 4 open] shop: group=api"
    assert text.lines == (
        "4 open, since 2026-01-01 11:59:59 UTC, 1 ended",
        "open: api-001/down (timed_out: no answer), api-002/down",
        "ended: api-000/down",
    )
    assert text.link == "https://watch.example/"


def test_a_digest_names_what_is_to_be_known_of_an_opening_beside_its_member():
    step = opened("inc_7", target="modem")
    known = member_of(step.incident, step.change, "opened 7 times within 1h")
    told = digest_of(Grouping("shop", ()), [known, *digest(1).digest.members], ())
    text = notice_text(make_digest(told, step.incident, "ops", step.change, NOON.wall_ns))
    assert text.lines[1].startswith("open: ")
    assert "modem/down (opened 7 times within 1h; timed_out: no answer)" in text.lines[1]
    assert text.lines[1].count("(opened") == 1


def test_a_digest_of_an_acknowledgement_says_who_gave_it():
    one = opened("inc_1", "api-1")
    seen = then(
        one, TransitionKind.ACKNOWLEDGED, acknowledged_at_ns=NOON.wall_ns, explanation="acknowledged by ann"
    )
    over = then(seen, TransitionKind.CHANGED, acknowledged_at_ns=None, explanation="no longer acknowledged")
    assert notice_text(digest_about([seen])).lines == (
        "1 open, since 2026-01-01 11:59:59 UTC",
        "acknowledged: api-1/down (acknowledged by ann: timed_out: no answer)",
    )
    assert notice_text(digest_about([over])).lines[1] == (
        "changed: api-1/down (no longer acknowledged: timed_out: no answer)"
    )
    assert notice_text(digest_about([over], reminder=1)).lines[1].startswith("open: api-1/down (")


def test_a_digest_about_everything_at_once_has_three_lines_that_fit():
    steps = [opened(f"inc_{number}", str(number) + "x" * 60) for number in range(40)]
    changes = [
        TransitionKind.OPENED,
        TransitionKind.ACKNOWLEDGED,
        TransitionKind.CHANGED,
        TransitionKind.RESOLVED,
    ]
    told = [
        then(step, change, acknowledged_at_ns=1 if change is TransitionKind.ACKNOWLEDGED else None)
        for step, change in zip(steps, changes * 10, strict=True)
    ]
    _, first, second = notice_text(digest_about(told)).lines
    assert first.startswith("open: ")
    assert [second.count(f"{kind}: ") for kind in ("acknowledged", "changed", "ended")] == [1, 1, 1]
    assert max(map(len, (first, second))) < NOTICE_LINE_CHARACTERS_MAX


def test_a_digest_of_many_counts_those_that_do_not_fit():
    text = notice_text(digest(5_000, name="a" * 100))
    assert text.lines[0].startswith("5,000 open")
    assert text.lines[1].endswith(", and 4,996 more")
    assert len(text.lines[1]) <= NOTICE_LINE_CHARACTERS_MAX


def test_the_last_digest_of_a_group_says_that_none_is_open():
    text = notice_text(digest(2, ended=2))
    assert text.title == "[resolved] shop: group=api"
    assert text.lines == (
        "0 open, 2 ended",
        "ended: api-000/down (recovered after 2s: timed_out: no answer), api-001/down",
    )


def test_a_reminder_says_which_one_it_is():
    reason = NoticeReason.REMINDER
    notice = make_notice(PLAIN.incident, "ops", TransitionKind.OPENED, NOON.wall_ns, reason, reminder=2)
    assert notice_text(notice).title == "[reminder 2, critical] shop: down"
    assert notice_text(digest(2, reminder=1)).title == "[reminder 1, critical, 2 open] shop: group=api"


# Templates.


def filled(template, transition=DESCRIBED, **how):
    notice = notice_of(transition)
    return Template(template).fill(values_of(notice, notice_text(notice)), **how)


def test_a_template_fills_each_placeholder_and_leaves_other_braces():
    assert filled('{"text": "{title}", "of": {"rule": "{rule}"}}') == (
        '{"text": "[critical] The shop: down", "of": {"rule": "down"}}'
    )


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_every_placeholder_has_a_value(name):
    assert list(Template(f"{{{name}}}").faults()) == []
    assert f"{{{name}}}" not in filled(f"{{{name}}}")


def test_a_value_that_looks_like_a_placeholder_stays_as_it_is():
    assert filled("{explanation}", opened(explanation="{key}")) == "{key}"


def test_doubled_braces_stand_for_a_word_in_braces():
    assert filled("{{title}} {rule}") == "{title} down"
    assert list(Template("{{nothing}}").faults()) == []


def test_an_unknown_placeholder_is_named_with_its_place():
    (fault,) = Template('{\n  "text": "{titel}"\n}').faults()
    assert "'{titel}' (line 2, column 12 of the text) is no placeholder, did you mean title" in fault
    assert "{{titel}}" in fault


def test_values_are_escaped_for_where_the_template_stands():
    assert (
        filled("<{name}>", replace(DESCRIBED, about=TargetMetadata(name="A&B")), escape=str.lower) == "<a&b>"
    )


def test_values_of_a_hostile_notice_are_lines():
    notice = notice_of(opened(explanation=HOSTILE, note=HOSTILE, rule=HOSTILE))
    values = values_of(notice, notice_text(notice))
    assert {name for name, value in values.items() if not value.isprintable()} <= {"body"}
