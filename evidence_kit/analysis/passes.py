"""What changed between two passes over the same unit: what a provider delivered late, and what it no longer shows."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import jmespath

from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.coverage import last_two
from evidence_kit.custody import strict
from evidence_kit.custody.cloudtrail.inflate import inflated
from evidence_kit.custody.extsort import LineSorter
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.ports import Vault
from evidence_kit.model.source import SourceSpec

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_MAX_PAGE = 256 << 20  # a page is held whole while its records are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One unit that was collected more than once: the last pass against the one before it."""

    unit: str
    before: str  # the acquisitions
    after: str
    both: int = 0
    late: int = 0  # records that only the later pass has
    gone: int = 0  # records that only the earlier pass has


def changes(
    vault: Vault, specs: Mapping[str, SourceSpec], passes: Mapping[str, tuple[str, str]] | None = None
) -> tuple[Change, ...]:
    """Compare by each source's identity key, or by the whole record where it has none. Memory stays flat.

    `passes` are those that `Coverage` has found already. Only the bags that they name are read.
    """
    passes = _passes(vault) if passes is None else passes
    compared = {name for pair in passes.values() for name in pair}
    sorter = LineSorter()
    for root in bagfiles.bags(vault):
        name = root.rpartition("/")[2]
        if name not in compared:
            continue
        for unit, fields in bagfiles.artifacts(vault, root):
            if name not in passes.get(unit, ()):
                continue
            path = strict.field(strict.field(fields, "artifact", dict), "path", str)
            spec = specs.get(unit.partition("|")[0])
            for record in _records(vault, f"{root}/{path}", spec):
                sorter.add(f"{unit}\t{record}\t{name}\n".encode())
    counted = {unit: [0, 0, 0] for unit in passes}
    for unit, names in _grouped(sorter):
        before, after = passes[unit]
        counted[unit][0 if {before, after} <= names else 1 if after in names else 2] += 1
    return tuple(
        Change(unit=unit, before=pair[0], after=pair[1], both=both, late=late, gone=gone)
        for unit, pair in passes.items()
        for both, late, gone in [counted[unit]]
    )


def _passes(vault: Vault) -> dict[str, tuple[str, str]]:
    """Return the last two acquisitions of every unit that was collected in full more than once."""
    brought: dict[str, list[str]] = {}
    for root in bagfiles.bags(vault):
        for ended in bagfiles.units(vault, root):
            if ended.outcome is not None and ended.outcome.artifacts:
                brought.setdefault(ended.unit.id, []).append(ended.acquisition)
    return last_two(brought)


def _records(vault: Vault, path: str, spec: SourceSpec | None) -> Iterator[str]:
    """Yield a name of each record in a stored body; a body that holds no records stands for itself."""
    found = _read(vault, path, spec) if spec is not None and spec.records.path else None
    if spec is None or found is None:
        with vault.open(path) as stream:
            yield hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
        return
    for record in found:
        known = jmespath.search(spec.records.id, record) if spec.records.id and isinstance(record, dict) else None
        yield hashlib.sha256(str(known or json.dumps(record, sort_keys=True)).encode()).hexdigest()


def _read(vault: Vault, path: str, spec: SourceSpec) -> list[object] | None:
    """Return the records of a stored body, or None where it cannot be read as the source says."""
    try:
        with vault.open(path) as stream:
            chunks = iter(lambda: stream.read(_CHUNK), b"")
            first = next(chunks, b"")
            whole = itertools.chain([first], chunks)
            body = b"".join(inflated(whole, _MAX_PAGE) if first.startswith(_GZIP) else whole)
        found = jmespath.search(spec.records.path, json.loads(body))
    except (EvidenceKitError, ValueError, RecursionError, jmespath.exceptions.JMESPathError):
        return None
    if isinstance(found, list):
        return found
    return [] if found is None else [found]  # a setting is one record, as it is in the tables


def _grouped(sorter: LineSorter) -> Iterator[tuple[str, set[str]]]:
    """Yield `(unit, acquisitions that have it)` for every record."""
    current: tuple[str, str] | None = None
    names: set[str] = set()
    for line in sorter:
        unit, record, name = line[:-1].decode().split("\t")
        if current is not None and (unit, record) != current:
            yield current[0], names
            names = set()
        current = (unit, record)
        names.add(name)
    if current is not None:
        yield current[0], names
