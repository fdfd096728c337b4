"""``frontrow booking``: what was sold, and what staff do about it."""

import sys
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from engine.base.actor import CLI
from engine.base.config import load_settings
from engine.cli.events import event
from engine.cli.shell import CommandRefused, check_id, moment, opened, run

if TYPE_CHECKING:
    from engine.base.model import Booking
    from engine.sales.desk import Attendee

_STATUSES = ("pending", "confirmed", "cancelled", "declined", "expired")


@click.group()
def booking() -> None:
    """Bookings: list, show, resend, correct, cancel. BOOKING is an id or a reference."""


def _booking_line(found: "Booking") -> str:
    places = [seat.label for seat in found.seats]
    places += [f"{area.quantity} × {area.label}" for area in found.areas]
    return (
        f"{found.reference}  {moment(found.created_at)}  {found.status.value:<9}  "
        f"{found.buyer.name} <{found.buyer.email}>  {'; '.join(places)}  {found.total}"
    )


def _attendee_line(found: "Attendee") -> str:
    return (
        f"{found.reference}  {found.status.value:<9}  {found.name} <{found.email}>  "
        f"{found.seat or found.area}  {found.category}  {found.price}"
    )


@booking.command("list")
@click.argument("event_id")
@click.option("--query", "-q", help="A reference, an address, or words of name and address.")
@click.option("--seat", help="A seat's number, or words of its label: --seat 'F 12'.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only bookings with this status.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1, max=10_000))
def booking_list(
    event_id: str, query: str | None, seat: str | None, status: str | None, limit: int
) -> None:
    """List an event's bookings, the newest first."""
    check_id(event_id)
    settings = load_settings()

    async def work() -> None:
        from engine.base.model import BookingStatus  # noqa: PLC0415

        wanted = None if status is None else BookingStatus(status)
        async with opened(settings) as runtime:
            found = await runtime.sales.desk.bookings(
                event_id, q=query, seat=seat, status=wanted, limit=limit
            )
        for each in found:
            click.echo(_booking_line(each))

    run(work())


@booking.command("show")
@click.argument("name", metavar="BOOKING")
def booking_show(name: str) -> None:
    """Show a booking as JSON."""
    settings = load_settings()

    async def work() -> None:
        import msgspec  # noqa: PLC0415

        async with opened(settings) as runtime:
            found = await runtime.sales.desk.booking(name)
        click.echo(msgspec.json.format(msgspec.json.encode(found)))

    run(work())


@booking.command("resend")
@click.argument("name", metavar="BOOKING")
def booking_resend(name: str) -> None:
    """Mail the tickets again, to the buyer's address as it is now."""
    settings = load_settings()

    async def work() -> None:
        async with opened(settings) as runtime:
            desk = runtime.sales.desk
            found = await desk.booking(name)
            resent = await desk.resend(found.booking_id, actor=CLI)
        click.echo(f"queued: mail {resent.mail_id} to {resent.email}")

    run(work())


@booking.command("correct")
@click.argument("name", metavar="BOOKING")
@click.option("--email", help="The buyer's right address; links mailed to another one end.")
@click.option("--name", "buyer_name", help="The buyer's right name.")
@click.option("--resend", is_flag=True, help="Mail the tickets to the right address at once.")
def booking_correct(name: str, email: str | None, buyer_name: str | None, resend: bool) -> None:
    """Correct a buyer's address or name."""
    if email is None and buyer_name is None:
        raise CommandRefused("nothing to correct: give --email or --name")
    settings = load_settings()

    async def work() -> None:
        import msgspec  # noqa: PLC0415

        from engine.sales.desk import Correction  # noqa: PLC0415

        given = {"email": email, "name": buyer_name}
        right = {key: value for key, value in given.items() if value is not None}
        try:
            correction = msgspec.convert(right, Correction)
        except msgspec.ValidationError as error:
            raise CommandRefused(str(error)) from None
        async with opened(settings) as runtime:
            desk = runtime.sales.desk
            found = await desk.booking(name)
            corrected = await desk.correct(
                found.booking_id, correction, version=found.version, actor=CLI
            )
            click.echo(_booking_line(corrected))
            if resend:
                resent = await desk.resend(found.booking_id, actor=CLI)
                click.echo(f"queued: mail {resent.mail_id} to {resent.email}")

    run(work())


@booking.command("cancel")
@click.argument("name", metavar="BOOKING")
@click.confirmation_option(prompt="The places go back on sale and the money is refunded. Cancel?")
def booking_cancel(name: str) -> None:
    """Cancel a booking and refund it in full, also after the event has begun."""
    settings = load_settings()

    async def work() -> None:
        async with opened(settings) as runtime:
            desk = runtime.sales.desk
            found = await desk.booking(name)
            cancelled = await desk.cancel(found.booking_id, actor=CLI, version=found.version)
        click.echo(_booking_line(cancelled))

    run(work())


@event.command("attendees")
@click.argument("event_id")
@click.option("--csv", "as_csv", is_flag=True, help="As a spreadsheet's table (RFC 4180).")
@click.option(
    "--status",
    default="confirmed",
    show_default=True,
    type=click.Choice([*_STATUSES, "all"]),
    help="Places of bookings with this status.",
)
def event_attendees(event_id: str, as_csv: bool, status: str) -> None:
    """List who comes: one line for each place, in the order of sale."""
    check_id(event_id)
    settings = load_settings()

    async def work() -> None:
        import csv  # noqa: PLC0415

        from engine.base.cells import safe_cells  # noqa: PLC0415
        from engine.base.model import BookingStatus  # noqa: PLC0415
        from engine.sales.desk import ATTENDEE_COLUMNS, attendee_cells  # noqa: PLC0415

        wanted = None if status == "all" else BookingStatus(status)
        writer = csv.writer(sys.stdout)
        if as_csv:
            writer.writerow(ATTENDEE_COLUMNS)
        async with opened(settings) as runtime:
            found = runtime.sales.desk.all_attendees(event_id, status=wanted)
            async with aclosing(found) as attendees:
                async for each in attendees:
                    if as_csv:
                        writer.writerow(safe_cells(attendee_cells(each)))
                    else:
                        click.echo(_attendee_line(each))

    run(work())
