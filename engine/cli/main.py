"""The command line ``frontrow``. Every failure is one line on stderr and exit code 1.

Commands import their modules when they run: ``--help`` and a refused start stay quick, and a Python
that lacks a module is refused before anything needs it.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.base.config import ConfigError, Settings, load_settings, quiet
from engine.base.places import PROJECT
from engine.base.redaction import install_hooks
from engine.cli.bookings import booking
from engine.cli.events import event
from engine.cli.mails import mail
from engine.cli.pricing import pricing
from engine.cli.shell import CommandRefused, check_id, need_installation, opened, run
from engine.cli.venues import venue
from engine.local.terminal import complain, progress_bar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

    from engine.base.store_urls import StoreUrls


def check_python() -> None:
    """Refuse a Python that was built without a module that we need."""
    for module, package in (
        ("ssl", "OpenSSL"),
        ("sqlite3", "SQLite"),
        ("zlib", "zlib"),
        ("ctypes", "libffi"),
    ):
        try:
            __import__(module)
        except ImportError:
            raise CommandRefused(
                f"this Python ({sys.executable}) was built without {package} "
                f"(no module {module}); use another one: make clean up PYTHON=/path/to/python3"
            ) from None


# --- the group -----------------------------------------------------------------------------


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"frontrow {_version()}")
        context.exit()


def _version() -> str:
    """Our version: of the installed package, else of the source tree that we run from."""
    import tomllib  # noqa: PLC0415
    from importlib import metadata  # noqa: PLC0415

    try:
        return metadata.version("frontrow")
    except metadata.PackageNotFoundError:
        project = PROJECT / "pyproject.toml"
        return str(tomllib.loads(project.read_text())["project"]["version"])


class _Commands(click.Group):
    """Our commands, and those that packages above the engine add: entry points ``frontrow.commands``."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*super().list_commands(context), *_added().names})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _added().names:
            return super().get_command(context, name)
        try:
            command: click.Command = _added()[name].load()
        except ImportError as error:
            return _absent(name, error)
        return command


def _absent(name: str, error: ImportError) -> click.Command:
    """A command of a package that is not installed here."""

    options = {"ignore_unknown_options": True}

    @click.command(
        name, help="Not installed here.", add_help_option=False, context_settings=options
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def absent(arguments: tuple[str, ...]) -> None:
        raise CommandRefused(f"{name} is not installed here ({error})")

    return absent


def _added() -> "EntryPoints":
    from importlib import metadata  # noqa: PLC0415

    return metadata.entry_points(group="frontrow.commands")


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version)
def cli() -> None:
    """Frontrow: seat booking in real time. Settings come from FRONTROW_… variables."""


def _expected() -> tuple[type[Exception], ...]:
    """The exceptions that a person can correct and that need no traceback."""
    from engine.base.data_folder import StartError  # noqa: PLC0415
    from engine.base.errors import FrontrowError  # noqa: PLC0415
    from engine.stores.migrate import MigrationError  # noqa: PLC0415

    return (ConfigError, CommandRefused, StartError, FrontrowError, MigrationError)


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
        # `frontrow event list | head`: the reader has closed the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CommandRefused as error:
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
    from engine.local import child_guard  # noqa: PLC0415
    from engine.local import up as launcher  # noqa: PLC0415

    if end_with_parent:
        child_guard.end_with_parent(signal.SIGTERM)

    run(launcher.run(settings, verbose=verbose, demo=not no_demo))


