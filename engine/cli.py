"""The command line ``frontrow``. Every failure is one line on stderr and exit code 1.

Commands import what they need when they run: ``--help`` and a refused start stay quick, and a
Python that lacks something is told so before anything needs it.
"""

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.config import ConfigError, Settings, load_settings, quiet
from engine.pricing.commands import pricing
from engine.redaction import install_hooks
from engine.shell import Refused, check_id, named_price, opened, read_document, run
from engine.terminal import complain, progress_bar

if TYPE_CHECKING:
    from engine.base.store_urls import StoreUrls
    from engine.catalog import Event
    from engine.runtime import Runtime


def check_python() -> None:
    """Refuse a Python that was built without what we need."""
    for module, package in (
        ("ssl", "OpenSSL"),
        ("sqlite3", "SQLite"),
        ("zlib", "zlib"),
        ("ctypes", "libffi"),
    ):
        try:
            __import__(module)
        except ImportError:
            raise Refused(
                f"this Python ({sys.executable}) was built without {package} "
                f"(no module {module}); use another one: make clean up PYTHON=/path/to/python3"
            ) from None


# --- the group -----------------------------------------------------------------------------


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"frontrow {_version()}")
        context.exit()


def _version() -> str:
    """Ours: of the installed package, else of the source tree that we run from."""
    import tomllib  # noqa: PLC0415
    from importlib import metadata  # noqa: PLC0415

    try:
        return metadata.version("frontrow")
    except metadata.PackageNotFoundError:
        project = Path(__file__).resolve().parent.parent / "pyproject.toml"
        return str(tomllib.loads(project.read_text())["project"]["version"])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version)
def cli() -> None:
    """Frontrow: seat booking in real time. Settings come from FRONTROW_… variables."""


def _expected() -> tuple[type[Exception], ...]:
    """What is a person's to mend and needs no traceback."""
    from engine.base.data_folder import StartError  # noqa: PLC0415
    from engine.errors import FrontrowError  # noqa: PLC0415
    from engine.migrate import MigrationError  # noqa: PLC0415

    return (ConfigError, Refused, StartError, FrontrowError, MigrationError)


def main() -> None:
    """Entry point of ``frontrow`` and ``python -m engine``."""
    install_hooks()
    try:
        check_python()
        cli.main(prog_name="frontrow", standalone_mode=False)
    except click.exceptions.Exit as ending:
        sys.exit(ending.exit_code)
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        sys.exit(130)
    except click.ClickException as error:
        complain(f"{error.format_message()} (see frontrow --help)")
        sys.exit(2)
    except BrokenPipeError:
        # `frontrow event list | head`: the reader has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Refused as error:
        complain(str(error))
        sys.exit(1)
    except Exception as error:
        if not isinstance(error, _expected()):
            raise
        _explain(error)
        sys.exit(1)


def _explain(error: Exception) -> None:
    complain(str(error))
    for problem in getattr(error, "extra", {}).get("errors", []):
        complain(f"  {problem['path']}: {problem['problem']}")


# --- running -------------------------------------------------------------------------------


@cli.command()
@click.option("--verbose", "-v", is_flag=True, help="Show everything the stores log.")
@click.option("--no-demo", is_flag=True, help="Do not load the demo on the first start.")
@click.option("--end-with-parent", is_flag=True, hidden=True, help="Stop when the caller is gone.")
def up(verbose: bool, no_demo: bool, end_with_parent: bool) -> None:
    """Start everything here: stores, API, live gateway, worker. Ctrl-C stops it."""
    settings = load_settings()
    from engine import leash  # noqa: PLC0415
    from engine import up as launcher  # noqa: PLC0415

    if end_with_parent:
        leash.end_with_parent(signal.SIGTERM)

    run(launcher.run(settings, verbose=verbose, demo=not no_demo))


def _run_role(name: str) -> None:
    """Become one of the processes that ``up`` starts, on the stores that are there."""
    settings = load_settings()
    from engine import up as launcher  # noqa: PLC0415
    from engine.base.store_urls import running_urls  # noqa: PLC0415

    urls = running_urls(settings)
    if urls is None:
        raise Refused(
            "no stores: start them with `frontrow up`, or set FRONTROW_POSTGRES_URL, "
            "FRONTROW_REDIS_URL and FRONTROW_MONGO_URL"
        )
    role = next(role for role in launcher.ROLES if role.name == name)
    launcher.check_port(role, settings)
    command = role.command(settings)
    environment = launcher.ambient(role) | launcher.child_environment(settings, urls, role)
    os.execve(command[0], command, environment)  # noqa: S606


@cli.command()
def api() -> None:
    """Run the HTTP API alone."""
    _run_role("api")


@cli.command()
def live() -> None:
    """Run the live gateway alone."""
    _run_role("live")


@cli.command()
def worker() -> None:
    """Run the worker alone; any number of them may run."""
    _run_role("worker")


