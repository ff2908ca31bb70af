"""What a page draws and searches: the bars of the time line, and the rows that its script reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from markupsafe import Markup

from evidence_kit.analysis.moments import instant, nanoseconds
from evidence_kit.model.status import UnitStatus
from evidence_kit.report.case.doings import Incident
from evidence_kit.report.case.holding import Artifact
from evidence_kit.report.case.model import CaseReport
from evidence_kit.report.case.safe import embedded
from evidence_kit.report.case.states import is_mild

# In a report of what is missing in time: where there was nothing, and where a part is there, nothing is crossed out.
_NO_LOSS = frozenset(status.value for status in UnitStatus if is_mild(status))
_MS = 1_000_000
_AT_A_TIME = 500  # lines of artifacts
_STRETCHES = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """One bar, in per cent of the picture."""

    x: float
    width: float
    y: float
    height: float


def _ends(found: Incident) -> tuple[int, int]:
    """Return from when to when the time line goes, in milliseconds."""
    if not found.bars:
        return 0, 1
    first, last = found.bars[0].starts_ns, found.bars[-1].starts_ns + found.bar_ns
    return first // _MS, -(-last // _MS)


def chart(report: CaseReport) -> Mapping[str, object]:
    """Return the bars of the time line, the stretches without evidence below them, and what stands beside."""
    found = report.incident
    low, high = _ends(found)
    counts: dict[int, int] = {}
    for bar in found.bars:
        counts[bar.starts_ns] = counts.get(bar.starts_ns, 0) + bar.records
    most, width = max(counts.values(), default=0), found.bar_ns / _MS / (high - low) * 100
    bars = [
        _Bar(
            x=round((at / _MS - low) / (high - low) * 100, 3),
            width=round(width, 3),
            y=round(100 - count / most * 94, 2),
            height=round(count / most * 94, 2),
        )
        for at, count in counts.items()
    ]
    bands = [
        _Bar(
            x=round((start - low) / (high - low) * 100, 3),
            width=round((end - start) / (high - low) * 100, 3),
            y=0,
            height=100,
        )
        for start, end in _bands(report, low, high)
    ]
    return {
        "bars": bars,
        "bands": bands,
        "most": most,
        "stretch": _lasting(found.bar_ns),
        "incident_from": _at(low),
        "incident_to": _at(high),
    }


def _lasting(ns: int) -> str:
    seconds = max(1, ns // 1_000_000_000)
    size, word = next(pair for pair in _STRETCHES if seconds % pair[0] == 0)
    return f"{seconds // size:,} {word}{'' if seconds == size else 's'}"


def _at(ms: int) -> str:
    return instant(ms * _MS) if ms else ""


def _bands(report: CaseReport, low: int, high: int) -> Sequence[tuple[int, int]]:
    """Return the stretches of the time line in which evidence is missing, each once."""
    found = {
        (max(low, nanoseconds(gap.window.start) // _MS), min(high, nanoseconds(gap.window.end) // _MS))
        for gap in report.gaps
        if gap.window and gap.kind not in _NO_LOSS
    }
    return sorted((start, end) for start, end in found if start < end)


def incident_data(report: CaseReport) -> Iterator[Markup]:
    """Yield what the script draws the time line from, row by row; names that come again and again only once."""
    found = report.incident
    low, high = _ends(found)
    names: dict[str, dict[str, int]] = {"sources": {}, "targets": {}, "files": {}}

    def index(kind: str, name: str) -> int:
        return names[kind].setdefault(name, len(names[kind]))

    yield Markup('{"rows":[')
    separator = Markup("")
    for one in found.moments:
        row = [
            *(one.at_ns // _MS, one.at, one.action, one.actor, one.address, one.resource, one.outcome),
            *(index("sources", one.source), index("targets", one.target), index("files", one.pointer.path)),
            one.pointer.line,
        ]
        yield separator + embedded(row)
        separator = Markup(",\n")
    bars = [[bar.starts_ns // _MS, index("sources", bar.source), bar.records] for bar in found.bars]
    rest = {
        "bars": bars,
        "lasts": found.bar_ns // _MS,
        "from": low,
        "to": high,
        "total": found.total,
        "gaps": _bands(report, low, high),
    }
    lists = {kind: list(known) for kind, known in names.items()}
    yield Markup("],") + embedded({**rest, **lists})[1:]


def artifact_data(artifacts: Iterator[Artifact]) -> Iterator[Markup]:
    """Yield a line a file, and before the files of one folder a line that names it: paths are long.

    Many lines come at a time, as a template takes as long for one of them as for all.
    """
    yield Markup("[")
    lines = _artifact_lines(artifacts)
    yield Markup(",\n").join(islice(lines, _AT_A_TIME))
    while several := list(islice(lines, _AT_A_TIME)):
        yield Markup(",\n").join(["", *several])
    yield Markup("]")


def _artifact_lines(artifacts: Iterator[Artifact]) -> Iterator[Markup]:
    last = ("", "", "")
    for one in artifacts:
        folder, _, name = one.path.rpartition("/")
        place = (folder, one.source, one.target)
        if place != last:
            yield embedded(place)
            last = place
        row = [name, one.bytes, one.sha256, one.records, one.received_at, one.original_name, one.request_id]
        yield embedded([*row, str(one.pointer)])
