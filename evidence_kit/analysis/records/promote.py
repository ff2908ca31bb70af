"""One record as a row: the columns that questions are asked of, beside the raw text and the way back to it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from evidence_kit.analysis.records.mapping import Shape, address_of
from evidence_kit.analysis.records.places import Named, Place, nothing
from evidence_kit.analysis.records.record import Artifact, Record, Records
from evidence_kit.analysis.records.rules import Batch, Rule, Text
from evidence_kit.analysis.records.times import read_times

ROW = (
    "case", "source", "provider", "target", "region", "time", "time_ns", "action", "actor", "credential", "src_ip",
    "user_agent", "resource", "outcome", "event_id", "artifact", "line", "raw",
)  # fmt: skip
T = TypeVar("T")
Cell = str | bytes | int | None
Row = tuple[Cell, ...]
Columns = tuple[Sequence[Cell], ...]  # the same cells, a column at a time


@dataclass(slots=True)
class Promoter:
    """Makes the rows of an artifact, or of several of one source; `identity` finds what a record calls itself.

    `unreadable` counts, for each artifact, times that are there and cannot be read, `closed` documents in records.
    """

    case: str
    artifact: Artifact
    shape: Shape
    identity: Place = nothing
    unreadable: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)

    def row(self, record: Record) -> Row:
        """Return the row of a record, in the order of ROW."""
        alone = Records(record.artifact, [record.line], [record.raw], [record.value], [record.around])
        return tuple(cells[0] for cells in self.columns(alone))

    def columns(self, records: Records) -> Columns:
        """Return the rows of some records as columns, in the order of ROW."""
        return self.together([(self.artifact, records)])

    def together(self, found: Sequence[tuple[Artifact, Records]]) -> Columns:
        """Return the rows of the records of some artifacts as columns."""
        counts = [len(records.lines) for _, records in found]
        values = _joined(records.values for _, records in found)
        is_plain = not any(any(records.arounds) for _, records in found)
        named = Batch(values if is_plain else _joined(_named(records) for _, records in found))
        inner = self.shape.inner(named)
        said = self.shape.columns(named, inner)
        none: list[Text] = [None] * sum(counts)
        seen = said.get("time", none)
        times, instants = read_times(seen)
        self._count(found, seen, times)
        if closed := self.shape.closed(named, inner):
            artifacts = list(
                chain.from_iterable([one.path] * count for (one, _), count in zip(found, counts, strict=True))
            )
            self.closed.update(artifacts[at] for at in closed)
        source, provider, target, region, artifact = (
            _repeated([getattr(one, name) for one, _ in found], counts)
            for name in ("source", "provider", "target", "region", "path")
        )
        addresses = said.get("src_ip", none)
        return (
            [self.case] * len(none),
            source,
            provider,
            _or(said.get("target", none), target),
            _or(said.get("region", none), region),
            times,
            instants,
            said.get("action", none),
            said.get("actor", none),
            said.get("credential", none),
            [address_of(text) if text and ":" in text else text for text in addresses],
            said.get("user_agent", none),
            said.get("resource", none),
            said.get("outcome", none),
            self._identities(values, named),
            artifact,
            _joined(records.lines for _, records in found),
            _joined(records.raws for _, records in found),
        )

    def _identities(self, values: Sequence[object], named: Batch) -> Sequence[Text]:
        names = self.identity.names if isinstance(self.identity, Named) else ()
        return Rule(self.identity, names).texts(named if named.values is values else Batch(values))

    def _count(self, found: Sequence[tuple[Artifact, Records]], seen: Sequence[Text], times: Sequence[Text]) -> None:
        """Count what cannot be read, which is nearly never."""
        if times is seen or seen.count(None) == times.count(None):
            return
        begin = 0
        for artifact, records in found:
            end = begin + len(records.lines)
            if lost := times[begin:end].count(None) - seen[begin:end].count(None):
                self.unreadable[artifact.path] += lost
            begin = end


def _joined(found: Iterable[Sequence[T]]) -> Sequence[T]:
    several = list(found)
    return several[0] if len(several) == 1 else list(chain.from_iterable(several))


def _repeated(texts: Sequence[str], counts: Sequence[int]) -> Sequence[str]:
    """Return each text as often as it counts."""
    if len(set(texts)) == 1:
        return [texts[0]] * sum(counts)
    return _joined([text] * count for text, count in zip(texts, counts, strict=True))


def _or(said: Sequence[Text], otherwise: Sequence[str]) -> Sequence[Text]:
    """Return what records say, or what is known without them."""
    return said if all(said) else [text or other for text, other in zip(said, otherwise, strict=True)]


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
