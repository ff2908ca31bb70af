"""`--executor`: units are acquired by the workers of a cluster, and recorded here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, settings

if TYPE_CHECKING:
    from evidence_kit.acquire.dispatch import Away
    from evidence_kit.model.source import SourceSpec

OPTION = typer.Option(
    None, "--executor", help="Have the workers of a Dask cluster ask: `dask://HOST:PORT`.", metavar="URL"
)


@contextmanager
def away(executor: str | None, specs: "Mapping[str, SourceSpec]") -> "Iterator[Away | None]":
    """Join the cluster that is named for as long as a run takes; nobody else asks without one."""
    if executor is None:
        yield None
        return
    from evidence_kit.acquire.afar.joining import joined

    with joined(executor, specs, now=settings.now, note=output.note) as workers:
        yield workers
