"""The effect of each key of a mail channel, seen at a server."""

from pathlib import Path
from typing import Any

from mail_server import LOGIN, Mail, MailServer, hang
from of_channels import IDLE, LONG, channel_kind, failing, patience_s, pause_for
from seeing import samples
from servers import Authority
from watched import Real

USER, PASSWORD = LOGIN


def mailed(folder: Path, server: MailServer, **fields: Any) -> list[Mail]:
    """Returns the mails of a failing target, once one has come or its channel has a problem."""
    email = {"to": ["ann@example.org"], "from": "wk@example.org", "smtp": server.url(), "starttls": "never"}
    written = {key: value for key, value in {**email, **fields}.items() if value is not None}
    samples(
        folder,
        failing({"email": written}),
        settle=lambda runtime: pause_for(lambda: server.mails or runtime.status().problems, IDLE),
    )
    return server.mails


def mail(folder: Path, **fields: Any) -> Mail:
    with MailServer() as server:
        return mailed(folder, server, **fields)[0]


def to(folder: Path, value: list[str]) -> Any:
    return list(mail(folder, to=value).recipients)


def sender(folder: Path, value: str) -> Any:
    return mail(folder, **{"from": value}).sender


def server_of(folder: Path, value: bool) -> Any:
    """Returns which of two servers gets the mail: the first one where `value` is true."""
    with MailServer() as one, MailServer() as other:
        chosen = one if value else other
        mailed(folder, chosen, smtp=chosen.url())
        return len(one.mails), len(other.mails)


def logged_in(folder: Path, user: str | None, password: str | None) -> Any:
    """Returns the user whom a server that asks for TLS knows a mail to be from."""
    authority = Authority(folder)
    with MailServer(starttls=authority.context(), has_login=True) as server:
        tls = {"starttls": None, "tls": {"ca_file": authority.file}}
        mails = mailed(folder, server, user=user, password=password, **tls)
        return [each.user for each in mails]


def user(folder: Path, value: str) -> Any:
    return logged_in(folder, value, PASSWORD)


def password(folder: Path, value: str) -> Any:
    return logged_in(folder, USER, value)


def starttls(folder: Path, value: str) -> Any:
    """Returns whether a server without TLS gets the mail."""
    with MailServer() as server:
        return len(mailed(folder, server, starttls=value))


def mail_tls(folder: Path, value: dict[str, Any]) -> Any:
    """Returns whether a server whose certificate nobody vouches for gets the mail."""
    with MailServer(starttls=Authority(folder).context()) as server:
        return len(mailed(folder, server, starttls=None, tls=value))


def mail_timeout(folder: Path, value: str) -> Any:
    """Returns whether a server that says nothing saw the runtime leave soon."""
    with MailServer(faults={"EHLO": hang}) as server:
        seen = []
        email = {"to": ["ann@example.org"], "from": "wk@example.org", "smtp": server.url(), "timeout": value}
        samples(
            folder,
            failing({"email": email}),
            settle=lambda _: (server.arrived.wait(20), seen.append(server.gone.wait(patience_s(value)))),
        )
        return seen


EMAIL = {"to": ["ann@example.org"], "from": "wk@example.org", "starttls": "never"}
MAIL: dict[str, Real] = {
    "Channel.email": Real(channel_kind, ({"log": {}}, {"email": EMAIL}), (["log"], ["email"])),
    "Email.to": Real(to, (["a@example.org"], ["b@example.org"]), (["a@example.org"], ["b@example.org"])),
    "Email.from": Real(sender, ("a@example.org", "b@example.org"), ("a@example.org", "b@example.org")),
    "Email.smtp": Real(server_of, (True, False), ((1, 0), (0, 1))),
    "Email.user": Real(user, (USER, "nobody"), ([USER], [])),
    "Email.password": Real(password, (PASSWORD, "wrong"), ([USER], [])),
    "Email.starttls": Real(starttls, ("required", "never"), (0, 1)),
    "Email.tls": Real(mail_tls, ({}, {"verify": False}), (0, 1)),
    "Email.timeout": Real(mail_timeout, (LONG, "300ms"), ([False], [True])),
}  # fmt: skip