@cli.command()
@click.option("--down", "steps", type=click.IntRange(min=1), help="Undo the newest N migrations.")
@click.option("--status", "only_status", is_flag=True, help="Show what is applied and pending.")
@click.option("--dump", "schema_file", type=click.Path(path_type=Path), help="Write the schema.")
@click.option("--roles", "only_roles", is_flag=True, help="Print the SQL that makes the roles.")
def migrate(
    steps: int | None, only_status: bool, schema_file: Path | None, only_roles: bool
) -> None:
    """Bring PostgreSQL's schema and rights and MongoDB's indexes up to date."""
    settings = load_settings()
    from engine import migrate as migrations  # noqa: PLC0415
    from engine import roles  # noqa: PLC0415
    from engine.embedded import stores  # noqa: PLC0415

    if only_roles:
        click.echo(roles.script(settings.postgres_owner_url or settings.postgres_url), nl=False)
        return

    async def work() -> None:
        async with stores(settings) as urls:
            url = urls.postgres_owner_url
            if only_status:
                for migration in migrations.status(url):
                    click.echo(f"{'applied' if migration.applied else 'pending'}  {migration.name}")
            elif steps is not None:
                for name in migrations.rollback(url, steps):
                    click.echo(f"undone   {name}")
            elif schema_file is not None:
                schema_file.write_text(migrations.dump(url))  # noqa: ASYNC240
            else:
                applied = migrations.migrate(url)
                for name in applied:
                    click.echo(f"applied  {name}")
                if not applied:
                    click.echo("nothing to do: the schema is up to date")
                await _ensure_indexes(settings, urls)

    run(work())


async def _ensure_indexes(settings: Settings, urls: "StoreUrls") -> None:
    from engine.stores.mongo import Mongo  # noqa: PLC0415

    mongo = Mongo(urls.mongo_url, settings.mongo_database)
    try:
        await mongo.ensure_indexes()
    finally:
        await mongo.close()


@cli.command()
def demo() -> None:
    """Load the demo's venues and events. Loading it again changes nothing."""
    settings = load_settings()

    async def work() -> None:
        from engine.demo_loader import load_demo  # noqa: PLC0415

        async with opened(quiet(settings)) as runtime:
            with progress_bar("demo") as on_progress:
                await load_demo(runtime, on_progress)
        click.echo("the demo is loaded")

    run(work())


@cli.command()
@click.argument("event_id", metavar="[EVENT]", required=False)
@click.option("--all", "every", is_flag=True, help="Every event that Redis knows or that sells.")
def rebuild(event_id: str | None, every: bool) -> None:
    """Lay an event's state in Redis again from what PostgreSQL says. Live holds stay.

    With --all PostgreSQL and Redis are also taken as they are from now on: after a database was
    restored by hand on an older timeline than the processes have seen.
    """
    if (event_id is None) != every:
        raise Refused("name one event (see frontrow event list), or --all")
    if event_id is not None:
        check_id(event_id)
    settings = load_settings()

    async def work() -> None:
        from engine.healing import rebuild_all  # noqa: PLC0415

        async with opened(settings) as runtime:
            if event_id is None:
                # Whatever server answers is meant.
                runtime.generation.trusts_any = True
                await runtime.generation.look()
                count = await rebuild_all(runtime.inventory, "asked")
                await runtime.generation.accept()
                click.echo(f"rebuilt {count} event{'' if count == 1 else 's'}")
            else:
                kept, lost = await runtime.inventory.rebuild(event_id, cause="asked")
                click.echo(f"rebuilt {event_id}: {kept} live holds kept, {lost} ended")

    run(work())


@cli.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="EVENT [OPTIONS]")
def rehearse(arguments: tuple[str, ...]) -> None:
    """Rehearse an on-sale on a copy of an event: charts, times, proof. See rehearse --help."""
    import importlib  # noqa: PLC0415

    try:
        # By name: the engine knows nothing of those above it.
        rehearsal = importlib.import_module("loadtest.rehearsal.command")
    except ModuleNotFoundError as error:
        raise Refused(
            f"rehearsing needs the folder loadtest, which is not installed here ({error})"
        ) from None
    sys.exit(rehearsal.main(arguments))


@cli.command()
def doctor() -> None:
    """Check the stores, the schema and the clocks, and say how to mend what is wrong."""
    settings = load_settings()
    from engine import doctor as examination  # noqa: PLC0415

    if not asyncio.run(examination.run(settings)):
        sys.exit(1)


@cli.command()
def security() -> None:
    """List what stands against the open internet for this deployment."""
    settings = load_settings()
    from engine import security as examination  # noqa: PLC0415
    from engine.doctor import report  # noqa: PLC0415

    if not asyncio.run(report(examination.examine(settings))):
        sys.exit(1)


# --- venues --------------------------------------------------------------------------------


@cli.group()
def venue() -> None:
    """Venues and their seating plans."""


@venue.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="The venue's name; the plan's own by default.")
@click.option("--city", default="", help="Where it is.")
@click.option("--venue", "venue_id", help="Give an existing venue a new version of its plan.")
@click.option("--renumber", is_flag=True, help="Give seats with duplicate ids new ones.")
@click.option("--lenient", is_flag=True, help="Leave out what is broken and import the rest.")
def venue_import(file: Path, **choices: Any) -> None:
    """Import a seating plan: pretix JSON or Frontrow's own format."""
    document = read_document(file)
    settings = load_settings()

    async def work() -> None:
        async with opened(settings) as runtime:
            made, warnings = await runtime.catalog.import_venue(document, **choices)
        for warning in warnings:
            complain(f"warning: {warning.path}: {warning.problem}")
        click.echo(f"{made.venue_id}  {made.name}, {made.seat_count} seats")

    run(work())


