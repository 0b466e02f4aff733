"""The mail about a notice: a pure function of the notice, to the byte, so that a repeat is known as one."""

import re
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from ....domain.incidents.notice import Notice, notice_key
from ....domain.messages.notice_text import NoticeText
from ....domain.specification.mail_channel import Email
from ....domain.validation.network import ascii_host

_LABEL = re.compile(r"[^A-Za-z0-9_-]")
FIRST = 1
"""The sequence of the opening of an incident."""


def sent_address(address: str) -> str:
    """Returns an address as it is sent: its domain in ASCII."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{ascii_host(domain)}"


def message_id(key: str, sender: str) -> str:
    """Returns the `Message-ID` of the notice with this key: the same in every try, also of another process."""
    return f"<{key}@{sender.rpartition('@')[2]}>"


def opening_id(notice: Notice, sender: str) -> str:
    """Returns the id of the mail about the opening, to which every later one answers; where that was never sent, mail programs
    keep the others together by it all the same.
    """
    key = notice.key if notice.is_test else notice_key(notice.thread_id, FIRST, notice.channel)
    return message_id(key, sender)


def mail_of(notice: Notice, text: NoticeText, spec: Email) -> bytes:
    """Returns the mail.

    The body is quoted-printable: plain ASCII in short lines, which every server takes whatever the notice holds.

    Raises: ValueError for a line break in a header, which no notice can bring in.
    """
    sender = sent_address(spec.from_)
    own, opening = message_id(notice.key, sender), opening_id(notice, sender)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(map(sent_address, spec.to))
    mail["Subject"] = text.title
    mail["Date"] = format_datetime(notice.created_at)
    mail["Message-ID"] = own
    if own != opening:
        mail["In-Reply-To"] = opening
        mail["References"] = opening
    # Asks programs that answer mail by themselves to leave this one alone (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Id"] = f"<{_LABEL.sub('-', notice.channel)}.watchkeeper.{sender.rpartition('@')[2]}>"
    mail.set_content(_body(text.lines, text.link), cte="quoted-printable")
    return mail.as_bytes()


def _body(lines: Sequence[str], link: str) -> str:
    return "\n".join([*lines, *(["", link] if link else [])]) + "\n"
