"""The answers of receivers: which are refusals, for how long, and what is kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from records import NOON, opened, then
from watchkeeper.adapters.channels.recipes.recipe import accepts, seconds_ns, text_at
from watchkeeper.domain.incidents.digest import Grouping, digest_of, member_of
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import Answer, make_digest
from watchkeeper.domain.limits import ALERTS_OF_A_POST, DIGEST_MEMBERS_MAX, RETRY_AFTER_NS_MAX
from watchkeeper.domain.time.moment import NS_PER_S

from tests.adapters.channels.attempts import (
    ANSWERS,
    CHANNELS,
    MEMORIES,
    NOTICES,
    Attempt,
    attempted,
    recipe,
    replied,
    sending,
)

DEAD, AGAIN = False, True
REFUSALS = [
    ("webhook", replied(status=410, retryable=False), DEAD, None, "HTTP 410"),
    ("slack", replied({"ok": False, "error": "channel_not_found"}), DEAD, None, "channel_not_found"),
    ("slack", replied({"ok": False, "error": "invalid_auth"}), DEAD, None, "invalid_auth"),
    ("slack", replied({"ok": False, "error": "not_in_channel"}), AGAIN, None, "not_in_channel"),
    ("slack", replied({"ok": False, "error": "ratelimited"}, wait_ns=7), AGAIN, 7, "ratelimited"),
    ("slack", replied({"ok": False, "error": "ratelimited"}, 429, wait_ns=7), AGAIN, 7, "HTTP 429"),
    ("slack", replied("what"), AGAIN, None, "does not say ok"),
    ("slack", replied(status=500), AGAIN, None, "HTTP 500"),
    ("pagerduty", replied({"errors": ["Length is incorrect"]}, 400, retryable=False), DEAD, None, "Length is incorrect"),
    ("pagerduty", replied(status=429, wait_ns=7), AGAIN, 7, "HTTP 429"),
    ("discord", replied({"message": "slow down", "retry_after": 0.25}, 429, wait_ns=7), AGAIN, NS_PER_S // 4, "slow down"),
    ("discord", replied({"retry_after": "soon"}, 429, wait_ns=7), AGAIN, 7, "HTTP 429"),
    ("discord", replied({"message": "Unknown Webhook"}, 404, retryable=False), DEAD, None, "Unknown Webhook"),
    ("telegram", replied({"description": "Too Many", "parameters": {"retry_after": 3}}, 429), AGAIN, 3 * NS_PER_S, "Too Many"),
    ("telegram", replied({"parameters": [3]}, 429, wait_ns=7), AGAIN, 7, "HTTP 429"),
    ("telegram", replied({"description": "chat not found"}, 400, retryable=False), DEAD, None, "chat not found"),
    ("ntfy", replied({"error": "forbidden"}, 403, retryable=False), DEAD, None, "forbidden"),
    ("ntfy", replied(status=500), AGAIN, None, "HTTP 500"),
    ("alertmanager", replied(status=400, retryable=False), DEAD, None, "HTTP 400"),
    ("alertmanager", replied(status=503), AGAIN, None, "HTTP 503"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "reply", "retryable", "wait_ns", "says"), REFUSALS)
def test_a_refusal_says_why_and_when_to_try_again(name, reply, retryable, wait_ns, says):
    answer = attempted(name, "opened", reply).answer
    assert (answer.accepted, answer.retryable, answer.retry_after_ns) == (False, retryable, wait_ns)
    assert says in answer.detail


@pytest.mark.parametrize("name", MEMORIES)
def test_a_channel_keeps_the_id_of_its_message_through_all_steps(name):
    for case in NOTICES:
        assert attempted(name, case).memory == MEMORIES[name]


@pytest.mark.parametrize("name", sorted({*CHANNELS} - {*MEMORIES}))
def test_a_channel_without_messages_to_rewrite_keeps_nothing(name):
    assert attempted(name, "opened").answer.memory is UNSET


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["ok", "error", "result", "message_id", "id", "ts", "channel", "messages", "parameters", "retry_after"]),
        inner,
        max_size=4,
    ),
    max_leaves=9,
)  # fmt: skip


@given(
    st.sampled_from(sorted(CHANNELS)),
    st.sampled_from(sorted(NOTICES)),
    st.lists(st.tuples(JSON, st.sampled_from([200, 400, 404, 429, 500])), max_size=4),
    st.integers(1, 2),
    st.text(max_size=9) | st.sampled_from(sorted(MEMORIES.values())),
)
def test_no_answer_of_a_receiver_breaks_an_attempt(name, case, documents, attempt, memory):
    told = sending(case, name, attempt)._replace(memory=memory)
    replies = [replied(document, status) for document, status in documents]
    tried = Attempt(recipe(name), told, *replies, friendly=ANSWERS.get(name))
    assert isinstance(tried.answer, Answer)
    assert len(tried.requests) <= 5


# Slack.


def test_a_repeat_of_an_opening_looks_for_its_message_first():
    key = NOTICES["opened"].key
    found = {"ts": "5.5", "metadata": {"event_payload": {"key": key}}}
    tried = attempted("slack", "opened", replied({"ok": True, "messages": [{}, 5, found]}), attempt=2)
    assert tried.calls == ["GET conversations.history"]
    assert tried.answer.accepted
    assert tried.memory == "C024BE91L 5.5"
    assert attempted("slack", "opened", attempt=2).calls == [
        "GET conversations.history",
        "POST chat.postMessage",
    ]


def test_a_repeat_of_a_step_looks_for_its_answer_in_the_thread():
    key = NOTICES["resolved"].key
    found = {"ts": "5.5", "metadata": {"event_payload": {"key": key}}}
    replies = (replied({"ok": True}), replied({"ok": True, "messages": [found]}))
    tried = attempted("slack", "resolved", *replies, attempt=2)
    assert tried.calls == ["POST chat.update", "GET conversations.replies"]
    assert tried.memory == MEMORIES["slack"]


def test_a_bot_that_may_not_read_posts_once_more():
    refused = replied({"ok": False, "error": "missing_scope"})
    assert attempted("slack", "opened", refused, attempt=2).calls == [
        "GET conversations.history",
        "POST chat.postMessage",
    ]


@pytest.mark.parametrize(
    "refused", [replied(status=500), replied({"ok": False, "error": "ratelimited"}, wait_ns=7)]
)
def test_a_look_up_that_fails_is_tried_again_before_anything_is_posted(refused):
    tried = attempted("slack", "opened", refused, attempt=2)
    assert tried.calls == ["GET conversations.history"]
    assert (tried.answer.accepted, tried.answer.retryable) == (False, True)


def test_the_id_of_a_named_channel_is_looked_up_in_the_pages_of_channels():
    pages = (
        replied(
            {"ok": True, "channels": [{"name": "all", "id": "C1"}], "response_metadata": {"next_cursor": "n"}}
        ),
        replied({"ok": True, "channels": [{"name": "ops", "id": "C0PS"}]}),
    )
    tried = attempted("slack", "opened", *pages, attempt=2, channel="#ops")
    assert tried.calls == [
        "GET conversations.list", "GET conversations.list", "GET conversations.history", "POST chat.postMessage",
    ]  # fmt: skip
    assert "channel=C0PS" in tried.requests[2].url
    assert "cursor=n" in tried.requests[1].url


def test_a_message_that_was_deleted_is_posted_anew():
    gone = replied({"ok": False, "error": "message_not_found"})
    assert attempted("slack", "resolved", gone).calls == ["POST chat.update", "POST chat.postMessage"]
    assert attempted("discord", "resolved", replied({}, 404)).calls == ["PATCH 77", "POST canary"]


def test_a_reminder_rewrites_nothing_and_is_shown_to_the_channel():
    assert attempted("slack", "reminder").calls == ["POST chat.postMessage"]
    assert attempted("telegram", "reminder").calls == ["POST sendMessage"]
    assert attempted("discord", "reminder", replied({"id": "99"})).memory == MEMORIES["discord"]


def test_a_message_of_telegram_that_says_so_already_is_answered():
    same = replied({"ok": False, "description": "message is not modified"}, 400)
    tried = attempted("telegram", "resolved", same)
    assert tried.calls == ["POST editMessageText", "POST sendMessage"]
    assert tried.answer.accepted


# Digests of thousands.


def large_digest(count):
    steps = [opened(f"inc_{number}", f"api-{number}", cause="down " * 40) for number in range(count)]
    members = [member_of(then(step, TransitionKind.RESOLVED), TransitionKind.RESOLVED) for step in steps]
    digest = digest_of(Grouping("shop", ()), members, ())
    return make_digest(digest, steps[0].incident, "ops", TransitionKind.RESOLVED, NOON.wall_ns)


@pytest.mark.parametrize("name", [name for name in CHANNELS if name != "alertmanager"])
def test_a_digest_of_thousands_is_one_short_body(name):
    told = sending("digest", name)._replace(notice=large_digest(DIGEST_MEMBERS_MAX))
    tried = Attempt(recipe(name), told, friendly=ANSWERS.get(name))
    assert tried.answer.accepted
    assert max(len(each.body or b"") for each in tried.requests) < 32 * 1024


def test_the_alerts_of_a_large_digest_go_out_in_posts_of_bounded_size():
    told = sending("digest")._replace(notice=large_digest(1_000))
    tried = Attempt(recipe("alertmanager"), told)
    assert tried.answer.accepted
    posts = [json.loads(each.body) for each in tried.requests]
    assert {len(alerts) for alerts in posts} == {ALERTS_OF_A_POST}
    targets = {alert["labels"]["target"] for alerts in posts for alert in alerts}
    assert len(targets) == 1_000


def test_a_post_that_is_refused_ends_the_attempt_and_the_next_begins_with_the_first():
    told = sending("digest")._replace(notice=large_digest(1_000))
    tried = Attempt(recipe("alertmanager"), told, replied(), replied(status=503))
    assert (tried.answer.accepted, tried.answer.retryable, len(tried.requests)) == (False, True, 2)
    again = Attempt(recipe("alertmanager"), told)
    assert again.requests[:2] == tried.requests


# Foreign data.


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        (3, 3 * NS_PER_S),
        (0.5, NS_PER_S // 2),
        (-1, 0),
        (10**400, RETRY_AFTER_NS_MAX),
        (float("inf"), RETRY_AFTER_NS_MAX),
        (float("nan"), None),
        (True, None),
        ("3", None),
        (None, None),
    ],
)
def test_a_wait_in_an_answer_is_a_bounded_number_of_seconds(value, ns):
    assert seconds_ns(value) == ns


@pytest.mark.parametrize(
    ("document", "path", "text"),
    [
        ({"a": [{"b": "x"}]}, ("a", 0, "b"), "x"),
        ({"a": 7}, ("a",), "7"),
        ({"a": True}, ("a",), ""),
        ({"a": 10**5_000}, ("a",), ""),
        ([], (0,), ""),
        (None, ("a",), ""),
    ],
)
def test_a_text_is_read_only_where_there_is_one(document, path, text):
    assert text_at(document, *path) == text


def test_statuses_accept_by_number_and_by_class():
    assert accepts(("2xx",), 204)
    assert accepts(("200", "302"), 302)
    assert not accepts(("200", "3xx"), 201)
