"""Silences as values: their ids, what they mute, and the bytes of their record."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.incidents.record import Silence, silence_id
from watchkeeper.domain.specification.matcher import Matcher, MatchOperator, Subject
from watchkeeper.domain.specification.metadata import TargetMetadata

UNTIL_NS = 1_800_000_000_000_000_000
SHOP = Subject("shop", TargetMetadata(group="front", labels=(("team", "sales"),)), "down", "critical")


def silence(target=None, *match, name="s"):
    return Silence(id=name, target=target, until_ns=UNTIL_NS, match=match)


def test_a_record_of_an_earlier_version_keeps_its_bytes():
    body = b'{"id":"target shop","target":"shop","until_ns":1800000000000000000,"by":"ada","created_at_ns":7}'
    read = msgspec.json.decode(body, type=Silence)
    assert (read.match, read.ended_by) == ((), "")
    assert msgspec.json.encode(read) == body


@pytest.mark.parametrize(
    ("muting", "is_muted"),
    [
        (silence(), True),
        (silence("shop"), True),
        (silence("sho"), False),
        (silence("sho*"), True),
        (silence("*", "group=front"), True),
        (silence("*", "group=front", "team=sales", "severity=~warning|critical"), True),
        (silence("*", "group=front", "team=it"), False),
        (silence("shop", "severity=info"), False),
        (silence("mail", "group=front"), False),
        # Matchers that cannot be read mute nothing: the notice goes out.
        (silence("shop", "?"), False),
        (silence(None, "team=~("), False),
    ],
)
def test_a_silence_mutes_what_its_target_and_all_matchers_accept(muting, is_muted):
    assert muting.selection().accepts(SHOP) is is_muted


@given(target=st.text("ab*?", max_size=4), name=st.text("ab", max_size=4))
def test_a_silence_of_a_target_mutes_as_the_matcher_of_its_name(target, name):
    subject = Subject(name)
    by_target = silence(target).selection().accepts(subject)
    by_match = silence(None, str(Matcher("target", MatchOperator.EQUAL, target))).selection().accepts(subject)
    is_plain = not set(target) & set("*?")
    assert by_match is (target == name)
    assert by_target is by_match or not is_plain


def test_a_short_id_belongs_to_one_target_and_its_matchers():
    assert silence_id("shop") == "s-etgtn"
    assert silence_id("shop", ["a=1", "b=2"]) == silence_id("shop", ["b=2", "a=1", "a=1"])
    several = [silence_id("shop"), silence_id(None), silence_id("mail"), silence_id("shop", ["a=1"])]
    assert len(set(several)) == 4


def test_a_silence_without_an_id_of_its_own_knows_the_id_of_earlier_versions():
    assert silence("shop", name=silence_id("shop")).former_id == "target shop"
    assert silence(name=silence_id(None)).former_id == "all targets"
    assert silence("shop", name="works").former_id is None
    assert silence("shop", "a=1", name=silence_id("shop", ["a=1"])).former_id is None


def test_a_renamed_target_is_muted_under_its_present_name():
    renamed = silence("old", "target=old", "target!=older", "target=~old.*", "team=old", "!").renamed(
        "new", ("old", "older")
    )
    assert (renamed.target, renamed.match) == (
        "new",
        ("target=new", "target!=new", "target=~old.*", "team=old", "!"),
    )
