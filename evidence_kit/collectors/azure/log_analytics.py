"""Tables of a Log Analytics workspace: counted first, cut to what an answer can hold, counted again at the end.

The query API has no pages. An answer that reached a limit says so, at best, beside rows that look whole; it is kept
as `superseded`, never counted, and its window is asked for again in parts.
"""

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from evidence_kit.collectors.azure import kusto
from evidence_kit.collectors.azure.access import as_access
from evidence_kit.collectors.azure.kusto import HOUR, SECOND, Count, Difference, Question, Span
from evidence_kit.collectors.azure.query_tap import Answered, Desk, Kind, Query, QueryDesk
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Item, Page, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_instant, rfc3339
from evidence_kit.model.unit import Finding, Scope, Unit

# A count that misleads costs a dozen cuts, one second that holds everything about forty. More means that the
# service fails whatever is asked, and each failure costs it minutes.
MAX_CUTS = 512
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LEADING_GAP = timedelta(days=1)
_MOST = 1 << 62  # of rows or bytes in a bin


class LogAnalytics:
    """Acquires one table of a workspace."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:  # noqa: ARG002 - nothing has to be asked
        """Yield the one unit of a table; the window is cut when its rows have been counted."""
        settings = {
            "table": str(self.spec.settings.get("table") or scope.params.get("table", "")),
            "filter": scope.params.get("filter", ""),
        }
        table = self._question(settings).table  # checked, and only then used
        unit = Unit(source=self.spec.name, target=scope.target, stream=table, window=scope.window, settings=settings)
        workspace = self._access.values(scope.target).get("workspace", "")
        if not workspace:
            reason = "the inventory names no `workspace` for this target"
            yield replace(unit, settled=(UnitStatus.OUT_OF_SCOPE, reason))
            return
        if _GUID.fullmatch(workspace) is None:
            raise UsageError(
                f"`{workspace[:80]!a}` is not the id of a workspace", hint="the portal calls it `Workspace ID`"
            )
        yield unit

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the count, the rows and the count again; say where they differ."""
        if unit.window is None:
            raise UsageError("a query needs a window")
        desk = QueryDesk(self._access, unit.target, self._access.values(unit.target)["workspace"])
        yield from Run(ctx=ctx, desk=desk, question=self._question(unit.settings), window=unit.window).items()

    def _question(self, settings: Mapping[str, str]) -> Question:
        return Question(settings["table"], str(self.spec.settings.get("where", "")), settings["filter"])


