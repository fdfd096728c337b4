"""``frontrow venue``: venues and their seating plans."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.base.config import load_settings
from engine.base.wording import mistake
from engine.cli.shell import CommandRefused, opened, read_document, run
from engine.local.terminal import complain

if TYPE_CHECKING:
    from engine.catalog.model import Venue

_FACTS = (
    click.option("--city", help="The venue's city."),
    click.option(
        "--timezone",
        metavar="AREA/LOCATION",
        help="IANA name of a place, or UTC; the times of its events are written in this zone.",
    ),
    click.option("--latitude", type=float, help="Degrees; with --longitude."),
    click.option("--longitude", type=float, help="Degrees; with --latitude."),
)


def _facts(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what people read about a venue, besides its name."""
    for option in reversed(_FACTS):
        command = option(command)
    return command


def _line(venue: "Venue") -> str:
    where = ", ".join(filter(None, (venue.city, venue.timezone)))
    return (
        f"{venue.venue_id}  {venue.name}{f' ({where})' if where else ''}, {venue.seat_count} seats"
    )


@click.group()
def venue() -> None:
    """Venues and their seating plans: list, show, create, import, edit."""


@venue.command("list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
def venue_list(limit: int) -> None:
    """List venues by name."""
    settings = load_settings()

    async def work() -> None:
        async with opened(settings) as runtime:
            for found in await runtime.catalog.venues.venues(limit=limit):
                click.echo(_line(found))

    run(work())


@venue.command("show")
@click.argument("venue_id")
def venue_show(venue_id: str) -> None:
    """Show a venue as JSON."""
    settings = load_settings()

    async def work() -> None:
        import msgspec  # noqa: PLC0415

        async with opened(settings) as runtime:
            found = await runtime.catalog.venues.venue(venue_id)
        click.echo(msgspec.json.format(msgspec.json.encode(found)))

    run(work())


@venue.command("create")
@click.option("--name", required=True)
@_facts
def venue_create(**fields: Any) -> None:
    """Make a venue without a seating plan; `venue import --venue` gives it one."""
    settings = load_settings()
    given = {name: value for name, value in fields.items() if value not in (None, "")}

    async def work() -> None:
        import msgspec  # noqa: PLC0415

        from engine.catalog.venues import VenueDraft  # noqa: PLC0415

        try:
            draft = msgspec.convert(given, VenueDraft)
        except msgspec.ValidationError as error:
            raise CommandRefused(f"{mistake(error, VenueDraft)}") from None
        async with opened(settings, may_install=True) as runtime:
            click.echo(_line(await runtime.catalog.venues.create(draft)))

    run(work())


@venue.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="The venue's name; of a new one the plan's own by default.")
@_facts
@click.option(
    "--venue",
    "venue_id",
    help="Give this venue a new version of its plan; it keeps what you do not give.",
)
@click.option("--renumber", is_flag=True, help="Give seats with duplicate ids new ones.")
@click.option("--lenient", is_flag=True, help="Leave out broken parts and import the rest.")
def venue_import(file: Path, **choices: Any) -> None:
    """Import a seating plan: pretix JSON or Frontrow's own format."""
    document = read_document(file)
    settings = load_settings()

    async def work() -> None:
        async with opened(settings, may_install=True) as runtime:
            made, warnings = await runtime.catalog.venues.import_plan(document, **choices)
        for warning in warnings:
            complain(f"warning: {warning.path}: {warning.problem}")
        click.echo(_line(made))

    run(work())


@venue.command("edit")
@click.argument("venue_id")
@click.option("--name", help="Its new name.")
@_facts
@click.option("--no-coordinates", is_flag=True, help="Remove latitude and longitude.")
def venue_edit(venue_id: str, no_coordinates: bool, **fields: Any) -> None:
    """Change a venue, and what its events say of it. An empty --city or --timezone removes it."""
    settings = load_settings()
    given = {name: value for name, value in fields.items() if value is not None}
    if given.get("timezone") == "":
        given["timezone"] = None
    if no_coordinates:
        if {"latitude", "longitude"} & given.keys():
            raise CommandRefused("--no-coordinates goes with neither --latitude nor --longitude")
        given |= {"latitude": None, "longitude": None}
    if not given:
        raise CommandRefused("nothing to change: name at least one option, see --help")

    async def work() -> None:
        import msgspec  # noqa: PLC0415

        from engine.catalog.venues import VenuePatch  # noqa: PLC0415

        try:
            patch = msgspec.convert(given, VenuePatch)
        except msgspec.ValidationError as error:
            raise CommandRefused(f"{mistake(error, VenuePatch)}") from None
        async with opened(settings) as runtime:
            venues = runtime.catalog.venues
            known = await venues.venue(venue_id)
            click.echo(_line(await venues.patch(venue_id, patch, version=known.version)))

    run(work())
