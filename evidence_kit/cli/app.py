"""The Typer application and the only place that exits."""

import gc
import os
import sys
from collections.abc import Sequence

import typer

from evidence_kit import __version__
from evidence_kit.cli.commands import Root
from evidence_kit.cli.output import show_error
from evidence_kit.errors import EvidenceKitError, Exit

_YOUNG = 50_000  # objects, not 700: few cycles are made here, and looking for them took up to a tenth of the time

app = typer.Typer(
    name="evidence-kit",
    cls=Root,
    help="Collect evidence from clouds and partner APIs so that it stands up afterwards.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: no drawing library at start-up, and it can be diffed into the docs
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"evidence-kit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Collect evidence from clouds and partner APIs so that it stands up afterwards."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    if arguments is None:
        gc.set_threshold(_YOUNG)
    as_json = "--json" in (sys.argv if arguments is None else arguments)
    try:
        app(args=arguments)
    except EvidenceKitError as error:
        show_error(error, as_json=as_json)
        if error.exit is Exit.INTERRUPTED:
            # Threads may still wait for a provider; the operator has asked twice not to.
            sys.stderr.flush()
            os._exit(Exit.INTERRUPTED)
        return error.exit
    except BrokenPipeError:
        # Whoever read our output has seen enough; keep the interpreter from complaining at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else Exit.OK if stop.code is None else Exit.INTERNAL
    return Exit.OK