def _run_role(name: str) -> None:
    """Become one of the processes that ``up`` starts, on the stores that run already."""
    settings = load_settings()
    from engine.base.store_urls import running_urls  # noqa: PLC0415
    from engine.local import up as launcher  # noqa: PLC0415

    urls = running_urls(settings)
    if urls is None:
        raise CommandRefused(
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
    """Run a worker alone; any number of workers may run."""
    _run_role("worker")


def _programs() -> Path | None:
    """The embedded server's PostgreSQL programs; None where there is no embedded server."""
    from engine.base.data_folder import StartError  # noqa: PLC0415
    from engine.local.embedded import postgres_bin  # noqa: PLC0415

    try:
        return postgres_bin()
    except StartError:
        return None  # use the programs on the path


@cli.command()
@click.option("--down", "steps", type=click.IntRange(min=1), help="Undo the newest N migrations.")
@click.option("--status", "only_status", is_flag=True, help="Show what is applied and pending.")
@click.option("--dump", "schema_file", type=click.Path(path_type=Path), help="Write the schema.")
@click.option("--roles", "only_roles", is_flag=True, help="Print the SQL that creates the roles.")
def migrate(
    steps: int | None, only_status: bool, schema_file: Path | None, only_roles: bool
) -> None:
    """Bring PostgreSQL's schema, functions and rights and MongoDB's indexes up to date."""
    settings = load_settings()
    from engine.local.embedded import stores  # noqa: PLC0415
    from engine.stores import migrate as migrations  # noqa: PLC0415
    from engine.stores import roles  # noqa: PLC0415

    if only_roles:
        click.echo(roles.script(settings.postgres_owner_url or settings.postgres_url), nl=False)
        return

    if only_status or steps is not None or schema_file is not None:
        need_installation(settings)

    async def work() -> None:
        async with stores(settings) as urls:
            url = urls.postgres_owner_url
            if only_status:
                for migration in migrations.status(url):
                    click.echo(f"{'applied' if migration.applied else 'pending'}  {migration.name}")
                for function in migrations.function_states(url):
                    click.echo(f"{function.state:8} functions/{function.name}.sql")
            elif steps is not None:
                for name in migrations.rollback(url, steps):
                    click.echo(f"undone   {name}")
            elif schema_file is not None:
                schema_file.write_text(migrations.dump(url, _programs()))  # noqa: ASYNC240
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
        from engine.local.demo.loader import load_demo  # noqa: PLC0415

        async with opened(quiet(settings), may_install=True) as runtime:
            with progress_bar("demo") as on_progress:
                await load_demo(runtime, on_progress)
        click.echo("the demo is loaded")

    run(work())


@cli.command()
@click.argument("event_id", metavar="[EVENT]", required=False)
@click.option("--all", "every", is_flag=True, help="Every event that is on sale or known to Redis.")
def rebuild(event_id: str | None, every: bool) -> None:
    """Rebuild an event's state in Redis from PostgreSQL. Live holds stay.

    With --all PostgreSQL and Redis are also accepted in their present state: needed after a database
    was restored manually to an older timeline than the processes have seen.
    """
    if (event_id is None) != every:
        raise CommandRefused("name one event (see frontrow event list), or --all")
    if event_id is not None:
        check_id(event_id)
    settings = load_settings()

    async def work() -> None:
        from engine.live.healing import rebuild_all  # noqa: PLC0415

        async with opened(settings) as runtime:
            if event_id is None:
                # Accept whichever server answers.
                runtime.stores.generation.trusts_any = True
                await runtime.stores.generation.look()
                count = await rebuild_all(runtime.live.reading, runtime.live.rebuilding, "asked")
                await runtime.stores.generation.accept()
                click.echo(f"rebuilt {count} event{'' if count == 1 else 's'}")
            else:
                loaded = await runtime.live.rebuilding.rebuild(event_id, cause="asked")
                click.echo(
                    f"rebuilt {event_id}: {loaded.holds_kept} live holds kept, {loaded.holds_lost} ended"
                )

    run(work())


@cli.command()
def doctor() -> None:
    """Check the stores, the schema and the clocks, and say how to correct each problem."""
    settings = load_settings()
    from engine.local import doctor as examination  # noqa: PLC0415

    if not asyncio.run(examination.run(settings)):
        sys.exit(1)


@cli.command()
def security() -> None:
    """List the reasons against opening this deployment to the internet."""
    settings = load_settings()
    from engine.local import security as examination  # noqa: PLC0415
    from engine.local.doctor import report  # noqa: PLC0415

    if not asyncio.run(report(examination.examine(settings))):
        sys.exit(1)


for group in (venue, event, booking, mail, pricing):
    cli.add_command(group)
