"""A mail server for tests that can misbehave, and the mails that it accepted."""

import asyncio
import email
import email.policy
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, syntax

Stage = Literal["EHLO", "MAIL", "RCPT", "DATA", "content", "dot"]
Deed = Literal["4xx", "5xx", "421", "drop", "drop-kept", "keep-hang", "hang"]


class Mailbox:
    """An SMTP server in this event loop. ``choose`` decides, at each stage of each mail, what goes wrong.

    At the dot: ``drop-kept`` keeps the mail and loses the connection before the answer, ``keep-hang``
    keeps it and never answers.
    """

    def __init__(self) -> None:
        self.port = 0
        #: Called at every stage; None: no fault.
        self.choose: Callable[[Stage, str], Deed | None] = lambda _stage, _recipient: None
        #: Awaited at every dot (end of a mail), before anything else.
        self.gate: Callable[[], Awaitable[object]] | None = None
        self.accepted: list[EmailMessage] = []
        self.connections = 0
        #: How long every answer takes.
        self.delay_s = 0.0
        self.arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        #: With a context, STARTTLS is required.
        self.tls: ssl.SSLContext | None = None
        #: User and password, required after STARTTLS.
        self.login: tuple[str, str] | None = None

    @property
    def sessions(self) -> int:
        return len(self._open)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def counts(self) -> Counter[str]:
        """How often each Message-ID was accepted."""
        return Counter(str(message["Message-ID"]) for message in self.accepted)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse new connections, and close the open ones."""
        if self._server is not None:
            loop = asyncio.get_running_loop()
            for listening in self._server.sockets:
                loop.remove_reader(listening.fileno())
            # A socket accepted a moment ago must first become a connection: with a closed server it no
            # longer can, and nobody would close it (CPython 3.11).
            for _ in range(3):
                await asyncio.sleep(0)
            self._server.close()
            await self.drop_all()
            await self._server.wait_closed()
            self._server = None

    async def drop_all(self) -> None:
        for connection in list(self._open):
            connection.drop()

    async def keep(self, content: bytes) -> None:
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        async with self.arrived:
            self.accepted.append(message)
            self.arrived.notify_all()

    async def until(self, count: int, timeout_s: float = 60) -> None:
        async with asyncio.timeout(timeout_s), self.arrived:
            await self.arrived.wait_for(lambda: len(self.accepted) >= count)


class _Handler:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's names
        self, server: "_Connection", session: Session, _: Envelope, host: str, replies: list[str]
    ) -> list[str]:
        refused = await server.misbehave("EHLO", "")
        session.host_name = host
        return [refused] if refused else replies

    async def handle_MAIL(  # noqa: N802
        self, server: "_Connection", _: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        refused = await server.misbehave("MAIL", "")
        if refused is None:
            envelope.mail_from = address
        return refused or "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, server: "_Connection", _: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        refused = await server.misbehave("RCPT", address)
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or "250 2.1.5 Ok"

    async def handle_DATA(  # noqa: N802
        self, server: "_Connection", _: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        recipient = envelope.rcpt_tos[0]
        if self._mailbox.gate is not None:
            await self._mailbox.gate()
        deed = self._mailbox.choose("dot", recipient)
        if deed in ("drop-kept", "keep-hang"):
            await self._mailbox.keep(content)
        refused = await server.carry_out(deed)
        if refused is None:
            await self._mailbox.keep(content)
        return refused or "250 2.0.0 Ok: queued"


class _Connection(SMTP):
    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        options: dict[str, Any] = {}
        if mailbox.login is not None:
            options |= {
                "auth_required": True,
                "auth_require_tls": True,
                "authenticator": self._log_in,
            }
        if mailbox.tls is not None:
            options |= {"tls_context": mailbox.tls, "require_starttls": True}
        super().__init__(_Handler(mailbox), enable_SMTPUTF8=False, hostname="mail.test", **options)

    def _log_in(self, _: Any, __: Any, ___: Any, ____: str, given: LoginPassword) -> AuthResult:
        login = (given.login.decode(), given.password.decode())
        return AuthResult(success=login == self.mailbox.login, handled=False)

    def connection_made(self, transport: Any) -> None:
        self.mailbox.connections += 1
        self.mailbox._open.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.mailbox._open.discard(self)
        super().connection_lost(error)

    def drop(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def misbehave(self, stage: Stage, recipient: str) -> str | None:
        """The answer instead of doing it; None: do it."""
        return await self.carry_out(self.mailbox.choose(stage, recipient))

    async def carry_out(self, deed: Deed | None) -> str | None:
        await asyncio.sleep(self.mailbox.delay_s)
        match deed:
            case "4xx":
                return "451 4.3.0 Not now"
            case "5xx":
                return "550 5.1.1 Never"
            case "421":
                return "421 4.3.2 Going down"
            case "drop" | "drop-kept":
                self.drop()
                return "250 not heard"
            case "hang" | "keep-hang":
                await asyncio.Event().wait()
        return None

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        assert self.envelope is not None
        recipient = (self.envelope.rcpt_tos or [""])[0]
        refused = await self.misbehave("DATA", recipient)
        if refused is not None:
            await self.push(refused)
            return
        if self.mailbox.choose("content", recipient) == "drop":
            await self.push("354 Go on")
            await self._reader.read(50)
            self.drop()
            return
        await super().smtp_DATA(arg)


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    opened = Mailbox()
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()
