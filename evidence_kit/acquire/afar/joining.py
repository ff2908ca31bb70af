"""From `dask://HOST:PORT` to workers that are ready, and back: nothing of ours stays with the cluster."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from evidence_kit.acquire.afar.crew import Crew, Patience
from evidence_kit.acquire.afar.errand import Elsewhere
from evidence_kit.errors import PluginError, UsageError
from evidence_kit.model.source import SourceSpec

_URL = re.compile(r"dask(?P<tls>\+tls)?://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})/?")
_HINT = "`dask://HOST:PORT`, or `dask+tls://HOST:PORT` with the certificates of Dask's own configuration"


def address_of(url: str) -> str:
    """Return the address of a scheduler as Dask writes it; UsageError where `url` names none."""
    found = _URL.fullmatch(url)
    if found is None or not 0 < int(found["port"]) < 1 << 16:
        raise UsageError(f"`{url}` is no executor that is known", hint=_HINT)
    return f"{'tls' if found['tls'] else 'tcp'}://{found['host']}:{found['port']}"


@contextmanager
def joined(
    url: str,
    specs: Mapping[str, SourceSpec],
    *,
    now: Callable[[], datetime],
    note: Callable[[str], None],
    patience: Patience | None = None,
) -> Iterator[Elsewhere]:
    """Join the cluster at `url` for one acquisition of `specs`, whose workers are all greeted on entry.

    PluginError where a worker would not collect as we would, ProviderError where there is no cluster or no worker.
    """
    address = address_of(url)
    try:
        from evidence_kit.acquire.afar.cluster import DaskCluster
    except ImportError as error:
        raise PluginError(
            "a Dask cluster needs the package `distributed`", hint="install `evidence-kit[dask]`"
        ) from error
    session = secrets.token_hex(8)
    patience = patience or Patience()
    cluster = DaskCluster(address, connect=patience.connect)
    crew = Crew(cluster, session, specs, now=now, note=note, patience=patience)
    try:
        crew.open()
        yield Elsewhere(crew)
    finally:
        crew.close()
