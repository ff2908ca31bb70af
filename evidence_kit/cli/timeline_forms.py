"""A time line as text, as JSON and as CSV: records or groups, gaps, clocks, and what is left out."""

import heapq
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain
from typing import TYPE_CHECKING

from evidence_kit.analysis.timeline.groups import Group, groups, without
from evidence_kit.cli import output
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.report.events import spreadsheet
from evidence_kit.report.events.rows import NAMES, columns
from evidence_kit.report.events.text import message

if TYPE_CHECKING:
    from evidence_kit.analysis.timeline.asked import Asked
    from evidence_kit.analysis.timeline.clocks import Clock
    from evidence_kit.analysis.timeline.gaps import Gap
    from evidence_kit.analysis.timeline.rows import Event, Evidence

_LONGEST = 300  # characters of one record's line; the record itself has all
_NAMED = 3  # places are named, more are counted


@dataclass(frozen=True, slots=True)
class Events:
    """The records of a period, and at most how many are shown."""

    evidence: "Evidence"
    asked: "Asked"
    gaps: "Sequence[Gap]"
    most: int | None

    def rows(self) -> "Iterator[Event]":
        """Yield the records that are shown."""
        return self.evidence.events(self.asked, limit=self.most)


@dataclass(frozen=True, slots=True)
class Grouped(Events):
    """The same by actor, credential, address or action."""

    by: str

    def groups(self, *, more: int = 0) -> Iterator[Group]:
        """Yield the groups that are shown, and so many more."""
        return groups(self.evidence, self.asked, self.by, limit=None if self.most is None else self.most + more)

    def without(self) -> int:
        """Return how many records stand in no group."""
        return without(self.evidence, self.asked, self.by)


# -- text --------------------------------------------------------------------------------------------------------


def _events_text(shown: Events) -> None:
    timed, untimed = shown.evidence.count(shown.asked)
    _say(_clocks(shown.evidence.clocks))
    _say(line for at, line in _gap_lines(shown.gaps) if at is None)
    records = ((event.at_ns or 0, 1, _event_line(event)) for event in shown.rows())
    missing = ((at, 0, line) for at, line in _gap_lines(shown.gaps) if at is not None)
    left = timed if shown.most is None else shown.most
    for _, is_record, line in heapq.merge(missing, records, key=lambda one: one[:2]):
        if left == 0 and shown.most is not None and shown.most < timed:
            break  # what is missing after the last record shown belongs to what is not shown
        output.data(line)
        left -= is_record
    _tell(timed, untimed, shown.most)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        output.data(line)


def _clocks(clocks: "Sequence[Clock]") -> Iterator[str]:
    """Yield what was measured of each clock, and what was done about it."""
    for clock in clocks:
        if not clock.shift and ("." in clock.name or ":" in clock.name):
            continue  # a host that was asked before there were units: no record is of it
        measured = f"{_off(clock.offset)} ours ({clock.low:+.1f} to {clock.high:+.1f} s in {clock.samples:,} answers)"
        done = f"{clock.shift:+.1f} s taken off its times" if clock.shift else ""
        yield f"clock  {clock.case} {clock.name}: {measured}; {'; '.join(part for part in (done, clock.why) if part)}"


def _off(seconds: float) -> str:
    return f"{abs(seconds):.1f} s {'ahead of' if seconds >= 0 else 'behind'}"


def _event_line(event: "Event") -> str:
    where = " ".join(part for part in (event.text("provider"), event.text("target"), event.text("region")) if part)
    logged = f" [logged {event.text('time')}]" if event.shift_ns else ""
    said = f"{event.at}{logged}  {where}  {message(event)}"
    cut = said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
    several = event.text("witnesses").split()
    witnesses = f"  [in {' and '.join(several)}]" if len(several) > 1 else ""
    return f"{_flat(cut)}{witnesses}  {_flat(event.place)}"


def _gap_lines(gaps: "Sequence[Gap]") -> Iterator[tuple[int | None, str]]:
    """Yield where a gap starts and a line about it; gaps that differ only in place share one."""
    alike: dict[tuple[str, str, Window | None], list[Gap]] = {}
    for gap in gaps:
        alike.setdefault((gap.source, gap.kind, gap.window), []).append(gap)
    for (source, kind, window), found in alike.items():
        span = f"{rfc3339(window.start)} – {rfc3339(window.end)}" if window else "state, without a time"
        places = [" ".join(part for part in (gap.target, *gap.places) if part) for gap in found]
        reasons = list(dict.fromkeys(gap.reason for gap in found))
        where = f"{source} " if source else ""
        where += _few([place for place in places if place])
        said = f"╳ no evidence  {span}  {where}: {kind.replace('_', ' ')}: {_few(reasons[:1])}"
        more = f" (and {len(reasons) - 1} more reasons)" if len(reasons) > 1 else ""
        yield found[0].starts_ns, _flat(f"{said}{more}")


def _few(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:_NAMED])
    return f"{shown} and {len(texts) - _NAMED} more" if len(texts) > _NAMED else shown


def _flat(text: str) -> str:
    return " ".join(text.split("\n"))


def _tell(timed: int, untimed: int, most: int | None) -> None:
    shown = timed if most is None else min(timed, most)
    if shown < timed:
        output.note(f"the first {shown:,} of {output.plural(timed, 'record')}; `--limit 0` shows all")
    else:
        output.note(output.plural(timed, "record"))
    if untimed:
        output.note(
            f"{output.plural(untimed, 'record')} more without a time: `--format json` counts, `export` has them"
        )


