"""The tables that are not records: what the manifest, the ledgers and the custody log say."""

from collections.abc import Iterable, Iterator, Mapping

from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.bagfiles import Ended
from evidence_kit.analysis.history import history
from evidence_kit.analysis.records.promote import Row
from evidence_kit.analysis.tables.schema import GAPS, MANIFEST, UNITS
from evidence_kit.custody import strict
from evidence_kit.custody.ledger import Entry
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import Window, rfc3339


def of_ledgers(vault: Vault, case: str) -> Iterator[tuple[str, Iterable[Row]]]:
    """Yield rows beside the table they belong to, bag for bag.

    Whoever takes them takes each whole before the next: a ledger is read once, and what it says of units is told
    when all its lines went by.
    """
    for root in bagfiles.bags(vault):
        plan = bagfiles.Plan()
        yield MANIFEST, _manifest(bagfiles.entries(vault, root), plan, case, root)
        ends = list(plan.units(root))
        yield UNITS, (_unit(case, ended) for ended in ends)
        yield GAPS, (row for ended in ends for row in _gaps(case, ended))


def _manifest(entries: Iterable[Entry], plan: bagfiles.Plan, case: str, root: str) -> Iterator[Row]:
    """Yield a row for every artifact."""
    for entry in entries:
        plan.take(entry)
        if (found := bagfiles.stored(entry)) is None:
            continue
        unit, fields = found
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


def _unit(case: str, ended: Ended) -> Row:
    """Return the row of a planned unit, be it one that never ended."""
    unit, outcome = ended.unit, ended.outcome
    return (
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


def _gaps(case: str, ended: Ended) -> Iterator[Row]:
    """Yield a row for a unit that is not whole, and for every finding."""
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
