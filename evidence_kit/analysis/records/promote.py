"""One record as a row: the columns that questions are asked of, beside the raw text and the way back to it."""

from dataclasses import dataclass

from evidence_kit.analysis.records.mapping import Shape, address_of, is_said, text_of
from evidence_kit.analysis.records.places import Place, nothing
from evidence_kit.analysis.records.record import NOTHING, Artifact, Record
from evidence_kit.analysis.records.times import read_time

ROW = (
    "case", "source", "provider", "target", "region", "time", "time_ns", "action", "actor", "credential", "src_ip",
    "user_agent", "resource", "outcome", "event_id", "artifact", "line", "raw",
)  # fmt: skip
Row = tuple[str | int | None, ...]


@dataclass(slots=True)
class Promoter:
    """Makes the rows of one artifact; `identity` finds what a record calls itself.

    `unreadable` counts times that are there and cannot be read.
    """

    case: str
    artifact: Artifact
    shape: Shape
    identity: Place = nothing
    unreadable: int = 0

    def row(self, record: Record) -> Row:
        """Return the row of a record, in the order of ROW."""
        outer = _named(record)
        shape, artifact = self.shape, self.artifact
        inner = shape.opened(outer) if shape.unwrap else outer
        said = shape.columns(inner, outer).get
        text, ns = self._time(said("time"))
        address = said("src_ip")
        return (
            self.case,
            artifact.source,
            artifact.provider,
            said("target") or artifact.target,
            said("region") or artifact.region,
            text,
            ns,
            said("action"),
            said("actor"),
            said("credential"),
            address_of(address) if address and ":" in address else address,
            said("user_agent"),
            said("resource"),
            said("outcome"),
            text_of(found) if is_said(found := self.identity(record.value)) else None,
            record.artifact,
            record.line,
            record.raw,
        )

    def _time(self, found: str | None) -> tuple[str | None, int | None]:
        if found is None:
            return None, None
        instant = read_time(found)
        if instant is None:
            self.unreadable += 1
            return None, None
        return instant


def _named(record: Record) -> object:
    """Return the record's value; a row of a table becomes a mapping by the columns that stand beside the rows."""
    value, around = record.value, record.around
    if around is NOTHING or not around:
        return value
    if isinstance(value, list):
        return _by_columns(value, around.get("columns"))
    if (
        isinstance(value, dict)
        and isinstance(cells := value.get("f"), list)
        and isinstance(around.get("schema"), dict)
    ):
        # BigQuery: {"f": [{"v": …}]} beside {"schema": {"fields": [{"name": …}]}}
        inside = [cell.get("v") if isinstance(cell, dict) else cell for cell in cells]
        return _by_columns(inside, around["schema"].get("fields"))  # type: ignore[attr-defined]
    return value


def _by_columns(cells: list[object], columns: object) -> object:
    if not isinstance(columns, list) or len(columns) != len(cells):
        return cells
    return {
        str(column.get("name")) if isinstance(column, dict) else str(column): cell
        for column, cell in zip(columns, cells, strict=True)
    }
