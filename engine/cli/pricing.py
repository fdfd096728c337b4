"""``frontrow pricing …``: try a rule, explain prices, override one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.base.actor import ORGANISER
from engine.base.config import load_settings
from engine.base.currencies import check_currency
from engine.cli.shell import (
    CommandRefused,
    check_id,
    given_moment,
    moment,
    named_price,
    opened,
    read_document,
    run,
)

if TYPE_CHECKING:
    from engine.pricing.market import Curve, Market, Synthetic
    from engine.pricing.model import CategoryState, PricingState, SetSimulationRequest
    from engine.pricing.rule import Rule
    from engine.pricing.simulation import SetSimulation, Simulation
    from engine.runtime import Runtime


def _currency(_context: click.Context, _parameter: click.Parameter, code: str | None) -> str | None:
    if code is not None:
        check_currency(code)
    return code


@click.group()
def pricing() -> None:
    """Prices that follow a rule: try one, put it in force, override a price."""


# --- trying --------------------------------------------------------------------------------


@pricing.command()
@click.argument("rules", type=click.Path(path_type=Path), metavar="RULES.json")
@click.option(
    "--curve",
    type=click.Choice(["rush", "steady", "late", "recorded"]),
    default="rush",
    show_default=True,
    help="How buyers arrive: synthetic, or as recorded for --event.",
)
@click.option("--seats", type=click.IntRange(1, 200_000), help="Places to sell. [1000]")
@click.option(
    "--days", type=click.FloatRange(0.05, 730), help="Days on sale before the event. [60]"
)
@click.option(
    "--demand",
    type=click.FloatRange(0, 20, min_open=True),
    default=1.2,
    show_default=True,
    help="Buyers at the base price, per place.",
)
@click.option(
    "--elasticity",
    type=click.FloatRange(0, 5),
    default=1.2,
    show_default=True,
    help="Per cent of the buyers lost by a price 1 % higher.",
)
@click.option("--seed", type=click.IntRange(0, 2**32), default=1, show_default=True)
@click.option("--fixed", type=click.IntRange(min=0), help="Price to compare with; the rule's base.")
@click.option("--currency", callback=_currency, help="ISO 4217. [the event's, else EUR]")
@click.option("--event", "event_id", help="Use the places, days and currency of this event.")
@click.option("--category", help="One of the event's categories; its first by default.")
@click.option("--svg", type=click.Path(path_type=Path), help="Write the chart there as well.")
def simulate(rules: Path, svg: Path | None, **choices: Any) -> None:
    """Simulate a rule against a fixed price, or a rule set against fixed prices, and show both results.

    RULES.json holds one rule, as the API takes it (docs/pricing.md), or rules by category.
    """
    from rich.console import Console  # noqa: PLC0415 - rich is slow to import

    from engine.pricing.chart import in_terminal, to_svg  # noqa: PLC0415

    rule = _read_rules(rules)
    found: Simulation | SetSimulation
    if isinstance(rule, dict):
        found = _simulate_set(rule, **choices)
    elif choices["event_id"] is None:
        found = _simulate_alone(rule, **choices)
    else:
        found = run(_simulate_event(rule, **choices))
    Console().print(in_terminal(found))
    if svg is not None:
        svg.write_text(to_svg(found))


def _read_rules(file: Path) -> "Rule | dict[str, Rule]":
    """One rule, or rules by category."""
    document = read_document(file)
    if not isinstance(document, dict) or not document:
        return _to_rule(str(file), document)
    if not all(isinstance(rule, dict) for rule in document.values()):
        return _to_rule(str(file), document)
    return {name: _to_rule(f"{name!r} in {file}", rule) for name, rule in document.items()}


def _read_rule(file: Path) -> "Rule":
    return _to_rule(str(file), read_document(file))


def _to_rule(what: str, document: Any) -> "Rule":
    import msgspec  # noqa: PLC0415

    from engine.base.wording import mistake  # noqa: PLC0415
    from engine.pricing.rule import Rule  # noqa: PLC0415

    try:
        return msgspec.convert(document, Rule)
    except msgspec.ValidationError as error:
        raise CommandRefused(f"{what} is not a rule: {mistake(error, Rule)}") from None


def _simulate_set(
    rules: "dict[str, Rule]",
    *,
    curve: str,
    seats: int | None,
    days: float | None,
    currency: str | None,
    fixed: int | None,
    event_id: str | None,
    category: str | None,
    **choices: Any,
) -> "SetSimulation":
    from engine.pricing.market import SyntheticMarket  # noqa: PLC0415
    from engine.pricing.model import SetSimulationRequest  # noqa: PLC0415
    from engine.pricing.rule import complete  # noqa: PLC0415
    from engine.pricing.simulation import Part, simulate_set  # noqa: PLC0415

    if fixed is not None or category is not None:
        raise CommandRefused(
            "--fixed and --category are for one rule; this file has rules by category"
        )
    if event_id is not None:
        if currency is not None:
            raise CommandRefused("the event has its own currency: leave out --currency or --event")
        wanted = _curve(curve, seats, days, category=None, event_id=event_id, **choices)
        request = SetSimulationRequest(rules=rules, curve=wanted)
        return run(_simulate_event_set(event_id, request))
    currency = currency or "EUR"
    parts = []
    for number, (name, rule) in enumerate(rules.items()):
        whole = complete(rule, currency)
        luck = {**choices, "seed": choices["seed"] + number}
        part = max(1, round((seats or 1000) / len(rules)))
        market = SyntheticMarket(
            _synthetic(curve, part, days, **luck),
            seats=part,
            days=days or 60.0,
            base_minor=whole.base_minor,
        )
        parts.append(Part(category=name, rule=whole, market=market, fixed_minor=whole.base_minor))
    return simulate_set(parts, currency=currency)


async def _simulate_event_set(event_id: str, request: "SetSimulationRequest") -> "SetSimulation":
    check_id(event_id)
    async with opened(load_settings()) as runtime:
        return await runtime.pricing.admin.simulate_set(event_id, request)


def _synthetic(curve: str, seats: int | None, days: float | None, **choices: Any) -> "Synthetic":
    from engine.pricing.market import Synthetic  # noqa: PLC0415

    wanted = _curve(curve, seats, days, category=None, event_id=None, **choices)
    if not isinstance(wanted, Synthetic):
        raise CommandRefused("--curve recorded needs --event, the event whose sale is replayed")
    return wanted


def _simulate_alone(
    rule: "Rule",
    *,
    curve: str,
    seats: int | None,
    days: float | None,
    currency: str | None,
    fixed: int | None,
    **choices: Any,
) -> "Simulation":
    from engine.pricing.market import SyntheticMarket  # noqa: PLC0415
    from engine.pricing.rule import complete  # noqa: PLC0415
    from engine.pricing.simulation import simulate  # noqa: PLC0415

    choices.pop("category")
    choices.pop("event_id")
    wanted = _synthetic(curve, seats, days, **choices)
    currency = currency or "EUR"
    rule = complete(rule, currency)
    market = SyntheticMarket(
        wanted,
        seats=seats or 1000,
        days=days or 60.0,
        base_minor=rule.base_minor,
    )
    return simulate(rule, market, currency=currency, fixed_minor=fixed)


def _curve(
    curve: Any,
    seats: int | None,
    days: float | None,
    *,
    demand: float,
    elasticity: float,
    seed: int,
    category: str | None,
    event_id: str | None,
) -> "Curve":
    from engine.pricing.market import Recorded, Synthetic  # noqa: PLC0415

    if curve == "recorded":
        return Recorded(event_id=event_id, category=category, elasticity=elasticity)
    return Synthetic(
        shape=curve, seats=seats, days=days, demand=demand, elasticity=elasticity, seed=seed
    )


async def _simulate_event(
    rule: "Rule",
    *,
    curve: str,
    seats: int | None,
    days: float | None,
    currency: str | None,
    fixed: int | None,
    event_id: str,
    category: str | None,
    **choices: Any,
) -> "Simulation":
    from engine.pricing.rule import complete  # noqa: PLC0415

    check_id(event_id)
    async with opened(load_settings()) as runtime:
        state = await _state_of(runtime, event_id, category)
        currency = currency or state.price.currency
        rule = complete(rule, currency)
        wanted = _curve(curve, seats, days, category=state.category, event_id=event_id, **choices)
        market: Market = await runtime.pricing.admin.market(
            event_id, state.category_no, wanted, rule.base_minor
        )
        return await runtime.pricing.admin.run(rule, market, currency=currency, fixed_minor=fixed)


async def _state_of(runtime: "Runtime", event_id: str, category: str | None) -> "CategoryState":

    states = (await runtime.pricing.admin.state(event_id)).categories
    for state in states:
        if category in (None, state.category):
            return state
    known = ", ".join(state.category for state in states)
    raise CommandRefused(f"there is no category {category!r}; there are {known}")


# --- an event's prices ---------------------------------------------------------------------


@pricing.command()
@click.argument("event_id")
def show(event_id: str) -> None:
    """Show how each present price of an event is computed."""

    check_id(event_id)

    async def work() -> None:
        async with opened(load_settings()) as runtime:
            _print_state(await runtime.pricing.admin.state(event_id))

    run(work())


def _print_state(state: "PricingState") -> None:
    for category in state.categories:
        rule = f"rule {category.rule.rule_no}" if category.rule else ""
        until = f"until {moment(category.until)}" if category.until else ""
        reason = category.reason or ""
        parts = (f"{category.category:<24}", f"{category.price!s:>14}", f"{category.mode:<9}")
        click.echo("  ".join([*parts, *filter(None, (rule, until, reason))]).rstrip())
    history = "open to buyers" if state.history_public else "hidden from buyers"
    shown = "shown to buyers" if state.range_public else "hidden from buyers"
    click.echo(f"history {history}, floor and ceiling {shown}")


@pricing.command("set")
@click.argument("event_id")
@click.argument("rules", type=click.Path(path_type=Path), metavar="RULES.json")
@click.option("--category", help="One of the event's; its first by default.")
@click.option("--note", default="", help="For yourself.")
@click.option("--from", "valid_from", help="When it comes into force: 2027-05-01T20:00:00Z. [now]")
@click.option("--draft", is_flag=True, help="Make the version without putting it in force.")
def set_rule(
    event_id: str,
    rules: Path,
    category: str | None,
    note: str,
    valid_from: str | None,
    draft: bool,
) -> None:
    """Make the next version of a category's rule, and put it in force."""
    from engine.pricing.model import RuleDraft  # noqa: PLC0415

    check_id(event_id)
    rule = _read_rule(rules)
    from_then = None if valid_from is None else given_moment("--from", valid_from)

    async def work() -> None:
        async with opened(load_settings()) as runtime:
            state = await _state_of(runtime, event_id, category)
            wanted = RuleDraft(category=state.category, rule=rule, note=note)
            made = await runtime.pricing.admin.make_rule(event_id, wanted, actor=ORGANISER)
            if not draft:
                made = await runtime.pricing.admin.activate(
                    event_id, made.rule_id, valid_from=from_then, actor=ORGANISER
                )
        click.echo(f"{made.rule_id}  {made.category}: rule {made.rule_no}, {made.status.value}")

    run(work())


