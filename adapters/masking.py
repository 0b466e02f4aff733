"""Known secrets, and the mask over them in foreign text: what a target echoes is kept, logged and sent without them."""

import base64
import html
import json
import re
import threading
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from msgspec import UNSET

from ..domain.limits import SECRET_CHARACTERS_MIN
from ..domain.line import escaped
from ..domain.specification.channel import Channel, Transport, Webhook
from ..domain.specification.chat_channels import Discord, Ntfy, Slack, Telegram
from ..domain.specification.configuration import RuntimeOptions
from ..domain.specification.local_channels import Apprise, ExecChannel
from ..domain.specification.mail_channel import Email
from ..domain.specification.paging_channels import Alertmanager, PagerDuty
from ..domain.specification.probe import Exec, Http, Tcp, Tls
from ..domain.specification.probes.networked import NetworkProbe
from ..domain.specification.probes.plugin import Plugin
from ..domain.specification.probes.udp import Udp
from ..domain.specification.probes.web.websocket import WebSocket
from ..domain.specification.target import Target
from ..domain.specification.text import MASK, as_pairs

_TELLING = re.compile(r"auth|token|key|secret|cookie|pass|signature|credential", re.IGNORECASE)
"""The names of headers, variables and parameters whose values are secrets."""
_LOGIN = re.compile(r"\b(?:AUTH|PASS|PASSWORD|LOGIN)\b(.*)", re.IGNORECASE)
"""A line of a text protocol that carries a login."""
_WORDS = re.compile(r"(?:[A-Za-z]{1,12}(?:[/_.-]|$))*")
"""A path that anybody may guess, such as `hooks/ops`."""
_TOKEN_CHARACTERS_MIN = 16
"""A part of a webhook's path, or of a URL of Apprise, from this length on is a secret by itself, too."""
_PARTS = re.compile(r"[/@:?&=#]")
_CUT = re.compile(r"…|\.\.\.\(truncated\)|$")
"""The end of a text that was cut, where the beginning of a secret is left."""


