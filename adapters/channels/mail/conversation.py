"""One conversation with a mail server over a connection that stands: TLS, login, and one mail to several recipients.

Runs on a thread, and blocks. Its owner ends it from outside by `break_off`: a server that drips or says nothing holds the
thread no longer than the deadline.
"""

import os
import socket
import ssl
from contextlib import suppress
from enum import StrEnum
from smtplib import SMTP, SMTPException, SMTPNotSupportedError, SMTPResponseException, SMTPServerDisconnected

import msgspec

from ....domain.line import one_line
from ....domain.specification.mail_channel import Email, MailServer
from ....domain.specification.probe import Tls
from ....domain.validation.network import ascii_host
from ...net.secure_contexts import UnusableFileError, client_context

GO_ON = 354
"""The server waits for the mail."""
CLOSING = 421
"""The server ends the conversation, whatever was asked (RFC 5321, 3.8)."""


class Stage(StrEnum):
    """How far a conversation has come, in words that complete `no answer`."""

    GREETING = "to the connection"
    TLS = "while TLS began"
    LOGIN = "to the login"
    ENVELOPE = "to the addresses"
    CONTENT = "to the offer of the mail"
    SENT = "after the mail was sent: the outcome is unknown"


class ServerReply(msgspec.Struct, frozen=True):
    """The server's answer about one recipient, or about all that are left."""

    code: int
    text: str

    @property
    def is_final(self) -> bool:
        """Whether the same would be refused again."""
        return self.code >= 500  # RFC 5321, 4.2.1

    @property
    def said(self) -> str:
        return one_line(f"{self.code} {self.text}".strip())


class Conversed(msgspec.Struct, frozen=True, kw_only=True):
    """How a conversation ended."""

    taken: tuple[str, ...] = ()
    """The recipients for whom the server has taken the mail."""
    refused: dict[str, ServerReply] = {}
    """The answers for those for whom it has not."""
    problem: str = ""
    """Why the conversation broke off before there was an answer for each recipient."""
    is_final: bool = False
    """Whether the problem would be the same again."""


