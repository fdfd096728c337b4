"""The command: checks its options, and writes the findings.

Exit code 1: a promise was broken. 2: it could not be rehearsed.
"""

import asyncio
import math
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from engine.base.config import ConfigError, load_settings
from engine.base.data_folder import StartError
from engine.base.errors import FrontrowError
from engine.local.terminal import complain, progress_bar
from engine.stores.migrate import MigrationError
from loadtest.processes import check_writable, report_file, run_to_end
from loadtest.rehearsal.buyers import Mix
from loadtest.rehearsal.curves import BUILT_IN, BadCurve, Curve, read_curve
from loadtest.rehearsal.page import page
from loadtest.rehearsal.performance import Wanted, rehearse
from loadtest.rehearsal.report import Setting, complaint, headline

_BUYERS = 1000
_PARTIES = "1=20,2=52,3=11,4=13,5=2,6=2"
_BAD_INPUT = 2


def _named_numbers(text: str, option: str) -> dict[str, float]:
    """``by_hand=0.3,abandon=0.1``. Raises BadParameter."""
    found: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise click.UsageError(f"{option}: {part!r} is not name=number") from None
    return found


def _mix(_: click.Context, __: click.Parameter, text: str) -> Mix:
    shares = _named_numbers(text, "--mix")
    known = Mix.__struct_fields__
    for name, share in shares.items():
        if name not in known or not 0 <= share <= 1:
            raise click.UsageError(
                f"--mix: {name}={share:g} is not a share of 0 to 1 of {', '.join(known)}"
            )
    return Mix(**shares)


def _parties(_: click.Context, __: click.Parameter, text: str) -> dict[int, float]:
    weights = _named_numbers(text, "--parties")
    for size, weight in weights.items():
        if not size.isdecimal() or not 1 <= int(size) <= 100 or not 0 <= weight < math.inf:
            raise click.UsageError(f"--parties: {size}={weight:g} is not size=weight, as 2=50 is")
    if not sum(weights.values()):
        raise click.UsageError(
            "--parties: at least one buyer must come; for example 1=20,2=60,4=20"
        )
    return {int(size): weight for size, weight in weights.items()}


def _event_id(_: click.Context, __: click.Parameter, text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise click.UsageError(f"{text!r} is not an event's id; see frontrow event list") from None


def _curve(name: str) -> Curve:
    if name in BUILT_IN:
        return BUILT_IN[name]
    try:
        return read_curve(Path(name))
    except BadCurve as error:
        raise click.UsageError(f"--curve: {error} (or one of {', '.join(BUILT_IN)})") from None


def _check_writable(*files: Path | None) -> None:
    for file in filter(None, files):
        if not file.absolute().parent.is_dir() or file.is_dir():
            raise click.UsageError(f"cannot write {file}: name a file in an existing folder")
        try:
            check_writable(file)
        except OSError as error:
            raise click.UsageError(f"cannot write {file}: {error.strerror}") from None


def _output() -> Path:
    """The default file of the page."""
    file = report_file("rehearsal")
    try:
        file.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"cannot write {file}: {error.strerror}; name an --output") from None
    return file


class _Number(click.FloatRange):
    """A number within its range; ``nan`` is not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("event_id", metavar="EVENT", callback=_event_id)
@click.option(
    "--buyers",
    type=click.IntRange(1, 1_000_000),
    help="Number of buyers. [a file's own sum, else 1000]",
)
@click.option(
    "--curve",
    default="emf",
    show_default=True,
    help="emf (recorded), step, ramp, or a CSV file of second,arrivals.",
)
@click.option(
    "--duration-s",
    type=_Number(1, 24 * 3600),
    help="Stretch or shrink the curve to this many seconds. [its own]",
)
@click.option(
    "--watchers",
    type=click.IntRange(0, 100_000),
    default=200,
    show_default=True,
    help="Open maps that only watch.",
)
@click.option(
    "--mix",
    default="",
    callback=_mix,
    help="Shares, as by_hand=0.3,abandon=0.08,declined=0.05,extend=0.1.",
)
@click.option(
    "--parties",
    default=_PARTIES,
    show_default=True,
    callback=_parties,
    help="Weight by party size.",
)
@click.option(
    "--think-s",
    type=_Number(0, 600),
    default=5.0,
    show_default=True,
    help="Average time to choose, and again to fill in the checkout.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32),
    default=1,
    show_default=True,
    help="Same seed, same buyers.",
)
@click.option(
    "--connections",
    type=click.IntRange(1, 10_000),
    default=256,
    show_default=True,
    help="Maximum number of HTTP requests under way.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The page. [reports/rehearsal-TIME.html]",
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="All figures as JSON as well."
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="An empty folder to leave the copy's stores in.",
)
def command(output: Path | None, json_file: Path | None, keep: Path | None, **choices: Any) -> int:
    """Rehearse an on-sale on a copy of EVENT, and get a page with charts.

    The copy gets stores and processes of its own; the event itself is only read, and nobody gets a
    mail. Exit code 1: a promise was broken, for example a seat sold twice. 2: it could not be
    rehearsed.
    """
    curve = _curve(choices["curve"])
    output = output or _output()
    _check_writable(output, json_file)
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.UsageError(f"--keep: {keep} is not empty")
    event_id = choices.pop("event_id")
    own_sum = _BUYERS if choices["curve"] in BUILT_IN else round(sum(curve))
    choices["buyers"] = choices["buyers"] or own_sum
    if choices["curve"] not in BUILT_IN:
        # The page may be sent to other people, who need not know our folders.
        choices["curve"] = Path(choices["curve"]).name
    choices["duration_s"] = choices["duration_s"] or float(len(curve))
    wanted = Wanted(event_id=event_id, curve=curve, setting=Setting(**choices), keep=keep)
    with progress_bar("rehearsal") as say:
        report = run_to_end(rehearse(load_settings(), wanted, say))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    output.write_text(page(report), "utf-8")
    click.echo(headline(report))
    broken = complaint(report)
    if broken is not None:
        complain(broken)
    click.echo(f"rehearsal: the page is {output.resolve()}")
    return 0 if broken is None else 1


def main(arguments: Sequence[str]) -> int:
    """Runs the command line; returns the exit code, with one line on stderr for what went wrong."""
    try:
        # Both the command and --help return an int.
        code: int = command.main(
            list(arguments), prog_name="frontrow rehearse", standalone_mode=False
        )
    except click.ClickException as error:
        complain(f"{error.format_message()} (see frontrow rehearse --help)")
        return _BAD_INPUT
    except (ConfigError, StartError, FrontrowError, MigrationError) as error:
        complain(str(error))
        return _BAD_INPUT
    except (click.Abort, KeyboardInterrupt, asyncio.CancelledError):
        complain("interrupted")
        return 130
    return code


__all__ = ["command", "main"]
