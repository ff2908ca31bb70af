"""The rows as a table: for a terminal, and as Markdown between the marks that a document has for each part."""

import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from measuring import Row
from targets import Judged, judged

HEADS = ("work", "who", "wall s", "CPU s", "MB", "x ours", "target for us", "found")
_LEFT = frozenset({0, 1, 6, 7})


def cells(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each row; of each piece of work the first row is ours."""
    first: dict[str, float] = {}
    reached = judged(rows)
    for row in rows:
        if row.missing:
            yield row.work, row.who, "", "", "", "", f"missing: {row.missing}", ""
            continue
        ours = first.setdefault(row.work, row.wall)
        memory = f"{row.memory:,.0f}" if row.memory else ""
        figures = (f"{row.wall:,.3f}", f"{row.cpu:,.3f}", memory, f"{row.wall / ours:.2f}")
        yield row.work, row.who, *figures, *_target(reached.get(row, ()))


def _target(found: Sequence[Judged]) -> tuple[str, str]:
    said = "; ".join(_of(one) + one.target.said for one in found)
    return said, "; ".join(f"{'met' if one.met else 'missed'}: {one.found}" for one in found)


def _of(one: Judged) -> str:
    """Return which of our rows is meant, where it is not the plain one."""
    last = one.target.ours.rpartition(" ")[2]
    return f"`{last}` " if last.startswith("--each") or one.target.work == "start" else ""


def text(rows: Sequence[Row]) -> str:
    """Return the table for a terminal."""
    table = [HEADS, *cells(rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADS))]
    lines = []
    for line in table:
        padded = (
            cell.ljust(width) if column in _LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def markdown(rows: Sequence[Row], note: str) -> str:
    """Return a note and one table for each piece of work."""
    lines = [note]
    before = ""
    for work, *rest in cells(rows):
        if work != before:
            lines += ["", f"**{work[0].upper()}{work[1:]}**", "", _line(HEADS[1:]), _rule()]
            before = work
        lines.append(_line(rest))
    return "\n".join(lines)


def _line(found: Iterable[str]) -> str:
    return f"| {' | '.join(found)} |"


def _rule() -> str:
    return "|" + "|".join("---" if column in _LEFT else "---:" for column in range(1, len(HEADS))) + "|"


def missed(rows: Sequence[Row]) -> list[str]:
    """Return a line for each target that was not reached, and one for each peer that is not there."""
    found: Mapping[Row, Sequence[Judged]] = judged(rows)
    lines = [
        f"missed: {peer.work}: {one.target.ours} beside {peer.who}: {one.target.said}, found {one.found}"
        for peer, all_of in found.items()
        for one in all_of
        if not one.met
    ]
    return [*lines, *(f"missing: {row.work}: {row.who}: {row.missing}" for row in rows if row.missing)]


def between_marks(document: str, part: str, inner: str) -> str:
    """Return `document` with `inner` between the marks of a part; ValueError unless it has them, each once."""
    begin, end = f"<!-- bench {part}: begin -->", f"<!-- bench {part}: end -->"
    if document.count(begin) != 1 or document.count(end) != 1 or document.index(begin) > document.index(end):
        raise ValueError(f"the document needs `{begin}` and then `{end}`, each once")
    before, after = document.partition(begin)[0], document.partition(end)[2]
    return f"{before}{begin}\n{inner}\n{end}{after}"


def machine() -> str:
    """Say in a line what this was measured on."""
    about = Path("/proc/cpuinfo")
    told = about.read_text().splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    model = names[0] if names else platform.machine()
    return f"{os.cpu_count()} processors ({model}), {platform.system()}, Python {platform.python_version()}"
