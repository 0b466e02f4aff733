"""Checks of channels that speak HTTP beyond their types. No problem shows a secret."""

import re
from collections.abc import Iterator
from json import JSONDecodeError, loads

from ..limits import CHANNEL_NAME_CHARACTERS_MAX, TEMPLATE_CHARACTERS_MAX
from ..messages.template import PLACEHOLDERS, Template
from ..specification.channel import HttpChannel, Webhook
from ..specification.chat_channels import Discord, Ntfy, Slack, Telegram
from ..specification.paging_channels import Alertmanager, PagerDuty
from ..specification.problem import Path, Problem, quoted
from .network import BLANK_OR_CONTROL, FRAMING, header_problems, tls_problems, url_problems

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_SIGNING = frozenset({"webhook-id", "webhook-timestamp", "webhook-signature"})
_TELEGRAM_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,200}")
_TELEGRAM_CHAT = re.compile(r"@[A-Za-z0-9_]{1,64}|-?[0-9]{1,20}")


def channel_problems(spec: HttpChannel, path: Path) -> Iterator[Problem]:
    """Yields the problems of a channel, except those of its lengths of time."""
    yield from tls_problems(spec.tls, (*path, "tls"))
    match spec:
        case Webhook():
            yield from _of_webhook(spec, path)
        case Slack():
            yield from _of_slack(spec, path)
        case Discord(url=url):
            yield from url_problems(url, (*path, "url"))
        case Telegram():
            yield from _of_telegram(spec, path)
        case Ntfy():
            yield from _base_problems(spec.server, (*path, "server"))
            if spec.token is not None:
                yield from _token_problems(spec.token, (*path, "token"))
        case PagerDuty():
            yield from _base_problems(spec.api, (*path, "api"))
        case Alertmanager():
            yield from _base_problems(spec.url, (*path, "url"))
            yield from header_problems(spec.headers, FRAMING | {"content-type"}, (*path, "headers"))


def _of_webhook(webhook: Webhook, path: Path) -> Iterator[Problem]:
    yield from url_problems(webhook.url, (*path, "url"))
    typed: frozenset[str] = frozenset({"content-type"}) if webhook.body is None else frozenset()
    yield from header_problems(webhook.headers, FRAMING | _SIGNING | typed, (*path, "headers"))
    if webhook.secret is not None and (fault := _secret_fault(webhook.secret)):
        yield Problem((*path, "secret"), fault)
    if webhook.body is not None:
        yield from _template_problems(webhook, webhook.body, (*path, "body"))


def _secret_fault(secret: str) -> str:
    if not secret:
        return "is empty: give at least one character, or leave it out to send unsigned"
    coded = secret.removeprefix("whsec_")
    if coded != secret and not (coded and _BASE64.fullmatch(coded)):
        return "begins with whsec_ but goes on with what is no base64: copy it again"
    return ""


def _template_problems(webhook: Webhook, body: str, path: Path) -> Iterator[Problem]:
    if len(body) > TEMPLATE_CHARACTERS_MAX:
        yield Problem(path, f"has {len(body):,} characters: {TEMPLATE_CHARACTERS_MAX:,} are the most")
        return
    faults = [*Template(body).faults()]
    yield from (Problem(path, fault) for fault in faults)
    if faults or not webhook.media_type.endswith(("/json", "+json")):
        return
    try:
        loads(Template(body).fill(dict.fromkeys(PLACEHOLDERS, "x")))
    except (JSONDecodeError, RecursionError) as error:
        where = (
            f" (line {error.lineno}, column {error.colno} of the text)"
            if isinstance(error, JSONDecodeError)
            else ""
        )
        says = f"makes no JSON{where}: put placeholders in quotes, or say another Content-Type under headers"
        yield Problem(path, says)


def _of_slack(slack: Slack, path: Path) -> Iterator[Problem]:
    yield from _base_problems(slack.api, (*path, "api"))
    if slack.url is not None:
        yield from url_problems(slack.url, (*path, "url"))
        if slack.channel is not None:
            text = "has no effect with url, whose channel Slack knows: leave it out"
            yield Problem((*path, "channel"), text, depends_on=((*path, "url"), (*path, "token")))
        return
    token = slack.token or ""
    yield from _token_problems(token, (*path, "token"))
    if token.startswith("xapp-"):
        yield Problem(
            (*path, "token"), "is an app-level token, which cannot post: copy the bot token, xoxb-..."
        )
    if token.startswith("https:"):
        yield Problem((*path, "token"), "is the URL of an incoming webhook: write it under url")
    if slack.channel is None:
        yield Problem(
            path, "needs a channel with the token: write its id, such as C024BE91L, or its name, such as #ops"
        )
    else:
        yield from _name_problems(slack.channel, (*path, "channel"))


def _of_telegram(telegram: Telegram, path: Path) -> Iterator[Problem]:
    yield from _base_problems(telegram.api, (*path, "api"))
    if not _TELEGRAM_TOKEN.fullmatch(telegram.token):
        yield Problem(
            (*path, "token"), "is no token of a bot: copy it from @BotFather, digits, a colon and letters"
        )
    if not _TELEGRAM_CHAT.fullmatch(str(telegram.chat)):
        text = f"{quoted(str(telegram.chat))} is no chat: write its number, such as -1001234567890, or a public name, such as @ops"
        yield Problem((*path, "chat"), text)


def _base_problems(url: str, path: Path) -> Iterator[Problem]:
    """The problems of an address to which a path is added."""
    problems = [*url_problems(url, path)]
    yield from problems
    if not problems and ("?" in url or "#" in url):
        yield Problem(path, "has a query or a fragment, and a path is added to it: end it before the ? or #")


def _token_problems(token: str, path: Path) -> Iterator[Problem]:
    if not token:
        yield Problem(path, "is empty: give the token")
    elif BLANK_OR_CONTROL.search(token) or not token.isascii():
        yield Problem(path, "holds a blank, a line end or another character that no token has: copy it again")


def _name_problems(name: str, path: Path) -> Iterator[Problem]:
    if not name.removeprefix("#") or BLANK_OR_CONTROL.search(name):
        yield Problem(
            path, f"{quoted(name)} is no channel: write its id, such as C024BE91L, or its name, such as #ops"
        )
    elif len(name) > CHANNEL_NAME_CHARACTERS_MAX:
        yield Problem(path, f"has {len(name):,} characters: {CHANNEL_NAME_CHARACTERS_MAX:,} are the most")
