"""MongoDB through motor: the only file that uses the driver.

Upstream has ended motor's feature life in favour of ``pymongo.AsyncMongoClient``; moving is the one
import below (docs/decisions/0005-motor.md). Nothing here needs more of the server than the embedded
one understands: equality, ranges, ``$in``, ``$regex``, ``$and``/``$or``, sort and limit, and counting
by the values of one field.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymongo
from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from bson.errors import InvalidDocument
from bson.int64 import Int64
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import ConnectionFailure, DuplicateKeyError, PyMongoError

from engine.base import deadline, metrics
from engine.base.errors import Conflict, InvalidInput, Unavailable
from engine.stores.breaker import Breaker

Document = dict[str, Any]

#: The searches of discovery: by time, by place, by kind.
_INDEXES: tuple[tuple[str, list[tuple[str, int]]], ...] = (
    ("events", [("status", 1), ("starts_at", 1)]),
    ("events", [("city", 1), ("starts_at", 1)]),
    ("events", [("kind", 1), ("starts_at", 1)]),
    ("events", [("latitude", 1), ("longitude", 1)]),
    ("events", [("venue.venue_id", 1)]),
    ("venues", [("name", 1)]),
    ("venues", [("changed_at", 1)]),
)


class _PlainInt(TypeDecoder):
    """Converts the driver's own integer type, which our encoders do not know."""

    bson_type = Int64

    def transform_bson(self, value: int) -> int:
        return int(value)


_FAILURES = metrics.STORE_FAILURES.labels("mongo")
_CODEC: CodecOptions[Document] = CodecOptions(type_registry=TypeRegistry([_PlainInt()]))


def _away(why: str) -> Unavailable:
    _FAILURES.inc()
    return Unavailable(
        f"The catalogue (MongoDB) {why}; try again shortly.", code="catalog-unavailable"
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (InvalidDocument, OverflowError) as error:
        # Numbers beyond 64 bits, names with a NUL in them.
        raise InvalidInput(f"This cannot be stored: {error}.") from error
    except DuplicateKeyError as error:
        raise Conflict("This id exists already.", code="already-exists") from error
    except (ConnectionFailure, OSError) as error:
        raise _away("is not reachable") from error
    except PyMongoError as error:
        if error.timeout:
            raise _away("does not answer") from error
        raise


class Mongo:
    """Documents by id, and queries over top-level fields.

    ``call_timeout_s`` limits each call; a large document being written may take ``long_timeout_s``.
    """

    def __init__(
        self, url: str, database: str, *, call_timeout_s: float = 30.0, long_timeout_s: float = 30.0
    ) -> None:
        self._call_s = call_timeout_s
        self._long_s = max(long_timeout_s, call_timeout_s)
        call_ms = int(call_timeout_s * 1000)
        self._client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
            url,
            serverSelectionTimeoutMS=call_ms,
            connectTimeoutMS=call_ms,
            socketTimeoutMS=call_ms,
        )
        self._database = self._client.get_database(database, codec_options=_CODEC)
        self.breaker = Breaker("mongo", self._ping, limit_s=call_timeout_s)
        for collection in ("events", "venues", "layouts"):
            for operation in ("get", "insert", "put", "find", "tally"):
                metrics.know_store_call("mongo", f"{collection}.{operation}")
        metrics.know_store_call("mongo", "admin.ping")

    @contextmanager
    def _asking(self, call: str, *, long: bool = False) -> Iterator[None]:
        """Time one call, limit it and translate its errors."""
        if self.breaker.is_open:
            raise _away("does not answer")
        if long:
            deadline.extend(self._long_s)
        limit_s = deadline.limit_s(self._long_s if long else self._call_s)
        began = time.monotonic()
        try:
            # The driver's own limit, over choosing a server, connecting and waiting: its threads are few, and
            # an abandoned call would still occupy one.
            with metrics.store_seconds("mongo", call), _translated(), pymongo.timeout(limit_s):
                yield
        except Unavailable as error:
            if getattr(error.__cause__, "timeout", False):
                self.breaker.timed_out(began, limit_s)
            raise
        self.breaker.heard()

    async def ensure_indexes(self) -> None:
        await self.ping()  # Building may take long, but a server that is away must be noticed soon.
        with _translated(), pymongo.timeout(self._long_s):
            for collection, keys in _INDEXES:
                await self._database[collection].create_index(keys)

    async def get(self, collection: str, document_id: str) -> Document | None:
        with self._asking(f"{collection}.get"):
            found: Document | None = await self._database[collection].find_one({"_id": document_id})
            return found

    async def insert(self, collection: str, document: Document) -> None:
        """Raises Conflict when the id is taken."""
        with self._asking(f"{collection}.insert", long=collection == "layouts"):
            await self._database[collection].insert_one(document)

    async def put(
        self,
        collection: str,
        document_id: str,
        fields: Document,
        *,
        expected: Document | None = None,
    ) -> bool:
        """Set fields; with ``expected`` only if those values still hold (False otherwise), else upsert."""
        with self._asking(f"{collection}.put"):
            result = await self._database[collection].update_one(
                {"_id": document_id, **(expected or {})}, {"$set": fields}, upsert=expected is None
            )
            return expected is None or result.matched_count > 0

    async def find(
        self, collection: str, query: Document, *, sort: Sequence[tuple[str, int]], limit: int
    ) -> list[Document]:
        with self._asking(f"{collection}.find"):
            cursor = self._database[collection].find(query).sort(list(sort)).limit(limit)
            found: list[Document] = await cursor.to_list(length=limit)
            return found

    async def tally(
        self, collection: str, query: Document, *, field: str, limit: int
    ) -> list[tuple[str, int]]:
        """The number of documents for each value of ``field``, the commonest values first."""
        pipeline: list[Document] = [
            {"$match": query},
            {"$group": {"_id": f"${field}", "count": {"$sum": 1}}},
            {"$sort": {"count": -1, "_id": 1}},
            {"$limit": limit},
        ]
        with self._asking(f"{collection}.tally"):
            found = await self._database[collection].aggregate(pipeline).to_list(length=limit)
            return [(entry["_id"], entry["count"]) for entry in found]

    async def ping(self) -> None:
        """Check that the server answers. Raises Unavailable, at once while it is known to be silent."""
        with self._asking("admin.ping"):
            await self._ping()

    async def _ping(self) -> None:
        await self._client.admin.command("ping")

    async def close(self) -> None:
        await self.breaker.close()
        self._client.close()
