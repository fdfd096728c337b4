"""PostgreSQL's facts of an event, as the arguments of the scripts that load it into Redis."""

from collections.abc import Sequence

import asyncpg

from engine.base.model import ms_from_utc
from engine.live.codec import decode_prices, encode_numbers, encode_prices
from engine.stores.pipeline import Argument
from engine.stores.postgres import Transaction
from engine.stores.redis import flat


async def load_arguments(
    truth: Transaction,
    event_id: str,
    epoch: int,
    *,
    pending: Sequence[asyncpg.Record],
    offers: Sequence[asyncpg.Record],
) -> list[Argument]:
    """The arguments of ``load.lua``: an event's whole state as PostgreSQL knows it. Raises Unavailable."""
    terms = await truth.fetchrow("inventory.event_terms", event_id)
    seats = await truth.fetchrow("inventory.seat_truth", event_id)
    assert terms is not None
    assert seats is not None
    areas = await truth.fetch("inventory.area_truth", event_id)
    prices = decode_prices(terms["prices"].encode())
    buyers = await truth.fetch("inventory.buyer_truth", event_id)
    waits = (await truth.fetch("waitlist.waits", event_id))[0][0]
    # It is no longer known which free seats were on sale and which had been returned: all are offered to
    # the waitlist first, and the others are on sale a moment later.
    digits = seats["digits"].replace("0", "4") if waits else seats["digits"]
    meta = [("terms", terms["version"]), ("waiting", int(waits)), *meta_fields(terms)]
    arguments: list[Argument] = [
        epoch,
        len(areas),
        digits,
        seats["versions"],
        ",".join(f"{a['area_no']}:{a['capacity']}:{a['sold']}:{a['version']}" for a in areas),
        *flat(meta),
        *flat([(row["buyer_id"], f"{row['sold']}:{row['version']}") for row in buyers]),
        len(pending),
    ]
    return arguments + pending_arguments(pending, prices) + offer_arguments(offers)


def meta_fields(terms: asyncpg.Record) -> list[tuple[Argument, Argument]]:
    """Status, limits and prices, as the fields of the event's ``meta``."""
    return [
        ("status", terms["status"]),
        ("seat_count", terms["seat_count"]),
        ("buyer_limit", terms["buyer_limit"]),
        ("hold_ttl_ms", terms["hold_ttl_s"] * 1000),
        ("hold_max_ms", terms["hold_max_s"] * 1000),
        ("payment_window_ms", terms["payment_window_s"] * 1000),
        ("prices", terms["prices"]),
        ("pricing", terms["pricing"]),
    ]


def offer_arguments(offers: Sequence[asyncpg.Record]) -> list[Argument]:
    """The arguments of ``load.lua`` and ``lay_offers.lua`` for each offer."""
    arguments: list[Argument] = []
    for row in offers:
        arguments += [
            row["offer_id"],
            row["person_id"],
            encode_numbers(row["seats"]),
            row["areas"],
            row["quantity"],
            row["prices"],
            ms_from_utc(row["made_at"]),
            ms_from_utc(row["expires_at"]),
            "held" if row["status"] == "used" else "offered",
            row["entry_id"],
        ]
    return arguments


def pending_arguments(pending: Sequence[asyncpg.Record], prices: Sequence[int]) -> list[Argument]:
    """The arguments of ``load.lua`` and ``adopt.lua`` for each pending booking. ``prices``: those in force."""
    arguments: list[Argument] = []
    for row in pending:
        arguments += [
            row["hold_id"],
            row["buyer_id"],
            row["seats"],
            row["areas"],
            row["quantity"],
            encode_prices(_frozen_prices(prices, row["amounts"])),
            ms_from_utc(row["created_at"]),
            ms_from_utc(row["expires_at"]),
        ]
    return arguments


def _frozen_prices(current: Sequence[int], amounts: str) -> list[int]:
    """The present price list with this booking's quoted prices put back in."""
    frozen = list(current)
    for pair in amounts.split(","):
        category_no, amount = pair.split(":")
        frozen[int(category_no)] = int(amount)
    return frozen
