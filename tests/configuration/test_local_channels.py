"""Mistakes in mail, programs, Apprise and the ping of a file: each is named where it stands, and no secret is shown."""

import pytest
from watchkeeper import Apprise, Channel, Email, PingOptions, RuntimeOptions
from watchkeeper.adapters.configuration import load
from watchkeeper.adapters.masking import secrets_of
from watchkeeper.domain.errors import ConfigurationError

MAIL = {"to": "[a@h.example]", "from": "w@h.example", "smtp": "'smtp://h'"}


def problems(text, folder):
    path = folder / "watchkeeper.yaml"
    path.write_text(text)
    try:
        load(path, {})
    except ConfigurationError as error:
        return [problem.removeprefix(f"{path}:") for problem in error.problems]
    return []


def mail(folder, **fields):
    said = ", ".join(f"{key}: {value}" for key, value in {**MAIL, **fields}.items() if value is not None)
    return problems(f"targets: []\nchannels: [{{id: boss, email: {{{said}}}}}]\n", folder)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"smtp": "'smtp://mail.example.org:25'"},
        {"smtp": "'smtps://otto:pass%20word@[::1]'"},
        {"user": "otto", "password": "secret"},
        {"starttls": "never"},
        {"to": "['a.b+c@bücher.example', o@h]"},
    ],
)
def test_a_mail_channel_that_a_server_takes_has_no_problem(tmp_path, fields):
    assert mail(tmp_path, **fields) == []


@pytest.mark.parametrize(
    ("fields", "place", "says"),
    [
        ({"to": "[]"}, "email.to", "at least 1"),
        ({"to": "[ann]"}, "email.to[0]", "is no address: write it like ops@example.org"),
        ({"to": "['Ann <a@h>']"}, "email.to[0]", "is no address"),
        ({"to": "['a@h', 'A@H']"}, "email.to[1]", "stands twice"),
        ({"to": "['ä@h']"}, "email.to[0]", "a part before the @"),
        ({"to": '["a@h\\r\\nBcc: e@h"]'}, "email.to[0]", "a part before the @"),
        ({"from": "'@h'"}, "email.from", "a part before the @"),
        ({"from": "'w@[10.0.0.1]'"}, "email.from", "has an address of a machine behind the @"),
        ({"smtp": "'mail.example.org'"}, "email.smtp", "is no URL of a mail server"),
        ({"smtp": "'http://h'"}, "email.smtp", "is no URL of a mail server"),
        ({"smtp": "'smtp://h:0'"}, "email.smtp", "has a port that is none"),
        ({"smtp": "'smtp://h:99999'"}, "email.smtp", "has a port that is none"),
        ({"smtp": "'smtp://h/x'"}, "email.smtp", "has more than a server"),
        ({"smtp": "'smtp://[::1'"}, "email.smtp", "has a host that cannot be read"),
        ({"smtp": "'smtp://canary@h'"}, "email.smtp", "has half a login"),
        ({"user": "otto"}, "email.user", "has half a login"),
        ({"password": "canary"}, "email.password", "has no effect without user"),
        ({"smtp": "'smtp://a:canary@h'", "user": "b", "password": "c"}, "email.user", "keep one"),
        ({"smtp": "'smtp://a:canary@h'", "starttls": "never"}, "email.starttls", "the password in clear"),
        ({"smtp": "'smtps://h'", "starttls": "never"}, "email.starttls", "has no effect with smtps://"),
        ({"timeout": "0s"}, "email.timeout", "out of range"),
        ({"tls": "{ca_file: /no/such}"}, "email.tls.ca_file", "cannot be used"),
    ],
)
def test_a_mistake_in_a_mail_channel_is_named_where_it_stands(tmp_path, fields, place, says):
    (found,) = mail(tmp_path, **fields)

    assert found.startswith("2:")
    assert f"channels[0].{place}: " in found
    assert says in found
    assert "canary" not in found


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("exec: {argv: [/bin/true]}", "exec", "programs may not be run: set allow_exec to true"),
        ("apprise: {urls: [canary]}", "apprise.urls[0]", "is no URL of Apprise"),
        ("apprise: {urls: ['json://h', 'json://h']}", "apprise.urls[1]", "stands twice"),
        ("apprise: {urls: ['json://canary h']}", "apprise.urls[0]", "a blank"),
        ("apprise: {urls: []}", "apprise.urls", "at least 1"),
        ("apprise: {urls: ['json://h'], timeout: 0s}", "apprise.timeout", "out of range"),
    ],
)
def test_a_mistake_in_a_program_is_named_where_it_stands(tmp_path, text, place, says):
    (found,) = problems(f"targets: []\nchannels: [{{id: rest, {text}}}]\n", tmp_path)

    assert f"channels[0].{place}: " in found
    assert says in found
    assert "canary" not in found


def test_a_fact_of_a_notice_is_no_variable_to_set(tmp_path):
    program = "{argv: [/bin/true], environment: {NOTICE_KEY: x}, directory: /no/such}"
    found = problems(
        f"runtime: {{allow_exec: true}}\ntargets: []\nchannels: [{{id: own, exec: {program}}}]\n", tmp_path
    )

    assert ["environment.NOTICE_KEY: is set by each notice" in each for each in found] == [True, False]
    assert "exec.directory" in found[1]


@pytest.mark.parametrize(
    ("ping", "place", "says"),
    [
        ("{url: 'hc.example'}", "url", "is no absolute URL"),
        ("{url: 'https://h/canary', every: 1s}", "every", "out of range"),
        ("{every: 1m}", "", "has no url"),
        ("{url: 'https://h/', tls: {ca_file: /no/such}}", "tls.ca_file", "cannot be used"),
    ],
)
def test_a_mistake_in_the_ping_is_named_where_it_stands(tmp_path, ping, place, says):
    (found,) = problems(f"runtime: {{ping: {ping}}}\ntargets: []\n", tmp_path)

    assert found.startswith("1:")
    assert f"runtime.ping{'.' if place else ''}{place}: " in found
    assert says in found
    assert "canary" not in found


def test_the_secrets_of_each_are_masked_and_shown_nowhere(tmp_path):
    parts = [
        Channel(id="a", email=Email(to=["a@h"], from_="b@h", smtp="smtps://u:first%20one@h")),
        Channel(id="b", email=Email(to=["a@h"], from_="b@h", smtp="smtp://h", user="u", password="second")),  # noqa: S106
        Channel(id="c", apprise=Apprise(urls=["json://h/third-secret-token"])),
        Channel(id="d", exec={"argv": ["/bin/true"], "environment": {"TOKEN": "fourth"}}),
        RuntimeOptions(ping=PingOptions(url="https://h/ping/0123456789abcdef-fifth")),
    ]
    found = set(secrets_of(parts))

    assert {"first one", "second", "third-secret-token", "fourth", "0123456789abcdef-fifth"} <= found
    assert not any(secret in repr(part) for part in parts for secret in found if len(secret) > 4)