def _groups_text(shown: Grouped) -> None:
    _say(_clocks(shown.evidence.clocks))
    _say(line for _, line in _gap_lines(shown.gaps))
    count = 0
    for count, one in enumerate(shown.groups(more=1), start=1):
        if shown.most is not None and count > shown.most:
            output.note(f"the first {output.plural(shown.most, 'group')}; `--limit 0` shows all")
            break
        output.data(_group_line(one))
    else:
        output.note(output.plural(count, "group"))
    if left := shown.without():
        output.note(f"{output.plural(left, 'record')} in no group: the {shown.by} is not told")


def _group_line(one: Group) -> str:
    new = {True: "NEW  ", False: "", None: ""}[one.is_new]
    failed = f", {one.failures:,} failed" if one.failures else ""
    rate = f"{one.per_hour:,} an hour, most {one.busiest:,} from {one.busiest_hour}"
    addresses = f"{one.addresses:,} {'address' if one.addresses == 1 else 'addresses'}"
    others = f"{output.plural(one.actors, 'actor')}, {addresses}, {output.plural(one.actions, 'action')}"
    return _flat(
        f"{new}{output.safe(one.key)[:_LONGEST]}  {output.plural(one.records, 'record')}{failed}  "
        f"{one.first} – {one.last}  {rate}  {others}  {output.safe(one.artifact)}:{one.line}"
    )


# -- JSON --------------------------------------------------------------------------------------------------------


def _events_json(shown: Events) -> None:
    timed, untimed = shown.evidence.count(shown.asked)
    rows = ({"name": event.text("action"), **columns(event)} for event in shown.rows())
    _document({**_about(shown), "records": timed, "untimed": untimed}, "events", rows)


def _groups_json(shown: Grouped) -> None:
    rows = ({"name": one.key, **asdict(one)} for one in shown.groups())
    _document({**_about(shown), "by": shown.by, "recordsInNoGroup": shown.without()}, "groups", rows)


def _about(shown: Events) -> dict[str, object]:
    asked = shown.asked
    return {
        "since": rfc3339(asked.since) if asked.since else None,
        "until": rfc3339(asked.until) if asked.until else None,
        "limit": shown.most,
        "clocks": [asdict(clock) for clock in shown.evidence.clocks],
        "gaps": [_gap_fields(gap) for gap in shown.gaps],
    }


def _gap_fields(gap: "Gap") -> dict[str, object]:
    window = gap.window.to_json() if gap.window else {"start": None, "end": None}
    return {
        "name": gap.source,
        "kind": gap.kind,
        "since": window["start"],
        "until": window["end"],
        "target": gap.target,
        "places": list(gap.places),
        "reason": gap.reason,
    }


def _document(head: Mapping[str, object], name: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Write one document whose longest list is never held as a whole."""
    sys.stdout.write(json.dumps(head, indent=2, ensure_ascii=True)[:-2])
    before = f',\n  "{name}": ['
    for row in rows:
        sys.stdout.write(f"{before}\n    {json.dumps(row, ensure_ascii=True)}")
        before = ","
    sys.stdout.write(f"{before}]\n}}\n" if before != "," else "\n  ]\n}\n")


# -- CSV ---------------------------------------------------------------------------------------------------------


def _events_csv(shown: Events) -> None:
    """Write gaps as rows too, in their place: a spreadsheet sorted by time must not read silence as nothing."""
    width = len(NAMES)
    gaps = sorted(shown.gaps, key=lambda gap: gap.starts_ns or 0)
    missing = ((gap.starts_ns or 0, 0, _gap_cells(gap, width)) for gap in gaps)
    records = ((event.at_ns or 0, 1, ["record", *columns(event).values()]) for event in shown.rows())
    rows = (row for _, _, row in heapq.merge(missing, records, key=lambda one: one[:2]))
    _write(spreadsheet.lines(("row", *NAMES), rows))
    timed, untimed = shown.evidence.count(shown.asked)
    _tell(timed, untimed, shown.most)


def _gap_cells(gap: "Gap", width: int) -> list[object]:
    window = gap.window.to_json() if gap.window else {"start": "", "end": ""}
    said = {
        "at": window["start"],
        "time": window["start"],
        "source": gap.source,
        "target": gap.target,
        "region": " ".join(gap.places),
        "action": gap.kind,
        "resource": f"until {window['end']}: {gap.reason}" if gap.window else gap.reason,
    }
    cells = [said.get(name, "") for name in NAMES]
    assert len(cells) == width  # noqa: S101 - as many cells as the header names
    return ["gap", *cells]


def _groups_csv(shown: Grouped) -> None:
    names = [field.name for field in fields(Group)]
    rows = (["" if value is None else value for value in asdict(one).values()] for one in shown.groups())
    _write(spreadsheet.lines([shown.by, *names[1:]], rows))
    if left := shown.without():
        output.note(f"{output.plural(left, 'record')} in no group: the {shown.by} is not told")
    for line in chain(_clocks(shown.evidence.clocks), (line for _, line in _gap_lines(shown.gaps))):
        output.note(line)


def _write(lines: Iterable[bytes]) -> None:
    for line in lines:
        sys.stdout.write(line.decode())


EVENTS: Mapping[str, Callable[[Events], None]] = {"text": _events_text, "json": _events_json, "csv": _events_csv}
GROUPS: Mapping[str, Callable[[Grouped], None]] = {"text": _groups_text, "json": _groups_json, "csv": _groups_csv}
