"""`serve`: browse cases too big for one file, from a read-only server on this machine."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.report.browse.shelf import Shelf
    from evidence_kit.report.case.doings import Incident


def serve(
    folder: Path = typer.Argument(..., metavar="DIR", help="A case, or a folder that holds cases."),
    host: str = typer.Option("127.0.0.1", "--host", help="The address to listen on."),
    port: int = typer.Option(0, "--port", min=0, max=65_535, help="The port to listen on; a free one without."),
    anywhere: bool = typer.Option(False, "--anywhere", help="Allow a `--host` that other machines can reach."),
    name: list[str] = typer.Option([], "--name", help="Another name to answer to, as in `Host`; repeat for more."),
    work: Path | None = typer.Option(None, "--work", help="Where tables are kept; a cache of yours otherwise."),
) -> None:
    """Serve cases for a browser on this machine, until Ctrl-C. Nothing is written, nothing is verified.

    The address holds a key, made anew each time: who does not have it gets nothing.
    """
    import secrets

    from evidence_kit.report.browse.server import Server, require_local
    from evidence_kit.report.portfolio.reading import cases

    require_local(host, anywhere=anywhere)
    shelves = [_shelf(path, folder, work) for path in cases(folder)]
    if not shelves:
        raise UsageError(f"there is no case in `{folder}`", hint="name a case, or the folder that holds cases")
    try:
        server = Server((host, port), shelves, secrets.token_urlsafe(24), names=name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot listen on `{host}:{port}`: {reason}", hint="choose another `--port`") from error
    with server:
        output.data(server.url)
        output.note(f"serving   {output.plural(len(shelves), 'case')}; Ctrl-C ends it")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            output.note("ended")


def _shelf(path: Path, folder: Path, work: Path | None) -> "Shelf":
    from evidence_kit.report.browse.shelf import Shelf
    from evidence_kit.vaults.local import LocalVault

    name = path.name if path == folder else str(path.relative_to(folder))
    return Shelf(name=name, vault=LocalVault(path), read_incident=_incident(path, work))


def _incident(path: Path, work: Path | None) -> "Callable[[], Incident]":
    """Return what makes the time line when somebody first asks for it: tables take a while."""

    def read() -> "Incident":
        from evidence_kit.analysis.timeline.asked import Asked
        from evidence_kit.cli import reported, settings
        from evidence_kit.vaults.registry import open_subject

        subject = open_subject(str(path), os.environ)
        return reported.told(subject, Asked(), (), work, now=settings.now()).incident

    return read
