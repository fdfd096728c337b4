"""The two changes of prices, by a rule and by an override; each within its caller's transaction."""

from collections.abc import Mapping
from typing import Any

from engine.base import metrics
from engine.base.actor import Actor
from engine.stores.postgres import Transaction


async def put_in_force(
    transaction: Transaction, event_id: str, rule_id: str, category_no: int, *, actor: Actor
) -> None:
    """Let a category follow this rule from now on, and no other.

    An override without an end is ended by this; a freeze is not. The caller holds the event's pricing
    lock, and notifies maps afterwards (``Settling.refresh_terms``).
    """
    await transaction.fetch("pricing.lock_categories", event_id, [category_no])
    await transaction.fetch("pricing.retire_active", event_id, category_no)
    await transaction.fetch("pricing.put_in_force", event_id, rule_id)
    await transaction.fetch("pricing.end_open_override", event_id, category_no)
    await transaction.fetch("pricing.touch_event", event_id)
    await note(transaction, event_id, "rule-activated", actor, {"rule_id": rule_id})


async def set_by_hand(
    transaction: Transaction,
    event_id: str,
    amounts: Mapping[int, int],
    *,
    reason: str,
    actor: Actor,
) -> int:
    """Override prices (minor units by category number). Returns how many changed."""
    rows = await transaction.fetch("pricing.lock_categories", event_id, sorted(amounts))
    changed = 0
    for row in rows:
        amount = amounts[row["category_no"]]
        if amount == row["amount_minor"]:
            continue
        await transaction.fetch(
            "inventory.set_price",
            event_id,
            row["category_no"],
            row["version"],
            amount,
            reason,
            actor.label,
            None,
        )
        changed += 1
    metrics.PRICE_CHANGES.labels("organiser").inc(changed)
    return changed


async def note(
    transaction: Transaction, event_id: str, action: str, actor: Actor, details: dict[str, Any]
) -> None:
    """Record who did what to an event's pricing, for the audit."""
    await transaction.fetch("pricing.note", event_id, action, actor.label, details)
