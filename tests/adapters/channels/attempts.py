"""Attempts of recipes without a network: notices of every kind, receivers, and the requests that each attempt makes."""

import json
from typing import Any

from msgspec import UNSET
from records import NOON, notice_of, opened, then
from watchkeeper import Channel
from watchkeeper.adapters.channels.recipes.recipe import Recipe, RecipeReply, RecipeRequest, Sending
from watchkeeper.adapters.channels.recipes.table import recipe_of
from watchkeeper.domain.incidents.digest import Grouping, digest_of, member_of
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import Answer, Notice, NoticeReason, make_digest, make_notice
from watchkeeper.domain.incidents.trials.channel_test import notice_of_test
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.specification.rule import Severity

ADDRESS = "https://watch.example"
HOOK = "https://hooks.example/services/T0/B0/canarycanarycanary"
CHANNELS: dict[str, dict[str, Any]] = {
    "webhook": {
        "url": HOOK,
        "secret": "whsec_Y2FuYXJ5",
        "method": "PUT",
        "body": '{"text": "{title} {name}"}',
    },
    "slack": {"token": "xoxb-canary", "channel": "C024BE91L"},
    "slack_url": {"url": HOOK},
    "pagerduty": {"routing_key": "c" * 32},
    "discord": {"url": "https://discord.example/api/webhooks/1/canary?thread_id=7"},
    "telegram": {"token": "123456:canary", "chat": -1001234567890, "topic": 4},
    "ntfy": {"topic": "canary", "token": "tk_canary"},
    "alertmanager": {"url": "http://alertmanager.example:9093/am/", "headers": {"X-Team": "ops"}},
}
"""A receiver of each kind, with each of its keys where that changes a request."""
MEMORIES = {"slack": "C024BE91L 1700000000.000100", "discord": "77", "telegram": "42"}
"""The memory of each that keeps one."""
ANSWERS: dict[str, Any] = {
    "slack": {"ok": True, "channel": "C024BE91L", "ts": "1700000000.000100", "messages": []},
    "discord": {"id": "77"},
    "telegram": {"ok": True, "result": {"message_id": 42}},
}

ABOUT = TargetMetadata(
    name="The <shop> & *co*",
    group="shop/api",
    labels=(("team.of", "payments"),),
    runbook="https://wiki.example/down",
)
FIRST = opened(about=ABOUT)
SEEN = {"acknowledged_by": "ann", "acknowledged_at_ns": NOON.wall_ns, "note": "rolling back"}


def _digest() -> Notice:
    steps = [opened(f"inc_{number}", f"api-{number}") for number in range(4)]
    ended = member_of(then(steps[0], TransitionKind.RESOLVED), TransitionKind.RESOLVED)
    members = [ended, *(member_of(step, TransitionKind.OPENED) for step in steps[1:3])]
    digest = digest_of(Grouping("shop", (("group", "api"),)), members, [member_of(steps[3], FIRST.change)])
    return make_digest(digest, steps[1].incident, "ops", TransitionKind.OPENED, NOON.wall_ns)


def _seen_digest() -> Notice:
    """The digest that tells that the last of two open incidents was acknowledged, too."""
    one, other = (opened(f"inc_{number}", f"api-{number}") for number in range(2))
    seen = [
        then(step, TransitionKind.ACKNOWLEDGED, explanation="acknowledged by ann", **SEEN)
        for step in (one, other)
    ]
    told, standing = (member_of(step, step.change) for step in seen)
    digest = digest_of(Grouping("shop", (("group", "api"),)), [told], [standing])
    return make_digest(digest, seen[0].incident, "ops", TransitionKind.CHANGED, NOON.wall_ns)


def _hostile() -> Notice:
    text = 'a\n<!channel> @everyone </b>\x1b[31m\u202e {title} "quoted\\" ü'
    return notice_of(opened(target=text, rule=text, explanation=text, about=TargetMetadata(name=text)))


NOTICES: dict[str, Notice] = {
    "opened": notice_of(FIRST),
    "changed": notice_of(then(FIRST, TransitionKind.CHANGED, severity=Severity.WARNING)),
    "acknowledged": notice_of(
        then(FIRST, TransitionKind.ACKNOWLEDGED, explanation="acknowledged by ann", **SEEN)
    ),
    "resolved": notice_of(then(FIRST, TransitionKind.RESOLVED, reason="recovered")),
    "reminder": make_notice(FIRST.incident, "ops", FIRST.change, NOON.wall_ns, NoticeReason.REMINDER, 1),
    "digest": _digest(),
    "acknowledged digest": _seen_digest(),
    "hostile": _hostile(),
    "test": notice_of_test("ops", "ann", (1, 1), NOON.wall_ns),
}
FIRSTS = frozenset({"opened", "digest", "hostile", "test"})
"""The notices that are the first of their thread."""


def recipe(name: str, **fields: Any) -> Recipe:
    """Returns the recipe of a receiver, with other values of some of its keys."""
    kind = name.partition("_")[0]
    channel = Channel(id="ops", **{kind: {**CHANNELS[name], **fields}})
    return recipe_of(channel.transport)


def sending(case: str, name: str = "", attempt: int = 1) -> Sending:
    """Returns an attempt to send a notice to a receiver that took the earlier ones of its thread."""
    memory = "" if case in FIRSTS else MEMORIES.get(name, "")
    return Sending(NOTICES[case], attempt, NOON.wall_ns, memory, ADDRESS)


def replied(
    document: Any = None, status: int = 200, wait_ns: int | None = None, **answer: Any
) -> RecipeReply:
    """Returns a reply with this document; any status but 2xx refuses."""
    body = json.dumps(document).encode()
    said = Answer(accepted=status < 300, detail=f"HTTP {status}", retry_after_ns=wait_ns, **answer)
    return RecipeReply(said, status, body, wait_ns)


class Attempt:
    """One attempt, run to its end with the given replies, and with that of a friendly receiver after the last of them."""

    def __init__(self, made: Recipe, told: Sending, *replies: RecipeReply, friendly: Any = None) -> None:
        self.requests: list[RecipeRequest] = []
        steps, left = made.attempt(told), list(replies)
        try:
            request = next(steps)
            while True:
                self.requests.append(request)
                request = steps.send(left.pop(0) if left else replied(friendly))
        except StopIteration as ended:
            self.answer: Answer = ended.value

    @property
    def memory(self) -> str:
        """The words that the channel keeps."""
        return "" if self.answer.memory is UNSET else self.answer.memory

    @property
    def calls(self) -> list[str]:
        """Each request as its method and the end of its path."""
        return [f"{each.method} {each.url.partition('?')[0].rpartition('/')[2]}" for each in self.requests]


def attempted(name: str, case: str, *replies: RecipeReply, attempt: int = 1, **fields: Any) -> Attempt:
    """Returns an attempt to send a notice of the table to a receiver of the table."""
    return Attempt(recipe(name, **fields), sending(case, name, attempt), *replies, friendly=ANSWERS.get(name))


def plain(request: RecipeRequest) -> dict[str, Any]:
    """Returns a request as it stands in the golden files."""
    body = (request.body or b"").decode()
    if body.startswith(("{", "[")):
        body = json.loads(body)
    return {
        "request": f"{request.method} {request.url}",
        "headers": dict(request.headers),
        "body": body,
    }
