"""Exporting the records of a case: written elsewhere, accounted for, noted in the custody log, then in place."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from importlib import import_module
from pathlib import Path

from evidence_kit.acquire.case import read_description, require_sound_log
from evidence_kit.acquire.environment import TOOL
from evidence_kit.analysis.timeline.clocks import Clock, read_clocks
from evidence_kit.analysis.timeline.rows import Evidence
from evidence_kit.custody import bag, log, statement, strict
from evidence_kit.custody.log import Keeper, State
from evidence_kit.errors import EmptyError
from evidence_kit.model.time import rfc3339
from evidence_kit.report.disclosure.package import Package, building, hand_out
from evidence_kit.report.events.files import Written
from evidence_kit.vaults.local import LocalVault

STATEMENT = "derived-from.json"
NOTICE = (
    "Derived, and no evidence by itself: each row names the artifact and the line that it comes from, the artifacts "
    "are sealed in the case, and all of this can be made again from them."
)
Export = Callable[[Evidence, Package], tuple[Written, ...]]
# Name → where its `export` is; `SAID`, where it has one, goes into the statement.
FORMATS: Mapping[str, str] = {
    "timesketch": "evidence_kit.report.events.timesketch",
    "csv": "evidence_kit.report.events.spreadsheet",
    "ocsf": "evidence_kit.report.events.ocsf",
    "ecs": "evidence_kit.report.events.ecs",
    "parquet": "evidence_kit.report.events.parquet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be made and why; `defects` are the places of the evidence that could not be read."""

    to: str
    purpose: str = ""
    medium: str = ""
    defects: int = 0
    minimise: Callable[[Mapping[str, object]], Mapping[str, object]] | None = None
    policy: Mapping[str, object] = field(default_factory=dict)  # whose limits these are, for the statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was made: the statement, its digest, and the number of the event."""

    said: Mapping[str, object]
    sha256: str
    rows: int
    files: int
    event: int
    unsealed: tuple[str, ...]


Opening = Callable[[Sequence[Clock]], AbstractContextManager[Evidence]]


def export_events(
    vault: LocalVault, keeper: Keeper, opening: Opening, out: Path, order: Order, *, at: datetime
) -> Exported:
    """Write the folder `out` and the event about it; the event comes first, as with every export."""
    made_by = import_module(FORMATS[order.to])
    case = strict.field(read_description(vault), "id", str)
    clocks = read_clocks(vault, case)
    with vault.lock(), vault.working(), building(out, outside=vault) as package:
        state = require_sound_log(keeper, at=at)
        with opening(clocks) as evidence:
            export: Export = made_by.export
            files = export(replace(evidence, minimise=order.minimise), package)
        rows = sum(one.rows for one in files)
        if not rows:
            raise EmptyError("there are no records to export", hint="`evidence-kit coverage` says what was collected")
        said = _statement(state, clocks, order, files, at=at, form=getattr(made_by, "SAID", ""))
        data = json.dumps(said, indent=2, ensure_ascii=True).encode() + b"\n"
        sha256 = package.write(STATEMENT, [data])
        fields = {
            "to": order.to,
            "scope": "case",
            "plain": {"sha256": sha256, "bytes": len(data)},
            "cipher": None,
            "recipients": [],
            "purpose": order.purpose,
            "medium": order.medium,
            "rows": rows,
            "files": [one.fields for one in files[:_LISTED]],
        }
        subject = statement.Subject(f"{out.name}/{STATEMENT}", sha256)
        after = keeper.append(log.EXPORTED, at=at, subjects=[subject], fields={"export": fields})
        hand_out(package, out)
    return Exported(
        said=said,
        sha256=sha256,
        rows=rows,
        files=len(files),
        event=after.tree.size - 1,
        unsealed=tuple(one.id for one in state.acquisitions.values() if one.seal_sha256 is None),
    )


_LISTED = 100  # files in the event; the statement, whose digest the event signs, lists all


def _statement(
    state: State, clocks: Sequence[Clock], order: Order, files: Sequence[Written], *, at: datetime, form: str
) -> dict[str, object]:
    return {
        "kind": "evidence-kit/derived-export",
        "notice": NOTICE,
        "to": order.to,
        "format": form,
        "madeAt": rfc3339(at),
        "madeBy": TOOL,
        "case": state.case,
        "custodyLog": {"origin": state.origin, "size": state.tree.size, "root": state.tree.root().hex()},
        "acquisitions": [
            {
                "id": known.id,
                "seal": {"path": f"{known.bag}/{bag.SEAL}", "sha256": known.seal_sha256}
                if known.seal_sha256
                else None,
            }
            for known in state.acquisitions.values()
        ],
        "clocks": [{**asdict(clock)} for clock in clocks],
        "clockNote": "`shift` seconds were taken off a provider's times to order them; `time` is what it wrote",
        **({"minimised": dict(order.policy)} if order.policy else {}),
        "rows": sum(one.rows for one in files),
        "unreadable": order.defects,
        "files": [one.fields for one in files],
    }
