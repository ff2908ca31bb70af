"""The tables that are not records: what the manifest, the ledgers and the custody log say."""

from collections.abc import Iterator, Mapping

from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.history import history
from evidence_kit.analysis.records.promote import Row
from evidence_kit.custody import strict
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import Window, rfc3339


def manifest(vault: Vault, case: str) -> Iterator[Row]:
    """Yield a row for every artifact."""
    for root in bagfiles.bags(vault):
        for unit, fields in bagfiles.artifacts(vault, root):
            said: Mapping[str, object] = strict.field(fields, "artifact", dict)
            yield (
                case,
                f"{root}/{strict.field(said, 'path', str)}",
                _text(said.get("sha256")),
                _number(said.get("bytes")),
                unit.partition("|")[0],
                unit,
                root.rpartition("/")[2],
                _text(said.get("kind")),
                _text(said.get("originalName")),
                _number(said.get("records")),
                _text(fields.get("sentAt")),
                _text(fields.get("receivedAt")),
                _number(fields.get("status")),
                _text(fields.get("requestId")),
            )


def units(vault: Vault, case: str) -> Iterator[Row]:
    """Yield a row for every planned unit, those that never ended included."""
    for root in bagfiles.bags(vault):
        for ended in bagfiles.units(vault, root):
            unit, outcome = ended.unit, ended.outcome
            yield (
                case,
                ended.acquisition,
                unit.id,
                unit.source,
                unit.target.provider,
                unit.target.id,
                unit.target.name,
                unit.region,
                unit.stream,
                *_window(unit.window),
                str(outcome.status) if outcome else None,
                outcome.reason if outcome else "never finished",
                *((outcome.pages, outcome.records, outcome.artifacts, outcome.bytes) if outcome else (None,) * 4),
            )


def gaps(vault: Vault, case: str) -> Iterator[Row]:
    """Yield a row for every unit that is not whole, and for every finding."""
    for root in bagfiles.bags(vault):
        for ended in bagfiles.units(vault, root):
            unit, outcome = ended.unit, ended.outcome
            head = (case, ended.acquisition, unit.id, unit.source)
            if outcome is None or not outcome.status.is_whole:
                said = (str(outcome.status), outcome.reason) if outcome else ("open", "never finished")
                yield (*head, *said, *_window(unit.window))
            for finding in outcome.findings if outcome else ():
                yield (*head, finding.kind, finding.message, *_window(finding.window))


def custody(vault: Vault, case: str) -> Iterator[Row]:
    """Yield a row for every event of the custody log."""
    for told in history(vault):
        yield (case, told.seq, told.at, told.type, told.actor, told.keyid, told.summary)


def _window(window: Window | None) -> tuple[str | None, str | None]:
    return (rfc3339(window.start), rfc3339(window.end)) if window else (None, None)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
