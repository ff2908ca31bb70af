"""One record as a row: the columns that questions are asked of, beside the raw text and the way back to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.analysis.records.mapping import Shape, address_of
from evidence_kit.analysis.records.places import Place, nothing
from evidence_kit.analysis.records.record import Artifact, Record, Records
from evidence_kit.analysis.records.rules import Batch, Text, texts
from evidence_kit.analysis.records.times import Instant, read_time

ROW = (
    "case", "source", "provider", "target", "region", "time", "time_ns", "action", "actor", "credential", "src_ip",
    "user_agent", "resource", "outcome", "event_id", "artifact", "line", "raw",
)  # fmt: skip
Cell = str | int | None
Row = tuple[Cell, ...]
Columns = tuple[Sequence[Cell], ...]  # the same cells, a column at a time


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
        alone = Records(record.artifact, [record.line], [record.raw], [record.value], [record.around])
        return tuple(cells[0] for cells in self.columns(alone))

    def columns(self, records: Records) -> Columns:
        """Return the rows of some records as columns, in the order of ROW."""
        count, artifact = len(records.lines), self.artifact
        said = self.shape.columns(Batch(_named(records)))
        none: list[Text] = [None] * count
        instants = self._times(said.get("time", none))
        return (
            [self.case] * count,
            [artifact.source] * count,
            [artifact.provider] * count,
            [text or artifact.target for text in said.get("target", none)],
            [text or artifact.region for text in said.get("region", none)],
            [instant and instant[0] for instant in instants],
            [instant and instant[1] for instant in instants],
            said.get("action", none),
            said.get("actor", none),
            said.get("credential", none),
            [address_of(text) if text and ":" in text else text for text in said.get("src_ip", none)],
            said.get("user_agent", none),
            said.get("resource", none),
            said.get("outcome", none),
            texts([self.identity(value) for value in records.values]),
            [records.artifact] * count,
            records.lines,
            records.raws,
        )

    def _times(self, found: Sequence[Text]) -> list[Instant | None]:
        instants = [None if text is None else read_time(text) for text in found]
        self.unreadable += instants.count(None) - found.count(None)
        return instants


def _named(records: Records) -> Sequence[object]:
    """Return the records' values; a row of a table becomes a mapping by the columns that stand beside the rows."""
    if not any(records.arounds):
        return records.values
    return [_named_by(value, around) for value, around in zip(records.values, records.arounds, strict=True)]


def _named_by(value: object, around: Mapping[str, object]) -> object:
    if not around:
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
