"""Keeps an answer in the case as derived data, with an event on record that says what it was made from."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from evidence_kit.acquire.case import require_sound_log
from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.tables.asking import Question
from evidence_kit.custody import bag, log, statement
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.names import safe_component
from evidence_kit.errors import UsageError
from evidence_kit.model.ports import Vault
from evidence_kit.vaults.local import LocalVault

FOLDER = "derived/queries"
_CHUNK = 1 << 20
_MAX_SAID = 64 << 10  # characters of SQL and parameters; an event holds a megabyte


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where an answer lies, its digest, and the number of the event."""

    path: str
    sha256: str
    event: int


def keep(
    vault: LocalVault, keeper: Keeper, answer: Path, name: str, question: Question, *, rows: int, at: datetime
) -> Kept:
    """Store the answer under `derived/` and sign what it derives from: the SQL, the engine, every bag's manifest."""
    if sum(map(len, (question.sql, *question.params, *map(str, question.params.values())))) > _MAX_SAID:
        raise UsageError(f"SQL and parameters of more than {_MAX_SAID:,} characters cannot go on record")
    path = f"{FOLDER}/{safe_component(name)}"
    with vault.lock(), vault.working():
        if vault.stat(path) is not None:
            raise UsageError(f"`{path}` is there already", hint="choose another name; nothing is overwritten")
        require_sound_log(keeper, at=at)
        said = {
            "by": "query",
            "sql": question.sql,
            "sqlSha256": hashlib.sha256(question.sql.encode()).hexdigest(),
            "params": dict(question.params),
            "engine": f"duckdb {version('duckdb')}",
            "rows": rows,
        }
        return record_derived(vault, keeper, answer, path, said, at=at)


def record_derived(
    vault: LocalVault, keeper: Keeper, file: Path, path: str, said: Mapping[str, object], *, at: datetime
) -> Kept:
    """Store `file` at `path` and sign what it derives from; the caller holds the case's lock over a sound log."""
    stored = vault.stage(_chunks(file))
    vault.commit([(stored, path)])
    subject = statement.Subject(path, stored.sha256)
    fields = {"derived": {**said, "derivedFrom": list(_inputs(vault))}}
    tree = keeper.append(log.DERIVED, at=at, subjects=[subject], fields=fields).tree
    return Kept(path=path, sha256=stored.sha256, event=tree.size - 1)


def _inputs(vault: Vault) -> Iterator[Mapping[str, str]]:
    """Yield every bag with the digest of its manifest, or of the ledger of one that has no seal yet."""
    for root in bagfiles.bags(vault):
        name = bag.MANIFEST if vault.stat(f"{root}/{bag.MANIFEST}") else bag.LEDGER
        with vault.open(f"{root}/{name}") as stream:
            yield {"path": f"{root}/{name}", "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}  # type: ignore[arg-type]


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while data := stream.read(_CHUNK):
            yield data
