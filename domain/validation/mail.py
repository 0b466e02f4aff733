"""Checks of mail servers and addresses beyond their types."""

import re
from collections.abc import Iterator

from ..limits import URL_CHARACTERS_MAX
from ..specification.mail_channel import Email, MailServer, mail_server
from ..specification.problem import Path, Problem
from .network import ascii_host, host_fault, tls_problems

# The local part as RFC 5322 writes it without quotes; a quoted one is refused, because few servers take it.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LOCAL_CHARACTERS_MAX = 64  # RFC 5321, 4.5.3.1.1
_ADDRESS_CHARACTERS_MAX = 254  # RFC 5321, 4.5.3.1.3: a path with its brackets has 256
_BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def email_problems(email: Email, path: Path) -> Iterator[Problem]:
    """Yields the problems of a mail channel, except those of its timeout."""
    seen: set[str] = set()
    for at, address in enumerate(email.to):
        if fault := address_fault(address):
            yield Problem((*path, "to", at), fault)
        elif address.lower() in seen:
            yield Problem((*path, "to", at), "stands twice: keep one")
        seen.add(address.lower())
    if fault := address_fault(email.from_):
        yield Problem((*path, "from"), fault)
    server, fault = _server(email.smtp)
    if fault:
        yield Problem((*path, "smtp"), fault)
    yield from tls_problems(email.tls, (*path, "tls"))
    if server is not None:
        yield from _login_problems(email, server, path)


def address_fault(address: str) -> str:
    """Returns why a text is no address that a mail can go to; empty where it is one."""
    local, at, domain = address.rpartition("@")
    if not at or "<" in address or "," in address:
        return "is no address: write it like ops@example.org, without a name around it"
    if not _LOCAL.fullmatch(local) or len(local) > _LOCAL_CHARACTERS_MAX:
        return "has a part before the @ that no mail server takes: write letters, digits and signs such as . _ + -"
    if ":" in domain or "[" in domain:
        return "has an address of a machine behind the @: write the name of a domain"
    if fault := host_fault(domain):
        return f"has a domain that {fault}"
    if len(local) + 1 + len(ascii_host(domain)) > _ADDRESS_CHARACTERS_MAX:
        return f"is longer than {_ADDRESS_CHARACTERS_MAX} characters"
    return ""


def _server(url: str) -> tuple[MailServer | None, str]:
    """The server of a URL, or why there is none; the text never shows the URL, which may hold a password."""
    if len(url) > URL_CHARACTERS_MAX or _BLANK_OR_CONTROL.search(url):
        return (
            None,
            f"is longer than {URL_CHARACTERS_MAX:,} characters, or holds a blank or a control character",
        )
    try:
        server = mail_server(url)
    except ValueError as error:
        said = str(error)
        return None, said if said.startswith(("is ", "has ")) else "has a host that cannot be read"
    fault = host_fault(server.host)
    return server, f"has a host that {fault}" if fault else ""


def _login_problems(email: Email, server: MailServer, path: Path) -> Iterator[Problem]:
    if email.user is not None and server.user is not None:
        yield Problem((*path, "user"), "stands in the URL under smtp, too: keep one")
    if email.password is not None and email.user is None:
        text = "has no effect without user: give the user name of the login, or leave the password out"
        yield Problem((*path, "password"), text, depends_on=((*path, "user"),))
    user, password = email.server.user, email.server.password
    where = "smtp" if email.user is None else "user"
    if (user is None) != (password is None):
        yield Problem((*path, where), "has half a login: give a user name and a password, or neither")
    if _CONTROL.search(f"{user}{password}") or not f"{user}".isprintable():
        yield Problem((*path, where), "has a login with a line end or another control character: remove it")
    if email.starttls == "never" and server.is_encrypted:
        yield Problem(
            (*path, "starttls"),
            "has no effect with smtps://, which is encrypted from the first byte: leave it out",
        )
    if email.starttls == "never" and user is not None and not server.is_encrypted:
        yield Problem(
            (*path, "starttls"), "would send the password in clear: leave it out, or log in to nothing"
        )