@pricing.command()
@click.argument("event_id")
@click.argument("price", metavar="CATEGORY=AMOUNT")
@click.option("--reason", required=True, help="Buyers read it.")
@click.option(
    "--until", help="2027-05-01T20:00:00Z. [until released, or until another rule is in force]"
)
def override(event_id: str, price: str, reason: str, until: str | None) -> None:
    """Override a price, in minor units (cents): Stalls=4500."""
    from engine.pricing.model import Override  # noqa: PLC0415

    category, amount_minor = named_price(price)
    wanted = Override(
        amount_minor=amount_minor,
        reason=reason,
        until=None if until is None else given_moment("--until", until),
    )
    _handle(
        event_id,
        category,
        lambda runtime, no: runtime.pricing.admin.override(event_id, no, wanted, actor=ORGANISER),
    )


@pricing.command()
@click.argument("event_id")
@click.argument("category")
@click.option("--reason", required=True)
def freeze(event_id: str, category: str, reason: str) -> None:
    """Keep a price where it is, until it is released."""
    _handle(
        event_id,
        category,
        lambda runtime, no: runtime.pricing.admin.freeze(event_id, no, reason, actor=ORGANISER),
    )


@pricing.command()
@click.argument("event_id")
@click.argument("category")
def release(event_id: str, category: str) -> None:
    """Let a price follow its rule again."""
    _handle(
        event_id,
        category,
        lambda runtime, no: runtime.pricing.admin.release(event_id, no, actor=ORGANISER),
    )


def _handle(event_id: str, category: str, act: Any) -> None:

    check_id(event_id)

    async def work() -> None:
        async with opened(load_settings()) as runtime:
            state = await _state_of(runtime, event_id, category)
            done = await act(runtime, state.category_no)
        click.echo(f"{done.category}: {done.price}, {done.mode}")

    run(work())


__all__ = ["pricing"]
