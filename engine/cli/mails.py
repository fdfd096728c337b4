"""``frontrow mail``: mails that were sent, and those that were not."""

import uuid
from typing import TYPE_CHECKING

import click

from engine.base.actor import CLI
from engine.base.config import load_settings
from engine.cli.shell import CommandRefused, moment, opened, run

if TYPE_CHECKING:
    pass


@click.group()
def mail() -> None:
    """Mails: list, show, send again."""


_STATUSES = click.Choice(["queued", "sending", "sent", "skipped", "dead", "unknown"])


@mail.command("list")
@click.option("--status", "statuses", multiple=True, type=_STATUSES, help="Only these; repeatable.")
@click.option("--to", "email", help="Only mails to this address.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1, max=10_000))
def mail_list(statuses: tuple[str, ...], email: str | None, limit: int) -> None:
    """List mails, the newest first; without --status those that a person must deal with."""
    settings = load_settings()

    async def work() -> None:
        from engine.notifications.model import Status  # noqa: PLC0415

        wanted = [Status(name) for name in statuses]
        if not wanted and email is None:
            wanted = [Status.DEAD, Status.UNKNOWN]
        async with opened(settings) as runtime:
            found = await runtime.notifications.deliveries.mails(
                statuses=wanted, email=email, limit=limit
            )
        for each in found:
            click.echo(
                f"{each.mail_id}  {moment(each.queued_at)}  {each.status.value:<7}  "
                f"{each.kind.value:<17}  {each.email or '-'}  {each.reason or ''}".rstrip()
            )

    run(work())


@mail.command("show")
@click.argument("mail_id", type=click.UUID)
def mail_show(mail_id: uuid.UUID) -> None:
    """Show a mail and every attempt to deliver it, as JSON."""
    settings = load_settings()

    async def work() -> None:
        import msgspec  # noqa: PLC0415

        async with opened(settings) as runtime:
            found = await runtime.notifications.deliveries.mail(str(mail_id))
        click.echo(msgspec.json.format(msgspec.json.encode(found)))

    run(work())


@mail.command("resend")
@click.argument("mail_ids", type=click.UUID, nargs=-1)
@click.option("--all-dead", is_flag=True, help="All mails that were given up.")
@click.option(
    "--all-unknown",
    is_flag=True,
    help="All mails that may have arrived; some people will get theirs twice.",
)
def mail_resend(mail_ids: tuple[uuid.UUID, ...], all_dead: bool, all_unknown: bool) -> None:
    """Send dead, unknown or skipped mails again."""
    if not (mail_ids or all_dead or all_unknown):
        raise CommandRefused("name a mail (frontrow mail list), or --all-dead, or --all-unknown")
    settings = load_settings()

    async def work() -> None:
        from engine.notifications.model import Status  # noqa: PLC0415

        wanted = [Status.DEAD] * all_dead + [Status.UNKNOWN] * all_unknown
        async with opened(settings) as runtime:
            deliveries = runtime.notifications.deliveries
            for mail_id in mail_ids:
                await deliveries.resend(str(mail_id), actor=CLI)
            count = await deliveries.resend_failed(wanted, actor=CLI) if wanted else 0
        click.echo(f"queued again: {len(mail_ids) + count}")

    run(work())
