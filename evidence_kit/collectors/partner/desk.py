"""Asks one connector's questions: templates to requests, answers to pages, and what is amiss with either."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from evidence_kit.collectors.partner import decoding, slots
from evidence_kit.collectors.partner.access import Line
from evidence_kit.collectors.partner.decoding import Reading
from evidence_kit.collectors.partner.paging import Pager, count, put, search
from evidence_kit.collectors.partner.verdicts import Verdicts
from evidence_kit.collectors.partner.window import Terms, edges, when
from evidence_kit.collectors.tap import BadBody
from evidence_kit.collectors.web.wire import Answer, Ask, WebWire
from evidence_kit.model.exchange import Item, Page, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.model.unit import Finding

_LONGEST_HOLD = 900.0  # as long as the engine waits when it is told to


@dataclass(slots=True, kw_only=True)
class Desk:
    """One unit's questions. `ends` are reasons for which the unit is not complete although it went on."""

    ctx: Context
    spec: SourceSpec
    line: Line
    wire: WebWire
    verdicts: Verdicts
    values: Mapping[str, object]
    ends: list[tuple[UnitStatus, str]] = field(default_factory=list)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return the connector."""
        return self.spec.settings

    @property
    def name(self) -> str:
        """Return what pages are called: the source without its provider."""
        return self.spec.name.partition(".")[2]

    # -- questions -----------------------------------------------------------------------------------------------

    def ask(self, operation: str, request: Mapping[str, Any], values: Mapping[str, object], *, url: str = "") -> Ask:
        """Return a question; what it says of the window is in `values`."""
        return Ask(
            operation=operation,
            url=url or f"{self.line.root}{slots.path(request['path'], values)}",
            method=str(request.get("method", "GET")),
            params=slots.filled(request.get("query", {}), values),
            body=slots.filled(request["body"], values) if "body" in request else None,
            headers=slots.filled({**self.settings.get("headers", {}), **request.get("headers", {})}, values),
        )

    def windowed(self, request: Mapping[str, Any], window: Window | None) -> Ask:
        """Return the first question of a listing or an order, with its window in place."""
        said = self.settings.get("window")
        if window is None or said is None:
            return self.ask(self.name, request, self.values)
        terms = Terms.of(said)
        bounds = dict(zip(("start", "end"), terms.asked(window), strict=True))
        texts: dict[str, object] = {name: terms.text(moment) for name, moment in bounds.items()}
        ask = self.ask(self.name, request, {**self.values, **texts})
        for name, moment in bounds.items():
            if (place := said.get(name)) is not None:
                value = slots.filled(place["text"], texts) if "text" in place else terms.text(moment)
                if "body" in place and "text" not in place:
                    value = terms.value(moment)
                ask = put(ask, place, value)
        return ask

    def call(self, ask: Ask, *, format_: str, decode: tuple[str, ...], records: str = "") -> tuple[Answer, Reading]:
        """Return an answer and what it says; without its records it is no answer."""

        def read(body: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
            reading = self.verdicts.read(body, headers, format_=format_, decode=decode)
            amiss = reading.trouble or self.verdicts.fitting(200, reading.value)
            if records and not amiss and not _has_records(records, reading.value):
                raise BadBody(f"{ask.operation} answered without its records")
            return {"reading": reading}

        answer = self.wire.call(self.ctx, replace(ask, read=read))
        if not answer.exchange.replayed and (seconds := self.verdicts.spent(answer.exchange.headers)):
            self.ctx.pause(min(seconds, _LONGEST_HOLD), "the provider allows no more requests for now")
        return answer, answer.parsed["reading"]

    # -- answers -------------------------------------------------------------------------------------------------

    def listing(self, window: Window | None, *, most: int = 0) -> Iterator[tuple[Item, Reading | None]]:
        """Yield the pages of one listing with what they say; findings go out beside them.

        With `most`, a first page whose own count is as large ends the listing: it goes out with a reading of None
        as its only page, and its window has to be asked for in parts.
        """
        said = self.settings
        counted = {"total": total} if (total := said.get("cap", {}).get("total")) else {}
        pager = Pager({**counted, **said.get("paging", {"type": "none"})}, self.windowed(said["request"], window))
        ask, seen = pager.begin(), set[str]()
        while True:
            answer, reading = self.call(
                ask,
                format_=said["records"].get("format", "json"),
                decode=tuple(said.get("decode", ())),
                records=said["records"]["path"],
            )
            rows = self.records(reading)
            told = self._told(reading) if most and counted else None
            if told is not None and told >= most and pager.pages == 0:
                yield self.page("superseded", answer, reading, None, None), None
                return
            ended: Stop | None = None
            try:
                # Of the body itself: what an earlier run has stored comes back without the ledger's digest.
                digest = hashlib.sha256(answer.body).hexdigest()
                cursor = pager.next(reading.value, answer.exchange.headers, len(rows), digest)
                if rows and digest in seen:  # the one that was due is missing, whatever follows
                    self.ends.append(
                        (UnitStatus.PARTIAL_ERROR, f"{ask.operation} gave the same page of records twice")
                    )
                seen.add(digest)
                if cursor is not None:
                    pager.require_new(cursor)
                    ask = pager.following(cursor)
            except Stop as stop:  # what arrived is evidence even if what it promises is a loop
                ended, cursor = stop, "?"
            yield self.page(self.name, answer, reading, rows, cursor), reading
            for remark in self._remarks(reading, rows, window):
                yield remark, None
            self.judge(reading)
            if ended is not None:
                raise ended
            if cursor is None:
                break
        self.compare(pager.rows, pager.total)

    def page(self, name: str, answer: Answer, reading: Reading, rows: list[Any] | None, cursor: str | None) -> Page:
        """Return a page as it goes to the engine; without rows, nothing is counted."""
        moments = _moments(self.spec.records.time, rows or [])
        first, last = edges(moments)
        counted = None if rows is None or reading.trouble else len(rows)
        return Page(
            name=self.line.secrets.hide(name),
            body=answer.body,
            exchange=answer.exchange,
            next_cursor=cursor,
            records=counted,
            first_event=first,
            last_event=last,
            suffix=decoding.suffix(answer.body, str(self.settings["records"].get("format", "json"))),
        )

    def records(self, reading: Reading) -> list[Any]:
        """Return the records of a page; one that is a thing by itself is one record."""
        found = search(self.settings["records"]["path"], reading.value)
        if isinstance(found, dict):
            return [found]
        return found if isinstance(found, list) else []

    def judge(self, reading: Reading) -> None:
        """End the unit, or remember why it will not be complete, for a success that says it is none."""
        if reading.trouble:
            raise Stop(UnitStatus.PARTIAL_ERROR, reading.trouble)
        fitting = self.verdicts.fitting(200, reading.value)
        if fitting is None:
            return
        status, reason = UnitStatus(fitting[0]), fitting[1] or "the answer says that it is not whole"
        if status is not UnitStatus.PARTIAL_ERROR and status is not UnitStatus.PARTIAL_TRUNCATED:
            raise Stop(status, reason)
        self.ends.append((status, reason))

    def _told(self, reading: Reading) -> int | None:
        """Return how many records the provider counts in the window; an answer that cannot be asked is kept."""
        try:
            return count(search(self.settings["cap"]["total"], reading.value))
        except Stop as stop:
            self.ends.append((stop.status, stop.reason))
            return None

    def compare(self, came: int, total: int | None) -> None:
        """Hold what came against the provider's own count."""
        if total is not None and came < total:
            reason = f"{came:,} records came of {total:,} that the provider counts"
            self.ends.append((UnitStatus.PARTIAL_TRUNCATED, reason))

    def compare_job(self, reading: Reading, came: int) -> None:
        """Hold what an order brought against what its last answer counts; one that does not count proves nothing."""
        path = self.settings["job"]["total"]
        if (total := count(search(path, reading.value))) is None:
            self.ends.append((UnitStatus.PARTIAL_ERROR, f"the last answer to the order counts nothing at `{path}`"))
        self.compare(came, total)

    def _remarks(self, reading: Reading, rows: list[Any], window: Window | None) -> Iterator[Remark]:
        for note in reading.notes:
            yield Remark(finding=Finding(kind="body_differs", message=self.line.secrets.hide(note)))
        said = self.settings.get("window")
        if window is None or said is None:
            return
        covered = Terms.of(said).covers(window)
        outside = [moment for moment in _moments(self.spec.records.time, rows) if moment not in covered]
        if outside:
            message = f"{len(outside)} records of a page lie outside the window that was asked for"
            facts = {"first": rfc3339(min(outside)), "last": rfc3339(max(outside))}
            yield Remark(finding=Finding(kind="outside_window", message=message, window=window, facts=facts))


def _moments(path: str, rows: list[Any]) -> list[datetime]:
    found = (_moment(path, row) for row in rows) if path else ()
    return [moment for moment in found if moment is not None]


def _moment(path: str, row: object) -> datetime | None:
    try:
        return when(search(path, row))
    except Stop:  # a row that has no such time is a row all the same
        return None


def _has_records(path: str, value: object) -> bool:
    try:
        return isinstance(search(path, value), list | dict)
    except Stop:
        return False