@dataclass(slots=True, kw_only=True)
class Run:
    """One table, one window: what was counted, what came, what could not be had whole."""

    ctx: Context
    desk: Desk
    question: Question
    window: Window
    since: datetime | None = None  # when the first count was asked for
    got: list[tuple[Window, int]] = field(default_factory=list)
    left: list[Span] = field(default_factory=list)
    cuts: int = 0

    def items(self) -> Iterator[Item]:
        """Yield everything; only the service's own count of nothing makes nothing complete."""
        hours = yield from self._counted("count", self.window, HOUR)
        if hours and hours[0].start - self.window.start >= _LEADING_GAP:
            yield _leading_gap(self.question, Window(self.window.start, hours[0].start))
        if not hours:
            return
        counts = hours
        for stretch in kusto.heavy(hours, self.window, self.desk.limits):
            fine = yield from self._counted("count", stretch, SECOND)
            counts = [count for count in counts if count.start not in stretch] + fine
        yield from self._rows(kusto.pack(counts, self.window, self.desk.limits))
        again = yield from self._counted("recount", self.window, HOUR)
        yield from self._judge(hours, again)

    # -- counts ----------------------------------------------------------------------------------------------

    def _counted(self, kind: Kind, window: Window, width: timedelta) -> Generator[Item, None, list[Count]]:
        """Ask for a count, in halves where the service cannot give it at once; return it in order of time."""
        found: list[Count] = []
        pending = [window]
        while pending:
            part = pending.pop()
            text = self.question.count(part, width)
            if kind == "recount" and self.since is not None:
                text = self.question.recount(part, self.since)
            answer = self.desk.ask(self.ctx, Query(kind=kind, text=text, window=part))
            self.since = self.since or answer.exchange.sent_at
            if trouble := self._trouble(answer):
                halves = kusto.halved(part, width)
                yield from self._superseded(answer, Span(part), trouble, last=not halves)
                if not halves:
                    raise Stop(UnitStatus.PARTIAL_ERROR, f"{Span(part)} cannot be counted: {trouble}")
                pending += reversed(halves)
                continue
            yield Page(
                name=kind, body=answer.body, exchange=answer.exchange, next_cursor=None, suffix=_suffix(answer)
            )
            found += _counts(answer, part, width, self.question.tongue.time)
        return found

    # -- rows ------------------------------------------------------------------------------------------------

    def _rows(self, spans: Sequence[Span]) -> Iterator[Item]:
        """Ask for every span, and for its parts where an answer was not whole."""
        pending = list(reversed(spans))
        while pending:
            span = pending.pop()
            query = Query(kind="query", text=self.question.rows(span), window=span.window)
            answer = self.desk.ask(self.ctx, query)
            if trouble := self._trouble(answer):
                parts = span.split()
                yield from self._superseded(answer, span, trouble, last=not parts)
                pending += reversed(parts)
                self.left += () if parts else (span,)
                continue
            self.got.append((span.window, answer.reading.rows))
            yield Page(
                name="query",
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=None,
                records=answer.reading.rows,
                first_event=answer.reading.first,
                last_event=answer.reading.last,
                suffix=_suffix(answer),
            )

    def _superseded(self, answer: Answered, span: Span, trouble: str, *, last: bool) -> Iterator[Item]:
        """Keep an answer that is not whole without counting its rows: its parts bring them again."""
        if answer.is_kept and (answer.body or answer.exchange.status != HTTPStatus.OK):
            name = "partial" if last else "superseded"
            yield Page(
                name=name, body=answer.body, exchange=answer.exchange, next_cursor=None, suffix=_suffix(answer)
            )
        yield Remark(
            finding=Finding(
                kind="answer_not_whole",
                message=f"{self.question.table}, {span}: {trouble}"
                + ("; it cannot be cut further" if last else "; asked again in parts"),
                window=span.window,
                facts={"rows": str(answer.reading.rows), "shard": f"{span.shard} of {span.shards}"},
            )
        )
        self.cuts += 1
        if self.cuts > MAX_CUTS:
            raise Stop(UnitStatus.PARTIAL_ERROR, f"{self.cuts} answers were not whole; the last: {trouble}")

    def _trouble(self, answer: Answered) -> str:
        """Return why an answer is not whole; empty if it is."""
        if answer.heavy or answer.reading.error:
            return answer.heavy or answer.reading.error
        rows = answer.reading.rows
        return f"{rows:,} rows, which is all that one answer holds" if rows >= self.desk.limits.max_rows else ""

    # -- what came against what was counted --------------------------------------------------------------------

    def _judge(self, before: Sequence[Count], after: Sequence[Count]) -> Iterator[Item]:
        """Say where the rows that came are not those that the service counts now, or counted at first."""
        differences = kusto.compare(self.got, after)
        yield from (_differs(self.question, one, "at the end") for one in differences)
        if not differences:
            yield from (_differs(self.question, one, "at first") for one in kusto.compare(self.got, before))
        if self.left:
            reason = f"{len(self.left)} parts could not be had whole; the first: {self.left[0]}"
            raise Stop(UnitStatus.PARTIAL_TRUNCATED, reason)
        if missing := sum(one.counted - one.late - one.got for one in differences if not one.is_explained):
            reason = f"{missing:,} rows that the service counts did not come"
            yield Closed(status=UnitStatus.PARTIAL_TRUNCATED, reason=reason)
        elif late := sum(max(0, one.counted - one.got) for one in differences):
            reason = f"{late:,} rows arrived while the others were fetched"
            yield Closed(status=UnitStatus.COMPLETE_UNSETTLED, reason=reason)
        elif differences:
            reason = "the service now counts fewer rows than it gave"
            yield Closed(status=UnitStatus.COMPLETE_UNSETTLED, reason=reason)


def _counts(answer: Answered, window: Window, width: timedelta, time: str) -> list[Count]:
    """Read bins; Stop for what cannot be a count of this window, for all that follows rests on it."""
    found: dict[datetime, Count] = {}
    for row in answer.reading.kept:
        value = dict(zip(answer.reading.columns, row, strict=True))
        try:
            start = parse_instant(str(value[time]))
            numbers = [_number(value.get(name)) for name in ("Rows", "Bytes", "Late")]
        except (KeyError, ValueError, UsageError) as error:
            raise Stop(UnitStatus.PARTIAL_ERROR, f"a count that cannot be read: {row!a}"[:200]) from error
        floor = kusto.floor(window.start, width)
        if start != kusto.floor(start, width) or not floor <= start < window.end or start in found:
            raise Stop(UnitStatus.PARTIAL_ERROR, f"a count of {rfc3339(start)}, which was not asked for")
        found[start] = Count(start, width, *numbers)
    return [found[start] for start in sorted(found) if found[start].rows]


def _number(value: object) -> int:
    """Read a number of rows or bytes; a table without billed sizes has none to sum up."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST:
        raise ValueError("not a number of anything")
    return int(value)


def _leading_gap(question: Question, window: Window) -> Remark:
    message = f"{question.table} has no rows before {rfc3339(window.end)}; the workspace may keep no more"
    return Remark(finding=Finding(kind="no_rows_at_first", message=message, window=window))


def _differs(question: Question, one: Difference, when: str) -> Remark:
    span = Span(one.window)
    message = f"{question.table}, {span}: {one.got:,} rows came, {one.counted:,} were counted {when}"
    facts = {"got": str(one.got), "counted": str(one.counted), "arrivedMeanwhile": str(one.late)}
    return Remark(finding=Finding(kind="count_differs", message=message, window=one.window, facts=facts))


def _suffix(answer: Answered) -> str:
    if answer.exchange.coding == "gzip":
        return "json.gz"
    return "json" if answer.body[:1] == b"{" else "txt"