# --- events --------------------------------------------------------------------------------


@cli.group()
def event() -> None:
    """Events: list, show, create, publish, pause, resume, cancel."""


def _event_line(found: "Event") -> str:
    return (
        f"{found.event_id}  {found.starts_at:%Y-%m-%d %H:%M}  {found.status.value:<10}  "
        f"{found.name} ({found.venue.name}, {found.place_count} places)"
    )


@event.command("list")
@click.option("--query", "-q", help="Words of the name, the venue, the city.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1))
def event_list(query: str | None, limit: int) -> None:
    """List events of every status, the earliest first."""
    settings = load_settings()

    async def work() -> None:
        from engine.catalog import EventFilter  # noqa: PLC0415
        from engine.model import EventStatus  # noqa: PLC0415

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


@event.command("create")
@click.option("--name", required=True)
@click.option("--venue", "venue_id", required=True, help="Its id, as `venue import` printed it.")
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
@click.option("--description", default="")
@click.option("--category", default="", help="What kind of event: concert, theatre …")
@click.option("--publish", is_flag=True, help="Put it on sale at once.")
def event_create(prices: tuple[str, ...], publish: bool, **fields: str) -> None:
    """Create an event as a draft."""
    settings = load_settings()
    amounts = dict(named_price(text) for text in prices)

    async def work() -> None:
        import msgspec  # noqa: PLC0415

        from engine.catalog import EventDraft  # noqa: PLC0415

        try:
            draft = msgspec.convert({**fields, "prices": amounts}, EventDraft)
        except msgspec.ValidationError as error:
            raise Refused(str(error)) from None
        async with opened(settings) as runtime:
            made = await runtime.catalog.create_event(draft)
            if publish:
                made = await _publish(runtime, made.event_id)
        click.echo(_event_line(made))

    run(work())


async def _publish(runtime: "Runtime", event_id: str) -> "Event":
    with progress_bar("publishing") as on_progress:
        return await runtime.publishing.publish(
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


@event.command("publish")
@click.argument("event_id")
def event_publish(event_id: str) -> None:
    """Put an event on sale. Finishes a publication that was interrupted."""
    _change(event_id, lambda runtime: _publish(runtime, event_id))


@event.command("pause")
@click.argument("event_id")
def event_pause(event_id: str) -> None:
    """Stop new holds; what is held may still be booked."""
    _change(event_id, lambda runtime: runtime.publishing.pause(event_id))


@event.command("resume")
@click.argument("event_id")
def event_resume(event_id: str) -> None:
    """Put a paused event back on sale."""
    _change(event_id, lambda runtime: runtime.publishing.resume(event_id))


@event.command("cancel")
@click.argument("event_id")
@click.confirmation_option(prompt="This is final: every booking is refunded. Cancel the event?")
def event_cancel(event_id: str) -> None:
    """Cancel an event for good; the worker refunds its bookings."""
    _change(event_id, lambda runtime: runtime.publishing.cancel(event_id))


# --- mails ---------------------------------------------------------------------------------


@cli.group()
def mail() -> None:
    """Mails: list, show, send again."""


_STATUSES = click.Choice(["queued", "sending", "sent", "skipped", "dead", "unknown"])


@mail.command("list")
@click.option("--status", "statuses", multiple=True, type=_STATUSES, help="Only these; repeatable.")
@click.option("--to", "email", help="Only mails to this address.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1, max=10_000))
def mail_list(statuses: tuple[str, ...], email: str | None, limit: int) -> None:
    """List mails, the newest first; without --status those that need a person."""
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
                f"{each.mail_id}  {each.queued_at:%Y-%m-%d %H:%M}  {each.status.value:<7}  "
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
@click.option("--all-dead", is_flag=True, help="Every mail that was given up.")
@click.option("--all-unknown", is_flag=True, help="Every mail that may have arrived: some twice.")
def mail_resend(mail_ids: tuple[uuid.UUID, ...], all_dead: bool, all_unknown: bool) -> None:
    """Send mails again that are dead, unknown or were skipped."""
    if not (mail_ids or all_dead or all_unknown):
        raise Refused("name a mail (frontrow mail list), or --all-dead, or --all-unknown")
    settings = load_settings()

    async def work() -> None:
        from engine.notifications.model import Status  # noqa: PLC0415

        wanted = [Status.DEAD] * all_dead + [Status.UNKNOWN] * all_unknown
        async with opened(settings) as runtime:
            deliveries = runtime.notifications.deliveries
            for mail_id in mail_ids:
                await deliveries.resend(str(mail_id), actor="cli")
            count = await deliveries.resend_failed(wanted, actor="cli") if wanted else 0
        click.echo(f"queued again: {len(mail_ids) + count}")

    run(work())


cli.add_command(pricing)
