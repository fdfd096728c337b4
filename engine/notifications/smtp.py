"""A session with the mail server, kept open for many mails.

A mail's delivery depends on one line with a dot: until that is sent, the server must not deliver the
message (RFC 5321, 4.1.1.4), and a client that loses the connection may try again. Between the dot and
its answer only the server knows the outcome (RFC 1047). So the whole message except its dot is sent,
then the caller records that it is about to be delivered, then the dot is sent.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import aiosmtplib
import structlog
from aiosmtplib import SMTPException
from msgspec import Struct

from engine.base.server_url import MailServerUrl
from engine.notifications.mime import Envelope

log = structlog.get_logger(__name__)

#: An idle session is ended after this time, before the server ends it (RFC 5321, 4.5.3.2.7: five minutes).
_IDLE_MAX_S = 60.0
#: RFC 5321, 4.5.3.2.6: the answer to the dot may take long, and giving up early leaves the outcome unknown.
PATIENCE = 10
_REPLY_LENGTH_MAX = 500
_LOST = (SMTPException, OSError, TimeoutError, EOFError)


class Delivery(Struct, frozen=True):
    """The result of one attempt. ``is_servers``: it is about the server, not this mail; others would get it, too.
    ``is_sessions``: mails of other sessions perhaps not; ``is_unwanted``: the server refuses such a session.
    """

    outcome: Literal[
        "accepted", "deferred", "refused", "unreachable", "unknown", "not-ours", "not-tried"
    ]
    reply: str
    is_servers: bool = False
    is_sessions: bool = False
    is_unwanted: bool = False


class _Refusal(Exception):
    """``is_goodbye``: the server ends the session, whatever the command was (421)."""

    def __init__(self, delivery: Delivery, *, is_goodbye: bool = False) -> None:
        super().__init__(delivery.reply)
        self.delivery = delivery
        self.is_goodbye = is_goodbye


class MailServer:
    """One session, with one mail under way at a time."""

    def __init__(
        self,
        url: MailServerUrl,
        *,
        timeout_s: float,
        hello: str,
        opening: asyncio.Lock,
        may_open: Callable[[], bool],
    ) -> None:
        """``hello``: our host name. No connection is opened before the first mail.

        ``opening`` is shared by all sessions: they are opened one after the other, and each first asks
        whether it still ``may_open``.
        """
        self._url = url
        self._timeout_s = timeout_s
        self._hello = hello
        self._opening = opening
        self._may_open = may_open
        self._client: aiosmtplib.SMTP | None = None
        #: The server has not finished with the last mail, although we have.
        self._is_midway = False
        self._used_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def deliver(
        self, envelope: Envelope, hand_over: Callable[[], Awaitable[bool]]
    ) -> Delivery:
        """Deliver one mail to the server. Raises no network errors.

        ``hand_over`` is called when only the dot is missing: False stops the delivery (``not-ours``), and
        so does any exception. ``not-tried``: it needed a new session, which must not be opened.
        """
        try:
            client = await self._begin(envelope)
            await self._send_content(client, envelope.message)
        except _Refusal as refusal:
            if refusal.is_goodbye:
                self.close()
            return refusal.delivery
        except (*_LOST, ValueError) as error:
            self.close()
            return _lost(_say(error))
        try:
            ours = await hand_over()
        except BaseException:
            # Without the dot: the server must discard the message.
            self.close()
            raise
        if not ours:
            self.close()
            return Delivery("not-ours", "")
        return await self._finish(client)

    async def _begin(self, envelope: Envelope) -> aiosmtplib.SMTP:
        """Send the envelope, over a new session if there is none any more."""
        client = self._client
        if client is not None and self.is_open:
            if time.monotonic() - self._used_at >= _IDLE_MAX_S:
                await self.quit()
            else:
                try:
                    if self._is_midway:
                        await client.rset()
                        self._is_midway = False
                    await self._announce(client, envelope)
                except _LOST:
                    pass  # the server ended the session between two mails, as it may
                except _Refusal as refusal:
                    if not refusal.is_goodbye:
                        raise
                else:
                    return client
                self.close()
        async with self._opening:
            if not self._may_open():
                raise _Refusal(Delivery("not-tried", ""))
            try:
                client = await self._connect()
            except (*_LOST, ValueError) as error:
                raise _Refusal(_lost(_say(error), is_unwanted=True)) from None
        await self._announce(client, envelope)
        return client

    async def _connect(self) -> aiosmtplib.SMTP:
        url = self._url
        starttls = {"always": True, "auto": None, "never": False}[url.starttls]
        client = aiosmtplib.SMTP(
            hostname=url.host,
            port=url.port,
            username=url.username,
            password=url.password,
            use_tls=url.tls,
            start_tls=starttls,
            tls_context=ssl.create_default_context(cafile=url.ca) if url.ca else None,
            timeout=self._timeout_s,
            local_hostname=self._hello,
        )
        await client.connect()
        self._client, self._is_midway = client, False
        self._used_at = time.monotonic()
        return client

    async def _announce(self, client: aiosmtplib.SMTP, envelope: Envelope) -> None:
        options = []
        if envelope.needs_utf8:
            if not client.supports_extension("smtputf8"):
                raise _Refusal(
                    Delivery(
                        "refused",
                        "The mail server does not accept addresses with non-ASCII letters.",
                    )
                )
            options = ["SMTPUTF8"]
        encoding = "utf-8" if envelope.needs_utf8 else "ascii"
        try:
            await client.mail(envelope.sender, options=options, encoding=encoding)
        except aiosmtplib.SMTPSenderRefused as error:
            # The sender is the same for all mails: the operator must correct it, and no mail is given up for it.
            raise self._refusal(error, "deferred", is_servers=True) from None
        self._is_midway = True
        try:
            await client.rcpt(envelope.recipient, encoding=encoding)
        except aiosmtplib.SMTPRecipientRefused as error:
            raise self._refusal(error, _by_code(error.code)) from None

    async def _send_content(self, client: aiosmtplib.SMTP, message: bytes) -> None:
        """Send DATA, and the message without its dot. Raises when the connection is lost before all is sent."""
        reply = await client.execute_command(b"DATA")
        if reply.code != 354:
            raise self._refusal(aiosmtplib.SMTPResponseException(*reply), _by_code(reply.code))
        transport: Any = client.transport
        # A line that begins with a dot gets a second one (RFC 5321, 4.5.2).
        content = message.replace(b"\r\n.", b"\r\n..")
        content = b"." + content if content.startswith(b".") else content
        transport.write(content if content.endswith(b"\r\n") else content + b"\r\n")
        async with asyncio.timeout(self._timeout_s):
            # The library does not wait until data is sent; data in the buffer may still be lost.
            while transport.get_write_buffer_size() and not transport.is_closing():  # noqa: ASYNC110 - transports tell nobody but their protocol
                await asyncio.sleep(0.002)
            # A server's hang-up is noticed only in the loop's next iteration.
            await asyncio.sleep(0)
        if transport.is_closing() or not client.is_connected:
            raise ConnectionError("The connection was lost before the message was complete.")

    async def _finish(self, client: aiosmtplib.SMTP) -> Delivery:
        """Send the dot, and read the answer. Any failure after the dot leaves the outcome unknown."""
        if not client.is_connected:
            self.close()
            return _lost("The connection was lost before the dot.")
        try:
            reply = await client.execute_command(b".", timeout=PATIENCE * self._timeout_s)
        except (*_LOST, ValueError) as error:
            self.close()
            return Delivery("unknown", f"No answer to the message: {_say(error)}")
        self._used_at = time.monotonic()
        self._is_midway = False
        said = _words(reply.code, reply.message)
        if 200 <= reply.code < 300:
            return Delivery("accepted", said)
        if reply.code // 100 in (4, 5):
            return Delivery(_by_code(reply.code), said)
        self.close()
        return Delivery("unknown", f"The answer cannot be understood: {said}")

    def _refusal(
        self,
        error: aiosmtplib.SMTPResponseException,
        outcome: Literal["deferred", "refused"],
        *,
        is_servers: bool = False,
    ) -> _Refusal:
        self._used_at = time.monotonic()
        is_leaving = error.code == 421
        return _Refusal(
            Delivery(
                "deferred" if is_leaving else outcome,
                _words(error.code, error.message),
                is_servers or is_leaving,
                is_sessions=is_leaving,
                is_unwanted=is_leaving,
            ),
            is_goodbye=is_leaving,
        )

    async def quit(self) -> None:
        """End the session with QUIT, if it is open."""
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            try:
                await client.quit(timeout=1.0)
            except (*_LOST, ValueError):
                client.close()

    def close(self) -> None:
        """End the session without QUIT."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _lost(how: str, *, is_unwanted: bool = False) -> Delivery:
    return Delivery("unreachable", how, is_servers=True, is_sessions=True, is_unwanted=is_unwanted)


def _by_code(code: int) -> Literal["deferred", "refused"]:
    return "refused" if 500 <= code < 600 else "deferred"


def _words(code: int, message: str) -> str:
    text = " ".join(message.split()).encode("utf-8", "replace").decode()
    return f"{code} {text}".strip()[:_REPLY_LENGTH_MAX]


def _say(error: BaseException) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _words(error.code, error.message)
    return (str(error) or type(error).__name__)[:_REPLY_LENGTH_MAX]
