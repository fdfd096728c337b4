"""Commands that load testing adds to ``frontrow`` (entry points ``frontrow.commands``)."""

import sys

import click


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="EVENT [OPTIONS]")
def rehearse(arguments: tuple[str, ...]) -> None:
    """Rehearse an on-sale on a copy of an event: charts, times, proof. See rehearse --help."""
    # It needs all of the engine, and ``frontrow --help`` must be quick.
    from loadtest.rehearsal.command import main  # noqa: PLC0415

    sys.exit(main(arguments))
