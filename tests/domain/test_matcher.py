"""Matchers: their text form, what each of them accepts, and what a pattern may cost."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.limits import MATCHER_CHARACTERS_MAX, MATCHERS_MAX
from watchkeeper.domain.specification.matcher import Matcher, MatchOperator, Selection, Subject, parsed
from watchkeeper.domain.specification.metadata import TargetMetadata

SHOP = Subject(
    "shop-eu",
    TargetMetadata(group="shop/api", labels=(("team", "payments"), ("tier", "1"))),
    "down",
    "critical",
)

ACCEPTED = {
    "target=shop-eu": True,
    "target=shop": False,
    "target!=shop": True,
    "target!=shop-eu": False,
    "target=~shop": False,
    "target=~shop.*": True,
    "target!~shop.*": False,
    "target!~.*us": True,
    "target=~SHOP.*": False,
    "target=~(?i)SHOP.*": True,
    "group=shop/api": True,
    "group=shop": False,
    "group=~shop(/.*)?": True,
    "team=payments": True,
    "team = payments": True,
    'team="payments"': True,
    "tier=~1|2": True,
    "tier=1|2": False,
    "rule=down": True,
    "rule!=down": False,
    "severity=critical": True,
    "severity=~warning|critical": True,
    "severity=warning": False,
    "severity!~info": True,
    # A label that the target lacks is an empty text.
    "region=": True,
    'region=""': True,
    "region!=eu": True,
    "region=~.+": False,
    "region!~.+": True,
    "region=~.*": True,
}


@pytest.mark.parametrize(("text", "is_accepted"), ACCEPTED.items())
def test_a_matcher_is_held_against_the_texts_of_an_incident(text, is_accepted):
    assert Selection(parsed([text])).accepts(SHOP) is is_accepted


@pytest.mark.parametrize("text", ["rule=slow", "severity=info", "severity!~.*", "rule!=down"])
def test_a_matcher_of_incidents_holds_for_a_target_as_a_whole(text):
    assert Selection(parsed([text])).accepts(Subject("shop-eu"))


def test_all_matchers_of_a_selection_must_hold():
    assert Selection(parsed(["team=payments", "target=~shop.*"])).accepts(SHOP)
    assert not Selection(parsed(["team=payments", "target=us"])).accepts(SHOP)
    assert Selection(()).accepts(SHOP)


def test_a_selection_says_whether_it_needs_the_texts_of_a_target():
    assert Selection(parsed(["target=x", "group=shop"])).needs_metadata
    assert Selection(parsed(["team=x"])).needs_metadata
    assert not Selection(parsed(["target=x", "rule=down", "severity=info"])).needs_metadata


@pytest.mark.parametrize(
    ("glob", "target", "is_accepted"),
    [
        ("shop*", "shop-eu", True),
        ("shop*", "shop", True),
        ("shop*", "a shop", False),
        ("shop-??", "shop-eu", True),
        ("shop-?", "shop-eu", False),
        ("*", "", True),
        ("a.b_c+*", "a.b_c+d", True),
        ("a.*", "aXb", False),
        ("ä*", "äb", True),
    ],
)
def test_a_glob_chooses_targets_by_their_ids(glob, target, is_accepted):
    assert Selection([Matcher.of_glob(glob)]).accepts(Subject(target)) is is_accepted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'' is no matcher: write a name, an operator"),
        ("shop", "'shop' is no matcher: write a name, an operator"),
        ("=shop", "'=shop' is no matcher"),
        ("1st=x", "'1st=x' is no matcher"),
        ("target~shop", "'target~shop' is no matcher"),
        ('team="a', "begins with a quote: end it with one, too"),
        ('team="a" b', "begins with a quote"),
        ("team=a\nb", "holds a control character"),
        ("target=~shop(", r"the pattern 'shop\(' cannot be used: missing \)"),
        ("target=~(?=x)", "cannot be used: invalid perl operator"),
        (r"target=~(a)\1", "cannot be used: invalid escape sequence"),
        ("target=~((a{100}){100}){100}", "cannot be used: invalid repetition size"),
        ("severity=fatal", "no rule has the severity 'fatal', only info, warning, critical"),
        ("team=" + "a" * MATCHER_CHARACTERS_MAX, "has 517 characters: write at most 512"),
    ],
)
def test_a_text_that_is_no_matcher_is_refused_with_the_reason(text, problem):
    with pytest.raises(ValueError, match=problem):
        Matcher.parse(text)


def test_more_matchers_than_the_bound_are_refused():
    assert len(parsed(["team=x"] * MATCHERS_MAX)) == MATCHERS_MAX
    with pytest.raises(ValueError, match="there are 17 matchers: write at most 16"):
        parsed(["team=x"] * (MATCHERS_MAX + 1))


@given(
    name=st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,9}", fullmatch=True).filter(
        lambda name: name != "severity"
    ),
    operator=st.sampled_from([MatchOperator.EQUAL, MatchOperator.NOT_EQUAL]),
    value=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20),
)
def test_a_matcher_reads_back_from_its_text(name, operator, value):
    matcher = Matcher(name, operator, value)
    assert Matcher.parse(str(matcher)) == matcher


@pytest.mark.parametrize("value", ["a.b|c", '"', "~x", r"a\.b", " x ", "", r"\"", "[^a-z]+"])
@pytest.mark.parametrize("operator", [MatchOperator.MATCHES, MatchOperator.NOT_MATCHES])
def test_a_pattern_reads_back_from_its_text(operator, value):
    matcher = Matcher("team", operator, value)
    assert Matcher.parse(str(matcher)) == matcher


@given(st.text(max_size=20))
def test_a_matcher_of_equality_is_met_by_its_own_text_alone(text):
    accepts = Selection([Matcher("target", MatchOperator.EQUAL, text)]).accepts
    assert accepts(Subject(text))
    assert not accepts(Subject(text + "x"))


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", ".*.*.*.*.*.*=", "(.*a){12}b"])
def test_a_hostile_pattern_takes_no_longer_than_another(pattern):
    selection = Selection(parsed([f"target=~{pattern}"]))
    began = time.process_time()
    assert not selection.accepts(Subject("a" * 256))
    assert time.process_time() - began < 1


def test_a_text_with_half_a_character_is_compared_and_breaks_nothing():
    assert Selection(parsed(["target=~shop.*"])).accepts(Subject("shop\ud800"))
