"""The mask over known secrets in foreign text, and the secrets that specifications state."""

import base64
import html
import json
import re
from contextlib import suppress
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.adapters.configuration.substitution import Substitution
from watchkeeper.adapters.masking import SecretMask, secret_fields, secrets_of
from watchkeeper.domain.limits import SECRET_CHARACTERS_MIN
from watchkeeper.domain.specification.channel import Channel, Webhook
from watchkeeper.domain.specification.probe import BasicAuth, DialogueStep, Exec, Http, OAuth2, Tcp, Tls
from watchkeeper.domain.specification.probes.udp import Udp
from watchkeeper.domain.specification.target import Target

SECRET = 'c/an "ary" & ü'  # noqa: S105  # it sings and opens nothing
CANARY = "canary"
TOKENS = "https://b.test"
SIGNED = "whsec_Y2FuYXJ5"


def masking(*secrets):
    mask = SecretMask()
    mask.learn(secrets)
    return mask


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET, safe="").replace("%2F", "%2f").replace("%C3%BC", "%c3%bc").lower(),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        html.escape(SECRET),
        repr(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_masked_in_every_form_in_which_it_may_be_echoed(form):
    assert masking(SECRET)(f"it said <{form}>, twice: {form}").rstrip("=") == "it said <***>, twice: ***"


def test_a_secret_that_a_cut_has_shortened_is_masked_as_well():
    mask = masking("canary-of-the-mine")
    assert mask("it said canary-of-t") == "it said ***"
    assert mask("(canary-of…) == x") == "(***…) == x"
    assert mask("(canary-of...(truncated)) == x") == "(***...(truncated)) == x"
    assert mask("canary-of all colours") == "canary-of all colours"


@pytest.mark.parametrize("value", ["", "1", "80", "admin"])
def test_a_value_below_the_shortest_secret_hides_no_innocent_word(value):
    assert len(value) < SECRET_CHARACTERS_MIN
    assert masking(value)("admin 1 of 80 said 1") == "admin 1 of 80 said 1"


def test_the_longest_secret_at_a_place_is_masked_whole():
    mask = masking("canary", "canary-of-the-mine")
    assert (mask("canary-of-the-mine!"), mask("canary!")) == ("***!", "***!")
    assert repr(mask) == "SecretMask(2 secrets)"


WORDS = st.text(st.sampled_from("ab%"), min_size=SECRET_CHARACTERS_MIN, max_size=9)


@given(st.lists(WORDS, max_size=4), st.text(st.sampled_from("ab%"), max_size=40))
def test_no_secret_is_left_in_a_text(secrets, text):
    masked = masking(*secrets)(text)
    assert not any(secret in masked for secret in secrets)


PARTS = {
    "a login": (
        Http(url="https://a.test/", basic_auth=BasicAuth(user="ann", password=CANARY)),
        ["canary", base64.b64encode(b"ann:canary").decode().rstrip("=")],
    ),
    "a token": (Http(url="https://a.test/", bearer="canary"), ["canary"]),
    "a header": (
        Http(url="https://a.test/", headers={"Authorization": "Token canary", "Accept": "text/html"}),
        ["Token canary", "canary"],
    ),
    "a cookie": (Http(url="https://a.test/", cookies={"lang": "canary"}), ["canary"]),
    "a URL": (Http(url="https://a.test/?api_key=canary&page=second"), ["", "canary", "canary"]),
    "a key": (
        Http(url="https://a.test/", tls=Tls(certificate_file="c", key_password=CANARY)),
        ["", "canary"],
    ),
    "a variable": (
        Exec(argv=("/bin/check",), environment={"DB_PASSWORD": "canary", "A": "b"}),
        ["canary"] * 2,
    ),
    "a text login": (Tcp(host="a.test", port=6379, send="AUTH canary\r\nPING\r\n"), ["canary"]),
    "a login in steps": (
        Tcp(
            host="a.test",
            port=25,
            dialogue=[
                DialogueStep(send="AUTH LOGIN\r\n", expect="^334"),
                DialogueStep(send="canary\r\n", expect="assword: $"),
                DialogueStep(send="canary2\r\n", expect="welcome"),
                DialogueStep(send="PASS canary3 {{name}}\r\nQUIT\r\n"),
            ],
        ),
        ["LOGIN", "canary", "canary2", "canary3"],
    ),
    "a key of TLS": (
        Tcp(host="a.test", port=25, tls=Tls(certificate_file="c", key_password=CANARY)),
        ["canary"],
    ),
    "a body of JSON": (
        Http(url="https://a.test", body='{"user": "watch", "Password": "can\\"ary", "token_type": "none"}'),
        ['can\\"ary', 'can"ary'],
    ),
    "a body of a form": (
        Http(url="https://a.test", body="user=watch&client_secret=can%20ary&max_tokens="),
        ["can%20ary", "can ary"],
    ),
    "a body of XML": (Http(url="https://a.test", body="<a><apiKey>canary</apiKey></a>"), ["canary"]),
    "a body with the place of a captured value": (
        Http(url="https://a.test", body='{"token": "{{token}}", "csrf_token": "canary"}'),
        ["canary"],
    ),
    "a field of a datagram": (Udp(host="a.test", port=1, send="password=canary"), ["=canary", "canary"]),
    "an assertion": (
        Http(
            url="https://a.test",
            oauth2=OAuth2(
                token_url=TOKENS, client_id="me", client_secret="", parameters={"assertion": CANARY}
            ),
        ),
        ["canary", "canary"],
    ),
    "a text": (Tcp(host="a.test", port=25, send="EHLO everybody\r\n"), []),
}


@pytest.mark.parametrize("part", PARTS)
def test_the_login_of_a_target_is_a_secret(part):
    probe, secrets = PARTS[part]
    target = Target(id="shop", **{type(probe).__name__.lower(): probe})
    assert [each for each in secrets_of([target]) if each] == [each for each in secrets if each]


def test_the_secret_the_path_and_the_headers_of_a_webhook_are_secrets():
    webhook = Webhook(url="https://a.test/hooks/T1/x", secret=SIGNED, headers={"X-Key": "canary"})
    found = set(secrets_of([Channel(id="ops", webhook=webhook)]))
    assert found == {"", "canary", "hooks/T1/x", "whsec_Y2FuYXJ5", "Y2FuYXJ5"}


HOOK = "https://a.test/hooks/T1/x"
CHANNELS = {
    "slack": ({"token": "xoxb-canary", "channel": "#ops"}, {"xoxb-canary"}),
    "slack by a webhook": ({"url": HOOK}, {"hooks/T1/x"}),
    "pagerduty": ({"routing_key": "c" * 32}, {"c" * 32}),
    "discord": ({"url": HOOK}, {"hooks/T1/x"}),
    "telegram": ({"token": "123:canary", "chat": 1}, {"123:canary", "canary"}),
    "ntfy": ({"topic": "canary7", "token": "tk_canary"}, {"canary7", "tk_canary"}),
    "ntfy of a word": ({"topic": "ops"}, set()),
    "alertmanager": (
        {"url": "http://a.test", "headers": {"Authorization": "Bearer canary"}},
        {"Bearer canary", "canary"},
    ),
}


@pytest.mark.parametrize("name", CHANNELS)
def test_the_tokens_of_a_channel_are_secrets_and_its_repr_shows_none(name):
    fields, secrets = CHANNELS[name]
    channel = Channel(id="ops", **{name.partition(" ")[0]: fields})
    assert set(secrets_of([channel])) - {""} == secrets
    assert not any(secret in repr(channel) for secret in secrets)


@pytest.mark.parametrize(
    ("path", "secrets"),
    [
        ("alerts", set()),
        ("hooks/ops-team/status", set()),
        ("hooks/a1", {"hooks/a1"}),
        (
            "hooks/averylongwordwithoutadigit",
            {"hooks/averylongwordwithoutadigit", "averylongwordwithoutadigit"},
        ),
        ("services/T0/B0/xoxb7fJ2kq0L9aPzR", {"services/T0/B0/xoxb7fJ2kq0L9aPzR", "xoxb7fJ2kq0L9aPzR"}),
    ],
)
def test_the_path_of_a_webhook_is_a_secret_unless_it_is_made_of_words(path, secrets):
    found = set(secrets_of([Channel(id="ops", webhook=Webhook(url=f"https://a.test/{path}"))]))
    assert found - {""} == secrets


def test_a_value_of_a_variable_is_a_secret_unless_every_output_shows_its_place(tmp_path):
    (tmp_path / "token").write_text("from a file\n")
    environment = {
        "NAME": "eu-west",
        "HOST": "shop.example",
        "TOKEN": "canary",
        "EVERY": "30s",
        "WANT": "well",
    }
    substitution = Substitution(environment, lambda _: tmp_path)
    substitution.fill(
        {
            "id": "${NAME}",
            "every": "${EVERY}",
            "http": {"url": "https://${HOST}/${TOKEN}", "bearer": "${file:token}"},
            "expect": ["[BODY] == ${WANT}"],
        }
    )
    assert substitution.secrets == {"canary", "from a file", "well"}


WHOLE = re.compile(
    r"""["']?NAME["']?\s*[:=]\s*"((?:[^"\\]|\\.)*)\"|NAME=([^&\s"']+)|<NAME>([^<]*)<""".replace(
        "NAME", r"[\w.-]*(?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|credential)s?"
    ),
    re.IGNORECASE,
)
"""A field with its name in one expression: what is meant, and as slow as the square of the length of a text."""
PIECES = [
    "token",
    "Secrets",
    "x",
    "api_key",
    "s",
    "a-b.",
    "=",
    ":",
    '"',
    "'",
    "\\",
    " ",
    "\n",
    "<",
    ">",
    "&",
    "ſ",
]


def with_meant(quoted, value):
    """A value, and what it means where that is another text."""
    with suppress(ValueError):
        if quoted and (meant := json.loads(f'"{quoted}"')) != value:
            return [value, meant]
    return [value]


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join))
def test_the_fields_of_a_text_are_those_of_the_plain_expression(text):
    found = (with_meant(quoted, quoted or formed or marked) for quoted, formed, marked in WHOLE.findall(text))
    assert [*secret_fields(text)] == [value for values in found for value in values]


LONG = [
    "x",
    "a1",
    "token",
    "token>",
    "token ",
    "<token>",
    "<token",
    'token="',
    'token:"\\"',
    "token: ",
    "<xtoken.",
    '"',
]


@pytest.mark.parametrize("piece", LONG)
def test_a_text_of_a_megabyte_is_read_in_one_go(piece):
    length = 1 << 20
    found = [*secret_fields((piece * length)[:length])]
    assert sum(map(len, found)) <= 2 * length
