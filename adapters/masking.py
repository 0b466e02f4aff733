"""Known secrets, and the mask over them in foreign text: what a target echoes is kept, logged and sent without them."""

import base64
import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from urllib.parse import parse_qsl, quote_plus, unquote, unquote_plus, urlsplit

from msgspec import UNSET

from ..domain.observation.secret_forms import SecretForms
from ..domain.specification.channel import Channel, Transport, Webhook
from ..domain.specification.chat_channels import Discord, Ntfy, Slack, Telegram
from ..domain.specification.configuration import Configuration, RuntimeOptions
from ..domain.specification.local_channels import Apprise, ExecChannel
from ..domain.specification.mail_channel import Email
from ..domain.specification.paging_channels import Alertmanager, PagerDuty
from ..domain.specification.probe import Exec, Http, OAuth2, Tcp, Tls
from ..domain.specification.probes.networked import NetworkProbe
from ..domain.specification.probes.plugin import Plugin
from ..domain.specification.probes.udp import Udp
from ..domain.specification.probes.web.http_steps import HttpSteps
from ..domain.specification.probes.web.websocket import WebSocket
from ..domain.specification.remote.agents import Agents
from ..domain.specification.target import Target
from ..domain.specification.text import PLACE, as_pairs
from ..domain.store_place import store_secrets

_TELLING = re.compile(r"auth|token|key|secret|cookie|pass|signature|credential|assertion", re.IGNORECASE)
"""The names of headers, variables and parameters whose values are secrets."""
_LOGIN = re.compile(r"\b(?:AUTH|PASS|PASSWORD|LOGIN)\b(.*)", re.IGNORECASE)
"""A line of a text protocol that carries a login."""
_ASKING = re.compile(r"pass|assword|secret|token|\b334\b", re.IGNORECASE)
"""The question before a secret: `Password:`, often awaited as `assword:`, or the number with which mail servers ask for a login."""
_NAME_END = re.compile(
    r"(?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|credential)s?(?![\w.-])", re.IGNORECASE
)
"""The end of a name that tells of a secret. It is looked for alone: with the name before it, `[\\w.-]*`, a long word without one would be
read again from each of its characters."""
_BEHIND_NAME = re.compile(r"""["']?\s*[:=]\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)"|=([^&\s"']+)|>([^<]*)<""")
"""The rest of a field behind its name, in a text that is sent as JSON, as a form or as XML."""
_NAME_CHARACTER = re.compile(r"[\w.-]")
_WORDS = re.compile(r"(?:[A-Za-z]{1,12}(?:[/_.-]|$))*")
"""A path that anybody may guess, such as `hooks/ops`."""
_TOKEN_CHARACTERS_MIN = 16
"""A part of a webhook's path, or of a URL of Apprise, from this length on is a secret by itself, too."""
_PARTS = re.compile(r"[/@:?&=#]")


class SecretMask(SecretForms):
    """Replaces known secrets in texts, in the forms in which a target may echo them. Used from any thread.

    A secret is never forgotten: a text that holds it may arrive after the configuration has changed.
    """

    def __init__(self) -> None:
        self.guard = threading.Lock()
        """Held while the tables grow; a reader finds a form or not yet, never half a one."""
        super().__init__()

    def learn(self, secrets: Iterable[str]) -> None:
        """Masks these values from now on; a value below `SECRET_CHARACTERS_MIN` would hide innocent words."""
        with self.guard:
            super().learn(secrets)


def secrets_of(parts: Iterable[Target | Channel | RuntimeOptions | Agents | None]) -> Iterator[str]:
    """Returns the secrets that parts of a configuration state: passwords, tokens, and what a telling name holds."""
    for part in parts:
        if part is None:
            continue
        if isinstance(part, Agents):
            yield from part.secrets()
        elif isinstance(part, Channel):
            yield from _of_transport(part.transport)
        elif isinstance(part, RuntimeOptions):
            yield from store_secrets(part.store or "")
            if part.ping is not None:
                yield from (*_of_hook(part.ping.url), *_of_tls(part.ping.tls))
        elif isinstance(probe := part.probe, Http):
            yield from _of_http(probe)
        elif isinstance(probe, Tcp):
            yield from _of_tcp(probe)
        elif isinstance(probe, Udp):
            yield from (*_of_text(probe.send), *secret_fields(probe.send))
        elif isinstance(probe, HttpSteps):
            found = (secret for step in probe.steps for secret in _of_http(step))
            yield from (secret for secret in found if not PLACE.fullmatch(secret.removeprefix("Bearer ")))
        elif isinstance(probe, WebSocket):
            yield from (*probe.secrets(), *_of_pairs(probe.named_texts()))
            yield from (*_of_text(probe.send or ""), *secret_fields(probe.send or ""))
        elif isinstance(probe, NetworkProbe):
            yield from (*probe.secrets(), *_of_pairs(probe.named_texts()))
        elif isinstance(probe, Plugin):
            yield from _of_pairs(_texts_of(probe))
        elif isinstance(probe, Exec):
            yield from _of_pairs(as_pairs(probe.environment))


