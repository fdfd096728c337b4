"""``frontrow venue``: venues and their seating plans."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.base.config import load_settings
from engine.cli.shell import opened, read_document, run
from engine.local.terminal import complain

if TYPE_CHECKING:
    pass


@click.group()
def venue() -> None:
    """Venues and their seating plans."""


@venue.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="The venue's name; the plan's own by default.")
@click.option("--city", default="", help="The venue's city.")
@click.option("--venue", "venue_id", help="Give an existing venue a new version of its plan.")
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
        click.echo(f"{made.venue_id}  {made.name}, {made.seat_count} seats")

    run(work())