class Conversation:
    """Says everything once over one connection, which it owns from here on."""

    def __init__(self, connection: socket.socket, spec: Email, timeout_s: float) -> None:
        self.stage = Stage.GREETING
        self._spec, self._server = spec, spec.server
        connection.settimeout(timeout_s)
        # A second descriptor of the same connection, for the other thread: TLS takes the first one over.
        self._handle = socket.socket(fileno=os.dup(connection.fileno()))
        self._connection = connection

    def break_off(self) -> None:
        """Ends the connection from the owner's thread: what waits on it goes on at once, with an error."""
        with suppress(OSError):
            self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Lets go of the owner's end."""
        self._handle.close()

    def close_unused(self) -> None:
        """Closes both ends of a conversation that never began."""
        self._connection.close()
        self.close()

    def send(self, sender: str, recipients: tuple[str, ...], mail: bytes) -> Conversed:
        """Sends one mail, and says how it went; only an error of this program leaves it."""
        smtp = _Smtp(self._connection)
        try:
            self._begin(smtp)
            return self._transact(smtp, sender, recipients, mail)
        except SMTPNotSupportedError:
            return Conversed(
                problem="the server offers no login: leave user and password out, or name another server"
            )
        except SMTPResponseException as error:
            what = "the login is refused" if self.stage is Stage.LOGIN else "the server refuses this machine"
            return Conversed(problem=f"{what}: {_reply(error.smtp_code, error.smtp_error).said}")
        except (_RefusedError, UnusableFileError) as error:
            return Conversed(problem=str(error))
        except ssl.SSLCertVerificationError as error:
            return Conversed(problem=f"the certificate proves nothing: {error.verify_message}")
        except SMTPServerDisconnected:
            return Conversed(problem=f"no answer {self.stage.value}: the server closed the connection")
        except TimeoutError:
            return Conversed(problem=f"no answer {self.stage.value}")
        except (SMTPException, OSError, ValueError) as error:
            return Conversed(problem=f"no answer {self.stage.value}: {error}")
        finally:
            smtp.close()

    def _begin(self, smtp: "_Smtp") -> None:
        """Greets, changes over to TLS and logs in."""
        server, spec = self._server, self._spec
        if server.is_encrypted:
            self.stage = Stage.TLS
            smtp.encrypt(server, spec.tls)
        self.stage = Stage.GREETING
        _expect(smtp.getreply(), "the server refuses this machine")
        smtp.ehlo_or_helo_if_needed()
        if not server.is_encrypted and spec.starttls == "required":
            if not smtp.has_extn("starttls"):
                raise _RefusedError("the server offers no STARTTLS: nothing was sent in clear")
            self.stage = Stage.TLS
            _expect(smtp.docmd("STARTTLS"), "the server refuses STARTTLS")
            smtp.encrypt(server, spec.tls)
            smtp.ehlo_or_helo_if_needed()
        if server.user is not None:
            self.stage = Stage.LOGIN
            smtp.login(server.user, server.password or "")

    def _transact(self, smtp: "_Smtp", sender: str, recipients: tuple[str, ...], mail: bytes) -> Conversed:
        self.stage = Stage.ENVELOPE
        offered = _reply(*smtp.mail(sender))
        if not _is_taken(offered):
            return Conversed(refused=dict.fromkeys(recipients, offered))
        answers = {}
        for recipient in recipients:
            answers[recipient] = _reply(*smtp.rcpt(recipient))
            if answers[recipient].code == CLOSING:
                return Conversed(problem=f"the server ends the conversation: {answers[recipient].said}")
        refused = {recipient: reply for recipient, reply in answers.items() if not _is_taken(reply)}
        willing = tuple(recipient for recipient in recipients if recipient not in refused)
        if not willing:
            return Conversed(refused=refused)
        self.stage = Stage.CONTENT
        begun = _reply(*smtp.docmd("DATA"))
        if begun.code != GO_ON:
            return Conversed(refused=refused | dict.fromkeys(willing, begun))
        # Before the first byte: the last one may have arrived when this thread comes to say so.
        self.stage = Stage.SENT
        smtp.send(_quoted(mail))
        answer = _reply(*smtp.getreply())
        if not _is_taken(answer):
            return Conversed(refused=refused | dict.fromkeys(willing, answer))
        with suppress(OSError, SMTPException):
            # Said for the server's sake: its answer would tell nothing new, and might never come.
            smtp.putcmd("QUIT")
        return Conversed(taken=willing, refused=refused)


class _RefusedError(Exception):
    """The server refuses the whole conversation."""


class _Smtp(SMTP):
    """The standard library's client over a connection that stands already: names and addresses were judged before."""

    def __init__(self, connection: socket.socket) -> None:
        address = connection.getsockname()[0]
        # By itself it would look up this machine's own name, which may block.
        super().__init__(local_hostname=f"[IPv6:{address}]" if ":" in address else f"[{address}]")
        self.sock = self._clear = connection

    def encrypt(self, server: MailServer, tls: Tls) -> None:
        """Begins TLS; what was said in clear before it counts no more (RFC 3207)."""
        name = tls.server_name or ascii_host(server.host)
        self.sock = client_context(tls).wrap_socket(self._clear, server_hostname=name)
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False


def _expect(answer: tuple[int, bytes], otherwise: str) -> None:
    """Raises: _RefusedError for an answer other than yes."""
    reply = _reply(*answer)
    if not _is_taken(reply):
        raise _RefusedError(f"{otherwise}: {reply.said}")


def _reply(code: int, text: bytes | str) -> ServerReply:
    return ServerReply(code, text.decode("utf-8", "replace") if isinstance(text, bytes) else text)


def _is_taken(reply: ServerReply) -> bool:
    return 200 <= reply.code < 300  # RFC 5321, 4.2.1


def _quoted(mail: bytes) -> bytes:
    """The content as it goes over the line: a dot in front of each dot that begins a line, and a lone one at the end."""
    return mail.replace(b"\r\n.", b"\r\n..") + b".\r\n"