def secrets_in(configuration: Configuration, targets: Iterable[Target] | None = None) -> Iterator[str]:
    """Returns the secrets that a whole configuration states; of its targets only those of `targets`, where these are given."""
    found = configuration.targets if targets is None else targets
    return secrets_of((configuration.runtime, configuration.agents, *configuration.channels, *found))


def _texts_of(plugin: Plugin) -> Iterator[tuple[str, str]]:
    for name, value in plugin.pairs:
        several = value if isinstance(value, tuple) else (value,)
        yield from ((name, each) for each in several if isinstance(each, str))


def _of_http(probe: Http) -> Iterator[str]:
    yield from (*_of_url(probe.url), *_of_pairs(as_pairs(probe.headers)), *_of_tls(probe.tls))
    yield from secret_fields(probe.body or "")
    if probe.cookies is not UNSET:
        yield from (value for _, value in as_pairs(probe.cookies))
    if probe.bearer:
        yield probe.bearer
    if probe.basic_auth is not None:
        yield from _of_login(probe.basic_auth.user, probe.basic_auth.password)
    if probe.digest_auth is not UNSET:
        yield probe.digest_auth.password
    if probe.proxy is not UNSET:
        yield from _of_pairs(as_pairs(probe.proxy.headers))
        yield from _of_login(probe.proxy.user or "", probe.proxy.password or "")
    if probe.oauth2 is not UNSET:
        yield from _of_oauth2(probe.oauth2)


def _of_login(user: str, password: str) -> Iterator[str]:
    """A password, and the pair of basic authentication in the form in which it is sent."""
    if password:
        yield password
        yield base64.b64encode(f"{user}:{password}".encode()).decode().rstrip("=")


def _of_oauth2(oauth2: OAuth2) -> Iterator[str]:
    yield from (*_of_url(oauth2.token_url), *_of_pairs(as_pairs(oauth2.parameters)), *_of_tls(oauth2.tls))
    yield oauth2.client_secret
    yield from _of_login(quote_plus(oauth2.client_id), quote_plus(oauth2.client_secret))


def _of_tcp(probe: Tcp) -> Iterator[str]:
    asked = False
    for step in probe.steps:
        text = step.send or ""
        if asked and not PLACE.search(text):
            yield text.strip()
        yield from (*_of_text(text), *secret_fields(text))
        asked = bool(_ASKING.search(step.expect or ""))
    yield from (*_of_text(probe.send or ""), *secret_fields(probe.send or ""))
    if probe.tls is not UNSET:
        yield from _of_tls(probe.tls)


def _of_text(text: str) -> Iterator[str]:
    yield from (word for line in _LOGIN.findall(text) for word in line.split() if not PLACE.fullmatch(word))


def secret_fields(text: str) -> Iterator[str]:
    """The values of the fields of a request that are named as secrets, as they are written and as they are meant."""
    for quoted, formed, marked in _fields(text):
        value = quoted or formed or marked
        if PLACE.search(value):
            continue
        yield value
        meant = unquote_plus(formed) if formed else value
        with suppress(ValueError):
            meant = json.loads(f'"{quoted}"') if quoted else meant
        if meant != value:
            yield meant


def _fields(text: str) -> Iterator[tuple[str, str, str]]:
    """The values behind names that tell of secrets, each in its form: as JSON, as a form or as XML. Reads each character a few times."""
    read = 0
    for name in _NAME_END.finditer(text):
        if name.start() < read:
            continue  # it is a part of a value
        # Before its value is looked for, which may be the whole rest of the text.
        if text.startswith(">", name.end()) and not _is_marked(text, name.start(), read):
            continue
        if field := _BEHIND_NAME.match(text, name.end()):
            read = field.end()
            yield field[1] or "", field[2] or "", field[3] or ""


def _is_marked(text: str, end: int, start: int) -> bool:
    """Whether the name that goes on at `end` stands behind the first stroke of an element of XML, which is not before `start`."""
    while end > start and _NAME_CHARACTER.match(text, end - 1):
        end -= 1
    return end > start and text[end - 1] == "<"


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
