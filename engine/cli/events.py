"""``frontrow event``: the events on sale."""

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.base.config import load_settings
from engine.cli.places import NamedPlaces
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
from engine.local.terminal import complain, progress_bar

if TYPE_CHECKING:
    from engine.catalog.model import Event
    from engine.runtime import Runtime

T = TypeVar("T")


@click.group()
def event() -> None:
    """Events: list, show, create, edit, block, unblock, preview, publish, pause, resume, cancel."""


def _event_line(found: "Event") -> str:
    return (
        f"{found.event_id}  {moment(found.starts_at)}  {found.status.value:<10}  "
        f"{found.name} ({found.venue.name}, {found.place_count} places)"
    )


@event.command("list")
@click.option("--query", "-q", help="Words of the name, the venue, the city.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1))
def event_list(query: str | None, limit: int) -> None:
    """List events of every status, the earliest first."""
    settings = load_settings()

    async def work() -> None:
        from engine.base.model import EventStatus  # noqa: PLC0415
        from engine.catalog.model import EventFilter  # noqa: PLC0415

        left = limit
        async with opened(settings) as runtime:
            wanted = EventFilter(q=query, statuses=tuple(EventStatus))
            async for found in runtime.catalog.events(wanted):
                click.echo(_event_line(found))
                left -= 1
                if left == 0:
                    break

    run(work())


@event.command("show")
@click.argument("event_id")
def event_show(event_id: str) -> None:
    """Show an event's page as JSON."""
    settings = load_settings()

    async def work() -> None:
        import msgspec  # noqa: PLC0415

        async with opened(settings) as runtime:
            found = await runtime.catalog.event(event_id)
        click.echo(msgspec.json.format(msgspec.json.encode(found)))

    run(work())


_PAGE_OPTIONS = (
    click.option("--description", help="Of the page; any length up to 20,000 characters."),
    click.option("--category", help="What kind of event: concert, theatre …"),
    click.option("--tagline", help="One line below the name."),
    click.option("--image-url", help="A picture's address, https only."),
    click.option("--language", help="Of the event's texts, a BCP 47 tag: de, en-GB."),
    click.option("--buyer-limit", type=int, help="Places that one buyer may have."),
    click.option(
        "--hold-ttl", "hold_ttl_s", type=int, help="How long a fresh hold lives, in seconds."
    ),
    click.option(
        "--metadata",
        type=click.Path(path_type=Path),
        metavar="FILE.json",
        help="An object of your own; buyers see it.",
    ),
    click.option(
        "--categories",
        type=click.Path(path_type=Path),
        metavar="FILE.json",
        help='Price categories of this event: {"categories": […], "assignments": […]}.',
    ),
)


def _page_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every field that ``create`` and ``edit`` both set."""
    for option in reversed(_PAGE_OPTIONS):
        command = option(command)
    return command


def _given(
    kind: type[T],
    prices: tuple[str, ...],
    metadata: Path | None,
    categories: Path | None,
    fields: dict[str, Any],
) -> T:
    """The draft or the patch that the options make. Raises CommandRefused."""
    import msgspec  # noqa: PLC0415

    from engine.base.wording import mistake  # noqa: PLC0415

    given = {name: value for name, value in fields.items() if value is not None}
    if "starts_at" in given:
        given["starts_at"] = given_moment("--starts-at", given["starts_at"])
    if prices:
        given["prices"] = dict(named_price(text) for text in prices)
    if metadata is not None:
        given["metadata"] = read_document(metadata)
    if categories is not None:
        given |= _own_categories(categories)
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise CommandRefused(f"{mistake(error, kind)}") from None


def _own_categories(file: Path) -> dict[str, Any]:
    document = read_document(file)
    if not isinstance(document, dict) or not document.keys() <= {"categories", "assignments"}:
        raise CommandRefused(
            f'{file} is not an object like {{"categories": […], "assignments": […]}}'
        )
    return document


@event.command("create")
@click.option("--name", required=True)
@click.option(
    "--venue", "venue_id", required=True, help="The venue's id, as `venue import` printed it."
)
@click.option("--layout", "layout_id", help="One of its layouts; its present one by default.")
@click.option("--starts-at", required=True, help="With a time zone: 2027-05-01T20:00:00Z.")
@click.option("--currency", default="EUR", show_default=True)
@click.option(
    "--price",
    "prices",
    multiple=True,
    required=True,
    metavar="CATEGORY=AMOUNT",
    help="One for each category, in minor units (cents): --price Stalls=15000.",
)
@_page_options
@click.option("--publish", is_flag=True, help="Put it on sale at once.")
def event_create(
    prices: tuple[str, ...],
    metadata: Path | None,
    categories: Path | None,
    publish: bool,
    **fields: Any,
) -> None:
    """Create an event as a draft."""
    from engine.catalog.model import EventDraft  # noqa: PLC0415

    settings = load_settings()
    draft = _given(EventDraft, prices, metadata, categories, fields)

    async def work() -> None:
        async with opened(settings) as runtime:
            made = await runtime.catalog.create_event(draft)
            if publish:
                made = await _publish(runtime, made.event_id)
        click.echo(_event_line(made))

    run(work())


@event.command("edit")
@click.argument("event_id")
@click.option("--name")
@click.option("--starts-at", help="With a time zone: 2027-05-01T20:00:00Z.")
@click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="CATEGORY=AMOUNT",
    help="In minor units (cents); repeatable. Other categories keep their prices.",
)
@_page_options
def event_edit(
    event_id: str,
    prices: tuple[str, ...],
    metadata: Path | None,
    categories: Path | None,
    **fields: Any,
) -> None:
    """Change the fields that are named, of a draft or of an event on sale; an empty text clears a field."""
    from engine.catalog.model import EventPatch  # noqa: PLC0415

    patch = _given(EventPatch, prices, metadata, categories, fields)
    if patch == EventPatch():
        raise CommandRefused("name what to change; see frontrow event edit --help")

    async def change(runtime: "Runtime") -> "Event":
        version = (await runtime.catalog.event(event_id)).version
        return await runtime.events.publishing.patch(event_id, patch, version=version)

    _change(event_id, change)


async def _publish(runtime: "Runtime", event_id: str) -> "Event":
    with progress_bar("publishing") as on_progress:
        return await runtime.events.publishing.publish(
            event_id, lambda what: on_progress(f"publishing: {what}")
        )


def _change(event_id: str, change: Callable[["Runtime"], Awaitable["Event"]]) -> None:
    settings = load_settings()

    async def work() -> None:
        async with opened(settings) as runtime:
            changed = await change(runtime)
        click.echo(_event_line(changed))

    check_id(event_id)
    run(work())


@event.command("preview")
@click.argument("event_id")
@click.option(
    "--minutes",
    default=60,
    show_default=True,
    type=click.IntRange(1, 1440),
    help="How long it opens.",
)
def event_preview(event_id: str, minutes: int) -> None:
    """Print a link that shows a draft as buyers will see it. Whoever has the link can open it."""
    settings = load_settings()

    async def work() -> None:
        from engine.base.model import EventStatus  # noqa: PLC0415

        async with opened(settings) as runtime:
            found = await runtime.catalog.event(event_id)
            if found.status != EventStatus.DRAFT:
                raise CommandRefused(f"the event is {found.status}: only drafts have previews")
            token, _ = runtime.events.previews.make(event_id, ttl_s=minutes * 60)
        site = settings.public_url.rstrip("/")
        click.echo(f"{site}/events/{event_id}/preview#{token}")

    check_id(event_id)
    run(work())


_PLACE_OPTIONS = (
    click.option("--seats", "numbers", metavar="17,20-25", help="Numbers of the layout, from 0."),
    click.option("--section", "sections", multiple=True, help="A whole section; repeatable."),
    click.option(
        "--row", "rows", multiple=True, metavar="SECTION/ROW", help="A whole row; repeatable."
    ),
    click.option(
        "--area", "areas", multiple=True, metavar="AREA=PLACES", help="Places of an area."
    ),
    click.option("--reason", help="Kept with the change."),
)


def _place_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_PLACE_OPTIONS):
        command = option(command)
    return command


def _move_places(command: str, event_id: str, reason: str | None, named: "NamedPlaces") -> None:
    from engine.base.actor import ORGANISER  # noqa: PLC0415

    settings = load_settings()

    async def work() -> None:
        async with opened(settings) as runtime:
            event = await runtime.catalog.event(event_id)
            seats, areas = named.found((await runtime.catalog.facts_of(event)).layout)
            change = getattr(runtime.events.blocks, command)
            done = await change(event_id, seats, areas=areas, reason=reason, actor=ORGANISER)
        places = sum(done.areas.values())
        click.echo(f"{command}ed: {len(done.seats)} seats, {places} places of areas")
        for why, count in Counter(seat.reason for seat in done.refused).items():
            complain(f"{count} seats not changed: {why}")

    check_id(event_id)
    run(work())


@event.command("block")
@click.argument("event_id")
@_place_options
def event_block(event_id: str, reason: str | None, **named: Any) -> None:
    """Keep places from sale, of a draft or of an event on sale; a draft goes on sale without them."""
    _move_places("block", event_id, reason, NamedPlaces(**named))


@event.command("unblock")
@click.argument("event_id")
@_place_options
def event_unblock(event_id: str, reason: str | None, **named: Any) -> None:
    """Give blocked places back."""
    _move_places("unblock", event_id, reason, NamedPlaces(**named))


@event.command("publish")
@click.argument("event_id")
def event_publish(event_id: str) -> None:
    """Put an event on sale. Finishes a publication that was interrupted."""
    _change(event_id, lambda runtime: _publish(runtime, event_id))


@event.command("pause")
@click.argument("event_id")
def event_pause(event_id: str) -> None:
    """Stop new holds; existing holds may still be booked."""
    _change(event_id, lambda runtime: runtime.events.publishing.pause(event_id))


@event.command("resume")
@click.argument("event_id")
def event_resume(event_id: str) -> None:
    """Put a paused event back on sale."""
    _change(event_id, lambda runtime: runtime.events.publishing.resume(event_id))


@event.command("cancel")
@click.argument("event_id")
@click.confirmation_option(prompt="This is final: every booking is refunded. Cancel the event?")
def event_cancel(event_id: str) -> None:
    """Cancel an event for good; the worker refunds its bookings."""
    _change(event_id, lambda runtime: runtime.events.publishing.cancel(event_id))
