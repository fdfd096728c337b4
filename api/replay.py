"""The same answer again for the same Idempotency-Key: POSTs that have an effect, of verified subjects.

Bookings keep their keys in PostgreSQL with the money (engine.sales.idempotency); all other answers are kept
in Redis (engine.limits.kept_answers). A key is claimed before anything happens.
"""

import contextlib
import hashlib
from typing import Any

import msgspec
from litestar import Request
from litestar.types import HTTPReceiveMessage, HTTPScope, Message, Receive, Send
from msgspec import Struct

from api.answers import UNMATCHED, send_answer
from api.bodies import done_with, whole_body
from api.doors import Door, Needs
from api.idempotency import answer_not_kept, checked_key, in_flight, key_reused
from api.rate_limits import take_for_address
from engine.base.errors import TooManyRequests, Unavailable
from engine.base.model import new_id
from engine.limits.kept_answers import (
    ANSWER_SIZE_MAX,
    KEPT_S,
    REFUSAL_KEPT_S,
    KeptAnswers,
    Name,
)
from engine.limits.rates import RateLimit
from engine.runtime import Runtime

#: Keys of one address: enough for people who share it, and too few to fill Redis with new tokens.
_KEYS_OF_AN_ADDRESS = RateLimit("idempotency-keys", 5_000, 600)
#: Buyers are answered within 6 s; requests of organisers may take longer. After this time the process that
#: claimed the key counts as dead.
_IN_FLIGHT_S = {Needs.BUYER: 15, Needs.EITHER: 15, Needs.ORGANISER: 60}
#: Statuses of requests that had no effect: a retry may get another answer.
_NOT_KEPT = frozenset({401, 403, 404, 405, 406, 408, 413, 415, 429})


class _Kept(Struct, frozen=True):
    fingerprint: str
    #: 0: the request is under way.
    status: int = 0
    headers: list[tuple[str, str]] = []
    body: str = ""
    #: The route of the first request, for counting: a replay is not routed.
    route: str = UNMATCHED
    #: The answer was too large to be kept; only the fact that it was given is kept.
    is_too_large: bool = False
    #: Names the request that set the mark; a retry has another claim.
    claim: str = ""


_kept_decoder = msgspec.json.Decoder(_Kept)


class Replays:
    def __init__(self, app: Any, state: Any) -> None:
        self._app = app
        self._state = state

    async def serve(
        self,
        scope: HTTPScope,
        receive: Receive,
        send: Send,
        *,
        subject: str,
        event_id: str | None,
        key: bytes,
        door: Door,
    ) -> None:
        """Run the request, or replay the answer that ``subject`` got for it. Raises FrontrowError."""
        name = Name(subject, event_id, checked_key(key.decode("latin-1")))
        await self._take(scope)
        body = await whole_body(receive, door.size_max)
        try:
            mark = _Kept(_fingerprint(scope, body), claim=new_id())
            found = await self._answers().claim(
                name, msgspec.json.encode(mark), in_flight_s=_IN_FLIGHT_S[door.needs]
            )
            if found is None:
                await self._run_and_keep(scope, replayed_body(body), send, name, mark)
            else:
                await _give_again(scope, send, _kept_decoder.decode(found), mark)
        finally:
            done_with(body)

    async def _take(self, scope: HTTPScope) -> None:
        request: Request[Any, Any, Any] = Request(scope)
        standing = await take_for_address(_KEYS_OF_AN_ADDRESS, request)
        if standing.exceeded:
            raise TooManyRequests(
                "Too many requests with an Idempotency-Key from one address; nothing was done. "
                "Send this without a key, or later.",
                retry_after_s=standing.reset_s,
                code="too-many-keys",
            )

    async def _run_and_keep(
        self, scope: HTTPScope, receive: Receive, send: Send, name: Name, mark: _Kept
    ) -> None:
        status = 500
        sent_headers: list[tuple[str, str]] = []
        chunks: list[bytes] = []
        is_kept = False

        async def keeping_send(message: Message) -> None:
            nonlocal status, sent_headers, is_kept
            if message["type"] == "http.response.start":
                status = message["status"]
                sent_headers = [
                    (k.decode("latin-1"), v.decode("latin-1")) for k, v in message["headers"]
                ]
            elif message["type"] == "http.response.body":
                chunks.append(message["body"])
                is_kept = not message["more_body"] and status < 500 and status not in _NOT_KEPT
                if is_kept:
                    # Before the last byte leaves: a client that has it may retry at once.
                    route = scope.get("path_template") or UNMATCHED
                    body = b"".join(chunks).decode("latin-1")
                    answer = _Kept(mark.fingerprint, status, sent_headers, body, route)
                    await self._keep(name, answer, mark)
            await send(message)

        try:
            await self._app(scope, receive, keeping_send)
        finally:
            if not is_kept:
                with contextlib.suppress(Unavailable):
                    await self._answers().forget(name, mark=msgspec.json.encode(mark))

    async def _keep(self, name: Name, answer: _Kept, mark: _Kept) -> None:
        encoded = msgspec.json.encode(answer)
        if len(encoded) > ANSWER_SIZE_MAX:
            # The effect must still happen only once: the key records that, without the body.
            short = msgspec.structs.replace(answer, headers=[], body="", is_too_large=True)
            encoded = msgspec.json.encode(short)
        kept_s = KEPT_S if answer.status < 400 else REFUSAL_KEPT_S
        # If Redis is lost, this answer is lost too, and the mark expires.
        with contextlib.suppress(Unavailable):
            await self._answers().keep(name, encoded, kept_s=kept_s, mark=msgspec.json.encode(mark))

    def _answers(self) -> KeptAnswers:
        runtime: Runtime = self._state["runtime"]
        return KeptAnswers(runtime.stores.redis)


async def _give_again(scope: HTTPScope, send: Send, kept: _Kept, mark: _Kept) -> None:
    if kept.fingerprint != mark.fingerprint:
        raise key_reused()
    if kept.status == 0:
        raise in_flight()
    scope["path_template"] = kept.route
    if kept.is_too_large:
        raise answer_not_kept(kept.status)
    headers = {**dict(kept.headers), "idempotency-replayed": "true"}
    await send_answer(send, kept.status, headers, kept.body.encode("latin-1"))


def _fingerprint(scope: HTTPScope, body: bytes | bytearray) -> str:
    parts = (scope["method"].encode(), scope["raw_path"], scope["query_string"], body)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def replayed_body(body: bytes | bytearray) -> Receive:
    """A ``receive`` that gives a body which has been read already."""
    sent = False

    async def receive() -> HTTPReceiveMessage:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return receive
