"""Bad channels and the exact lines that they are answered with; no line shows a secret."""

import pytest
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.errors import ConfigurationError

CANARY = "canary-of-the-mine"
HOOK = "https://h/x"


def problems_of(kind, fields, folder):
    text = f"targets: []\nchannels: [{{id: a, {kind}: {{{fields}}}}}]\n"
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(text, {}, name="w.yaml", folder=folder)
    return [line.partition(" ")[2] for line in caught.value.problems]


BAD = [
    ("webhook", f"url: '{HOOK}', method: GET", "webhook.method: 'GET' is not one of PATCH, POST, PUT"),
    ("webhook", f"url: '{HOOK}', accepted: []", "webhook.accepted: "),
    ("webhook", f"url: '{HOOK}', accepted: [500]", "webhook.accepted[0]: "),
    ("webhook", f"url: '{HOOK}', accepted: [4xx]", "webhook.accepted[0]: "),
    ("webhook", f"url: '{HOOK}', headers: {{Content-Type: text/plain}}", "webhook.headers.Content-Type: is set for every request"),
    ("webhook", f"url: '{HOOK}', body: 'a {{titel}}', headers: {{Content-Type: text/plain}}", "webhook.body: '{titel}' (line 1, column 3 of the text) is no placeholder, did you mean title"),
    ("webhook", f"url: '{HOOK}', body: '{{\"a\": {{title}}}}'", "webhook.body: makes no JSON (line 1, column 7 of the text)"),
    ("slack", "token: xoxb-1", "slack: needs a channel with the token"),
    ("slack", f"token: xoxb-1, channel: '#a', url: '{HOOK}'", "slack: needs exactly one of token, url; it has token and url"),
    ("slack", "channel: '#a'", "slack: needs exactly one of token, url; it has none"),
    ("slack", f"url: '{HOOK}', channel: '#a'", "slack.channel: has no effect with url"),
    ("slack", f"token: xapp-{CANARY}, channel: '#a'", "slack.token: is an app-level token"),
    ("slack", f"token: 'https://h/{CANARY}', channel: '#a'", "slack.token: is the URL of an incoming webhook"),
    ("slack", f"token: '{CANARY} ', channel: '#a'", "slack.token: holds a blank"),
    ("slack", f"token: '{CANARY}ü', channel: '#a'", "slack.token: holds a blank"),
    ("slack", "token: '', channel: '#a'", "slack.token: is empty"),
    ("slack", "token: xoxb-1, channel: '#'", "slack.channel: '#' is no channel"),
    ("slack", f"token: xoxb-1, channel: {'a' * 101}", "slack.channel: has 101 characters: 100 are the most"),
    ("slack", "token: xoxb-1, channel: '#a', api: 'https://h/?a=b'", "slack.api: has a query or a fragment"),
    ("pagerduty", f"routing_key: {CANARY}", "pagerduty.routing_key: is no integration key: copy it from the service in PagerDuty"),
    ("pagerduty", f"routing_key: {'a' * 32}, api: events.pagerduty.com", "pagerduty.api: is no absolute URL"),
    ("discord", f"url: 'ftp://h/{CANARY}'", "discord.url: has the scheme 'ftp'"),
    ("telegram", f"token: {CANARY}, chat: 1", "telegram.token: is no token of a bot"),
    ("telegram", "token: '1:a', chat: ops", "telegram.chat: 'ops' is no chat"),
    ("telegram", "token: '1:a', chat: 1.5", "telegram.chat: "),
    ("telegram", "token: '1:a', chat: 1, api: 'https://u:p@h/'", "telegram.api: holds a user name or a password"),
    ("ntfy", f"topic: '{CANARY}/x'", "ntfy.topic: is no topic: write 1 to 64 letters"),
    ("ntfy", f"topic: ops, token: '{CANARY} x'", "ntfy.token: holds a blank"),
    ("alertmanager", "url: 'http://h:99999'", "alertmanager.url: has a port that is none"),
    ("alertmanager", "url: 'http://h', ends_after: 1m", "alertmanager.ends_after: "),
    ("alertmanager", f"url: 'http://h', headers: {{X-Key: \"{CANARY}\\r\\n\"}}", "alertmanager.headers.X-Key: holds a line end"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "said"), BAD, ids=[said for _, _, said in BAD])
def test_a_bad_channel_is_named_with_its_place_and_without_its_secret(kind, fields, said, tmp_path):
    problems = problems_of(kind, fields, tmp_path)
    assert [problem.startswith(f"channels[0].{said}") for problem in problems] == [True], problems
    assert CANARY not in "".join(problems)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("watch.example.org", "is no absolute URL"),
        ("https://watch.example.org/?a=b", "has a query or a fragment"),
        ("https://u:p@watch.example.org", "holds a user name"),
    ],
)
def test_an_address_to_which_no_page_can_be_added_is_refused(address, said, tmp_path):
    text = f"targets: []\nweb: {{listen: '127.0.0.1:1', address: '{address}'}}\n"
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(text, {}, name="w.yaml", folder=tmp_path)
    (line,) = caught.value.problems
    assert line.startswith(f"w.yaml:2:39: web.address: {said}")


UNSET = """\
web: {listen: "127.0.0.1:1", tokens: [{name: anna, role: viewer, sha256: "${A}"}]}
channels:
- {id: a, slack: {token: "${A}", channel: "#a"}}
- {id: b, pagerduty: {routing_key: "${A}"}}
- {id: c, telegram: {token: "${A}", chat: "${A}"}}
- {id: d, ntfy: {topic: "${A}"}}
targets: []
"""


def test_an_unset_variable_is_the_only_problem_of_a_key_with_a_form(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(UNSET, {}, name="w.yaml", folder=tmp_path)
    assert [line.partition(": ")[2].partition(":")[0] for line in caught.value.problems] == [
        "web.tokens[0].sha256",
        "channels[0].slack.token",
        "channels[1].pagerduty.routing_key",
        "channels[2].telegram.token",
        "channels[2].telegram.chat",
        "channels[3].ntfy.topic",
    ]
    assert all("the environment variable A is not set" in line for line in caught.value.problems)
