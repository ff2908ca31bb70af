"""Exporting a document: written elsewhere, accounted for, noted in the custody log, kept in the case if asked to."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from evidence_kit.acquire.case import require_sound_log
from evidence_kit.analysis.tables.keeping import Kept, record_derived
from evidence_kit.custody import log, statement
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.names import safe_component
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.model.time import rfc3339
from evidence_kit.report.disclosure.package import Package, building, hand_out
from evidence_kit.report.events.files import Written
from evidence_kit.report.exports.derivation import NOTICE, STATEMENT, Origin, derived_from, read_origin
from evidence_kit.vaults.local import LocalVault

KEPT = "derived/exports"  # in the case


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document: its JSON, what it holds, what it leaves out, and what was asked for."""

    name: str  # of the file
    form: str  # the format and its version
    data: object
    holds: Mapping[str, int]
    left_out: Mapping[str, object] = field(default_factory=dict)
    asked: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be made and why; `keep` is the name under which the case keeps a sealed copy."""

    to: str
    purpose: str = ""
    medium: str = ""
    keep: str = ""
    defects: int = 0  # places of the evidence that could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was made: the statement, its digest, the number of the event, and the copy that the case keeps."""

    said: Mapping[str, object]
    sha256: str
    event: int
    unsealed: tuple[str, ...]
    kept: Kept | None


Making = Callable[[Origin], Document]


def export_document(
    vault: LocalVault, keeper: Keeper, making: Making, out: Path, order: Order, *, at: datetime
) -> Exported:
    """Write the folder `out` and the event about it; the event comes first, as with every export."""
    with vault.lock(), vault.working(), building(out, outside=vault) as package:
        require_sound_log(keeper, at=at)
        origin = read_origin(vault)
        made = making(origin)
        if not any(made.holds.values()):
            raise EmptyError("there is nothing to export", hint="`evidence-kit coverage` says what was collected")
        written = _write(package, made)
        said = _statement(origin, order, made, written, at=at)
        data = _encoded(said)
        sha256 = package.write(STATEMENT, [data])
        kept = _keep(vault, keeper, package, made, order, said, at=at) if order.keep else None
        fields = {
            "to": order.to,
            "scope": "case",
            "plain": {"sha256": sha256, "bytes": len(data)},
            "cipher": None,
            "recipients": [],
            "purpose": order.purpose,
            "medium": order.medium,
            "rows": written.rows,
            "files": [written.fields],
        }
        subject = statement.Subject(f"{out.name}/{STATEMENT}", sha256)
        after = keeper.append(log.EXPORTED, at=at, subjects=[subject], fields={"export": fields})
        hand_out(package, out)
    return Exported(said=said, sha256=sha256, event=after.tree.size - 1, unsealed=origin.unsealed, kept=kept)


def _write(package: Package, made: Document) -> Written:
    data = _encoded(made.data)
    sha256 = package.write(made.name, [data])
    return Written(path=made.name, sha256=sha256, bytes=len(data), rows=sum(made.holds.values()))


def _encoded(value: object) -> bytes:
    """Return JSON in ASCII, so that nothing in it can act on whoever looks at the file."""
    return json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def _statement(origin: Origin, order: Order, made: Document, written: Written, *, at: datetime) -> dict[str, object]:
    return {
        "kind": "evidence-kit/derived-export",
        "notice": NOTICE,
        "to": order.to,
        "format": made.form,
        "madeAt": rfc3339(at),
        **derived_from(origin),
        "asked": dict(made.asked),
        "holds": dict(made.holds),
        "leftOut": dict(made.left_out),
        "unreadable": order.defects,
        "files": [written.fields],
    }


def _keep(
    vault: LocalVault,
    keeper: Keeper,
    package: Package,
    made: Document,
    order: Order,
    said: Mapping[str, object],
    *,
    at: datetime,
) -> Kept:
    """Store a copy in the case with an event that says what it derives from."""
    path = f"{KEPT}/{safe_component(order.keep)}.json"
    if vault.stat(path) is not None:
        raise UsageError(f"`{path}` is there already", hint="choose another name; nothing is overwritten")
    fields = {
        "by": f"export --to {order.to}",
        "engine": said["madeBy"],
        "rows": sum(made.holds.values()),
        "asked": made.asked,
        "leftOut": made.left_out,
    }
    return record_derived(vault, keeper, package.root / made.name, path, fields, at=at)