class SecretMask:
    """Replaces known secrets in texts, in the forms in which a target may echo them. Used from any thread.

    A secret is never forgotten: a text that holds it may arrive after the configuration has changed.
    """

    def __init__(self) -> None:
        self.guard = threading.Lock()
        """Held while the tables grow; a reader finds a form or not yet, never half a one."""
        self._known: set[str] = set()
        self._forms: dict[str, tuple[str, ...]] = {}
        """The forms by their first characters, the longest first: a text is searched in one pass, however many there are."""

    def learn(self, secrets: Iterable[str]) -> None:
        """Masks these values from now on; a value below `SECRET_CHARACTERS_MIN` would hide innocent words."""
        with self.guard:
            for secret in secrets:
                if len(secret) >= SECRET_CHARACTERS_MIN and secret not in self._known:
                    self._known.add(secret)
                    for form in _forms_of(secret):
                        start = form[:SECRET_CHARACTERS_MIN]
                        forms = {*self._forms.get(start, ()), form}
                        self._forms[start] = tuple(sorted(forms, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """Returns the text with each secret replaced by a mask, also one of which a cut has left the beginning."""
        forms = self._forms
        parts, at, done = [], 0, 0
        while forms and at <= len(text) - SECRET_CHARACTERS_MIN:
            found = forms.get(text[at : at + SECRET_CHARACTERS_MIN])
            length = _length_at(text, at, found) if found else 0
            if length:
                parts += [text[done:at], MASK]
                done = at + length
            at += length or 1
        return "".join([*parts, text[done:]]) if parts else text

    def __repr__(self) -> str:
        return f"SecretMask({len(self._known)} secrets)"


def _length_at(text: str, at: int, forms: Iterable[str]) -> int:
    """How much of the text, from a place on, is a secret or the beginning of one that was cut."""
    for form in forms:
        if text.startswith(form, at):
            return len(form)
    cut = _CUT.search(text, at)
    piece = text[at : cut.start()] if cut else text[at:]
    return len(piece) if any(form.startswith(piece) for form in forms) else 0


def _forms_of(secret: str) -> Iterator[str]:
    coded = secret.encode(errors="surrogatepass")
    percent = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    yield from {
        secret,
        escaped(secret),
        html.escape(secret),
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        base64.b64encode(coded).decode().rstrip("="),
        base64.urlsafe_b64encode(coded).decode().rstrip("="),
        *percent,
        *[re.sub("%..", lambda code: code[0].lower(), form) for form in percent],
    }


def secrets_of(parts: Iterable[Target | Channel | RuntimeOptions]) -> Iterator[str]:
    """Returns the secrets that targets, channels and options state: passwords, tokens, and what a telling name holds."""
    for part in parts:
        if isinstance(part, Channel):
            yield from _of_transport(part.transport)
        elif isinstance(part, RuntimeOptions):
            if part.ping is not None:
                yield from (*_of_hook(part.ping.url), *_of_tls(part.ping.tls))
        elif isinstance(probe := part.probe, Http):
            yield from _of_http(probe)
        elif isinstance(probe, Tcp | Udp):
            yield from _of_sent(probe.send)
        elif isinstance(probe, WebSocket):
            yield from (*probe.secrets(), *_of_pairs(probe.named_texts()), *_of_sent(probe.send))
        elif isinstance(probe, NetworkProbe):
            yield from (*probe.secrets(), *_of_pairs(probe.named_texts()))
        elif isinstance(probe, Plugin):
            yield from _of_pairs(_texts_of(probe))
        elif isinstance(probe, Exec):
            yield from _of_pairs(as_pairs(probe.environment))


def _texts_of(plugin: Plugin) -> Iterator[tuple[str, str]]:
    for name, value in plugin.pairs:
        several = value if isinstance(value, tuple) else (value,)
        yield from ((name, each) for each in several if isinstance(each, str))


def _of_sent(text: str | None) -> Iterator[str]:
    yield from (word for line in _LOGIN.findall(text or "") for word in line.split())


def _of_http(probe: Http) -> Iterator[str]:
    yield from (*_of_url(probe.url), *_of_pairs(as_pairs(probe.headers)), *_of_tls(probe.tls))
    if probe.bearer:
        yield probe.bearer
    if probe.basic_auth is not None:
        yield probe.basic_auth.password
        pair = f"{probe.basic_auth.user}:{probe.basic_auth.password}"
        yield base64.b64encode(pair.encode()).decode().rstrip("=")


def _of_transport(transport: Transport) -> Iterator[str]:
    match transport:
        case Webhook(url=url, headers=headers, secret=secret):
            yield from (*_of_hook(url), *_of_pairs(as_pairs(headers)))
            if secret:
                yield from (secret, secret.removeprefix("whsec_"))
        case Slack(token=token, url=url):
            yield from (token or "", *_of_hook(url or ""))
        case Discord(url=url):
            yield from _of_hook(url)
        case Telegram(token=token):
            yield from (token, token.partition(":")[2])
        case Ntfy(topic=topic, token=token):
            yield token or ""
            # As the path of a webhook: a topic of mere words is known to anybody who guesses.
            yield from () if _WORDS.fullmatch(topic) else (topic,)
        case PagerDuty(routing_key=key):
            yield key
        case Alertmanager(url=url, headers=headers):
            yield from (*_of_url(url), *_of_pairs(as_pairs(headers)))
        case Email(password=password, smtp=url):
            yield from (password or "", *_of_url(url))
        case ExecChannel(environment=environment):
            yield from _of_pairs(as_pairs(environment))
            return
        case Apprise(urls=urls):
            for url in urls:
                # Each service puts its token where it likes: all behind the scheme may be one, and so may each part.
                behind = url.partition("://")[2]
                yield from (url, behind, *_of_url(url))
                yield from (part for part in _PARTS.split(behind) if len(part) >= _TOKEN_CHARACTERS_MIN)
            return
        case _:
            return
    yield from _of_tls(transport.tls)


def _of_hook(url: str) -> Iterator[str]:
    """The path of a webhook is the right to post to it; one of mere words is none, and masked would hide them elsewhere."""
    yield from _of_url(url)
    path = url.partition("://")[2].partition("/")[2]
    if not _WORDS.fullmatch(path):
        yield path
        yield from (part for part in path.split("/") if len(part) >= _TOKEN_CHARACTERS_MIN)


def _of_url(url: str) -> Iterator[str]:
    try:
        parsed = urlsplit(url)
        password = parsed.password
    except ValueError:
        return
    yield from (password or "", unquote(password or ""))
    yield from _of_pairs(parse_qsl(parsed.query))


def _of_pairs(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in pairs:
        if _TELLING.search(name):
            yield from (value, value.rpartition(" ")[2])  # the token of `Bearer TOKEN` alone


def _of_tls(tls: Tls) -> Iterator[str]:
    if tls.key_password is not UNSET:
        yield tls.key_password
