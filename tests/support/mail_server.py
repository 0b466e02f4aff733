"""A real SMTP server on loopback (aiosmtpd) that takes mail, or behaves at one command as badly as a test asks."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as PARSED
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from awaiting import close_listening

LOGIN = ("otto", "pass word")
"""The one login that the server takes."""
TAKEN = "250 taken"
Fault = Callable[["_Session"], Any]


class Mail(NamedTuple):
    """One mail as it arrived."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    encrypted: bool
    user: str | None

    @property
    def parsed(self) -> EmailMessage:
        return cast("EmailMessage", message_from_bytes(self.content, policy=PARSED))


class MailServer:
    """Serves on a thread from the begin of `with` to its end.

    `faults` has by command (`connect`, `EHLO`, `RCPT`, `DATA`, `content` ...) what the server says or does instead: a text is
    its answer, a function is called with the session. `per_recipient` has answers for single addresses.
    """

    def __init__(
        self,
        *,
        faults: Mapping[str, str | Fault] | None = None,
        per_recipient: Mapping[str, str] | None = None,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        has_login: bool = False,
    ) -> None:
        self.mails: list[Mail] = []
        """Those that were taken, and those whose content has arrived whatever the answer was."""
        self.arrived = threading.Event()
        """Set when a content has arrived, or a fault has begun."""
        self.gone = threading.Event()
        """Set when a client has left."""
        self.commands: list[str] = []
        self.faults = dict(faults or {})
        self.per_recipient = dict(per_recipient or {})
        self.starttls, self._tls, self.has_login = starttls, tls, has_login
        self.sessions: list[_Session] = []
        self.watcher: Callable[[str], None] | None = None
        """Called with `taken` once a content has arrived, and with `answered` after the answer that takes it."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail server")

    def __enter__(self) -> Self:
        self._thread.start()
        made = self._loop.create_server(lambda: _Session(self, self._loop), "127.0.0.1", 0, ssl=self._tls)
        self._server = self._run(made)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(60)
            self._loop.close()

    async def _close(self) -> None:
        await close_listening(self._server)
        for session in self.sessions:
            session.leave()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def look(self, stage: str) -> None:
        """Tells the watcher how far a mail has come."""
        watcher = self.watcher
        if watcher is not None:
            watcher(stage)

    def url(self, scheme: str = "smtp", login: str = "") -> str:
        return f"{scheme}://{login}127.0.0.1:{self.port}"


class _Session(SMTP):
    """One connection."""

    def __init__(self, server: MailServer, loop: asyncio.AbstractEventLoop) -> None:
        self._test = server
        self._transports: list[asyncio.Transport] = []
        server.sessions.append(self)
        super().__init__(
            _Taker(server),
            loop=loop,
            hostname="mail.test",
            tls_context=server.starttls,
            authenticator=_judge,
            auth_require_tls=False,
            auth_exclude_mechanism=() if server.has_login else ("PLAIN", "LOGIN"),
            timeout=60,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._transports.append(cast("asyncio.Transport", transport))

    def leave(self) -> None:
        """Closes the connection, and the one below it where TLS was begun on it."""
        for transport in self._transports:
            # One over TLS that has ended has no protocol left to abort, in early versions of 3.11.
            if not transport.is_closing():
                transport.abort()

    def eof_received(self) -> bool | None:
        self._test.gone.set()
        return super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._test.gone.set()

    async def push(self, status: Any) -> None:
        text = status.decode() if isinstance(status, bytes) else status
        if text.startswith("220 ") and "TLS" not in text and (fault := self._test.faults.get("connect")):
            await self.do_fault(fault)
            return
        await super().push(status)
        if text.startswith(TAKEN):
            self._test.look("answered")

    async def do_fault(self, fault: str | Fault) -> None:
        self._test.arrived.set()
        if isinstance(fault, str):
            await super().push(fault)
        else:
            await fault(self)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802  # the library's name
        await self._or_fault("EHLO", super().smtp_EHLO(hostname))

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        await self._or_fault("HELO", super().smtp_HELO(hostname))

    async def smtp_STARTTLS(self, argument: str) -> None:  # noqa: N802
        await self._or_fault("STARTTLS", super().smtp_STARTTLS(argument))

    async def smtp_AUTH(self, argument: str) -> None:  # noqa: N802
        await self._or_fault("AUTH", super().smtp_AUTH(argument))

    async def smtp_MAIL(self, argument: str | None) -> None:  # noqa: N802
        await self._or_fault("MAIL", super().smtp_MAIL(argument))

    async def smtp_RCPT(self, argument: str | None) -> None:  # noqa: N802
        await self._or_fault("RCPT", super().smtp_RCPT(argument))

    async def smtp_DATA(self, argument: str) -> None:  # noqa: N802
        await self._or_fault("DATA", super().smtp_DATA(argument))

    async def _or_fault(self, command: str, usual: Any) -> None:
        self._test.commands.append(command)
        fault = self._test.faults.get(command)
        if fault is None:
            await usual
        else:
            usual.close()
            await self.do_fault(fault)


class _Taker:
    """Takes mail as the server's owner says."""

    def __init__(self, server: MailServer) -> None:
        self._test = server

    async def handle_RCPT(  # noqa: N802
        self, session: _Session, _: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        del session, options
        answer = self._test.per_recipient.get(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, session: _Session, dialogue: Any, envelope: Any) -> str:  # noqa: N802
        login = dialogue.auth_data
        user = login.login.decode() if isinstance(login, LoginPassword) else None
        self._test.mails.append(
            Mail(
                envelope.mail_from,
                tuple(envelope.rcpt_tos),
                envelope.content,
                dialogue.ssl is not None,
                user,
            )
        )
        self._test.arrived.set()
        self._test.look("taken")
        fault = self._test.faults.get("content")
        if fault is None:
            return TAKEN
        if isinstance(fault, str):
            return fault
        await fault(session)
        return TAKEN


def _judge(*arguments: Any) -> AuthResult:
    login = arguments[-1]
    given = isinstance(login, LoginPassword) and (login.login.decode(), login.password.decode())
    return AuthResult(success=given == LOGIN, handled=False, auth_data=login)


async def hang(session: _Session) -> None:
    """Says nothing any more."""
    del session
    await asyncio.Event().wait()


async def cut(session: _Session) -> None:
    """Ends the connection without a word."""
    session.transport.abort()
    await asyncio.Event().wait()


async def drip(session: _Session) -> None:
    """Answers byte by byte, and never comes to an end."""
    while not session.transport.is_closing():
        session.transport.write(b"2")
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.02)
        except TimeoutError:
            continue
